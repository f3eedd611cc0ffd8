"""The discrete cosine transform of blocks, for JPEG and the noise estimate."""

import math
from functools import cache

from torch import Tensor

from immersion.imaging.parameters import constant_tensor


def dct_matrix(size: int, like: Tensor) -> Tensor:
    r"""Return the orthonormal DCT-II, T[k, n] = c_k cos(pi (n + 1/2) k / size), (size, size).

    c_0 = sqrt(1 / size), the others sqrt(2 / size). A block X has the coefficients T X T^T, and
    X = T^T (T X T^T) T. Size 8 gives those of JPEG. The tensor has the device and type of `like`
    and is the same at every call.

    Reference:
        ITU-T T.81 (1992), Digital compression and coding of continuous-tone still images,
        section A.3.3.

    Example:
        >>> import torch
        >>> t = dct_matrix(8, torch.zeros(()))
        >>> torch.allclose(t @ t.T, torch.eye(8), atol=1e-6)
        True
        >>> (t @ torch.ones(8, 8) @ t.T)[0, 0]  # 8 times the mean
        tensor(8.0000)
    """
    return constant_tensor(cosine_rows(size), like.dtype, like.device)


@cache
def cosine_rows(size: int) -> tuple[tuple[float, ...], ...]:
    """Return the rows of T.

    Example:
        >>> cosine_rows(2)[1]
        (0.7071067811865476, -0.7071067811865475)
    """
    factors = [math.sqrt((2 if k else 1) / size) for k in range(size)]
    return tuple(
        tuple(c * math.cos(math.pi / size * (n + 0.5) * k) for n in range(size))
        for k, c in enumerate(factors)
    )
