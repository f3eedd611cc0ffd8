"""The Wasserstein game: the discriminator's gap estimates the earth mover's distance."""

from torch import Tensor

from immersion.games.base import GAMES, Game


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
