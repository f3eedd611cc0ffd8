"""Noise of cameras and transmission, and smooth noise, from PyTorch's global generator."""

import math

import torch
from torch import Tensor

from immersion.imaging.parameters import broadcast_strength


def add_gaussian(x: Tensor, sigma: float | Tensor) -> Tensor:
    """Return x + sigma n, n ~ N(0, 1) for each value, not clipped.

    Published denoising results (Set12, BSD68) use noise that leaves [0, 1]: clipping would change
    its mean and variance. The result is differentiable in x and sigma.

    Args:
        x: Pictures, (..., C, H, W), black 0 and white 1.
        sigma: Standard deviation in units of x (25 / 255 is "sigma 25"), 0 or more; a number or
            (B,), one per picture of (B, C, H, W).

    Returns:
        Noisy pictures in the shape of x.

    Raises:
        UserError: sigma is a negative number or has another shape, or x holds integers.

    Reference:
        Zhang, Zuo, Chen, Meng & Zhang 2017, Beyond a Gaussian denoiser, section IV-A,
        https://arxiv.org/abs/1608.03981

    Example:
        >>> _ = torch.manual_seed(0)
        >>> sigma = torch.tensor([0.0, 25 / 255])
        >>> y = add_gaussian(torch.full((2, 1, 100, 100), 0.5), sigma)
        >>> (y.std(dim=(1, 2, 3)) * 255).round()
        tensor([ 0., 25.])
    """
    return x + broadcast_strength(sigma, x, "sigma", 0) * torch.randn_like(x)


def add_poisson_gaussian(x: Tensor, photons: float | Tensor, sigma: float | Tensor) -> Tensor:
    """Return y = k / photons + sigma n, k ~ Poisson(photons x), n ~ N(0, 1), not clipped.

    Photon counts vary and reading them adds noise: E[y] = x, Var[y] = x / photons + sigma^2.
    Values of x below 0 emit no photons. The sample k has no gradient.

    Args:
        x: Pictures in linear light, (..., C, H, W), black 0 and white 1.
        photons: Mean number of photons where x = 1, above 0; a number or (B,).
        sigma: Standard deviation of the reading noise, in units of x; a number or (B,).

    Returns:
        Noisy pictures in the shape of x.

    Raises:
        UserError: photons is a number of 0 or less, or sigma a negative one, or x holds integers.

    Reference:
        Foi, Trimeche, Katkovnik & Egiazarian 2008, Practical Poissonian-Gaussian noise modeling
        and fitting for single-image raw-data, IEEE TIP 17(10), section II, with a =
        1 / photons and b = sigma^2, https://doi.org/10.1109/TIP.2008.2001399

    Example:
        >>> _ = torch.manual_seed(0)
        >>> y = add_poisson_gaussian(torch.full((1, 1, 200, 200), 0.5), photons=50, sigma=0.1)
        >>> torch.allclose(y.var(), torch.tensor(0.5 / 50 + 0.1**2), rtol=0.02)
        True
    """
    smallest = torch.finfo(x.dtype).tiny if x.is_floating_point() else 1
    rate = broadcast_strength(photons, x, "photons", smallest)
    return add_gaussian(torch.poisson(rate * x.clamp(min=0)) / rate, sigma)


def add_salt_and_pepper(x: Tensor, share: float | Tensor) -> Tensor:
    """Return x with a share of its pixels, all channels alike, replaced by black or white.

    A pixel is 0 with probability share / 2, 1 with share / 2, and itself otherwise:
    E[y] = (1 - share) x + share / 2.

    Args:
        x: Pictures, (..., C, H, W), black 0 and white 1.
        share: Share of the pixels, from 0 to 1; a number or (B,), one per picture of
            (B, C, H, W).

    Returns:
        Noisy pictures in the shape of x.

    Raises:
        UserError: The share is a number outside 0 to 1, or x holds integers.

    Reference:
        Gonzalez & Woods 2018, Digital Image Processing, 4th edition, equation (5-16).

    Example:
        >>> _ = torch.manual_seed(0)
        >>> y = add_salt_and_pepper(torch.full((1, 1, 100, 100), 0.5), share=0.2)
        >>> y.unique()
        tensor([0.0000, 0.5000, 1.0000])
    """
    share = broadcast_strength(share, x, "the share", 0, 1)
    u = torch.rand_like(x[..., :1, :, :])
    return torch.where(u < share / 2, 0.0, torch.where(u < share, 1.0, x))


WAVES = 256
"""Number of cosines in the sum of a field."""


def sample_smooth_field(channels: int, size: tuple[int, int], length: float) -> Tensor:
    r"""Sample z with z(x) ~ N(0, 1) and E[z(x) z(y)] = exp(-|x - y|^2 / (2 length^2)).

    z(x) = sqrt(2 / M) sum_m cos(w_m x + b_m), w_m ~ N(0, I / length^2), b_m uniform on a circle.
    The covariance is exact, and each value is nearly Gaussian for M = 256. Channels are
    independent.

    Args:
        channels: Number of channels, C.
        size: (H, W).
        length: Correlation length in pixels.

    Returns:
        (1, C, H, W), from PyTorch's global generator.

    Reference:
        Rahimi & Recht 2007, Random features for large-scale kernel machines, section 3,
        https://papers.nips.cc/paper/3182

    Example:
        >>> sample_smooth_field(2, (8, 12), length=4.0).shape
        torch.Size([1, 2, 8, 12])
    """
    height, width = size
    down, right = torch.randn(2, channels, WAVES, 1) / length
    phase = 2 * math.pi * torch.rand(channels, WAVES, 1)
    rows = down * torch.arange(height) + phase
    columns = right * torch.arange(width)
    # cos(r + c) = cos r cos c - sin r sin c: matrix products, without a tensor of (M, H, W).
    waves = rows.cos().mT @ columns.cos() - rows.sin().mT @ columns.sin()
    return math.sqrt(2 / WAVES) * waves.unsqueeze(0)
