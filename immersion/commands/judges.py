"""What is measured of an image-to-image network's outputs, for each kind of target."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.distributions import Distribution

from immersion.commands import class_judge
from immersion.data.dataset import to_float
from immersion.data.patches import PatchSplit
from immersion.evaluation import Estimate
from immersion.evaluation.restoration.colourfulness import (
    colourfulness,
    colourfulness_error,
    psnr_ab,
)
from immersion.evaluation.restoration.interval import central, coverage
from immersion.evaluation.restoration.psnr import psnr, quantised
from immersion.evaluation.restoration.ssim import ssim
from immersion.imaging import colour
from immersion.imaging.colour import lab_from_srgb
from immersion.tasks import Pair, Task
from immersion.tasks.colourise import CHROMA

Results = Iterable[tuple[Pair, Distribution]]
"""(pair, p(target | input)) of each picture, one at a time: a batch of one each."""

ROUNDED = 60.0
"""PSNR of chroma in dB of two pictures that differ by less than their rounding to 256 levels."""

Train = Callable[[], PatchSplit]
"""Reads the pictures that the network learnt from, for judges with a baseline that knows them."""

Judge = Callable[[Task, Results, Train], dict[str, Estimate]]


def levels(task: Task, results: Results, train: Train) -> dict[str, Estimate]:
    """Return PSNR and SSIM of the mean, PSNR of what the task starts from, and `interval_90`.

    The last is the share of values that lie in the 90 % interval which the network says.
    """
    units = {"psnr": "dB", "ssim": "", "psnr_before": "dB", "interval_90": "share"}
    values: dict[str, list[Tensor]] = {name: [] for name in units}
    for pair, p in results:
        made = quantised(p.mean)
        values["psnr"].append(psnr(made, pair.target))
        values["ssim"].append(ssim(made, pair.target))
        values["psnr_before"].append(psnr(task.base(pair.input), pair.target))
        values["interval_90"].append(coverage(*central(p.mean, p.stddev, 0.9), pair.target))
    return {name: Estimate.of(torch.cat(found), units[name]) for name, found in values.items()}


def holes(task: Task, results: Results, train: Train) -> dict[str, Estimate]:
    """Return the PSNR of what was missing alone, of the output and of mid-grey."""
    values: dict[str, list[Tensor]] = {"psnr_hole": [], "psnr_hole_before": []}
    for pair, p in results:
        for name, x in (("psnr_hole", p.mean), ("psnr_hole_before", task.base(pair.input))):
            values[name].append(psnr_where(quantised(x), pair.target, pair.weight))
    return {name: Estimate.of(torch.cat(found), "dB") for name, found in values.items()}


def psnr_where(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Return PSNR over the pixels of weight 1, (B,), in dB.

    Example:
        >>> x, y = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.1)
        >>> hole = torch.zeros(1, 1, 4, 4)
        >>> hole[..., :2] = 1
        >>> psnr_where(x, y, hole).round()
        tensor([20.])
    """
    weight = weight.expand_as(x)
    error = (weight * (x - y).square()).flatten(1).sum(1) / weight.flatten(1).sum(1)
    return -10 * error.log10()


def luma(task: Task, results: Results, train: Train) -> dict[str, Estimate]:
    """Return PSNR and SSIM of the brightness alone, without a border as wide as the scale."""
    values: dict[str, list[Tensor]] = {"psnr_y": [], "ssim_y": [], "psnr_y_before": []}
    for pair, p in results:
        target = brightness(pair.target)
        made, start = (brightness(quantised(x)) for x in (p.mean, task.base(pair.input)))
        values["psnr_y"].append(psnr(made, target, crop=task.scale))
        values["ssim_y"].append(ssim(made, target, crop=task.scale))
        values["psnr_y_before"].append(psnr(start, target, crop=task.scale))
    units = {"psnr_y": "dB", "ssim_y": "", "psnr_y_before": "dB"}
    return {name: Estimate.of(torch.cat(found), units[name]) for name, found in values.items()}


def chroma(task: Task, results: Results, train: Train) -> dict[str, Estimate]:
    """Return PSNR of chroma and colourfulness, of the output, of grey and of the mean colour."""
    mean = mean_chroma(train())
    values: dict[str, list[Tensor]] = {}
    for pair, p in results:
        truth = quantised(task.finish(pair.input, pair.target))
        lab_truth = lab_from_srgb(truth)
        coloured = {
            "": p.mean,
            "_grey": torch.zeros_like(pair.target),
            "_mean": mean.to(pair.target).view(2, 1, 1).expand_as(pair.target) / CHROMA,
        }
        measured = {"colourfulness_truth": colourfulness(truth)}
        for name, output in coloured.items():
            made = quantised(task.finish(pair.input, output))
            measured |= {
                f"psnr_chroma{name}": psnr_ab(lab_from_srgb(made), lab_truth).clamp(max=ROUNDED),
                f"colourfulness{name}": colourfulness(made),
                f"colourfulness_error{name}": colourfulness_error(made, truth),
            }
        for baseline in ("grey", "mean"):  # picture by picture: they differ more than methods do
            gain = measured["psnr_chroma"] - measured[f"psnr_chroma_{baseline}"]
            measured[f"psnr_chroma_gain_over_{baseline}"] = gain
        for name, value in measured.items():
            values.setdefault(name, []).append(value)
    return {
        name: Estimate.of(torch.cat(found), "dB" if name.startswith("psnr") else "M3")
        for name, found in values.items()
    }


def mean_chroma(split: PatchSplit) -> Tensor:
    """Return the mean (a, b) of pictures, (2,), over every fourth pixel of every fourth row.

    Example:
        >>> red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(3, 1, 1).expand(3, 8, 8)
        >>> mean_chroma(PatchSplit((red,), side=8)).round()
        tensor([80., 67.])
    """
    pixels = torch.cat([picture[:, ::4, ::4].flatten(1) for picture in split.pictures], dim=1)
    return lab_from_srgb(to_float(pixels, "unit").unsqueeze(2))[1:].flatten(1).mean(1)


def brightness(x: Tensor) -> Tensor:
    """Return BT.601's luma of colour pictures; grey ones as they are."""
    return colour.luma(x) if x.shape[1] == 3 else x


JUDGES: dict[str, tuple[Judge, dict[str, str]]] = {
    "levels": (
        levels,
        {"quantisation": "output rounded to 256 levels", "crop": "none", "channels": "all"},
    ),
    "holes": (
        holes,
        {"quantisation": "output rounded to 256 levels", "channels": "all", "pixels": "missing"},
    ),
    "luma": (
        luma,
        {
            "quantisation": "output rounded to 256 levels",
            "crop": "as many pixels as the factor on every side",
            "channels": "Y of BT.601, 16 to 235",
        },
    ),
    "chroma": (
        chroma,
        {
            "quantisation": "pictures rounded to 256 levels of sRGB",
            "crop": "none",
            "channels": "a and b of CIE Lab, peak 255, at most 60 dB",
        },
    ),
    "classes": (class_judge.classes, class_judge.PROTOCOL),
}
"""What a task's outputs are measured as -> the judge, and what its protocol says."""
