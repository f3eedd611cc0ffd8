"""Paths between two codes: straight lines, and great circles with the norm interpolated."""

from collections.abc import Callable

import torch
from torch import Tensor

Path = Callable[[Tensor, Tensor, Tensor], Tensor]


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return the straight line (1 - t) a + t b.

    Args:
        a: (..., d), the start.
        b: (..., d), the end.
        t: (T,), from 0 to 1.

    Returns:
        (..., T, d).

    Example:
        >>> lerp(torch.tensor([0.0, 2.0]), torch.tensor([4.0, 2.0]), torch.tensor([0.0, 0.25]))
        tensor([[0., 2.],
                [1., 2.]])
    """
    return a.unsqueeze(-2) + t.unsqueeze(-1) * (b - a).unsqueeze(-2)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    r"""Return the path that turns a's direction into b's at constant speed.

    With u = a/|a|, v = b/|b|, theta the angle between them and w the unit vector orthogonal to u
    in their plane,

        z(t) = ((1 - t) |a| + t |b|) (cos(t theta) u + sin(t theta) w).

    For |a| = |b| this is Shoemake's formula (1985, section 3.3,
    https://doi.org/10.1145/325165.325242); for other norms that formula swells without bound as a
    and b become opposite, while here the norm is always between |a| and |b|. Codes drawn from
    N(0, I) in many dimensions lie near a sphere, and the straight line leaves it (White 2016,
    section 2, https://arxiv.org/abs/1609.04468).

    Opposite vectors have no one great circle: the one through the coordinate axis that is nearest
    to orthogonal is taken. In one dimension, and where a or b is 0, the path is the straight line.

    Args:
        a: (..., d), the start.
        b: (..., d), the end.
        t: (T,), from 0 to 1.

    Returns:
        (..., T, d).

    Example:
        >>> slerp(torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0]), torch.tensor([0.5]))
        tensor([[2.1213, 2.1213]])
    """
    if a.shape[-1] == 1:
        return lerp(a, b, t)
    norm_a, norm_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    u, v = a / norm_a, b / norm_b
    # Kahan's formula: unlike the arc cosine, accurate for vectors nearly parallel or opposite.
    theta = 2 * torch.atan2((u - v).norm(dim=-1, keepdim=True), (u + v).norm(dim=-1, keepdim=True))
    w = _orthogonal(u, v).unsqueeze(-2)
    angle = (theta * t).unsqueeze(-1)
    norm = lerp(norm_a, norm_b, t)
    curve = norm * (angle.cos() * u.unsqueeze(-2) + angle.sin() * w)
    degenerate = ((norm_a == 0) | (norm_b == 0)).unsqueeze(-1)
    return torch.where(degenerate, lerp(a, b, t), curve)


def _orthogonal(u: Tensor, v: Tensor) -> Tensor:
    """Return the unit vector orthogonal to u towards v; where v is -u, towards an axis."""
    sum_ = (u + v).norm(dim=-1, keepdim=True)
    axis = torch.zeros_like(u).scatter(-1, u.abs().argmin(-1, keepdim=True), 1.0)
    towards = torch.where(sum_ < 4 * torch.finfo(u.dtype).eps, axis, v)
    w = towards - (towards * u).sum(-1, keepdim=True) * u
    length = w.norm(dim=-1, keepdim=True)
    return torch.where(length > 0, w / length, torch.zeros_like(w))


PATHS: dict[str, Path] = {"linear": lerp, "spherical": slerp}
"""The paths by the names that users give them."""
