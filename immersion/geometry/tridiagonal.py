"""Systems of equations whose matrix is symmetric and block tridiagonal."""

import torch
from torch import Tensor


def solve_block_tridiagonal(diagonal: Tensor, upper: Tensor, right: Tensor) -> Tensor:
    """Return the solution of symmetric positive definite systems, by block elimination.

    Row t of the system is upper[t-1]' x[t-1] + diagonal[t] x[t] + upper[t] x[t+1] = right[t].
    It takes O(T d^3) operations.

    Args:
        diagonal: (B, T, d, d), symmetric.
        upper: (B, T - 1, d, d).
        right: (B, T, d).

    Returns:
        (B, T, d); NaN where a pivot is not positive definite.

    Example:
        >>> diagonal = torch.full((1, 3, 1, 1), 2.0)
        >>> solve_block_tridiagonal(diagonal, -torch.ones(1, 2, 1, 1), torch.ones(1, 3, 1))
        tensor([[[1.5000],
                 [2.0000],
                 [1.5000]]])
    """
    blocks = diagonal.shape[1]
    couplings, values = [], []  # C_t = P_t^-1 upper_t and v_t = P_t^-1 w_t, with pivots P_t
    pivot, value = diagonal[:, 0], right[:, 0].unsqueeze(-1)
    for t in range(blocks):
        factor, failed = torch.linalg.cholesky_ex(pivot)
        factor = torch.where(failed.reshape(-1, 1, 1) > 0, torch.nan, factor)
        values.append(torch.cholesky_solve(value, factor))
        if t + 1 < blocks:
            couplings.append(torch.cholesky_solve(upper[:, t], factor))
            pivot = diagonal[:, t + 1] - upper[:, t].mT @ couplings[t]
            value = right[:, t + 1].unsqueeze(-1) - upper[:, t].mT @ values[t]
    solution = [values[-1]]
    for t in reversed(range(blocks - 1)):
        solution.append(values[t] - couplings[t] @ solution[-1])
    return torch.stack(solution[::-1], 1).squeeze(-1)
