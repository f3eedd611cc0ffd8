"""Lower bounds on the smallest singular value of matrices known up to entrywise errors."""

import torch
from torch import Tensor

MARGIN = 1 - 2.0**-20
"""Factor for rounding errors of quotients of well-scaled numbers."""


def compute_singular_value_bound(centers: Tensor, radii: Tensor) -> Tensor:
    r"""Return a lower bound on the smallest singular value of all M with |M - C| <= R, (N,).

    With a singular value decomposition C = U S V', the matrix U'MV differs from S by at most
    B = |U'| R |V| entry by entry. If A = S - B, whose entries off the diagonal are not positive,
    is a nonsingular M-matrix, then |(U'MV)^{-1}| <= A^{-1} (Ostrowski 1937), so that

    .. math::
        \sigma_{min}(M) \ge 1 / \|A^{-1}\|_2
            \ge (\|A^{-1}\|_1 \|A^{-1}\|_\infty)^{-1/2},

    which sees the size of each entry, where Weyl's sigma_min(C) - |R|_2 sees one norm. Both norms
    are bounded by positive vectors x: |A^{-1}|_inf <= max x / min (A x), likewise for A'. That
    A x > 0 for some x > 0 proves that A is an M-matrix.

    Args:
        centers: C, (N, d, d), float64.
        radii: R, (N, d, d), not negative.

    Returns:
        (N,); 0 where nothing is proved. All matrices within the radii, and their convex
        combinations, are then regular.

    Example:
        >>> centers = torch.diag(torch.tensor([100.0, 1.0])).double().unsqueeze(0)
        >>> radii = torch.tensor([[[20.0, 0.1], [0.1, 0.1]]]).double()
        >>> compute_singular_value_bound(centers, radii).round(decimals=3)
        tensor([0.8990], dtype=torch.float64)

    Reference:
        Ostrowski 1937, https://doi.org/10.1007/BF01214284; Neumaier 1990, Interval Methods for
        Systems of Equations, section 3.7.
    """
    usable = (centers.isfinite() & radii.isfinite()).flatten(1).all(1)
    shown = usable.reshape(-1, 1, 1)
    centers, radii = torch.where(shown, centers, 0.0), torch.where(shown, radii, 1.0)
    u, values, vh = torch.linalg.svd(centers)
    v = vh.mT
    middle = u.mT @ centers @ v
    dim = centers.shape[-1]
    # U and V are orthogonal to rounding only: |U'M V| is scaled by their norms.
    eye = torch.eye(dim, dtype=centers.dtype)
    skew = max(float((q.mT @ q - eye).abs().sum(-1).max()) for q in (u, v)) if len(u) else 0.0
    noise = 64 * dim * torch.finfo(centers.dtype).eps * values[:, :1, None]
    radii = (u.mT.abs() @ radii @ v.abs() + noise) / MARGIN
    diagonal = middle.diagonal(dim1=-2, dim2=-1)
    off = (middle - torch.diag_embed(diagonal)).abs() + radii
    comparison = torch.diag_embed(diagonal.abs()) - off
    bound = 1 / (_compute_inverse_bound(comparison) * _compute_inverse_bound(comparison.mT)).sqrt()
    return torch.where(usable, bound / (1 + skew) * MARGIN, 0.0).nan_to_num(0.0, 0.0, 0.0)


def _compute_inverse_bound(a: Tensor) -> Tensor:
    """Return a bound on |A^{-1}|_inf, (N,), infinite unless A is seen to be an M-matrix."""
    ones = torch.ones(*a.shape[:-1], 1, dtype=a.dtype)
    x, failed = torch.linalg.solve_ex(a, ones)
    x = x.squeeze(-1)
    image = (a @ x.unsqueeze(-1)).squeeze(-1)
    bound = x.amax(-1) / image.amin(-1)
    proved = (failed == 0) & x.isfinite().all(-1) & (x > 0).all(-1) & (image > 0.5).all(-1)
    return torch.where(proved, bound, torch.inf)
