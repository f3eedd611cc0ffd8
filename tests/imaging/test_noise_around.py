"""What a denoiser is shown of the noise: its strength, where it is."""

import pytest
import torch

from immersion.imaging.noise_estimation import LOCAL_REACH, estimate_local_noise
from immersion.nn.aware import UNIT
from immersion.nn.translation import TRANSLATIONS


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("channels", [1, 3])
def test_white_noise_is_measured(sigma, channels):
    torch.manual_seed(0)
    found = estimate_local_noise(0.5 + sigma * torch.randn(1, channels, 200, 200).double())
    assert found.shape == (1, channels, 200, 200)
    assert found.mean((0, 2, 3)).tolist() == pytest.approx([sigma] * channels, rel=0.02)


def test_of_a_plane_nothing_is_seen_but_at_its_border():
    rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(50.0), indexing="ij")
    found = estimate_local_noise((0.01 * rows - 0.02 * columns).double()[None, None])
    inner = slice(LOCAL_REACH + 1, -LOCAL_REACH - 1)
    assert found[..., inner, inner].abs().max() < 1e-6


def test_noise_is_seen_where_it_is():
    torch.manual_seed(0)
    x = torch.zeros(1, 1, 80, 160).double()
    x[..., 80:] = 0.1 * torch.randn(80, 80)
    found = estimate_local_noise(x)
    assert found[..., : 80 - LOCAL_REACH - 1].max() == 0
    assert found[..., 80 + LOCAL_REACH + 1 :].mean().item() == pytest.approx(0.1, rel=0.05)


def test_a_channel_that_is_no_picture_has_none_and_changes_none():
    torch.manual_seed(0)
    x = torch.rand(1, 1, 40, 40).double()
    beside = torch.cat([x, torch.full_like(x, 0.3)], dim=1)
    found = estimate_local_noise(beside)
    assert torch.equal(found[:, :1], estimate_local_noise(x)) and found[:, 1].abs().max() < 1e-12


def test_the_restorer_is_shown_it():
    network, seen = TRANSLATIONS["aware"](2, 3, 1, 6, 1), []
    network.restorer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = torch.rand(1, 2, 20, 30)
    network(x)
    assert torch.equal(seen[0], torch.cat([x, estimate_local_noise(x) / UNIT], dim=1))
