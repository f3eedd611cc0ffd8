"""Minibatch standard deviation and spectral normalisation against what they should compute."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from immersion.check import UserError
from immersion.data.dataset import MemorySplit
from immersion.engine import Experiment, OptimizerSettings, Options, Player, train
from immersion.models import GAN, Discriminator
from immersion.nn import NETWORKS
from immersion.nn.augment import AdaptiveAugmentation
from immersion.nn.discriminator_layers import (
    MinibatchDeviation,
    add_minibatch_std,
    apply_spectral_norm,
    remove_batch_norm,
)
from immersion.objectives import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.games import GAMES
from immersion.objectives.penalties import Penalties, squared_slope
from immersion.priors import StandardNormal
from immersion.run_folder import RunFolder

JUDGES = ["dense", "conv", "dcgan", "r3gan"]


def build(name):
    torch.manual_seed(0)
    return NETWORKS[name]((1, 16, 16), (1,), 8, -1, nn.LeakyReLU)


def test_deviation_of_a_hand_example():
    """Features 1 and 3 differ by 2 (deviation 1), 5 and 5 not at all: their mean is 1/2."""
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    appended = MinibatchDeviation()(x)
    torch.testing.assert_close(appended[:, :2], x)
    torch.testing.assert_close(appended[:, 2], torch.full((2,), 0.50005))


@pytest.mark.parametrize("batch", [8, 6, 10, 5, 3, 2])
def test_groups_are_of_four_whatever_the_batch(batch):
    x = torch.randn(batch, 3)
    values = MinibatchDeviation()(x)[:, 3]
    stride = -(-batch // 4)
    for example in range(batch):
        members = (example % stride + stride * torch.arange(4)) % batch
        expected = x[members].std(dim=0, correction=0).mean()
        torch.testing.assert_close(values[example], expected, atol=2e-4, rtol=1e-4)
        assert values[example] > 0.01  # nothing has collapsed


@pytest.mark.parametrize("name", JUDGES)
def test_minibatch_deviation_starts_unheard_and_is_then_heard(name):
    network = build(name).eval()
    x = torch.rand(8, 1, 16, 16)
    seeing = add_minibatch_std(network)
    torch.testing.assert_close(seeing(x), network(x))
    seeing(x).sum().backward()
    heard = [layer for layer in seeing if isinstance(layer, nn.Linear)][-1]
    assert heard.weight.grad[:, -1].any()


def test_a_network_without_a_linear_end_is_refused():
    for layers in ([nn.Conv2d(1, 1, 3)], [nn.Linear(2, 2), nn.Conv1d(1, 1, 1)]):
        with pytest.raises(UserError, match="linear"):
            add_minibatch_std(nn.Sequential(*layers))


@pytest.mark.parametrize("name", JUDGES)
def test_normalised_weights_have_norm_one(name):
    network = apply_spectral_norm(build(name))
    with torch.no_grad():
        for _ in range(150):
            network(torch.rand(2, 1, 16, 16))
    weights = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert weights
    for weight in weights:
        assert abs(torch.linalg.matrix_norm(weight.flatten(1), 2).item() - 1) < 0.02


@pytest.mark.parametrize("name", JUDGES)
def test_without_batch_norm_an_example_is_independent(name):
    network = remove_batch_norm(build(name)).train()
    x = torch.rand(4, 1, 16, 16)
    torch.testing.assert_close(network(x)[:1], network(x[:1]))
    assert network(x).std() > 1e-3  # and the first weights let something through


@pytest.mark.parametrize("low", [False, True])
def test_normalised_discriminators_have_slopes_of_slopes(low):
    network = apply_spectral_norm(add_minibatch_std(build("r3gan")))
    x = torch.rand(4, 1, 16, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        real, fake = network(x).squeeze(1), network(torch.rand_like(x)).squeeze(1)
        (squared_slope(real, x) + fake).mean().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


def test_a_normalised_discriminator_is_copied_and_restored_bit_for_bit():
    network = apply_spectral_norm(build("dcgan"))
    x = torch.rand(4, 1, 16, 16)
    network(x)
    copy, restored = deepcopy(network), apply_spectral_norm(build("dcgan"))
    restored.load_state_dict(network.state_dict())
    for _ in range(2):
        expected = network(x)
        assert torch.equal(copy(x), expected) and torch.equal(restored(x), expected)


def test_singular_vectors_stand_still_in_evaluation():
    network = apply_spectral_norm(build("conv")).eval()
    before = deepcopy(network.state_dict())
    network(torch.rand(2, 1, 16, 16))
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


def game() -> Experiment:
    """A game with everything that a checkpoint must hold: norms, vectors, a probability."""
    network = apply_spectral_norm(add_minibatch_std(build("dcgan")))
    augment = AdaptiveAugmentation(examples=400)
    augment.probability.fill_(0.5)
    model = GAN(
        nn.Sequential(NETWORKS["dcgan"]((3,), (1, 16, 16), 8, -1, nn.ReLU), nn.Sigmoid()),
        Discriminator(network, levels=True, augmentation=augment),
        StandardNormal(3),
        latent_dim=3,
    )
    rules, adam = GAMES["non-saturating"](), OptimizerSettings(schedule="constant")
    loss = DiscriminatorLoss(rules, Penalties(r1=1.0))
    first = Player("discriminator", list(model.discriminator.parameters()), loss, adam)
    second = Player("generator", list(model.generator.parameters()), GeneratorLoss(rules), adam)
    return Experiment(model, (first, second))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_game_that_stops_and_goes_on_is_the_same_bit_for_bit(precision, tmp_path):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (24, 1, 16, 16), generator=generator, dtype=torch.uint8)
    split = MemorySplit(x, None, "unit")
    data = SimpleNamespace(train=split, validation=split)

    def play(name: str, steps: int) -> dict[str, torch.Tensor]:
        options = Options(
            steps=steps, batch_size=8, ema=0.9, validate_every=0, precision=precision
        )
        folder = RunFolder(tmp_path / name)
        train(game(), data, folder, options)
        return folder.load_checkpoint()[0]

    whole = play("whole", 6)
    play("halves", 3)
    halves = play("halves", 6)
    assert whole.keys() == halves.keys()
    assert [name for name in whole if not torch.equal(whole[name], halves[name])] == []
    assert 0.3 < whole["model/discriminator.augmentation.probability"] < 0.5  # it has moved
    vectors = [name for name in whole if name.startswith("model") and name.endswith(".u")]
    assert len(vectors) == 3
    for name in vectors:
        assert torch.equal(whole[name], whole[name.replace("model", "average", 1)])
