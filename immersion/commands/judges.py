"""What is measured of an image-to-image network's outputs, for each kind of target."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.distributions import Distribution

from immersion.evaluation import Estimate
from immersion.evaluation.restoration.psnr import psnr, quantised
from immersion.evaluation.restoration.ssim import ssim
from immersion.imaging import colour
from immersion.tasks import Pair, Task

Results = Iterable[tuple[Pair, Distribution]]
"""(pair, p(target | input)) of each picture, one at a time: a batch of one each."""

Judge = Callable[[Task, Results], dict[str, Estimate]]


def levels(task: Task, results: Results) -> dict[str, Estimate]:
    """Return PSNR and SSIM of the mean, and the PSNR of what the task starts from."""
    values: dict[str, list[Tensor]] = {"psnr": [], "ssim": [], "psnr_before": []}
    for pair, p in results:
        made = quantised(p.mean)
        values["psnr"].append(psnr(made, pair.target))
        values["ssim"].append(ssim(made, pair.target))
        values["psnr_before"].append(psnr(task.base(pair.input), pair.target))
    units = {"psnr": "dB", "ssim": "", "psnr_before": "dB"}
    return {name: Estimate.of(torch.cat(found), units[name]) for name, found in values.items()}


def luma(task: Task, results: Results) -> dict[str, Estimate]:
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


def brightness(x: Tensor) -> Tensor:
    """Return BT.601's luma of colour pictures; grey ones as they are."""
    return colour.luma(x) if x.shape[1] == 3 else x


JUDGES: dict[str, tuple[Judge, dict[str, str]]] = {
    "levels": (
        levels,
        {"quantisation": "output rounded to 256 levels", "crop": "none", "channels": "all"},
    ),
    "luma": (
        luma,
        {
            "quantisation": "output rounded to 256 levels",
            "crop": "as many pixels as the factor on every side",
            "channels": "Y of BT.601, 16 to 235",
        },
    ),
}
"""What a task's outputs are measured as -> the judge, and what its protocol says."""
