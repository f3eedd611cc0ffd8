"""Discretised curves of latents, (B, T + 1, d): length, energy and constant speed.

They are measured by the chords of their images, whose errors are of second order in 1/T.
"""

import torch
from torch import Tensor

from immersion.geometry.manifold import Manifold


def compute_chords(manifold: Manifold, curves: Tensor) -> Tensor:
    """Return x_{t+1} - x_t, x_t = g(z_t), of curves, (B, T + 1, d): (B, T, D)."""
    return trace(manifold, curves).diff(dim=1)


def trace(manifold: Manifold, curves: Tensor) -> Tensor:
    """Return the images of curves, (B, T + 1, D)."""
    return manifold.points(curves.flatten(0, 1)).unflatten(0, curves.shape[:2])


def compute_lengths(manifold: Manifold, curves: Tensor) -> Tensor:
    """Return the lengths sum_t |x_{t+1} - x_t| of curves, (B,).

    Example:
        >>> circle = Manifold(lambda z: torch.cat([z.cos(), z.sin()], 1), 1)
        >>> half = torch.linspace(0, torch.pi, 101, dtype=torch.float64).reshape(1, -1, 1)
        >>> compute_lengths(circle, half).round(decimals=3)
        tensor([3.1410], dtype=torch.float64)
    """
    return compute_chords(manifold, curves).norm(dim=-1).sum(1)


def compute_energies(manifold: Manifold, curves: Tensor) -> Tensor:
    """Return the energies (T / 2) sum_t |x_{t+1} - x_t|^2, (B,): at least length^2 / 2.

    Reference:
        Shao, Kumar & Fletcher 2017, equation (5), https://arxiv.org/abs/1711.08014
    """
    chords = compute_chords(manifold, curves)
    return chords.shape[1] / 2 * chords.square().sum((1, 2))


def draw_lines(a: Tensor, b: Tensor, segments: int) -> Tensor:
    """Return straight lines from a to b, (B, d) each: (B, segments + 1, d)."""
    t = torch.linspace(0, 1, segments + 1, dtype=a.dtype, device=a.device)
    return torch.lerp(a.unsqueeze(1), b.unsqueeze(1), t.reshape(1, -1, 1))


def resample(curves: Tensor, places: Tensor, segments: int) -> Tensor:
    """Return curves at equally spaced places, by linear interpolation of their latents.

    Args:
        curves: (B, S + 1, d).
        places: (B, S + 1), ascending: how far along its curve each latent is, such as the length
            up to it.
        segments: T.

    Returns:
        (B, T + 1, d), with the same ends.

    Example:
        >>> curve = torch.tensor([[[0.0], [1.0], [2.0]]])
        >>> resample(curve, torch.tensor([[0.0, 3.0, 4.0]]), 2)
        tensor([[[0.0000],
                 [0.6667],
                 [2.0000]]])
    """
    t = torch.linspace(0, 1, segments + 1, dtype=places.dtype, device=places.device)
    wanted = places[:, :1] + t * (places[:, -1:] - places[:, :1])
    after = torch.searchsorted(places.contiguous(), wanted).clamp(1, places.shape[1] - 1)
    low, high = places.gather(1, after - 1), places.gather(1, after)
    weight = ((wanted - low) / (high - low)).nan_to_num().clamp(0, 1).unsqueeze(-1)
    index = after.unsqueeze(-1).expand(-1, -1, curves.shape[-1])
    return torch.lerp(curves.gather(1, index - 1), curves.gather(1, index), weight)


def equalise_speed(manifold: Manifold, curves: Tensor, segments: int | None = None) -> Tensor:
    """Return curves whose images have chords of about equal lengths, (B, T + 1, d)."""
    chords = compute_chords(manifold, curves).norm(dim=-1)
    places = torch.cat([torch.zeros_like(chords[:, :1]), chords.cumsum(1)], 1)
    return resample(curves, places, segments or chords.shape[1])
