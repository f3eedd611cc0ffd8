"""Noise estimates on real pictures with known noise, on noise alone, and around each pixel."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from immersion.check import UserError
from immersion.imaging.dct import dct_matrix
from immersion.imaging.noise_estimation import LOCAL_REACH, estimate_local_noise, estimate_noise
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS
from immersion.nn.noise_aware import UNIT

SETS = Path(os.environ.get("IMMERSION_DATA", "/nowhere")) / "restoration"

needs_sets = pytest.mark.skipif(
    not (SETS / "BSD68").is_dir() or not (SETS / "Set12").is_dir(),
    reason="needs restoration/Set12 and restoration/BSD68 of IMMERSION_DATA",
)


@pytest.fixture(scope="module")
def pictures() -> list[torch.Tensor]:
    """Set12 and every sixteenth of BSD68, (1, H, W) each: 17."""
    files = sorted(SETS.glob("Set12/*.png")) + sorted(SETS.glob("BSD68/*.png"))[::16]
    grey = [np.asarray(Image.open(file).convert("L")) for file in files]
    return [torch.from_numpy(x.copy())[None] / 255 for x in grey]


def noisy(x: torch.Tensor, sigma: float, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return x + torch.randn(x.shape, generator=generator) * sigma / 255


@needs_sets
@pytest.mark.parametrize(
    "sigma, mean, worst", [(5, 0.4, 1), (15, 0.3, 1), (25, 0.4, 1), (50, 0.6, 1.5)]
)
def test_known_noise_is_found(pictures, sigma, mean, worst):
    found = torch.cat([estimate_noise(noisy(x, sigma, n)) for n, x in enumerate(pictures)]) * 255
    assert len(found) == 17
    assert (found - sigma).abs().mean() < mean
    assert (found - sigma).abs().max() < worst


@needs_sets
@pytest.mark.parametrize("sigma, mean, worst", [(15, 0.4, 2), (50, 1, 3)])
def test_noise_clipped_to_eight_bits_is_found(pictures, sigma, mean, worst):
    eight = [(noisy(x, sigma, n).clamp(0, 1) * 255).round() / 255 for n, x in enumerate(pictures)]
    found = torch.cat([estimate_noise(x) for x in eight]) * 255
    assert (found - sigma).abs().mean() < mean
    assert (found - sigma).abs().max() < worst


@needs_sets
def test_clean_pictures_have_little_noise(pictures):
    assert max(estimate_noise(x).item() for x in pictures) < 4 / 255


def test_every_channel_has_its_own():
    torch.manual_seed(0)
    sigma = torch.tensor([0.01, 0.05, 0.2])
    x = 0.5 + torch.randn(2, 3, 200, 200) * sigma.view(3, 1, 1)
    assert torch.allclose(estimate_noise(x), sigma.expand(2, 3), rtol=0.05)
    assert torch.equal(estimate_noise(x[1]), estimate_noise(x)[1])


@pytest.mark.parametrize("shape", [(8, 8), (64, 9), (1030, 1100), (1700, 2900)])
def test_any_size_and_always_the_same_number(shape):
    torch.manual_seed(0)
    x = 0.5 + torch.randn(1, *shape) * 0.1
    found = estimate_noise(x)
    few = 0.5 if min(shape) < 10 else 0.02
    assert found.item() == pytest.approx(0.1, rel=few)
    assert torch.equal(estimate_noise(x), found)


def test_light_and_contrast_do_not_matter():
    torch.manual_seed(0)
    x = torch.linspace(0.2, 0.7, 150).expand(1, 150, 150) + torch.randn(1, 150, 150) * 0.05
    assert torch.allclose(estimate_noise(x + 3), estimate_noise(x), rtol=1e-3)
    assert torch.allclose(estimate_noise(2 * x), 2 * estimate_noise(x), rtol=1e-3)


def test_flat_black_parts_do_not_hide_the_noise():
    torch.manual_seed(0)
    x = torch.full((1, 200, 200), 0.5)
    x[:, :, :100] = 0
    x = (x + torch.randn_like(x) * 0.1).clamp(0, 1)
    assert estimate_noise(x).item() == pytest.approx(0.1, rel=0.03)


def test_pictures_of_two_values_have_a_number():
    assert estimate_noise(torch.zeros(1, 30, 30)).item() == 0
    assert estimate_noise((torch.rand(1, 30, 30) > 0.5).float()).isfinite().all()


@pytest.mark.parametrize(
    "x", [torch.rand(1, 7, 30), torch.rand(30, 30), torch.zeros(1, 30, 30, dtype=torch.uint8)]
)
def test_what_has_no_block_is_refused(x):
    with pytest.raises(UserError, match="noise estimate"):
        estimate_noise(x)


def test_the_transform_is_the_defining_sum():
    x = torch.rand(8, 8, dtype=torch.float64)
    t = dct_matrix(8, x)
    n = torch.arange(8, dtype=torch.float64)
    for u, v in [(0, 0), (0, 3), (5, 2), (7, 7)]:
        waves = torch.cos((2 * n + 1) * u * torch.pi / 16)[:, None] * torch.cos(
            (2 * n + 1) * v * torch.pi / 16
        )
        factor = 0.25 * (0.5**0.5 if u == 0 else 1) * (0.5**0.5 if v == 0 else 1)
        assert (t @ x @ t.T)[u, v].item() == pytest.approx(factor * (waves * x).sum().item())


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
    network, seen = IMAGE_TO_IMAGE_NETWORKS["noise-aware"](2, 3, 1, 6, 1), []
    network.restorer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = torch.rand(1, 2, 20, 30)
    network(x)
    assert torch.equal(seen[0], torch.cat([x, estimate_local_noise(x) / UNIT], dim=1))
