"""The relativistic pairing game: is a real example more real than a generated one?"""

from torch import Tensor
from torch.nn.functional import softplus

from immersion.games.base import GAMES, Game


@GAMES.register("relativistic")
class Relativistic(Game):
    """Each generated example is judged against a real one; both players see the pair.

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
