"""A picture made small and large again lies where it lay."""

import pytest
import torch
from torch.nn.functional import interpolate

from immersion.imaging.thumbnail import shrink, shrink_factor, upsample_window


@pytest.mark.parametrize("size", [(70, 100), (300, 400), (100, 101), (33, 470)])
def test_a_ramp_comes_back_in_its_place(size):
    """Sizes of which the scaled sides are no whole numbers."""
    height, width = size
    ramp = torch.arange(float(width)).expand(1, 1, height, width)
    scale = shrink_factor(size, 32)
    back = upsample_window(shrink(ramp, 32), scale, range(height), range(width))
    inner = slice(int(2 / scale) + 1, width - int(2 / scale) - 1)  # beyond, the mirror is felt
    assert (back - ramp)[..., inner].abs().max() < 0.02
    turned = upsample_window(shrink(ramp.mT, 32), scale, range(width), range(height))
    assert torch.allclose(turned, back.mT, atol=1e-3)


def test_a_window_is_a_part_of_the_whole_and_halves_are_those_of_pytorch():
    x = torch.rand(2, 3, 9, 13)
    whole = upsample_window(x, 0.5, range(18), range(26))
    assert torch.allclose(whole, interpolate(x, scale_factor=2, mode="bilinear"), atol=1e-6)
    part = upsample_window(x, 0.5, range(3, 30), range(5, 8))
    assert torch.equal(part[..., :15, :], whole[..., 3:, 5:8])
    assert torch.equal(part[..., 15:, :], whole[..., -1:, 5:8].expand(2, 3, 12, 3))
    assert torch.equal(upsample_window(x, 1.0, range(9), range(13)), x)
