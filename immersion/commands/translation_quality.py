"""How good an image-to-image network is, on whole pictures, under a named protocol."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.data import Dataset
from immersion.data.dataset import to_float
from immersion.data.patches import PatchSplit
from immersion.data.pictures import load_pictures
from immersion.evaluation import Estimate
from immersion.evaluation.restoration.psnr import psnr, quantised
from immersion.evaluation.restoration.ssim import ssim
from immersion.loading import Run
from immersion.models import Translator
from immersion.models.tiles import tiled
from immersion.random import seeded
from immersion.tasks import Pair, Task

Judge = Callable[[Task, Pair, Tensor], dict[str, tuple[Tensor, str]]]
"""(task, pair, mean of the output) -> measure -> (its value, (1,), and its unit)."""

PROTOCOL = {
    "pictures": "whole, in tiles that see as far as the network does",
    "noise": "unclipped, seed 0 for each picture",
    "quantisation": "the output is rounded to 256 levels",
    "crop": "none",
}


def translation_quality(run: Run, on: str = "") -> dict[str, Any]:
    """Measure a translator on each of its task's protocols.

    Args:
        run: The run.
        on: A set of pictures; by default the test split of the run's own data.

    Returns:
        protocol and estimates, as evaluation.json holds them.
    """
    pictures = _pictures(run, on)
    values: dict[str, list[Tensor]] = {}
    units: dict[str, str] = {}
    for name, task in run.model.task.protocols().items():
        for picture in pictures:
            x = to_float(picture, "unit").unsqueeze(0)
            with seeded(0, "degradation"):
                pair = task.pair(x, None)
            output = mean(run.model, pair.input)
            for measure, (value, unit) in levels(task, pair, output).items():
                values.setdefault(f"{measure}_{name}", []).append(value)
                units[f"{measure}_{name}"] = unit
    estimates = {
        name: asdict(Estimate.of(torch.cat(found), units[name])) for name, found in values.items()
    }
    protocol = PROTOCOL | {"data": on or run.spec.name, "count": len(pictures)}
    return {"protocol": protocol, "estimates": estimates}


def _pictures(run: Run, on: str) -> tuple[Tensor, ...]:
    data: Dataset = load_pictures(on) if on else run.data
    split = data.test
    if not isinstance(split, PatchSplit):
        raise UserError("there are no whole pictures to judge on", "a set of pictures", on)
    if data.spec.shape[0] != run.spec.shape[0]:
        raise UserError(
            "the network is for other pictures",
            f"{run.spec.shape[0]} channels",
            f"{data.spec.shape[0]} in '{on}'",
            "choose another set, or another run",
        )
    return split.pictures


def mean(model: Translator, given: Tensor) -> Tensor:
    """Return E[target | input] of whole pictures, (B, C_out, s H, s W)."""
    return distribution(model, given).mean


def distribution(model: Translator, given: Tensor):
    """Return p(target | input) of whole pictures."""
    with torch.inference_mode():
        raw = tiled(
            model.raw,
            given,
            halo=model.network.halo,
            multiple=model.network.multiple,
            scale=model.task.scale,
        )
        return model.likelihood(raw)


def levels(task: Task, pair: Pair, output: Tensor) -> dict[str, tuple[Tensor, str]]:
    """Return PSNR and SSIM of the output, and the PSNR of what the task starts from."""
    made = quantised(output)
    start = task.base(pair.input)
    return {
        "psnr": (psnr(made, pair.target), "dB"),
        "ssim": (ssim(made, pair.target), ""),
        "psnr_before": (psnr(start, pair.target), "dB"),
    }
