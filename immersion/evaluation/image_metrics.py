"""The metrics of an image-to-image network's outputs, for each type of target."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from immersion.data.dataset import to_float
from immersion.data.patches import PatchSplit
from immersion.evaluation import segmentation
from immersion.imaging import colour
from immersion.imaging.colour import lab_from_srgb
from immersion.metrics import Estimate
from immersion.metrics.restoration.colourfulness import (
    compute_colourfulness,
    compute_colourfulness_error,
    compute_psnr_ab,
)
from immersion.metrics.restoration.interval import compute_interval, compute_interval_coverage
from immersion.metrics.restoration.psnr import compute_psnr, quantise
from immersion.metrics.restoration.ssim import SMALLEST, WINDOW, compute_ms_ssim, compute_ssim
from immersion.tasks import Pair, Task
from immersion.tasks.colourise import Colourise

Results = Iterable[tuple[Pair, Distribution]]
"""(pair, p(target | input)) of each picture, one at a time: batches of one."""

ROUNDED = 60.0
"""Largest PSNR in dB: of two pictures that differ by less than their rounding to 256 levels."""

INTERVAL = "interval_90"
"""Name of the share of values inside the network's own 90 % interval."""

ReadTraining = Callable[[], PatchSplit]
"""Reads the pictures that the network was trained on, for metrics with a baseline from them."""


class Means:
    """Metrics of one picture after another, each (1,), and their means."""

    def __init__(self) -> None:
        self.values: dict[str, list[Tensor]] = {}
        self.units: dict[str, str] = {}

    def add(self, name: str, value: Tensor, unit: str) -> None:
        """Add one picture's value."""
        self.values.setdefault(name, []).append(value)
        self.units[name] = unit

    def estimates(self) -> dict[str, Estimate]:
        """Return the mean of each metric over the pictures."""
        return {n: Estimate.of(torch.cat(v), self.units[n]) for n, v in self.values.items()}


def compute_level_metrics(
    task: Task, results: Results, train: ReadTraining
) -> dict[str, Estimate]:
    """Return PSNR, SSIM and MS-SSIM of the mean, PSNR of the task's base, and `interval_90`.

    A picture that is too small for a window has no SSIM, and none of a side below 161 pixels has
    MS-SSIM.
    """
    means = Means()
    for pair, p in results:
        made = quantise(p.mean)
        means.add("psnr", cap(compute_psnr(made, pair.target)), "dB")
        if min(made.shape[2:]) >= WINDOW:
            means.add("ssim", compute_ssim(made, pair.target), "")
        if min(made.shape[2:]) >= SMALLEST:
            means.add("ms_ssim", compute_ms_ssim(made, pair.target), "")
        means.add("psnr_before", cap(compute_psnr(get_base(task, pair), pair.target)), "dB")
        means.add(INTERVAL, compute_interval_share(p, pair), "share")
    return means.estimates()


def compute_hole_metrics(task: Task, results: Results, train: ReadTraining) -> dict[str, Estimate]:
    """Return the PSNR of missing pixels, of the output and of mid-grey, and `interval_90`."""
    means = Means()
    for pair, p in results:
        weight = cast(Tensor, pair.weight)
        for name, x in (("psnr_hole", p.mean), ("psnr_hole_before", get_base(task, pair))):
            psnr = compute_masked_psnr(quantise(x), pair.target, weight)
            means.add(name, cap(psnr), "dB")
        means.add(INTERVAL, compute_interval_share(p, pair), "share")
    return means.estimates()


def get_base(task: Task, pair: Pair) -> Tensor:
    """Return the picture that the task starts from; tasks of levels have one."""
    return cast(Tensor, task.presentation.baseline(pair.input))


def cap(decibels: Tensor) -> Tensor:
    """Return PSNR of at most 60 dB; for equal pictures it would be infinite."""
    return decibels.clamp(max=ROUNDED)


def compute_interval_share(p: Distribution, pair: Pair) -> Tensor:
    """Return the share of values that count and lie in their central 90 % interval, (1,)."""
    lower, upper = compute_interval(p.mean, p.stddev, 0.9)
    if pair.weight is None:
        return compute_interval_coverage(lower, upper, pair.target)
    inside = ((lower <= pair.target) & (pair.target <= upper)).double()
    weight = pair.weight.expand_as(inside)
    return (weight * inside).flatten(1).sum(1) / weight.flatten(1).sum(1)


def compute_masked_psnr(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Return PSNR over the pixels of weight 1, (B,), in dB.

    Example:
        >>> x, y = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.1)
        >>> hole = torch.zeros(1, 1, 4, 4)
        >>> hole[..., :2] = 1
        >>> compute_masked_psnr(x, y, hole).round()
        tensor([20.], dtype=torch.float64)
    """
    weight = weight.expand_as(x).double()
    error = (weight * (x - y).square()).flatten(1).sum(1) / weight.flatten(1).sum(1)
    return -10 * error.log10()


def compute_luma_metrics(task: Task, results: Results, train: ReadTraining) -> dict[str, Estimate]:
    """Return PSNR and SSIM of the brightness alone, without a border as wide as the scale."""
    means, crop = Means(), task.presentation.scale
    for pair, p in results:
        target = compute_luma(pair.target)
        made, start = (compute_luma(quantise(x)) for x in (p.mean, get_base(task, pair)))
        means.add("psnr_y", cap(compute_psnr(made, target, crop)), "dB")
        if min(made.shape[2:]) >= WINDOW + 2 * crop:
            means.add("ssim_y", compute_ssim(made, target, crop), "")
        means.add("psnr_y_before", cap(compute_psnr(start, target, crop)), "dB")
        means.add(INTERVAL, compute_interval_share(p, pair), "share")
    return means.estimates()


def compute_chroma_metrics(
    task: Colourise, results: Results, train: ReadTraining
) -> dict[str, Estimate]:
    """Return PSNR of chroma and colourfulness, of the output, of grey and of the mean colour."""
    mean, means = compute_mean_chroma(train()), Means()
    for pair, p in results:
        truth = quantise(task.presentation.to_picture(pair.input, pair.target))
        lab_truth = lab_from_srgb(truth)
        coloured = {
            "": p.mean,
            "_grey": task.presentation.grey(pair.input),
            "_mean": task.presentation.scale_chroma(mean.to(pair.target).view(2, 1, 1)).expand_as(
                pair.target
            ),
        }
        measured = {"colourfulness_truth": compute_colourfulness(truth)}
        for name, output in coloured.items():
            made = quantise(task.presentation.to_picture(pair.input, output))
            measured |= {
                f"psnr_chroma{name}": cap(compute_psnr_ab(lab_from_srgb(made), lab_truth)),
                f"colourfulness{name}": compute_colourfulness(made),
                f"colourfulness_error{name}": compute_colourfulness_error(made, truth),
            }
        for baseline in ("grey", "mean"):  # picture by picture: they differ more than methods do
            gain = measured["psnr_chroma"] - measured[f"psnr_chroma_{baseline}"]
            measured[f"psnr_chroma_gain_over_{baseline}"] = gain
        for name, value in measured.items():
            means.add(name, value, "dB" if name.startswith("psnr") else "M3")
        means.add(INTERVAL, compute_interval_share(p, pair), "share")
    return means.estimates()


def compute_mean_chroma(split: PatchSplit) -> Tensor:
    """Return the mean (a, b) of pictures, (2,), over every fourth pixel of every fourth row.

    Example:
        >>> red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(3, 1, 1).expand(3, 8, 8)
        >>> compute_mean_chroma(PatchSplit((red,), side=8)).round()
        tensor([80., 67.])
    """
    pixels = torch.cat([picture[:, ::4, ::4].flatten(1) for picture in split.pictures], dim=1)
    return lab_from_srgb(to_float(pixels, "unit").unsqueeze(2))[1:].flatten(1).mean(1)


def compute_luma(x: Tensor) -> Tensor:
    """Return BT.601's luma, from 16 to 235 of 255, of colour and of grey pictures."""
    return colour.luma(x) if x.shape[1] == 3 else (219 * x + 16) / 255


@dataclass(frozen=True)
class ImageMetrics:
    """The metrics of one type of target.

    Args:
        compute: Function (task, results, train) -> metric -> estimate.
        protocol: The conventions that the numbers depend on, in words.
    """

    compute: Callable[[Any, Results, ReadTraining], dict[str, Estimate]]
    protocol: dict[str, str]


IMAGE_METRICS = {
    "levels": ImageMetrics(
        compute_level_metrics,
        {
            "quantisation": "output rounded to 256 levels",
            "crop": "none",
            "channels": "all",
            "most": "60 dB",
        },
    ),
    "holes": ImageMetrics(
        compute_hole_metrics,
        {
            "quantisation": "output rounded to 256 levels",
            "channels": "all",
            "pixels": "missing",
            "draws": "another seed for each picture",
        },
    ),
    "luma": ImageMetrics(
        compute_luma_metrics,
        {
            "quantisation": "output rounded to 256 levels",
            "crop": "as many pixels as the factor on every side",
            "channels": "Y of BT.601, 16 to 235",
        },
    ),
    "chroma": ImageMetrics(
        compute_chroma_metrics,
        {
            "quantisation": "pictures rounded to 256 levels of sRGB",
            "crop": "none",
            "channels": "a and b of CIE Lab, peak 255, at most 60 dB",
        },
    ),
    "classes": ImageMetrics(segmentation.compute_class_metrics, segmentation.PROTOCOL),
}
"""Type of a task's target -> its metrics."""
