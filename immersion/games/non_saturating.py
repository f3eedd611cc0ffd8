"""The game that the 2014 experiments were made with: its generator's gradient does not vanish."""

from torch import Tensor
from torch.nn.functional import logsigmoid

from immersion.games.base import GAMES, Game
from immersion.games.minimax import Minimax


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
