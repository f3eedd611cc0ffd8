"""Curvatures of surfaces that are known in closed form."""

import math

import pytest
import torch
from surfaces import (
    MAJOR,
    MINOR,
    RADIUS,
    cone,
    linear,
    network,
    reparameterise,
    saddle,
    sphere,
    stereographic,
    torus,
    veronese,
    warp,
)

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.curvature import (
    compute_acceleration,
    compute_christoffel_symbols,
    compute_gauss_curvature,
    compute_mean_curvature_vector,
    compute_ricci_tensor,
    compute_riemann_tensor,
    compute_scalar_curvature,
    compute_second_fundamental_form,
    compute_sectional_curvature,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def sample(count=20, dim=2, scale=0.8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=generator, dtype=torch.float64)


def curvature_of_saddle(z):
    return -1 / (1 + z.square().sum(1)) ** 2


def curvature_of_torus(z):
    cosine = z[:, 1].cos()
    return cosine / (MINOR * (MAJOR + MINOR * cosine))


@pytest.mark.parametrize(
    ("g", "expected"),
    [
        (sphere, lambda z: torch.full_like(z[:, 0], RADIUS**-2)),
        (stereographic, lambda z: torch.full_like(z[:, 0], RADIUS**-2)),
        (torus, curvature_of_torus),
        (cone, lambda z: torch.zeros_like(z[:, 0])),
        (saddle, curvature_of_saddle),
        (veronese, lambda z: torch.full_like(z[:, 0], 1 / 3)),
    ],
)
def test_gauss_curvature(g, expected):
    z = sample()
    z[:, 0] = 0.5 + z[:, 0].abs().clamp(max=0.9)  # away from the cone's tip and the poles
    manifold = Manifold(g, 2)
    torch.testing.assert_close(compute_gauss_curvature(manifold, z), expected(z), **CLOSE)
    u, v = sample(seed=1), sample(seed=2)
    found = compute_sectional_curvature(manifold, z, u, v)
    torch.testing.assert_close(found, expected(z), **CLOSE)


def test_gauss_bonnet_on_the_torus():
    """The integral of K is 2 pi times the Euler characteristic: 0; that of |K| is 8 pi."""
    line = 2 * torch.pi * torch.arange(60, dtype=torch.float64) / 60
    z = torch.cartesian_prod(line, line)
    manifold = Manifold(torus, 2)
    area = manifold.log_volume(z).exp() * (2 * torch.pi / 60) ** 2
    curvature = compute_gauss_curvature(manifold, z)
    assert abs(float((curvature * area).sum())) < 1e-10
    assert float((curvature.abs() * area).sum()) == pytest.approx(8 * math.pi, rel=1e-3)
    assert float(area.sum()) == pytest.approx(4 * math.pi**2 * MAJOR * MINOR, rel=1e-10)


def test_gauss_bonnet_on_the_sphere():
    """The integral of K over the sphere is 4 pi, by the midpoint rule: of second order."""
    errors = []
    for count in (40, 80):
        half = torch.pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count - torch.pi / 2
        z = torch.stack([half, torch.zeros_like(half)], 1)
        manifold = Manifold(sphere, 2)
        density = compute_gauss_curvature(manifold, z) * manifold.log_volume(z).exp()
        errors.append(abs(float(density.sum()) * torch.pi / count * 2 * torch.pi - 4 * torch.pi))
    assert errors[1] < 2e-3
    assert 3.9 < errors[0] / errors[1] < 4.1


def test_linear_maps_are_flat():
    z = sample(dim=3)
    manifold = Manifold(linear, 3)
    for compute in (
        compute_christoffel_symbols,
        compute_second_fundamental_form,
        compute_riemann_tensor,
        compute_ricci_tensor,
        compute_scalar_curvature,
        compute_mean_curvature_vector,
    ):
        assert not compute(manifold, z).any()
    assert not compute_sectional_curvature(manifold, z, sample(dim=3, seed=1), z).any()


def test_christoffel_symbols_are_those_of_the_metrics_derivatives():
    manifold, z = network(), sample(5, 3)
    step = 1e-5
    slopes = []
    for axis in torch.eye(3, dtype=torch.float64):
        after, before = (
            manifold.metric_matrix(z + step * axis),
            manifold.metric_matrix(z - step * axis),
        )
        slopes.append((after - before) / (2 * step))
    slope = torch.stack(slopes, 1)  # [n, i, j, l] = d_i G_jl
    lower = (slope.permute(0, 3, 1, 2) + slope.permute(0, 3, 2, 1) - slope) / 2
    expected = torch.linalg.solve(manifold.metric_matrix(z), lower.flatten(2)).unflatten(2, (3, 3))
    found = compute_christoffel_symbols(manifold, z)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    v = sample(5, 3, seed=1)
    acceleration = -torch.einsum("nkij,ni,nj->nk", found, v, v)
    torch.testing.assert_close(compute_acceleration(manifold, z, v), acceleration, **CLOSE)


def test_the_riemann_tensor_is_that_of_the_christoffel_symbols():
    """R^l_kij = d_i G^l_jk - d_j G^l_ik + ..., which has third derivatives: an independent way."""
    manifold, z, step = network(), sample(4, 3, scale=0.3), 1e-5
    slopes = []
    for axis in torch.eye(3, dtype=torch.float64):
        pair = [compute_christoffel_symbols(manifold, z + s * step * axis) for s in (1, -1)]
        slopes.append((pair[0] - pair[1]) / (2 * step))
    slope, gamma = torch.stack(slopes, 1), compute_christoffel_symbols(manifold, z)
    # Lee 2018, equation (7.8): R_ijk^l, with slope[n, i, l, j, k] = d_i Gamma^l_jk.
    raised = torch.einsum("niljk->nijkl", slope) - torch.einsum("njlik->nijkl", slope)
    raised = raised + torch.einsum("nmjk,nlim->nijkl", gamma, gamma)
    raised = raised - torch.einsum("nmik,nljm->nijkl", gamma, gamma)
    expected = torch.einsum("nijkm,nml->nijkl", raised, manifold.metric_matrix(z))
    found = compute_riemann_tensor(manifold, z)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_symmetries_and_traces_agree():
    manifold, z = network(), sample(6, 3)
    riemann = compute_riemann_tensor(manifold, z)
    torch.testing.assert_close(riemann, -riemann.transpose(1, 2))
    torch.testing.assert_close(riemann, riemann.permute(0, 3, 4, 1, 2))
    cyclic = riemann + riemann.permute(0, 2, 3, 1, 4) + riemann.permute(0, 3, 1, 2, 4)
    torch.testing.assert_close(cyclic, torch.zeros_like(cyclic))
    inverse = manifold.metric_matrix(z).inverse()
    ricci = torch.einsum("nil,nijkl->njk", inverse, riemann)
    torch.testing.assert_close(compute_ricci_tensor(manifold, z), ricci)
    scalar = torch.einsum("njk,njk->n", inverse, ricci)
    torch.testing.assert_close(compute_scalar_curvature(manifold, z), scalar)
    u, v = sample(6, 3, seed=1), sample(6, 3, seed=2)
    metric = manifold.metric_matrix(z)
    uu, uv, vv = (torch.einsum("nij,ni,nj->n", metric, *pair) for pair in ((u, u), (u, v), (v, v)))
    area = uu * vv - uv.square()
    sectional = torch.einsum("nijkl,ni,nj,nk,nl->n", riemann, u, v, v, u) / area
    torch.testing.assert_close(compute_sectional_curvature(manifold, z, u, v), sectional)
    form = compute_second_fundamental_form(manifold, z)
    mean = torch.einsum("nij,naij->na", inverse, form) / 3
    torch.testing.assert_close(compute_mean_curvature_vector(manifold, z), mean)


def test_mean_curvature_vectors():
    z = sample()
    z[:, 0] = z[:, 0].clamp(-1, 1)
    x = sphere(z)
    found = compute_mean_curvature_vector(Manifold(sphere, 2), z)
    torch.testing.assert_close(found, -x / RADIUS**2, **CLOSE)
    # Minimal in the unit sphere: its mean curvature is that of the sphere around it, -x.
    found = compute_mean_curvature_vector(Manifold(veronese, 2), z)
    torch.testing.assert_close(found, -veronese(z), **CLOSE)


def test_curvatures_do_not_depend_on_the_latents():
    manifold, w = network(), sample(6, 3, scale=0.4)
    warped = reparameterise(manifold)
    scalar = compute_scalar_curvature(manifold, warp(w))
    assert scalar.abs().min() > 1e-3
    torch.testing.assert_close(compute_scalar_curvature(warped, w), scalar)
    torch.testing.assert_close(
        compute_mean_curvature_vector(warped, w), compute_mean_curvature_vector(manifold, warp(w))
    )


def test_batched_is_one_by_one():
    manifold, z = network(), sample(6, 3)
    for compute in (compute_christoffel_symbols, compute_riemann_tensor, compute_ricci_tensor):
        single = torch.cat([compute(manifold, row) for row in z.split(1)])
        torch.testing.assert_close(compute(manifold, z), single)


def test_errors_are_sentences():
    flat = Manifold(lambda z: torch.cat([z[:, :1], z[:, :1] ** 2, z[:, :1]], 1), 2)
    z = sample(3)
    with pytest.raises(UserError, match=r"full rank at 3 of 3 points.*smallest singular value"):
        compute_scalar_curvature(flat, z)
    with pytest.raises(UserError, match="span no plane"):
        compute_sectional_curvature(Manifold(torus, 2), z, z, 2 * z)
    with pytest.raises(UserError, match="2 latents, received 3"):
        compute_gauss_curvature(Manifold(linear, 3), sample(3, 3))
    with pytest.raises(UserError, match="do not fit the latents"):
        compute_sectional_curvature(Manifold(torus, 2), z, z[:1], z)
    rough = Manifold(lambda z: torch.cat([z, z[:, :1].clamp(min=0).pow(1.5)], 1), 2)
    with pytest.raises(UserError, match="not finite at 1 of 2"):
        compute_gauss_curvature(rough, torch.tensor([[0.0, 1.0], [1.0, 1.0]], dtype=torch.float64))
