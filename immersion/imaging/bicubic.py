"""Bicubic resizing as in MATLAB's imresize, the convention of published super-resolution."""

import math
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pixel_shuffle

from immersion.check import UserError

BLOCK = 128
"""Number of outputs of one weight matrix: a row of 6000 pixels takes 47 small matrices instead of
one of 6000 x 6000 that is zero nearly everywhere."""


def resize(x: Tensor, scale: float) -> Tensor:
    r"""Return x resized by `scale`: y = A_H x A_W^T, each row of A a shifted, normalised kernel.

    Output i (from 0) is at u = (i + 1/2) / scale - 1/2 of the input, and input j has the weight
    k(u - j), with k of `keys_kernel`; when shrinking, s k(s (u - j)), s the scale, so that the
    kernel widens and avoids aliasing (MATLAB's "antialiasing"). Beyond the border the
    picture is mirrored with its edge pixel repeated. PyTorch's `interpolate(mode="bicubic")` is
    another function: it has a = -0.75, repeats the edge, and antialiases only on request.

    Values are not clipped: the kernel overshoots [0, 1] at edges. Published code rounds to 8 bits
    at this point. The result is linear in x and differentiable.

    Args:
        x: Pictures, (..., H, W), floating.
        scale: Factor of both sides, above 0: 0.5 halves them, 4 enlarges.

    Returns:
        (..., ceil(scale H), ceil(scale W)).

    Raises:
        UserError: The scale is not above 0, or x holds integers.

    Reference:
        Keys 1981, Cubic convolution interpolation for digital image processing, IEEE Transactions
        on Acoustics, Speech and Signal Processing 29(6), equation (15),
        https://doi.org/10.1109/TASSP.1981.1163711. The convention is MATLAB's imresize (R2007a).

    Example:
        >>> x = torch.linspace(0, 1, 8).expand(1, 4, 8)
        >>> resize(x, 0.5).shape, resize(x, 3).shape
        (torch.Size([1, 2, 4]), torch.Size([1, 12, 24]))
        >>> resize(x, 0.5)[0, 0]  # the ends are mirrored
        tensor([0.0642, 0.3555, 0.6445, 0.9358])
    """
    if not (scale > 0 and math.isfinite(scale)):
        raise UserError("the scale does not fit", "a finite number above 0", scale)
    if not x.is_floating_point():
        raise UserError("bicubic resizing", "floating pixels in [0, 1]", x.dtype)
    # Inside a network that runs in bfloat16 the picture itself must keep its precision.
    with torch.autocast(x.device.type, enabled=False):
        return resize_width(resize_width(x, scale).mT, scale).mT


def resize_width(x: Tensor, scale: float) -> Tensor:
    """Return x, (..., W), resized along its last dimension: (..., ceil(scale W))."""
    blocks = weight_blocks(x.shape[-1], float(scale), x.dtype, x.device)
    return torch.cat([x[..., first : first + a.shape[0]] @ a for first, a in blocks], dim=-1)


def output_size(size: int, scale: float) -> int:
    """Return ceil(scale * size), where rounding errors of the scale do not add a pixel.

    Example:
        >>> [output_size(size, 1 / 3) for size in (9, 10, 12)]
        [3, 4, 4]
        >>> output_size(10, 1.1)  # 10 * 1.1 is 11.000000000000002 in floats
        11
    """
    return math.ceil(round(size * scale, 9))


def keys_kernel(t: Tensor, a: float = -0.5) -> Tensor:
    """Return Keys's kernel: cubic pieces on |t| <= 1 and 1 < |t| <= 2, 0 beyond.

    (a + 2) |t|^3 - (a + 3) |t|^2 + 1, then a |t|^3 - 5a |t|^2 + 8a |t| - 4a. With a = -1/2 it
    reproduces parabolas (Keys 1981, equation (15)).

    Example:
        >>> keys_kernel(torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0]))
        tensor([ 1.0000,  0.5625,  0.0000, -0.0625, -0.0000])
    """
    t = t.abs()
    near = ((a + 2) * t - (a + 3)) * t.square() + 1
    far = a * (((t - 5) * t + 8) * t - 4)
    return torch.where(t <= 1, near, torch.where(t <= 2, far, 0.0))


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # matrices cached during inference must also serve training
def weight_blocks(
    size: int, scale: float, dtype: torch.dtype, device: torch.device
) -> list[tuple[int, Tensor]]:
    """Return (first, A) for each block: outputs of the block = x[first : first + len(A)] @ A."""
    shrink = min(scale, 1.0)
    reach = math.ceil(4 / shrink) + 2  # taps: the kernel has width 4 / shrink, at any offset
    outputs = output_size(size, scale)
    u = (torch.arange(outputs, dtype=torch.float64) + 0.5) / scale - 0.5
    taps = torch.floor(u - 2 / shrink)[:, None] + torch.arange(reach)
    values = keys_kernel(shrink * (u[:, None] - taps))
    values /= values.sum(1, keepdim=True)
    # Mirrored repeatedly if the kernel is wider than the picture.
    taps = taps.long().remainder(2 * size)
    taps = torch.where(taps < size, taps, 2 * size - 1 - taps)
    edges = [*range(0, outputs, BLOCK), outputs]
    return [weight_block(taps[i:j], values[i:j], dtype, device) for i, j in pairwise(edges)]


def weight_block(
    taps: Tensor, values: Tensor, dtype: torch.dtype, device: torch.device
) -> tuple[int, Tensor]:
    """Return the first input that any of these outputs needs, and the matrix that begins there."""
    first, last = int(taps.min()), int(taps.max())
    matrix = torch.zeros(len(taps), last - first + 1, dtype=torch.float64)
    matrix.scatter_add_(1, taps - first, values)
    return first, matrix.T.to(device=device, dtype=dtype)


REACH = 2
"""Inputs on each side of an output's nearest one within the support of Keys's kernel."""


def enlarge_by_convolution(x: Tensor, factor: int) -> Tensor:
    """Return x enlarged by an integer factor: `resize(x, factor)` up to rounding errors.

    With an integer factor s, output s i + p is at i + (p + 1/2) / s - 1/2 of the input for every
    i: each of the s phases p has one kernel of five taps. The s x s phases of a picture are as
    many convolutions, interleaved in squares of s x s pixels. `resize` is faster, but its matrices
    depend on the size of the picture, which a graph for all sizes cannot hold.

    Args:
        x: Pictures, (B, C, H, W), floating.
        factor: The integer factor s.

    Returns:
        (B, C, s H, s W).

    Reference:
        Shi et al. 2016, section 3.2, https://arxiv.org/abs/1609.05158

    Example:
        >>> from immersion.imaging.bicubic import resize
        >>> x = torch.rand(1, 3, 7, 5)
        >>> torch.allclose(enlarge_by_convolution(x, 3), resize(x, 3), atol=1e-6)
        True
    """
    phase = phase_kernels(factor).to(x)
    squares = torch.einsum("pi,qj->pqij", phase, phase).flatten(0, 1).unsqueeze(1)
    rows, columns = (mirror_indices(n, x.device) for n in x.shape[-2:])
    padded = x.index_select(-2, rows).index_select(-1, columns)
    channels = x.shape[1]
    with torch.autocast(x.device.type, enabled=False):
        outputs = conv2d(padded, squares.repeat(channels, 1, 1, 1), groups=channels)
    return pixel_shuffle(outputs, factor)


def phase_kernels(factor: int) -> Tensor:
    """Return the kernel of each phase, (factor, 5) float64; rows sum to 1.

    Example:
        >>> phase_kernels(2)[0].tolist()
        [-0.0234375, 0.2265625, 0.8671875, -0.0703125, 0.0]
    """
    u = (torch.arange(factor, dtype=torch.float64) + 0.5) / factor - 0.5
    values = keys_kernel(u[:, None] - torch.arange(-REACH, REACH + 1))
    return values / values.sum(1, keepdim=True)


def mirror_indices(length: int, device: torch.device) -> Tensor:
    """Return the pixel at each position from -2 to length + 1, mirrored with the edge repeated.

    Example:
        >>> [mirror_indices(n, torch.device("cpu")).tolist() for n in (3, 1)]
        [[1, 0, 0, 1, 2, 2, 1], [0, 0, 0, 0, 0]]
    """
    place = torch.arange(-REACH, length + REACH, device=device)
    place = torch.where(place < 0, -1 - place, place)
    return torch.minimum(place, 2 * length - 1 - place).clamp(min=0)
