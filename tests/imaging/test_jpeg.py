"""JPEG's loss against the files that Pillow (libjpeg) writes and reads."""

import io
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from immersion.check import UserError
from immersion.imaging.jpeg import CHROMINANCE, LUMINANCE, quantisation_steps, simulate_jpeg

SET5 = Path(os.environ.get("IMMERSION_DATA", "/nowhere")) / "restoration" / "Set5"


def there_and_back(picture: Image.Image, quality: int) -> torch.Tensor:
    """The picture from Pillow's file, 4:2:0, (C, H, W) in 0..255."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return levels(Image.open(file))


def levels(picture: Image.Image) -> torch.Tensor:
    x = torch.from_numpy(np.array(picture)).float()
    return x[None] if x.ndim == 2 else x.movedim(-1, 0)


def psnr(x: torch.Tensor, y: torch.Tensor) -> float:
    return 10 * math.log10(255**2 / max((x - y).square().mean().item(), 1e-6))


def scene(channels: int, height: int, width: int) -> Image.Image:
    """Waves, an edge and a little noise, so that no coefficient is a tie of an earlier file."""
    generator = torch.Generator().manual_seed(0)
    down, across = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)
    waves = [torch.sin(9 * (k + 1) * down * across + k) for k in range(channels)]
    x = 128 + 70 * torch.stack(waves) + 40 * (across > 0.6)
    x = x + 5 * torch.randn(x.shape, generator=generator)
    return Image.fromarray(x.movedim(0, -1).squeeze(-1).clamp(0, 255).round().byte().numpy())


@pytest.mark.parametrize("quality", [5, 10, 30, 49, 50, 75, 90, 95, 100])
@pytest.mark.parametrize("channels, height, width", [(1, 96, 160), (3, 96, 160), (3, 93, 131)])
def test_decodings_are_those_of_pillow(quality, channels, height, width):
    picture = scene(channels, height, width)
    ours = simulate_jpeg(levels(picture)[None] / 255, quality)[0] * 255
    theirs = there_and_back(picture, quality)
    assert ours.shape == theirs.shape
    assert psnr(ours, theirs) > 45  # they differ by rounding and by coefficients near a tie
    lost = psnr(ours, levels(picture)), psnr(theirs, levels(picture))
    assert lost[0] == pytest.approx(lost[1], abs=0.05 if quality < 100 else 0.3)


@pytest.mark.skipif(not SET5.is_dir(), reason="needs restoration/Set5 of IMMERSION_DATA")
@pytest.mark.parametrize("quality", [10, 50, 90])
def test_decodings_of_photographs_are_those_of_pillow(quality):
    pictures = [Image.open(file).convert("RGB") for file in sorted(SET5.glob("*.png"))]
    found = []
    for picture in pictures:
        ours = simulate_jpeg(levels(picture)[None] / 255, quality)[0] * 255
        found.append(psnr(ours, there_and_back(picture, quality)))
    assert len(found) == 5
    assert min(found) > 45
    assert sum(found) / 5 > 50


def test_steps_are_those_of_pillows_files():
    for quality in (5, 37, 50, 83, 100):
        file = io.BytesIO()
        scene(3, 16, 16).save(file, "JPEG", quality=quality)
        tables = Image.open(file).quantization
        for number, table in enumerate((LUMINANCE, CHROMINANCE)):
            ours = quantisation_steps(table, torch.tensor(float(quality))).flatten().tolist()
            assert ours == list(tables[number])


def test_every_picture_has_its_quality():
    x = levels(scene(3, 40, 56))[None].repeat(3, 1, 1, 1) / 255
    y = simulate_jpeg(x, torch.tensor([5, 50, 95]))
    for one, quality in zip(y, (5, 50, 95), strict=True):
        assert torch.equal(one[None], simulate_jpeg(x[:1], quality))


def test_a_flat_picture_loses_nothing_and_the_result_is_bytes():
    flat = torch.full((1, 3, 20, 20), 100 / 255)
    assert torch.equal(simulate_jpeg(flat, 100), flat)
    y = simulate_jpeg(torch.rand(1, 3, 20, 20) * 3 - 1, 30) * 255
    assert y.min() >= 0 and y.max() <= 255
    assert torch.allclose(y, y.round(), atol=1e-4)


@pytest.mark.parametrize(
    "x, quality",
    [
        (torch.rand(1, 2, 8, 8), 50),
        (torch.rand(3, 8, 8), 50),
        (torch.rand(2, 3, 8, 8), 101),
        (torch.rand(2, 3, 8, 8), 4),
        (torch.rand(2, 3, 8, 8), torch.tensor([50.0])),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), 50),
    ],
)
def test_what_makes_no_file_is_refused(x, quality):
    with pytest.raises(UserError):
        simulate_jpeg(x, quality)
