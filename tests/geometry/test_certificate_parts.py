"""The parts of a certificate: activations, polynomials, Taylor models and interval matrices."""

import math

import pytest
import torch
from torch import nn

from immersion.geometry.certificate.activations import HIGHEST, build_activation
from immersion.geometry.certificate.matrices import compute_singular_value_bound
from immersion.geometry.certificate.polynomials import Monomials
from immersion.geometry.certificate.taylor import TaylorModel, apply_activation, start_model

SMOOTH = {
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "softplus": nn.Softplus(),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
}

KINKED = {"elu": nn.ELU(0.7), "relu": nn.ReLU(), "leaky": nn.LeakyReLU(0.2)}


def differentiate(module: nn.Module, u: torch.Tensor, k: int) -> torch.Tensor:
    """The k-th derivative by automatic differentiation of the formula in elementary functions."""
    formulas = {
        nn.Tanh: lambda u: (u.exp() - (-u).exp()) / (u.exp() + (-u).exp()),
        nn.Sigmoid: lambda u: 1 / (1 + (-u).exp()),
        nn.Softplus: lambda u: (1 + u.exp()).log(),
        nn.SiLU: lambda u: u / (1 + (-u).exp()),
        nn.GELU: lambda u: u * (1 + torch.erf(u / math.sqrt(2))) / 2,
    }
    u = u.clone().requires_grad_(True)
    value = formulas[type(module)](u)
    for _ in range(k):
        (value,) = torch.autograd.grad(value.sum(), u, create_graph=True)
    return value.detach()


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_those_of_the_formula(name):
    u = torch.linspace(-5, 5, 101).double()
    found = build_activation(SMOOTH[name]).derive(u, HIGHEST)
    for k in range(HIGHEST + 1):
        torch.testing.assert_close(found[k], differentiate(SMOOTH[name], u, k), rtol=0, atol=1e-9)


def test_a_derivative_has_as_many_extrema_as_theory_counts():
    # tanh and sigmoid: the k-th derivative is an Eulerian polynomial of degree k + 1 in the value,
    # with k - 1 inner roots; GELU: a polynomial of degree k times a Gaussian density, for k > 1.
    for name in ("tanh", "sigmoid"):
        counts = [len(roots) for roots in build_activation(SMOOTH[name]).roots]
        assert counts == [0, 1, 2, 3, 4, 5]
    assert [len(roots) for roots in build_activation(SMOOTH["softplus"]).roots] == [
        0,
        0,
        1,
        2,
        3,
        4,
    ]
    assert [len(roots) for roots in build_activation(SMOOTH["gelu"]).roots] == [1, 2, 3, 4, 5, 6]
    assert [len(roots) for roots in build_activation(SMOOTH["silu"]).roots] == [1, 2, 3, 4, 5, 6]


def test_silu_has_no_other_extrema():
    # Between the roots of a derivative, its values on a grid are larger than half a step times a
    # bound on the next derivative, except next to a root, where the next one is not 0 by the same
    # argument. |silu^(k)| <= 4 for k up to 9 (checked on the grid with a factor 2 to spare).
    step = 1e-4
    u = torch.arange(-15, 15, step).double()
    activation = build_activation(nn.SiLU())
    derivatives = activation.derive(u, 9)
    assert all(values[u.abs() > 1e-9].abs().max() < 4 for values in derivatives[2:8])
    for k in range(1, HIGHEST + 2):
        alone = (derivatives[k].abs() > 4 * step) | (derivatives[k + 1].abs() > 4 * step)
        tail = u.abs() > 8.5  # there e^-|u| (|u| - k) decides the sign
        assert (alone | tail).all()
        signs = derivatives[k][tail].sign()
        assert (signs[u[tail] < 0].unique().numel(), signs[u[tail] > 0].unique().numel()) == (1, 1)


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED])
def test_ranges_contain_the_derivatives_and_are_reached(name):
    torch.manual_seed(0)
    activation = build_activation({**SMOOTH, **KINKED}[name])
    low = 4 * torch.randn(400).double()
    high = low + 10 ** (2 * torch.rand(400).double() - 1.5)
    ranges = activation.enclose(low, high, list(range(HIGHEST + 1)))
    places = low + (high - low) * torch.linspace(0, 1, 401).double()[:, None]
    values = activation.derive(places, HIGHEST)
    for k, (least, most) in enumerate(ranges):
        smooth = torch.ones_like(low, dtype=torch.bool)
        if activation.kinked and k > 1:
            smooth = (low > 0) | (high < 0)
        assert (values[k].amin(0) >= least - 1e-12)[smooth].all()
        assert (values[k].amax(0) <= most + 1e-12)[smooth].all()
        if not activation.kinked:
            spread = (values[k].amax(0) - values[k].amin(0)).clamp(min=1e-9)
            assert ((most - least) < 1.02 * spread + 1e-9).all()


def evaluate(basis: Monomials, a: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Polynomials with coefficients (M, ...) at points (T, d): (T, ...)."""
    powers = torch.stack([(t ** torch.tensor(e)).prod(1) for e in basis.exponents], 1)
    return torch.einsum("tm,m...->t...", powers, a)


def sample_cell(shape: str, dim: int) -> torch.Tensor:
    t = 2 * torch.rand(600, dim).double() - 1
    t[: 2**dim] = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * dim).reshape(-1, dim)
    return t / t.norm(dim=1, keepdim=True).clamp(min=1) if shape == "ball" else t


@pytest.mark.parametrize("shape", ["box", "ball"])
@pytest.mark.parametrize(("dim", "degree"), [(1, 4), (2, 1), (2, 3), (3, 2), (4, 2)])
def test_norms_bound_the_parts_of_polynomials_and_of_their_derivatives(shape, dim, degree):
    torch.manual_seed(dim)
    basis = Monomials(dim, degree)
    lower = Monomials(dim, degree - 1) if degree > 1 else None
    a = torch.randn(len(basis.exponents), 20).double()
    parts, slopes = basis.measure(a, shape)
    t = sample_cell(shape, dim)
    for m in range(1, degree + 1):
        part = torch.where((torch.tensor(basis.degrees) == m)[:, None], a, 0.0)
        assert (evaluate(basis, part, t).abs().amax(0) <= parts[m - 1] * (1 + 1e-12)).all()
        derivative = basis.differentiate(part)
        for j in range(dim):
            values = evaluate(lower, derivative[j], t) if lower else derivative[j]
            assert (values.abs().amax(0) <= slopes[j, m - 1] * (1 + 1e-12)).all()


def test_products_and_subdivisions_are_those_of_polynomials():
    torch.manual_seed(0)
    basis = Monomials(2, 4)
    a, b = torch.randn(2, 15).double()
    a[0] = b[0] = 0
    a[6:], b[6:] = 0, 0  # degree 2, so that nothing of the product is left out
    t = sample_cell("box", 2)
    product = basis.multiply(a, b)
    expected = evaluate(basis, a, t) * evaluate(basis, b, t)
    torch.testing.assert_close(evaluate(basis, product, t), expected)
    centers, maps = basis.subdivide(3)
    assert len(centers) == 9
    for center, transform in zip(centers, maps, strict=True):
        moved = evaluate(basis, transform @ product, t)
        torch.testing.assert_close(moved, evaluate(basis, product, center + t / 3))


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED])
@pytest.mark.parametrize("shape", ["box", "ball"])
@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_a_taylor_model_contains_the_activation_and_its_derivatives(name, shape, degree):
    torch.manual_seed(degree)
    basis, n = Monomials(2, degree), 60
    size = 10 ** (1 - 2 * torch.rand(n).double())
    a = torch.randn(len(basis.exponents), n).double() * size
    a[0] = 2 * torch.randn(n)
    # The error of the argument is a slow wave of known size and slopes.
    wave, rate = 0.1 * torch.rand(n).double(), 3 * torch.rand(2, n).double()
    errors = torch.stack([wave, wave * rate[0], wave * rate[1]])
    u = TaylorModel(a.unsqueeze(-1), errors.unsqueeze(-1), torch.zeros(n, 1).double())
    activation = build_activation({**SMOOTH, **KINKED}[name])
    v, linearisation = apply_activation(u, activation, basis, shape)
    t = sample_cell(shape, 2).requires_grad_(True)
    values = evaluate(basis, a, t) + wave * torch.sin(t @ rate)
    remainder = activation.derive(values, 1)[0] - evaluate(basis, v.coefficients[..., 0], t)
    assert (remainder.abs().amax(0) <= v.errors[0, :, 0]).all()
    for at in range(0, n, 10):
        (slopes,) = torch.autograd.grad(remainder[:, at].sum(), t, retain_graph=True)
        assert (slopes.abs().amax(0) <= v.errors[1:, at, 0]).all()
        # What the linearisation leaves to the sources.
        wave_part = (wave * torch.sin(t @ rate))[:, at] * linearisation.slopes[at, 0]
        (carried,) = torch.autograd.grad(wave_part.sum(), t, retain_graph=True)
        left = (slopes - carried).abs().amax(0)
        assert (left <= linearisation.sources[:, at, 0]).all()


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_what_is_left_out_shrinks_with_the_power_of_the_degree_above(degree):
    basis, activation = Monomials(2, degree), build_activation(nn.Tanh())
    left = []
    for size in (0.08, 0.04):
        model = start_model(torch.full((1, 2), 0.3).double(), torch.full((1, 2), size), basis)
        left.append(apply_activation(model, activation, basis, "box")[1].sources.max().item())
    assert math.log2(left[0] / left[1]) == pytest.approx(degree + 1, abs=0.4)


@pytest.mark.parametrize("dim", [1, 2, 3, 6])
def test_no_matrix_within_the_radii_has_a_smaller_singular_value(dim):
    torch.manual_seed(dim)
    centers = torch.randn(300, dim, dim).double() * 10 ** torch.randn(300, 1, dim)
    radii = torch.rand(300, dim, dim).double() * 10 ** (-2 * torch.rand(300, 1, 1)) / dim
    bounds = compute_singular_value_bound(centers, radii)
    signs = torch.randint(-1, 2, (400, 1, dim, dim))
    least = torch.linalg.svdvals(centers + signs * radii)[..., -1].amin(0)
    assert (bounds <= least * (1 + 1e-12)).all() and (bounds > 0).sum() > 30


def test_singular_and_unknown_matrices_have_no_bound():
    centers = torch.tensor([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, torch.nan]]]).double()
    bounds = compute_singular_value_bound(centers, torch.zeros(2, 2, 2).double())
    assert bounds.tolist() == [0, 0]
    radii = torch.tensor([[[0.0, 0.0], [0.0, 1.0]]]).double()
    assert compute_singular_value_bound(torch.eye(2).double()[None], radii).item() == 0
