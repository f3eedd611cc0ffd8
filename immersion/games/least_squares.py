"""Least squares: the discriminator regresses 1 for real and 0 for generated examples."""

from torch import Tensor

from immersion.games.base import GAMES, Game


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
