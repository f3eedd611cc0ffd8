"""Metrics of coloured pictures against numbers worked out by hand, and MS-SSIM of large ones."""

import math

import pytest
import torch

from immersion.data.patches import PatchSplit
from immersion.evaluation.image_metrics import IMAGE_METRICS, compute_mean_chroma
from immersion.imaging.colour import lab_from_srgb
from immersion.likelihoods.gaussian import GaussianFixed
from immersion.metrics.restoration.psnr import quantise
from immersion.random import use_seed
from immersion.tasks.colourise import Colourise
from immersion.tasks.denoise import Denoise


def photographs(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sizes = [(16 + 4 * n, 20) for n in range(count)]
    return [
        torch.randint(60, 200, (3, *size), generator=generator, dtype=torch.uint8)
        for size in sizes
    ]


def compute(outputs, pictures, train=None):
    task = Colourise()
    pairs = [task.pair(picture[None] / 255, None) for picture in pictures]
    results = [
        (pair, GaussianFixed(pair.target.shape[1:], 1.0)(output(pair)))
        for pair, output in zip(pairs, outputs, strict=True)
    ]
    split = PatchSplit(tuple(train or pictures), side=8)
    return {
        name: e.value
        for name, e in IMAGE_METRICS["chroma"].compute(task, results, lambda: split).items()
    }


def test_the_truth_is_perfect_and_grey_is_the_baseline():
    pictures = photographs(2)
    found = compute([lambda pair: pair.target] * 2, pictures)
    assert found["psnr_chroma"] == 60 and found["colourfulness_error"] == 0
    assert found["colourfulness_grey"] < 0.5 < found["colourfulness_truth"]
    grey = compute([lambda pair: torch.zeros_like(pair.target)] * 2, pictures)
    for name in ("psnr_chroma", "colourfulness", "colourfulness_error"):
        assert grey[name] == grey[f"{name}_grey"]
    assert grey["psnr_chroma_gain_over_grey"] == 0
    gain = found["psnr_chroma"] - found["psnr_chroma_mean"]
    assert found["psnr_chroma_gain_over_mean"] == pytest.approx(gain)


def test_grey_is_as_far_as_the_chroma_is_large():
    """PSNR of grey is 20 log10(255 / rms(a, b)), but for rounding."""
    pictures = photographs(1)
    found = compute([lambda pair: pair.target], pictures)
    chroma = lab_from_srgb(pictures[0][None] / 255)[:, 1:]
    expected = 20 * math.log10(255 / chroma.square().mean().sqrt().item())
    assert found["psnr_chroma_grey"] == pytest.approx(expected, abs=0.02)


def test_the_mean_colour_is_that_of_the_training_pictures():
    orange = torch.tensor([200, 140, 90], dtype=torch.uint8).view(3, 1, 1)
    flat = orange.expand(3, 16, 16)
    a_b = lab_from_srgb(flat[None] / 255)[0, 1:, 0, 0]
    assert torch.allclose(compute_mean_chroma(PatchSplit((flat, flat), side=8)), a_b, atol=1e-4)
    found = compute([lambda pair: pair.target], [flat])
    assert found["psnr_chroma_mean"] == 60  # every pixel is the mean
    other = compute([lambda pair: pair.target], [flat], train=[flat.flip(0)])
    assert other["psnr_chroma_mean"] < other["psnr_chroma_grey"] < 60


def test_a_grey_picture_among_the_test_pictures_has_a_finite_score():
    grey = torch.full((3, 16, 16), 90, dtype=torch.uint8)
    found = compute([lambda pair: pair.target], [grey])
    assert found["psnr_chroma_grey"] == 60
    assert all(math.isfinite(value) for value in found.values())


def test_pictures_are_measured_as_they_are_saved():
    """Chroma that no screen shows counts as what is shown."""
    pictures = photographs(1)
    task = Colourise()
    pair = task.pair(pictures[0][None] / 255, None)
    found = compute([lambda pair: 3 * pair.target], pictures)
    shown = quantise(task.presentation.to_picture(pair.input, 3 * pair.target))
    error = (lab_from_srgb(shown) - lab_from_srgb(pictures[0][None] / 255))[:, 1:]
    expected = 20 * math.log10(255 / error.square().mean().sqrt().item())
    assert found["psnr_chroma"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("side", [160, 161])
def test_ms_ssim_needs_a_side_of_161_pixels(side):
    task, picture = Denoise(), torch.rand(1, 1, side, 170, generator=torch.manual_seed(0))
    with use_seed(0, "noise"):
        pair = task.pair(picture, None)
    p = GaussianFixed(pair.target.shape[1:], 0.1)(pair.target)
    found = IMAGE_METRICS["levels"].compute(task, [(pair, p)], None)
    assert ("ms_ssim" in found) == (side == 161)
    assert side == 160 or found["ms_ssim"].value == pytest.approx(1, abs=1e-4)
