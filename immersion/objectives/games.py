"""Adversarial games: the losses of the discriminator and the generator, given the logits."""

from abc import ABC, abstractmethod

from torch import Tensor
from torch.nn.functional import logsigmoid, relu, softplus

from immersion.registry import Registry


class Game(ABC):
    """Two losses, one number an example, of the logits C(x) of real and C(g(z)) of generated ones.

    In games of probabilities D(x) = sigmoid(C(x)); elsewhere C is any real number, larger where
    the discriminator takes an example for real. Example i of the one is paired with example i of
    the other. Each player minimises its own loss and sees the other's parameters as constants.
    """

    paired = False
    """Whether the generator's loss depends on the real example of its pair."""

    of_probabilities = False
    """Whether D(x) = sigmoid(C(x)) is a probability, and the discriminator ascends V(D, G)."""

    signed = True
    """Whether C > 0 means real; in games of differences alone, a constant may be added to C."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss, (B,): real is C(x), (B,), and fake is C(g(z)), (B,)."""

    @abstractmethod
    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the generator's loss, (B,), of the same logits."""


GAMES: Registry[type[Game]] = Registry("game", "immersion.objectives.games")


@GAMES.register("minimax")
class Minimax(Game):
    """Algorithm 1, word for word: D ascends and G descends the same value.

    - discriminator: -[log D(x) + log(1 - D(G(z)))]
    - generator: log(1 - D(G(z)))

    For a given G the best D is p / (p + p_g), where V = -log 4 + 2 JSD(p, p_g); where the
    generator has won, V = -log 4. Where D rejects a sample surely, the generator's gradient
    vanishes.

    Reference:
        Goodfellow et al. 2014, equation (1) and algorithm 1, https://arxiv.org/abs/1406.2661
    """

    of_probabilities = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -[log D(x) + log(1 - D(G(z)))], (B,), in nats."""
        return -logsigmoid(real) - logsigmoid(-fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return log(1 - D(G(z))), (B,), in nats."""
        return logsigmoid(-fake)


@GAMES.register("non-saturating")
class NonSaturating(Game):
    """The minimax game's discriminator; G ascends log D(G(z)) instead of descending log(1 - D).

    - discriminator: -[log D(x) + log(1 - D(G(z)))]
    - generator: -log D(G(z))

    The same fixed point as minimax, with a strong gradient where D rejects a sample surely.

    Reference:
        Goodfellow et al. 2014, section 3, https://arxiv.org/abs/1406.2661
    """

    of_probabilities = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -[log D(x) + log(1 - D(G(z)))], (B,), in nats."""
        return Minimax().discriminator(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -log D(G(z)), (B,), in nats."""
        return -logsigmoid(fake)


@GAMES.register("least-squares")
class LeastSquares(Game):
    """Squared distances to targets a = 0 (generated), b = 1 (real) and c = 1 (what G wants).

    - discriminator: 1/2 (C(x) - 1/2)^2 + 1/2 (C(G(z)) + 1/2)^2
    - generator: 1/2 (C(G(z)) - 1/2)^2

    The targets are shifted by 1/2, so that C > 0 means real, as in every other game; a bias does
    the same. A sample far on the right side of the boundary is still pulled towards the data.

    Reference:
        Mao et al. 2017, equations (2) and (9), https://arxiv.org/abs/1611.04076
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the squared distances to the two targets, (B,)."""
        return ((real - 0.5).square() + (fake + 0.5).square()) / 2

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the squared distance to the target of real examples, (B,)."""
        return (fake - 0.5).square() / 2


@GAMES.register("hinge")
class Hinge(Game):
    """Examples beyond the margin cost the discriminator nothing.

    - discriminator: max(0, 1 - C(x)) + max(0, 1 + C(G(z)))
    - generator: -C(G(z))

    Reference:
        Lim & Ye 2017, https://arxiv.org/abs/1705.02894; Miyato et al. 2018, equations (16), (17),
        https://arxiv.org/abs/1802.05957
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the two margins' violations, (B,)."""
        return relu(1 - real) + relu(1 + fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -C(G(z)), (B,)."""
        return -fake


@GAMES.register("wasserstein")
class Wasserstein(Game):
    """W(p, p_g) = max E[C(x)] - E[C(G(z))] over C with Lipschitz constant 1.

    - discriminator: C(G(z)) - C(x)
    - generator: -C(G(z))

    It needs something that keeps C near Lipschitz: the gradient penalty (WGAN-GP: 10) or spectral
    normalisation. Without one, C grows without bound.

    Reference:
        Arjovsky, Chintala & Bottou 2017, equations (2), (3), https://arxiv.org/abs/1701.07875
    """

    signed = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return C(G(z)) - C(x), (B,): minus an estimate of the distance."""
        return fake - real

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -C(G(z)), (B,)."""
        return -fake


@GAMES.register("relativistic")
class Relativistic(Game):
    """Each generated example is compared with a real one; both players see the pair.

    - discriminator: softplus(-(C(x) - C(G(z)))) = -log sigmoid(C(x) - C(G(z)))
    - generator: softplus(-(C(G(z)) - C(x)))

    Since every generated example must beat some real one, dropping a mode pays less than in the
    games above; with the penalties R1 and R2 it converges locally (R3GAN).

    Reference:
        Jolicoeur-Martineau 2018, section 4.1, https://arxiv.org/abs/1807.00734; Huang et al. 2024,
        section 2, https://arxiv.org/abs/2501.05441
    """

    paired, signed = True, False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -log sigmoid(C(x) - C(G(z))), (B,), in nats."""
        return softplus(fake - real)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -log sigmoid(C(G(z)) - C(x)), (B,), in nats."""
        return softplus(real - fake)
