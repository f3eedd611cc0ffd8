"""A code of a whole picture of any size that selects one of several right answers."""

import torch
from torch import Tensor, nn
from torch.distributions import Independent
from torch.nn.functional import pixel_unshuffle

from immersion.posteriors import DiagonalGaussian
from immersion.priors import StandardNormal


class PictureCode(nn.Module):
    """z in R^d, one for a whole picture: p(z) = N(0, I), q(z | input, target) Gaussian.

    The network's input has z as further channels, the same d numbers at every pixel, so that it
    remains local: tiles with one z fit together.

    Args:
        latent_dim: d.
        encoder: (B, C_in + s^2 C_out, H, W) -> (B, 2 d), for pictures of any size.
        scale: s, the side of a target in units of the input's.

    Example:
        >>> from immersion.nn.pooling_encoder import PoolingEncoder
        >>> code = PictureCode(2, PoolingEncoder(3, 4))
        >>> inputs = torch.rand(5, 1, 8, 8)
        >>> q = code.encode(inputs, torch.rand(5, 2, 8, 8))
        >>> code.append(inputs, q.rsample()).shape
        torch.Size([5, 3, 8, 8])
    """

    def __init__(self, latent_dim: int, encoder: nn.Module, scale: int = 1) -> None:
        super().__init__()
        self.latent_dim, self.encoder, self.scale = latent_dim, encoder, scale
        self.prior = StandardNormal(latent_dim)
        self.posterior = DiagonalGaussian(latent_dim)

    def encode(self, inputs: Tensor, target: Tensor) -> Independent:
        """Return q(z | input, target): batch shape (B,), event shape (d,)."""
        squares = pixel_unshuffle(target, self.scale)
        return self.posterior(self.encoder(torch.cat([inputs, squares], dim=1)))

    def append(self, inputs: Tensor, z: Tensor | None) -> Tensor:
        """Return inputs with z at every pixel, (B, C_in + d, H, W); by default its mean, 0.

        Args:
            inputs: (B, C_in, H, W).
            z: (B, d), or (1, d) for all.
        """
        if z is None:
            z = self.prior().mean.unsqueeze(0)
        planes = z.to(inputs)[:, :, None, None].expand(inputs.shape[0], -1, *inputs.shape[2:])
        return torch.cat([inputs, planes], dim=1)
