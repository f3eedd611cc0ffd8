"""Denoising: strengths, level maps, and learning from noisy pictures."""

import pytest
import torch

from immersion.check import UserError
from immersion.imaging.jpeg import simulate_jpeg
from immersion.random import use_seed
from immersion.tasks.denoise import NEIGHBOURS, Denoise, split_neighbours
from immersion.tasks.noises import NOISES, READING


def add_noise(task: Denoise, level: float, count: int = 4, side: int = 200) -> torch.Tensor:
    """Return flat pictures with a task's noise."""
    with use_seed(0, "noise"):
        return task.pair(torch.full((count, 1, side, side), level), None).input


def test_gaussian_noise_has_the_strength_in_levels_and_is_not_clipped():
    x = add_noise(Denoise(strength=(25, 25)), 0.02)
    assert x.std().item() * 255 == pytest.approx(25, rel=0.02) and x.min() < 0
    assert x.mean().item() == pytest.approx(0.02, abs=1e-3)


def test_strengths_are_uniform_over_pictures():
    x = add_noise(Denoise(strength=(10, 50)), 0.5, count=400, side=32)
    found = x.flatten(1).std(1) * 255
    assert found.min() < 14 and found.max() > 46
    assert found.mean().item() == pytest.approx(30, abs=2)


def test_photons_of_a_level_have_its_variance():
    x = add_noise(Denoise("poisson-gaussian", (50, 50)), 0.4)
    assert x.var().item() == pytest.approx(0.4 / 50 + READING**2, rel=0.03)


def test_salt_and_pepper_hits_the_share_of_pixels():
    x = add_noise(Denoise("salt-and-pepper", (30, 30)), 0.5)
    assert (x != 0.5).float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_jpeg_has_the_quality():
    clean = torch.rand(2, 3, 32, 32)
    pair = Denoise("jpeg", (40, 40)).pair(clean, None)
    assert torch.equal(pair.input, simulate_jpeg(clean, torch.full((2,), 40.0)))


@pytest.mark.parametrize("noise", NOISES)
def test_the_level_map_is_one_more_channel(noise):
    task = Denoise(noise, level_map=True)
    assert task.channels(3) == (4, 3)
    low, high = task.strengths
    pair = task.pair(torch.rand(50, 3, 8, 8), None)
    share = pair.input[:, 3]
    assert torch.equal(share, share[:, :1, :1].expand_as(share))
    assert low / high - 1e-6 <= share.min() < share.max() <= 1
    assert torch.equal(task.presentation.baseline(pair.input), pair.input[:, :3])
    assert task.presentation.prepare(pair.target, strength=high)[:, 3].unique().item() == 1


@pytest.mark.parametrize("noise", NOISES)
def test_protocols_are_the_published_strengths_in_the_range(noise):
    task = Denoise(noise)
    for each in task.protocols().values():
        low, high = each.strength
        assert low == high and task.strengths[0] <= low <= task.strengths[1]
    assert list(Denoise(strength=(20, 30)).protocols()) == ["sigma_25"]
    assert list(Denoise(strength=(3, 5)).protocols()) == ["sigma_4"]


def test_invalid_strengths_are_errors():
    with pytest.raises(UserError, match=r"strength of gaussian noise.*sigma from 0 to 255"):
        Denoise(strength=(30, 20))
    with pytest.raises(UserError, match="quality from 5 to 100"):
        Denoise("jpeg", (0, 50))


def test_all_pairs_of_neighbours_are_equally_frequent():
    squares = torch.arange(4.0).view(1, 1, 2, 2).repeat(1, 1, 200, 200)
    with use_seed(0, "neighbours"):
        one, other = split_neighbours(squares)
    found, counts = (
        torch.stack([one, other], -1).flatten(0, -2).long().unique(dim=0, return_counts=True)
    )
    assert {tuple(pair) for pair in found.tolist()} == set(NEIGHBOURS)
    assert (counts / counts.sum() - 1 / 8).abs().max() < 0.005


def test_neighbours_are_of_one_square_and_equal_across_channels():
    x = torch.arange(6 * 8 * 2.0).view(1, 2, 6, 8)
    one, other = split_neighbours(x)
    for sample in (one, other):
        assert sample.shape == (1, 2, 3, 4)
        assert torch.equal(sample[:, 1], sample[:, 0] + 48)
        rows, columns = sample[0, 0] // 8, sample[0, 0] % 8
        assert torch.equal(rows // 2, torch.arange(3.0)[:, None].expand(3, 4))
        assert torch.equal(columns // 2, torch.arange(4.0).expand(3, 4))


def test_the_error_to_a_noisy_neighbour_is_the_true_error_plus_the_noise():
    """E||f - g_2||^2 = E||f - x||^2 + sigma^2 for any f of g_1, where x is flat."""
    sigma, clean = 0.1, torch.full((1, 1, 1200, 1200), 0.5)
    with use_seed(0, "noise"):
        one, other = split_neighbours(clean + sigma * torch.randn_like(clean))
    for shrink in (0.0, 0.5, 1.0):
        f = 0.5 + shrink * (one - 0.5)
        against_noisy = (f - other).square().mean().item()
        against_clean = (f - 0.5).square().mean().item()
        assert against_noisy == pytest.approx(against_clean + sigma**2, rel=0.01)


def test_a_denoiser_with_noisy_targets_is_evaluated_on_clean_pictures():
    task = Denoise(targets="noisy")
    assert list(task.protocols()) == ["neighbours"]
    assert (
        task.on_clean_pictures().targets == "clean"
        and "sigma_25" in task.on_clean_pictures().protocols()
    )
    with pytest.raises(UserError, match="is unknown"):
        Denoise(strength=(0, 5), level_map=True, targets="noisy")
