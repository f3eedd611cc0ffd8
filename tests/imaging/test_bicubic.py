"""Bicubic resizing against a pixel at a time, and against the published row of Set5."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from immersion.check import UserError
from immersion.imaging.bicubic import keys_kernel, output_size, resize, weight_blocks
from immersion.imaging.colour import luma

SET5 = Path(os.environ.get("IMMERSION_DATA", "/nowhere")) / "restoration" / "Set5"
PUBLISHED = {2: 33.66, 3: 30.39, 4: 28.42}  # dB

needs_set5 = pytest.mark.skipif(
    not SET5.is_dir(), reason="needs restoration/Set5 of IMMERSION_DATA"
)


def one_pixel(row: list[float], i: int, scale: float) -> float:
    """Output i of a row, counted from 1 as MATLAB counts, straight from the definition."""
    shrink = min(scale, 1.0)
    u = i / scale + 0.5 * (1 - 1 / scale)
    total = weight = 0.0
    for j in range(math.floor(u - 2 / shrink) - 1, math.ceil(u + 2 / shrink) + 2):
        t = abs(shrink * (u - j))
        if t <= 1:
            k = 1.5 * t**3 - 2.5 * t**2 + 1
        elif t <= 2:
            k = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        else:
            continue
        mirrored = j
        while not 1 <= mirrored <= len(row):
            mirrored = 1 - mirrored if mirrored < 1 else 2 * len(row) + 1 - mirrored
        total, weight = total + k * row[mirrored - 1], weight + k
    return total / weight


@pytest.mark.parametrize("scale", [1 / 2, 1 / 3, 1 / 4, 2, 3, 4, 0.37, 1.6, 0.05, 1])
@pytest.mark.parametrize("size", [1, 7, 24, 301])
def test_each_output_is_the_mean_that_the_kernel_asks_for(scale, size):
    row = torch.rand(size, dtype=torch.float64)
    expected = [one_pixel(row.tolist(), i, scale) for i in range(1, output_size(size, scale) + 1)]
    found = resize(row.expand(2, 1, size), scale)
    assert found.shape == (2, math.ceil(scale), len(expected))
    assert torch.allclose(found[1, 0], torch.tensor(expected).double(), atol=1e-12)


def test_rows_and_columns_are_resized_alike():
    x = torch.rand(2, 3, 20, 31)
    assert torch.allclose(resize(x.mT, 0.4).mT, resize(x, 0.4), atol=1e-6)
    assert torch.equal(resize(x, 1), x)


def test_parabolas_are_enlarged_exactly_away_from_the_border():
    at = torch.arange(20, dtype=torch.float64)
    finer = (torch.arange(60, dtype=torch.float64) + 0.5) / 3 - 0.5
    found = resize((at**2).expand(20, 20), 3)[30]
    assert torch.allclose(found[6:-6], (finer**2)[6:-6], atol=1e-10)


def test_no_matrix_grows_with_the_square_of_the_side():
    blocks = weight_blocks(6000, 0.5, torch.float32, torch.device("cpu"))
    assert sum(a.numel() for _, a in blocks) < 300 * 3000


def test_gradients_flow_even_when_inference_asked_first():
    weight_blocks.cache_clear()
    with torch.inference_mode():
        resize(torch.rand(1, 9, 9), 2)
    x = torch.rand(1, 9, 9, requires_grad=True)
    resize(x, 2).sum().backward()
    assert x.grad.sum().item() == pytest.approx(18 * 18, rel=1e-5)


def test_autocast_does_not_touch_the_picture():
    x = torch.rand(1, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = resize(x, 2)
    assert torch.equal(found, resize(x, 2))


def test_kernel_sums_to_one_at_any_offset():
    t = torch.linspace(0, 1, 11)[:, None] + torch.arange(-3, 4)
    assert torch.allclose(keys_kernel(t).sum(1), torch.ones(11), atol=1e-6)


def test_round_off_of_a_third_adds_no_pixel():
    for share in range(1, 60):
        assert all(output_size(share * n, 1 / share) == n for n in range(1, 200))


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(UserError, match="scale"):
        resize(torch.rand(1, 4, 4), scale)


def test_bytes_are_refused():
    with pytest.raises(UserError, match="floating"):
        resize(torch.zeros(1, 4, 4, dtype=torch.uint8), 2)


def pictures(scale: int) -> list[torch.Tensor]:
    """Set5 in [0, 1], (3, H, W), cropped at the bottom and right to multiples of the scale."""
    files = [np.asarray(Image.open(file).convert("RGB")) for file in sorted(SET5.glob("*.png"))]
    x = [torch.from_numpy(file.copy()).movedim(-1, 0).double() / 255 for file in files]
    return [p[:, : p.shape[1] // scale * scale, : p.shape[2] // scale * scale] for p in x]


def eight_bits(x: torch.Tensor) -> torch.Tensor:
    return torch.floor(x.clamp(0, 1) * 255 + 0.5) / 255


def psnr(x: torch.Tensor, y: torch.Tensor, crop: int) -> float:
    error = (x - y)[..., crop:-crop, crop:-crop].square().mean().item()
    return -10 * math.log10(error)


@needs_set5
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_published_row_by_the_protocol_that_made_it(scale):
    # Y of the 8-bit picture, rounded to 8 bits (rgb2ycbcr of a uint8 image); shrunk and enlarged
    # in floats with no rounding between; rounded to 8 bits; border of `scale` pixels left out.
    truth = [eight_bits(luma(x)) for x in pictures(scale)]
    found = [psnr(eight_bits(resize(resize(y, 1 / scale), scale)), y, scale) for y in truth]
    assert len(found) == 5
    assert sum(found) / 5 == pytest.approx(PUBLISHED[scale], abs=0.005)


@needs_set5
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_published_row_by_way_of_an_8_bit_colour_picture(scale):
    # What networks are given: RGB shrunk, rounded to 8 bits, enlarged, rounded, and Y of that.
    x = pictures(scale)
    enlarged = [eight_bits(resize(eight_bits(resize(p, 1 / scale)), scale)) for p in x]
    pairs = zip(enlarged, x, strict=True)
    found = [psnr(eight_bits(luma(a)), eight_bits(luma(b)), scale) for a, b in pairs]
    assert sum(found) / 5 == pytest.approx(PUBLISHED[scale], abs=0.02)
