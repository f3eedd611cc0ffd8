"""Densities by quadrature against densities in closed form, and the value of the game on them."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from immersion.metrics.pushforward import (
    compute_best_discriminator,
    compute_game_value,
    compute_jensen_shannon,
    compute_mass_on_line,
    compute_mass_on_plane,
)
from immersion.random import make_generator

EDGES = torch.linspace(-4, 6, 101, dtype=torch.float64)
MAPS = {
    "affine": (lambda z: 1 - 0.5 * z, stats.norm(1, 0.5)),
    "exponential": (lambda z: (0.5 * z).exp(), stats.lognorm(0.5)),
    "square": (lambda z: z**2, stats.chi2(1)),
    "distance": (lambda z: z.abs(), stats.halfnorm()),
    "probability": (torch.special.ndtr, stats.uniform()),
}


def exact(distribution, edges: Tensor = EDGES) -> Tensor:
    return torch.from_numpy(distribution.cdf(edges.numpy())).diff()


@pytest.mark.parametrize("name", MAPS)
def test_masses_on_a_line(name):
    g, distribution = MAPS[name]
    torch.testing.assert_close(
        compute_mass_on_line(g, EDGES), exact(distribution), atol=2e-6, rtol=0
    )


def test_the_error_falls_with_the_square_of_the_cells():
    g, distribution = MAPS["affine"]
    shifted = EDGES + 1 / 3000  # an edge that falls on a cell's would be exact
    errors = [
        float((compute_mass_on_line(g, shifted, cells) - exact(distribution, shifted)).abs().max())
        for cells in (500, 1000, 2000)
    ]
    assert errors[0] > 3 * errors[1] > 9 * errors[2] > 0


def test_a_constant_puts_all_mass_into_one_bin():
    mass = compute_mass_on_line(lambda z: torch.full_like(z, 0.55), EDGES)
    assert mass[45] == pytest.approx(1) and mass.count_nonzero() == 1


def test_mass_beyond_the_edges_is_in_no_bin():
    mass = compute_mass_on_line(lambda z: z, torch.tensor([0.0, 1.0, 20.0]))
    assert mass.sum().item() == pytest.approx(0.5, abs=1e-12)


def corners(distribution, x: Tensor, y: Tensor) -> Tensor:
    """The masses of the bins from the distribution function at their corners, (X, Y)."""
    places = torch.cartesian_prod(x, y).numpy()
    below = torch.from_numpy(distribution.cdf(places)).view(len(x), len(y))
    return below.diff(dim=0).diff(dim=1)


@pytest.mark.parametrize("a", [[[1.0, 0.0], [0.0, 0.5]], [[0.8, 0.6], [-0.3, 1.1]]])
def test_masses_on_a_plane(a):
    matrix, shift = torch.tensor(a, dtype=torch.float64), torch.tensor([0.5, -1.0])
    x, y = torch.linspace(-3, 4, 12).double(), torch.linspace(-4, 2, 9).double()
    mass = compute_mass_on_plane(lambda z: z @ matrix.T + shift, (x, y))
    normal = stats.multivariate_normal(shift, (matrix @ matrix.T).numpy())
    torch.testing.assert_close(mass, corners(normal, x, y), atol=4e-5, rtol=0)


def test_a_map_of_the_plane_that_bends():
    """(r, angle) of a normal point: r^2 is chi-square and the angle even, and independent."""

    def polar(z: Tensor) -> Tensor:
        return torch.stack([z.norm(dim=1), torch.atan2(z[:, 1].abs(), z[:, 0])], dim=1)

    radii, angles = torch.linspace(0, 5, 11).double(), torch.linspace(0, math.pi, 7).double()
    mass = compute_mass_on_plane(polar, (radii, angles))
    rayleigh = exact(stats.rayleigh(), radii)
    torch.testing.assert_close(mass, rayleigh[:, None] / 6 * torch.ones(6), atol=5e-4, rtol=0)
    assert mass.sum().item() == pytest.approx(rayleigh.sum().item(), abs=1e-4)


def random_masses() -> tuple[Tensor, Tensor]:
    p, p_g = torch.rand(2, 6, 4, generator=make_generator(0, "masses"), dtype=torch.float64)
    p[0, 0], p_g[1, 1] = 0, 0
    p[2, 2] = p_g[2, 2] = 0
    return p / p.sum(), p_g / p_g.sum()


def test_the_best_discriminator_is_the_best():
    p, p_g = random_masses()
    best = compute_best_discriminator(p, p_g)
    assert best[0, 0] == 0 and best[1, 1] == 1 and best[2, 2] == 0.5
    value = compute_game_value(best, p, p_g)
    assert value == pytest.approx(-math.log(4) + 2 * compute_jensen_shannon(p, p_g), abs=1e-12)
    for step in (-0.01, 0.01):
        assert compute_game_value((best + step).clamp(0.001, 0.999), p, p_g) < value


def test_divergences_in_closed_form():
    p, _ = random_masses()
    assert compute_jensen_shannon(p, p) == pytest.approx(0, abs=1e-15)
    assert compute_game_value(compute_best_discriminator(p, p), p, p) == pytest.approx(
        -math.log(4)
    )
    a, b = torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.0, 0.5, 0.5])
    assert compute_jensen_shannon(a, b) == pytest.approx(math.log(2) / 2)
    assert compute_jensen_shannon(a, b) == compute_jensen_shannon(b, a)
    # Wrong everywhere and sure of it.
    assert compute_game_value(torch.tensor([0.0, 1.0]), a[:2], b[:2]) == -math.inf


def test_the_divergence_of_two_normals():
    # By scipy's quadrature of the densities themselves.
    from scipy.integrate import quad

    one, two = stats.norm(1, 0.5), stats.norm(0, 1)

    def integrand(x: float) -> float:
        p, q = one.pdf(x), two.pdf(x)
        return (p * math.log(2 * p / (p + q)) + q * math.log(2 * q / (p + q))) / 2

    expected = quad(integrand, -8, 8, epsabs=1e-10)[0]
    edges = torch.linspace(-9, 9, 2001, dtype=torch.float64)
    masses = [compute_mass_on_line(g, edges) for g in (lambda z: 1 + 0.5 * z, lambda z: z)]
    assert compute_jensen_shannon(*masses) == pytest.approx(expected, abs=1e-5)
