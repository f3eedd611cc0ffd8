"""Minibatch standard deviation and spectral normalisation against what they should compute."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from immersion.check import UserError
from immersion.nn import NETWORKS
from immersion.nn.judge import MinibatchDeviation, spectrally_normalised, with_minibatch_std
from immersion.objectives.penalties import squared_slope

JUDGES = ["dense", "conv", "dcgan", "r3gan"]


def judge(name):
    torch.manual_seed(0)
    return NETWORKS[name]((1, 16, 16), (1,), 8, -1, nn.LeakyReLU)


def test_deviation_of_a_hand_example():
    """Features 1 and 3 differ by 2 (deviation 1), 5 and 5 not at all: their mean is 1/2."""
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    appended = MinibatchDeviation()(x)
    torch.testing.assert_close(appended[:, :2], x)
    torch.testing.assert_close(appended[:, 2], torch.full((2,), 0.50005))


@pytest.mark.parametrize(("batch", "group"), [(8, 4), (6, 3), (10, 2), (5, 1)])
def test_groups_are_four_or_the_largest_divisor_below(batch, group):
    x = torch.randn(batch, 3)
    values = MinibatchDeviation()(x)[:, 3]
    for first in range(batch // group):
        members = torch.arange(first, batch, batch // group)
        assert len(members) == group
        expected = x[members].std(dim=0, correction=0).mean()
        torch.testing.assert_close(values[members], expected.expand(group), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("name", JUDGES)
def test_minibatch_deviation_starts_unheard_and_is_then_heard(name):
    network = judge(name).eval()
    x = torch.rand(8, 1, 16, 16)
    seeing = with_minibatch_std(network)
    torch.testing.assert_close(seeing(x), network(x))
    seeing(x).sum().backward()
    heard = [layer for layer in seeing if isinstance(layer, nn.Linear)][-1]
    assert heard.weight.grad[:, -1].any()


def test_a_network_without_a_linear_end_is_refused():
    for layers in ([nn.Conv2d(1, 1, 3)], [nn.Linear(2, 2), nn.Conv1d(1, 1, 1)]):
        with pytest.raises(UserError, match="linear"):
            with_minibatch_std(nn.Sequential(*layers))


@pytest.mark.parametrize("name", JUDGES)
def test_normalised_weights_have_norm_one(name):
    network = spectrally_normalised(judge(name))
    with torch.no_grad():
        for _ in range(150):
            network(torch.rand(2, 1, 16, 16))
    weights = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert weights
    for weight in weights:
        assert abs(torch.linalg.matrix_norm(weight.flatten(1), 2).item() - 1) < 0.02


@pytest.mark.parametrize("low", [False, True])
def test_normalised_judges_have_slopes_of_slopes(low):
    network = spectrally_normalised(with_minibatch_std(judge("r3gan")))
    x = torch.rand(4, 1, 16, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        real, fake = network(x).squeeze(1), network(torch.rand_like(x)).squeeze(1)
        (squared_slope(real, x) + fake).mean().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


def test_a_normalised_judge_is_copied_and_restored_bit_for_bit():
    network = spectrally_normalised(judge("dcgan"))
    x = torch.rand(4, 1, 16, 16)
    network(x)
    copy, restored = deepcopy(network), spectrally_normalised(judge("dcgan"))
    restored.load_state_dict(network.state_dict())
    for _ in range(2):
        expected = network(x)
        assert torch.equal(copy(x), expected) and torch.equal(restored(x), expected)


def test_singular_vectors_stand_still_in_evaluation():
    network = spectrally_normalised(judge("conv")).eval()
    before = deepcopy(network.state_dict())
    network(torch.rand(2, 1, 16, 16))
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
