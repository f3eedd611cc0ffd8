"""The game of 2014: min over G, max over D of V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))]."""

from torch import Tensor
from torch.nn.functional import logsigmoid

from immersion.games.base import GAMES, Game


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
