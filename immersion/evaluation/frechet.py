"""The Frechet distance between two sets of features, each taken as a Gaussian."""

import numpy as np
import torch
from torch import Tensor


def frechet_distance(a: Tensor, b: Tensor) -> float:
    r"""Return |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), in squared units of the features.

    It is the squared 2-Wasserstein distance between the Gaussians with the sets' means and
    covariances. Its value depends on the features: a number without their name means nothing.

    Args:
        a: (N, F), N > F.
        b: (M, F), M > F.

    Reference:
        Dowson & Landau 1982, https://doi.org/10.1016/0047-259X(82)90077-X

    Example:
        >>> x = torch.randn(100, 3, dtype=torch.float64, generator=torch.manual_seed(0))
        >>> round(frechet_distance(x, x + 2.0), 6)  # a shift by 2 in each of 3 features
        12.0
    """
    mean_a, mean_b = (side.double().mean(0) for side in (a, b))
    cov_a, cov_b = (torch.cov(side.double().T).numpy() for side in (a, b))
    # tr (C_a C_b)^(1/2) from the symmetric C_a^(1/2) C_b C_a^(1/2): real and stable.
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(min=0)).sum()
    shift = (mean_a - mean_b).square().sum().item()
    return float(shift + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)
