"""Inpainting: sizes of holes, and inputs without their content."""

import torch

from immersion.random import use_seed
from immersion.tasks.inpaint import Inpaint, sample_holes


def test_holes_are_rectangles_up_to_half_a_side():
    with use_seed(0, "holes"):
        cut = sample_holes(500, 32, 48, torch.device("cpu"))
    assert cut.shape == (500, 1, 32, 48) and set(cut.unique().tolist()) == {0.0, 1.0}
    missing = cut.flatten(1).mean(1)
    assert (missing > 0).all()
    alone = [c for c in cut[:, 0].bool() if _is_rectangle(c)]
    heights = torch.tensor([c.any(1).sum() for c in alone])
    assert len(alone) > 50 and heights.min() == 1 and heights.max() == 16
    assert cut[:, :, 0].any() and cut[:, :, -1].any() and cut[..., 0].any() and cut[..., -1].any()


def _is_rectangle(cut: torch.Tensor) -> bool:
    return bool((cut == (cut.any(1)[:, None] & cut.any(0)[None])).all())


def test_inputs_are_independent_of_the_holes_content():
    x = torch.rand(4, 3, 32, 32)
    with use_seed(1, "holes"):
        first = Inpaint().pair(x, None)
    hole = first.weight.expand_as(x) == 1
    other = torch.where(hole, torch.rand_like(x), x)
    with use_seed(1, "holes"):
        again = Inpaint().pair(other, None)
    assert torch.equal(first.input, again.input)
    assert torch.equal(first.input[:, :3][~hole], x[~hole])


def test_known_pixels_are_unchanged():
    x = torch.rand(2, 3, 16, 16)
    pair = Inpaint().pair(x, None)
    filled = Inpaint().presentation.to_picture(pair.input, torch.rand_like(x))
    known = pair.weight.expand_as(x) == 0
    assert torch.equal(filled[known], x[known]) and not torch.equal(filled, x)
