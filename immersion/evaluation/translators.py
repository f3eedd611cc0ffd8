"""Evaluation of image-to-image networks on whole pictures, under a named protocol."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from immersion.batch import Split
from immersion.check import UserError
from immersion.data import Dataset
from immersion.data.catalogue import is_set_name
from immersion.data.dataset import to_float
from immersion.data.patches import PatchSplit
from immersion.data.restoration import load_pictures
from immersion.data.segmentation import load_segmentation
from immersion.evaluation.image_metrics import IMAGE_METRICS, INTERVAL
from immersion.models import Translator
from immersion.models.pooled import pool_predictions
from immersion.models.prediction import Prediction
from immersion.pretrained.trained_model import ImageModel
from immersion.progress import track
from immersion.random import use_seed
from immersion.tasks import Pair, Task

POOLED = 16
"""Samples of the code whose outputs are pooled."""

SMALL = "whole; the network sees them with a shorter side of {} pixels, and its answer is enlarged"

PROTOCOL = {
    "pictures": "whole, in tiles that see as far as the network does",
    "draws": "seed 0 for each picture",
}


def evaluate_translator(trained: ImageModel, on: str = "") -> dict[str, Any]:
    """Evaluate a translator under each setting of its task.

    Args:
        trained: The trained model.
        on: Clean pictures: a data set, of which the test split is taken, or a folder, of which
            all are, unless the network was trained on it; by default the test split of the
            network's training data.

    Returns:
        `protocol` and `estimates`, as evaluation.json holds them.
    """
    split, model = select_pictures(trained, on), trained.model
    metrics = IMAGE_METRICS[model.task.metrics]
    task = model.task.on_clean_pictures() if on else model.task
    estimates = {}
    for setting, fixed in task.protocols().items():
        pairs = predict_pairs(model, fixed, split, f"{setting}: pictures")
        measured = metrics.compute(fixed, pairs, lambda: check_patches(trained.read_data().train))
        if not model.has_uncertainty:
            measured.pop(INTERVAL, None)
        estimates[setting] = {measure: asdict(estimate) for measure, estimate in measured.items()}
    data = {"data": on or trained.spec.name, "count": len(split.pictures)}
    if model.code is not None:
        data["codes"] = f"{POOLED} draws, pooled"
    if model.presentation.shorter_side:
        data["pictures"] = SMALL.format(model.presentation.shorter_side)
    return {"protocol": PROTOCOL | metrics.protocol | data, "estimates": estimates}


def predict_pairs(
    model: Translator, task: Task, split: PatchSplit, label: str = "pictures"
) -> Iterator[tuple[Pair, Distribution]]:
    """Yield the pair of each whole picture, and the prediction p(target | input).

    Args:
        model: The model.
        task: The task, with its settings fixed.
        split: The pictures.
        label: Label of the progress bar.
    """
    for number, picture in enumerate(track(split.pictures, len(split.pictures), label)):
        x = to_float(picture, "unit").unsqueeze(0)
        y = split.masks[number].long().unsqueeze(0) if split.masks else None
        # Published tables use the same noise for every picture; the same holes would be no test.
        with use_seed(0, "degradation", number if task.presentation.fills_holes else 0):
            pair = task.pair(x, y)
        yield pair, predict_distribution(model, pair.input)


def select_pictures(trained: ImageModel, on: str) -> PatchSplit:
    """Return the pictures to evaluate on.

    Raises:
        UserError: The pictures have other channels or other classes than the network.
    """
    of_classes = trained.model.presentation.classes
    data = (load_segmentation if of_classes else load_pictures)(on) if on else trained.read_data()
    own = str(Path(on).expanduser().resolve()) == trained.origin.data_source
    split = check_patches(data.test) if not on or is_set_name(on) or own else merge_splits(data)
    if data.spec.shape[0] != trained.channels:
        raise UserError(
            "the network is for other pictures",
            f"{trained.channels} channels",
            f"{data.spec.shape[0]} in '{on}'",
            "choose another set, or another network",
        )
    if of_classes and len(data.spec.classes) > len(trained.spec.classes):
        raise UserError(
            "the network is for other classes",
            f"{len(trained.spec.classes)} of them",
            f"{len(data.spec.classes)} in '{on}'",
            "choose another set, or another network",
        )
    return split


def check_patches(split: Split) -> PatchSplit:
    """Return a split of whole pictures; raise UserError if it is none."""
    if isinstance(split, PatchSplit):
        return split
    received = type(split).__name__
    raise UserError("there are no whole pictures to evaluate on", "a set of pictures", received)


def merge_splits(data: Dataset) -> PatchSplit:
    """Return all pictures of a data set as one split."""
    splits = [check_patches(split) for split in (data.train, data.validation, data.test)]
    return replace(
        splits[-1],
        pictures=tuple(picture for split in splits for picture in split.pictures),
        masks=tuple(mask for split in splits for mask in split.masks),
    )


def predict_distribution(model: Translator, given: Tensor) -> Distribution:
    """Return p(target | input) of whole pictures; of a model with a code, pooled over its samples.

    A network that sees pictures small predicts a Gaussian about its enlarged answer.
    """
    with torch.inference_mode():
        if model.code is not None:
            return pool_predictions(
                make_gaussian(model.predict(given, draw)) for draw in range(POOLED)
            )
        if model.presentation.shorter_side:
            return make_gaussian(model.predict(given))
        return model.distribution(given)


def make_gaussian(prediction: Prediction) -> Independent:
    """Return N(mean, uncertainty^2) of whole pictures."""
    if prediction.uncertainty is None:
        raise ValueError("classes have no Gaussian")
    normal = Normal(prediction.mean, prediction.uncertainty, validate_args=False)
    return Independent(normal, 3)
