"""The discrete cosine transform of blocks, which JPEG rounds and the noise estimate listens to."""

import math

import torch
from torch import Tensor


def dct_matrix(size: int, like: Tensor) -> Tensor:
    r"""Return the orthonormal DCT-II, T[k, n] = c_k cos(pi (n + 1/2) k / size), (size, size).

    c_0 = sqrt(1 / size), the others sqrt(2 / size). A block X has the coefficients T X T^T, and
    X = T^T (T X T^T) T. For size 8 these are JPEG's own. Made on the device and in the type of
    `like`.

    Reference:
        ITU-T T.81 (1992), Digital compression and coding of continuous-tone still images,
        section A.3.3.

    Example:
        >>> t = dct_matrix(8, torch.zeros(()))
        >>> torch.allclose(t @ t.T, torch.eye(8), atol=1e-6)
        True
        >>> (t @ torch.ones(8, 8) @ t.T)[0, 0]  # 8 times the mean
        tensor(8.0000)
    """
    n = torch.arange(size, dtype=torch.float64)
    matrix = math.sqrt(2 / size) * torch.cos(math.pi / size * (n + 0.5) * n[:, None])
    matrix[0] /= math.sqrt(2)
    return matrix.to(device=like.device, dtype=like.dtype)
