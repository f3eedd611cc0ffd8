"""Estimate the standard deviation of noise, of a whole picture or around each pixel."""

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad

from immersion.check import UserError
from immersion.imaging.dct import dct_matrix
from immersion.imaging.parameters import constant_tensor

SIDE = 8
"""Side of a block, in pixels."""

SHARE, FEWEST = 0.005, 1000
"""Share of the blocks, the flattest ones, that is used, and its least number of blocks."""

BLOCKS = 2**20
"""Most blocks: larger pictures use every second (third, ...) row and column of blocks."""

CHUNK = 2**16
"""Number of blocks transformed at a time: 32 MB."""


@torch.no_grad()
def estimate_noise(x: Tensor) -> Tensor:
    r"""Estimate the standard deviation sigma of white Gaussian noise, for each channel.

    White noise is independent and equally strong in all coefficients c_uv (u and v from 0) of an
    8 x 8 block's cosine transform; the content of a picture is mostly where u + v is small. The
    blocks with the least energy at low frequencies are the flattest, and selecting them does not
    bias the energy at high frequencies:

        S = the 0.5 % of all (overlapping) blocks with the least sum of c_uv^2, 0 < u + v < 8,
        sigma^2 = the median over u + v >= 8 of the mean over S of c_uv^2.

    Clipping at 0 and 1 reduces noise. If a picture has pixels at exactly 0 or 1 and none beyond,
    blocks with such pixels are excluded, and so are blocks whose mean is within two sigma of 0 or
    1, except the 5 % farthest from them.

    Texture that fills the whole picture counts as noise; noise that is not white (of a JPEG file,
    a demosaiced or a denoised picture) is underestimated. Clean photographs give about 0.004. The
    estimate is deterministic.

    Args:
        x: Pictures, (..., C, H, W), black 0 and white 1; sides of 8 pixels or more.

    Returns:
        (..., C), in units of x: times 255 it is the sigma of 8-bit pictures. One number for all
        channels is `sigma.square().mean(-1).sqrt()`.

    Raises:
        UserError: A side is shorter than a block, or x holds integers.

    Reference:
        Ponomarenko, Lukin, Zriakhov, Kaarna & Astola 2007, An automatic approach to lossy
        compression of AVIRIS images, IGARSS, https://doi.org/10.1109/IGARSS.2007.4422833
        (blocks by low frequencies, the median over high ones); the rule for clipped noise is
        ours. Mean errors on Set12 and BSD68 at sigma 5, 15, 25, 50: 0.2, 0.2, 0.2, 0.4; those of
        the eigenvalues of Chen, Zhu & Heng 2015 (An efficient statistical method for image noise
        level estimation, ICCV, algorithm 1) on grey pictures: 3.1, 1.5, 1.0, 0.8.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> ramp = torch.linspace(0, 1, 128).expand(1, 128, 128)
        >>> estimate_noise(ramp + torch.randn(1, 128, 128) * 25 / 255) * 255
        tensor([24.5786])
    """
    if x.ndim < 3 or min(x.shape[-2:]) < SIDE or not x.is_floating_point():
        received = f"{x.dtype} of shape {tuple(x.shape)}"
        raise UserError("a noise estimate", f"floating (..., C, H, W), sides >= {SIDE}", received)
    planes = x.reshape(-1, *x.shape[-2:]).float()
    return torch.stack([estimate_plane(plane) for plane in planes]).view(x.shape[:-2]).to(x.dtype)


def estimate_plane(plane: Tensor) -> Tensor:
    """Return the estimate, (), for one channel (H, W)."""
    stride = math.ceil(math.sqrt(plane.numel() / BLOCKS))
    blocks = plane.unfold(0, SIDE, stride).unfold(1, SIDE, stride)  # (h, w, 8, 8), no copy
    energy = low_frequency_energy(blocks)
    ends = ((plane == 0) | (plane == 1)).float()
    clipped = bool(ends.any()) and plane.min() >= 0 and plane.max() <= 1
    if not clipped:
        return sigma_of_flattest(blocks, energy)
    whole = max_pool2d(ends[None], SIDE, stride).flatten() == 0
    sigma = sigma_of_flattest(blocks, energy, whole if whole.any() else None)
    mean = avg_pool2d(plane[None], SIDE, stride).flatten()
    room = torch.minimum(mean, 1 - mean)
    farthest = room.kthvalue(math.ceil(0.95 * len(room))).values
    return sigma_of_flattest(blocks, energy, room >= torch.minimum(2 * sigma, farthest))


def low_frequency_energy(blocks: Tensor) -> Tensor:
    """Return the energy, (h w,), of each block, (h, w, 8, 8), at 0 < u + v < 8."""
    basis = block_transform(blocks)[frequency_order(blocks) < SIDE][
        1:
    ]  # without the mean, u = v = 0
    rows = max(1, CHUNK // blocks.shape[1])
    chunks = (some.reshape(-1, SIDE * SIDE) @ basis.T for some in blocks.split(rows))
    return torch.cat([c.square().sum(1) for c in chunks])


def sigma_of_flattest(blocks: Tensor, energy: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return sigma of the blocks of least energy; a mask `counted`, (h w,), excludes others."""
    if counted is not None:
        energy = torch.where(counted, energy, torch.inf)
    available = len(energy) if counted is None else int(counted.sum())
    number = min(max(FEWEST, int(SHARE * available)), available)
    at = energy.topk(number, largest=False).indices
    flattest = blocks[at // blocks.shape[1], at % blocks.shape[1]].reshape(-1, SIDE * SIDE)
    high = flattest @ block_transform(blocks)[frequency_order(blocks) >= SIDE].T
    return high.square().mean(0).median().sqrt()


def block_transform(like: Tensor) -> Tensor:
    """Return the transform of a flattened block, (64, 64)."""
    t = dct_matrix(SIDE, like)
    return torch.kron(t, t)


def frequency_order(like: Tensor) -> Tensor:
    """Return u + v of each of the 64 coefficients."""
    u = torch.arange(SIDE, device=like.device)
    return (u[:, None] + u).flatten()


MASK = ((1.0, -2.0, 1.0), (-2.0, 4.0, -2.0), (1.0, -2.0, 1.0))
"""The difference of two Laplacians: a response of 0 to a plane, 6 sigma to white noise."""

LOCAL_REACH = 16
"""Number of pixels on each side over which the noise is averaged."""


def estimate_local_noise(x: Tensor) -> Tensor:
    r"""Return the standard deviation of the noise around each pixel, for each channel.

    sigma = sqrt(pi / 2) mean |x * N| / 6, with the 3 x 3 mask N and the mean over the pixels at
    most 16 rows and columns away. Texture counts as noise, so that `estimate_noise`, which uses
    the flattest blocks of a whole picture, is more accurate for white noise; this estimate is
    local and smooth, and a network that sees it together with the picture can correct it.

    Args:
        x: (B, C, H, W), both sides of 2 pixels or more.

    Returns:
        (B, C, H, W), 0 for a constant channel.

    Reference:
        Immerkaer 1996, Fast noise variance estimation, Computer Vision and Image Understanding
        64(2), https://doi.org/10.1006/cviu.1996.0060; a local mean in place of the global one.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> ramp = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
        >>> round(estimate_local_noise(ramp + 0.1 * torch.randn(1, 1, 64, 64)).mean().item(), 2)
        0.1
    """
    channels = x.shape[1]
    mask = constant_tensor(MASK, x.dtype, x.device).expand(channels, 1, 3, 3) / 6
    response = conv2d(pad(x, (1, 1, 1, 1), "reflect"), mask, groups=channels)
    sigma = response.abs() * math.sqrt(math.pi / 2)
    for length, reach in (
        ((2 * LOCAL_REACH + 1, 1), (LOCAL_REACH, 0)),
        ((1, 2 * LOCAL_REACH + 1), (0, LOCAL_REACH)),
    ):
        sigma = avg_pool2d(sigma, length, stride=1, padding=reach, count_include_pad=False)
    return sigma
