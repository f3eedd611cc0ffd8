"""Certificates: a bound is never above the truth, and a singular map never passes."""

import math

import pytest
import torch
from torch import nn

from immersion.check import UserError
from immersion.geometry.certificate.bound import compute_bounds
from immersion.geometry.certificate.certify import certify_immersion
from immersion.geometry.certificate.layers import Activate, Residual, Tape, compile_network
from immersion.geometry.certificate.polynomials import monomials
from immersion.geometry.certificate.radius import certify_radius
from immersion.geometry.certificate.taylor import start_model
from immersion.geometry.manifold import Manifold
from immersion.nn.conv import Crop
from immersion.nn.r3gan import Basis, Bottleneck, Up
from immersion.nn.residual import Block, Resize

ACTIVATIONS = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(0.2),
}


def build_dense(d: int, activation) -> nn.Module:
    return nn.Sequential(
        nn.Linear(d, 12), activation(), nn.Linear(12, 10), activation(), nn.Linear(10, 15)
    )


def build_conv(d: int, activation) -> nn.Module:
    return nn.Sequential(
        nn.Linear(d, 24),
        nn.Unflatten(1, (6, 2, 2)),
        activation(),
        nn.ConvTranspose2d(6, 4, 4, 2, padding=1),
        Crop(3, 4),
        nn.BatchNorm2d(4),
        activation(),
        nn.ZeroPad2d((0, 1, 1, 0)),
        nn.Conv2d(4, 2, 3, padding=1),
        nn.Upsample(scale_factor=2),
        nn.Flatten(),
        nn.BatchNorm1d(160),
    )


def build_residual(d: int, activation) -> nn.Module:
    return nn.Sequential(
        nn.Linear(d, 18),
        nn.Unflatten(1, (2, 3, 3)),
        Block(2, activation),
        Resize(2, 3, (5, 6)),
        Block(3, activation),
        activation(),
        nn.Conv2d(3, 1, 3, padding=1),
    )


def build_r3gan(d: int, activation) -> nn.Module:
    return nn.Sequential(
        Basis(d, 4, (2, 2)), Bottleneck(4, 2), Up(4, 3, (4, 4)), activation(), nn.Conv2d(3, 2, 1)
    )


def build_means(d: int, activation) -> nn.Module:
    return nn.Sequential(nn.Linear(d, 20), activation(), nn.Linear(20, 12), nn.Sigmoid())


BUILDERS = [build_dense, build_conv, build_residual, build_r3gan, build_means]


def randomize(network: nn.Module, gain: float) -> nn.Module:
    """Set weights that make the network nonlinear, zero ones included; evaluation mode."""
    for module in network.modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1.5, 1.5)
            nn.init.uniform_(module.running_var, 0.3, 2)
            nn.init.normal_(module.running_mean)
        elif weight is not None:
            fan_in = weight[0].numel()
            nn.init.normal_(weight, 0, gain / math.sqrt(fan_in))
        if getattr(module, "bias", None) is not None:
            nn.init.normal_(module.bias, 0, 0.5)
    return network.double().eval().requires_grad_(False)


def search_minimum(network, centers, radii, shape: str, rounds: int) -> torch.Tensor:
    """The smallest singular values that a shrinking random search finds in each cell."""
    n, d = centers.shape
    manifold = Manifold(network, d)
    best, least = torch.zeros(n, d, dtype=torch.float64), torch.full((n,), torch.inf).double()
    step = 1.0
    for _ in range(rounds):
        t = best.unsqueeze(1) + step * (2 * torch.rand(n, 30, d, dtype=torch.float64) - 1)
        t = t.clamp(-1, 1)
        if shape == "ball":
            t = t / t.norm(dim=-1, keepdim=True).clamp(min=1)
        z = centers.unsqueeze(1) + radii.unsqueeze(1) * t
        values = manifold.singular_values(z.flatten(0, 1))[:, -1].reshape(n, -1)
        found = t[torch.arange(n), values.argmin(1)]
        best = torch.where((values.amin(1) < least).unsqueeze(1), found, best)
        least = torch.minimum(least, values.amin(1))
        step *= 0.5
    return least


def walk(steps):
    for step in steps:
        yield from walk(step.branch) if isinstance(step, Residual) else [step]


def compare_with_search(seed: int, rounds: int = 5) -> tuple[int, float]:
    """The number of cells proved for a random network, and the worst of bound / minimum found."""
    generator = torch.Generator().manual_seed(seed)

    def pick(n: int) -> int:
        return int(torch.randint(n, (1,), generator=generator))

    torch.manual_seed(seed)
    builder, activation = BUILDERS[pick(5)], list(ACTIVATIONS.values())[pick(8)]
    d, degree, shape = 1 + pick(3), 1 + pick(4), ("box", "ball")[pick(2)]
    network = randomize(builder(d, activation), (0.8, 1.5, 3.0)[pick(3)])
    n = 6
    centers = 2 * torch.randn(n, d, dtype=torch.float64)
    size = 10 ** (-2 * torch.rand(n, 1, dtype=torch.float64))
    radii = size * (1 if shape == "ball" else torch.rand(n, d, dtype=torch.float64) + 0.1)
    radii = radii.expand(n, d).contiguous()
    steps = compile_network(network)
    found = compute_bounds(steps, centers, radii, monomials(d, degree), shape)
    least = search_minimum(network, centers, radii, shape, rounds)
    if all(not step.activation.kinked for step in walk(steps) if isinstance(step, Activate)):
        assert (found.values >= least - 1e-9).all()  # the centre is in the cell
    return int((found.bounds > 0).sum()), float((found.bounds - least).max())


def test_no_bound_is_above_the_minimum_that_a_search_finds():
    proved, above = 0, []
    for seed in range(120):
        count, excess = compare_with_search(seed)
        proved += count
        above += [(seed, excess)] if excess > 1e-12 else []
    assert not above
    assert proved > 300  # of 720 cells


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_model_of_a_network_contains_its_outputs_and_their_derivatives(builder, name):
    torch.manual_seed(0)
    network, basis = randomize(builder(2, ACTIVATIONS[name]), 1.5), monomials(2, 2)
    centers, radii = torch.randn(4, 2).double(), torch.full((4, 2), 0.2).double()
    model, tape = start_model(centers, radii, basis), Tape(basis, "box", [])
    for step in compile_network(network):
        model = step.propagate(model, tape)
    t = 2 * torch.rand(100, 2).double() - 1
    t[:4] = torch.tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    z = (centers + radii * t.unsqueeze(1)).flatten(0, 1)
    powers = torch.stack([(t ** torch.tensor(e)).prod(1) for e in basis.exponents], 1)
    polynomial = torch.einsum("tm,mno->tno", powers, model.coefficients.flatten(2))
    values = network(z).flatten(1).unflatten(0, (100, 4))
    excess = (values - polynomial).abs().amax(0) - model.errors[0].flatten(1)
    assert excess.max() < 1e-13  # the rounding of this comparison itself
    slopes = Manifold(network, 2).jacobian(z).unflatten(0, (100, 4)) * radii[0]
    rows = basis.differentiate(model.coefficients.flatten(2))
    for j in range(2):
        expected = torch.einsum("tm,mno->tno", powers[:, :3], rows[j])
        excess = (slopes[..., j] - expected).abs().amax(0) - model.errors[1 + j].flatten(1)
        assert excess.max() < 1e-13


@pytest.mark.parametrize("d", [1, 2, 3, 7])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_the_bound_of_a_linear_map_is_its_smallest_singular_value(d, degree):
    torch.manual_seed(d)
    network = nn.Sequential(nn.Linear(d, 30), nn.Linear(30, 40)).double()
    matrix = network[1].weight @ network[0].weight
    truth = torch.linalg.svdvals(matrix)[-1].item()
    low, high = -torch.rand(d) - 0.5, torch.rand(d) * 100
    certificate = certify_immersion(network, low, high, degree=degree)
    assert certificate.proved_fraction == 1 and certificate.evaluations == 1
    assert truth * (1 - 1e-4) < certificate.smallest_bound <= truth


def build_fold() -> nn.Module:
    """g(z) = (softplus(z_1) + softplus(-z_1), softplus(z_2)), singular where z_1 = 0 alone."""
    network = nn.Sequential(nn.Linear(2, 3), nn.Softplus(), nn.Linear(3, 2)).double()
    network[0].weight.data = torch.tensor([[1.0, 0], [-1, 0], [0, 1]]).double()
    network[2].weight.data = torch.tensor([[1.0, 1, 0], [0, 0, 1]]).double()
    network[0].bias.data.zero_()
    return network.requires_grad_(False)


@pytest.mark.parametrize("outputs", ["logits", "means"])
def test_undecided_cells_surround_the_fold_of_a_singular_map(outputs):
    low, high = torch.tensor([-2.0, -1.0]), torch.tensor([1.5, 1.0])
    found = certify_immersion(build_fold(), low, high, outputs=outputs, max_cells=3000)
    assert 0.98 < found.proved_fraction < 1
    undecided = found.undecided
    # Every undecided cell is near z_1 = 0, and none with a point of the fold is proved.
    near = torch.maximum(found.cells_low[:, 0], -found.cells_high[:, 0])
    assert (near[undecided] < 0.02).all()
    assert (near[~undecided] > 0).all()
    assert found.smallest_value < 0.01


def test_the_cells_of_a_certificate_tile_the_box():
    low, high = torch.tensor([-2.0, -1.0]), torch.tensor([1.5, 1.0])
    found = certify_immersion(build_fold(), low, high, max_cells=300)
    points = low + torch.rand(500, 2).double() * (high - low)
    inside = (points[:, None] >= found.cells_low) & (points[:, None] <= found.cells_high)
    assert (inside.all(-1).sum(1) == 1).all()
    volumes = (found.cells_high - found.cells_low).prod(1)
    assert volumes.sum().item() == pytest.approx(7, abs=1e-12)
    assert found.evaluations <= 300


def test_a_collapsed_latent_is_never_proved():
    torch.manual_seed(0)
    network = build_dense(3, nn.Tanh)
    network[0].weight.data[:, 1] = 0
    found = certify_immersion(network, -torch.ones(3), torch.ones(3), max_cells=200)
    assert found.proved_fraction == 0 and found.smallest_bound == 0
    assert not certify_radius(network, torch.randn(5, 3)).radii.any()


def test_parallel_columns_are_not_proved_by_rounding_errors():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 60))
    network[0].weight.data[:, 1] = network[0].weight.data[:, 0] / 8
    box = torch.full((2,), 1e-6)
    for shift in torch.randn(20, 2):
        found = certify_immersion(network, shift - box, shift + box, max_cells=50)
        assert found.proved_fraction == 0


def test_a_dead_rectifier_is_not_proved_and_a_living_one_is():
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    network[0].weight.data, network[0].bias.data = torch.eye(2), torch.ones(2)
    found = certify_immersion(network, -torch.ones(2) / 2, torch.ones(2))
    assert found.proved_fraction == 1 and 0.999 < found.smallest_bound <= 1
    found = certify_immersion(network, -3 * torch.ones(2), torch.ones(2), max_cells=1000)
    # Both units are alive on (2 / 4)^2 of the box.
    assert 0.2 < found.proved_fraction <= 0.25


def test_a_threshold_is_exceeded_where_it_is_proved():
    torch.manual_seed(0)
    network = randomize(build_dense(2, nn.Tanh), 1.5)
    box = torch.ones(2)
    found = certify_immersion(network, -box, box, threshold=0.1, max_cells=3000)
    z = 2 * torch.rand(4000, 2).double() - 1
    values = Manifold(network, 2).singular_values(z)[:, -1]
    inside = (z[:, None] >= found.cells_low) & (z[:, None] <= found.cells_high)
    proved = (inside.all(-1) & ~found.undecided).any(1)
    assert (values[proved] > 0.1).all() and proved.double().mean() > 0.3
    assert found.bounds[~found.undecided].min() > 0.1


def test_a_radius_reaches_towards_the_fold_and_not_over_it():
    z = torch.tensor([[0.5, 0.0], [-1.0, 0.3], [0.0, 0.0], [2.0, -0.5]])
    for shape, share in (("ball", 0.7), ("box", 0.7)):
        found = certify_radius(build_fold(), z, shape=shape)
        assert (found.radii < z[:, 0].abs().double() + 1e-12).all()
        assert (found.radii[:2] > share * z[:2, 0].abs()).all() and found.radii[2] == 0


def test_batches_give_the_same_bounds_as_cells_one_by_one():
    torch.manual_seed(0)
    steps = compile_network(randomize(build_conv(2, nn.SiLU), 1.5))
    centers, radii = torch.randn(5, 2).double(), torch.full((5, 2), 0.05).double()
    basis = monomials(2, 3)
    together = compute_bounds(steps, centers, radii, basis, "box").bounds
    for n in range(5):
        alone = compute_bounds(steps, centers[n : n + 1], radii[n : n + 1], basis, "box").bounds
        torch.testing.assert_close(alone[0], together[n], rtol=1e-9, atol=1e-12)


def test_time_and_cells_are_limited():
    box = torch.ones(2)
    found = certify_immersion(build_fold(), -box, box, seconds=0)
    assert found.proved_fraction == 0 and found.evaluations == 0


@pytest.mark.parametrize(
    ("network", "arguments", "words"),
    [
        (nn.Sequential(nn.Linear(2, 3), nn.Softmax(1)), {}, "Softmax"),
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), {}, "eval"),
        (nn.Sequential(nn.Linear(2, 3), nn.GELU("tanh")), {}, "GELU"),
        (nn.Linear(3, 3), {}, "does not fit"),
        (nn.Linear(2, 3), {"degree": 7}, "degree"),
        (nn.Linear(2, 3), {"outputs": "mean"}, "outputs"),
    ],
)
def test_what_cannot_be_certified_is_a_sentence(network, arguments, words):
    with pytest.raises(UserError, match=words):
        certify_immersion(network, -torch.ones(2), torch.ones(2), **arguments)


def test_an_empty_box_is_a_sentence():
    with pytest.raises(UserError, match="empty"):
        certify_immersion(nn.Linear(2, 3), torch.zeros(2), torch.tensor([1.0, 0.0]))
