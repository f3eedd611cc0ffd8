"""The density of a generator's samples without sampling, and the value of the minimax game on it.

Where z has one or two dimensions, the distribution of x = g(z) is found by quadrature, so that
statements about the game's optimum can be checked to many digits (Goodfellow et al. 2014, section
4, https://arxiv.org/abs/1406.2661). Distributions are masses of bins, not densities.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]

REACH = 8.0
"""Standard normal codes are within +-8, but for a mass of 1e-15."""


@torch.no_grad()
def compute_mass_on_line(g: Map, edges: Tensor, cells: int = 4000) -> Tensor:
    """Return the mass of x = g(z), z ~ N(0, 1), on each bin of a line.

    Each cell [a, b] of a fine grid of codes has the mass Phi(b) - Phi(a), spread evenly over
    [g(a), g(b)]: exact on bins much wider than that; the error falls with the cells' square. g
    may fold the line, and may be constant.

    Args:
        g: (N, 1) -> (N, 1), float64.
        edges: Edges of the bins, (bins + 1,), increasing. Mass beyond them is in no bin.
        cells: Number of cells of codes.

    Returns:
        (bins,), float64.

    Example:
        >>> compute_mass_on_line(lambda z: 2 * z, torch.tensor([-2.0, 0.0, 2.0]))  # sigma = 2
        tensor([0.3413, 0.3413], dtype=torch.float64)
    """
    z, mass = _codes(cells)
    x = g(z[:, None]).double().squeeze(1)
    return (mass @ _below(x[:-1], x[1:], edges)).diff()


@torch.no_grad()
def compute_mass_on_plane(g: Map, edges: tuple[Tensor, Tensor], cells: int = 400) -> Tensor:
    """Return the mass of x = g(z), z ~ N(0, I) in two dimensions, on each bin of a plane.

    Each cell of a fine grid of codes has its normal mass, spread evenly over the smallest
    rectangle around the images of its corners.

    Args:
        g: (N, 2) -> (N, 2), float64.
        edges: Edges of the bins along x_1, (X + 1,), and x_2, (Y + 1,), increasing.
        cells: Number of cells of codes along each dimension.

    Returns:
        (X, Y), float64.

    Example:
        >>> half = torch.tensor([-9.0, 0.0, 9.0])
        >>> compute_mass_on_plane(lambda z: z, (half, half), cells=50)
        tensor([[0.2500, 0.2500],
                [0.2500, 0.2500]], dtype=torch.float64)
    """
    z, mass = _codes(cells)
    after = g(torch.stack([z[0].expand_as(z), z], dim=1)).double()
    below = torch.zeros(len(edges[0]), len(edges[1]), dtype=torch.float64)
    for value, weight in zip(z[1:], mass, strict=True):
        # The strip of cells between two lines of codes.
        before, after = after, g(torch.stack([value.expand_as(z), z], dim=1)).double()
        corners = torch.stack([before[:-1], before[1:], after[:-1], after[1:]])
        low, high = corners.amin(0), corners.amax(0)
        first, second = (_below(low[:, i], high[:, i], edges[i]) for i in (0, 1))
        below += first.T @ (weight * mass[:, None] * second)
    return below.diff(dim=0).diff(dim=1)


def compute_best_discriminator(p: Tensor, p_g: Tensor) -> Tensor:
    """Return D* = p / (p + p_g), the optimal discriminator; 1/2 where both are 0.

    Args:
        p, p_g: Masses of data and samples on the same bins, any shape.

    Reference:
        Goodfellow et al. 2014, proposition 1, https://arxiv.org/abs/1406.2661
    """
    both = p + p_g
    return torch.where(both > 0, p / both.clamp(min=torch.finfo(both.dtype).tiny), 0.5)


def compute_game_value(d: Tensor, p: Tensor, p_g: Tensor) -> float:
    """Return V(D, G) = sum p log D + p_g log(1 - D), in nats.

    At D* it is -log 4 + 2 JSD(p, p_g), and -log 4 = -1.386 where p_g = p.

    Args:
        d: D on each bin, in [0, 1].
        p, p_g: Masses of data and samples on the same bins.

    Reference:
        Goodfellow et al. 2014, equation (1) and theorem 1, https://arxiv.org/abs/1406.2661

    Example:
        >>> p = torch.tensor([0.25, 0.75])
        >>> round(compute_game_value(torch.full((2,), 0.5), p, p), 3)
        -1.386
    """
    return float((torch.xlogy(p, d) + torch.xlogy(p_g, 1 - d)).sum())


def compute_jensen_shannon(p: Tensor, p_g: Tensor) -> float:
    """Return JSD(p, p_g) = KL(p || m) / 2 + KL(p_g || m) / 2 with m = (p + p_g) / 2, in nats.

    Between 0, where they are equal, and log 2 = 0.693, where no bin holds both.

    Args:
        p, p_g: Masses on the same bins, each adding up to 1.

    Example:
        >>> round(compute_jensen_shannon(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])), 3)
        0.693
    """
    both = p + p_g
    entropies = torch.xlogy(p, p) + torch.xlogy(p_g, p_g) - torch.xlogy(both, both)
    return float(entropies.sum() + math.log(2) * both.sum()) / 2


def _codes(cells: int) -> tuple[Tensor, Tensor]:
    """Return the cells' edges, (cells + 1,), and their masses under N(0, 1), (cells,)."""
    z = torch.linspace(-REACH, REACH, cells + 1, dtype=torch.float64)
    return z, torch.special.ndtr(z).diff()


def _below(one: Tensor, other: Tensor, edges: Tensor) -> Tensor:
    """Return the share of each interval between two ends that is below each edge, (N, E)."""
    low = torch.minimum(one, other)
    width = (one - other).abs().clamp(min=torch.finfo(torch.float64).tiny)
    return ((edges.double() - low[:, None]) / width[:, None]).clamp(0, 1)
