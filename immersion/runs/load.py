"""Load runs: the recorded recipe call is built again and given the trained weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from immersion.check import UserError
from immersion.engine import Experiment
from immersion.models import GAN
from immersion.models.inverse import build_encoder
from immersion.nn import Architecture
from immersion.random import use_seed
from immersion.recipes import own
from immersion.recipes.call import RecipeCall
from immersion.recipes.identity import check_model
from immersion.run_folder import RunFolder
from immersion.run_record import RunRecord
from immersion.runs.run import Run
from immersion.runs.training_data import read_data, read_recorded_data
from immersion.spec import Spec

__all__ = ["Run", "load_model", "load_run", "read_data"]


def load_model(path: str | Path) -> nn.Module:
    """Return the trained model in a run folder, in evaluation mode.

    Raises:
        UserError: There is no run in that folder, or it has no checkpoint yet.
    """
    return load_run(path).model


def load_run(
    path: str | Path,
    *,
    model: nn.Module | None = None,
    recipe: str | Callable[..., Any] | None = None,
    data: Any = None,
) -> Run:
    """Return the run in a folder, with its trained model.

    Args:
        path: The run folder, the file of a model, or hf://user/name.
        model: A model with the names and shapes of the trained one, which receives its weights;
            by default it is built by the recorded recipe.
        recipe: The recipe, or its name, if it is outside the package.
        data: The training data; by default they are read from where they were.

    Raises:
        UserError: There is no run in that folder, or it has no checkpoint yet; or it was trained
            by code outside the package, which is not run unless the caller names it.
    """
    folder = RunFolder.open(path)
    record = folder.record()
    spec = Spec.from_json(record.data.spec)
    call = find_call(folder, record, recipe)
    if model is None:
        experiment = _build(call, record, spec)
    else:
        experiment = Experiment(model, (), record.model.get("binarize", "none"))
    if record.versions.get("torch") == torch.__version__:  # which prints modules alike
        check_model(record.experiment, experiment.model)
    folder.load_weights(experiment.model)
    if isinstance(experiment.model, GAN):
        _attach_encoder(folder, experiment.model, spec)
    experiment.model.eval()
    function = call.recipe if model is None else None
    read = None if data is None else read_recorded_data(folder, record, function, data)
    return Run(folder, record, experiment, read, function)


def find_call(
    folder: RunFolder, record: RunRecord, recipe: str | Callable[..., Any] | None = None
) -> RecipeCall:
    """Return the recorded recipe call; of a recipe that the caller gave, by its name."""
    if recipe is not None:
        name, file = own.trust(recipe)
        return RecipeCall(name, record.arguments, file)
    if folder.read_only and own.is_own(record.recipe):
        raise UserError(
            f"the model in '{folder.path}' was built by code outside the package, "
            f"'{record.recipe}', which a model's file does not hold and may not name",
            remedy="get that code from its author, and give it in Python: "
            "im.load(path, recipe=...)",
        )
    return RecipeCall(record.recipe, record.arguments, folder.paths().get("code", ""))


def _build(call: RecipeCall, record: RunRecord, spec: Spec) -> Experiment:
    if not record.recipe:
        raise UserError(
            "the run's model was built in Python, by no recipe",
            f"the model, a {record.model.get('class', 'module')}",
            remedy="pass it: im.load(run, model=...)",
        )
    return call.build(spec)


def _attach_encoder(folder: RunFolder, model: GAN, spec: Spec) -> None:
    """Give a generator its encoder, if there is one.

    An outdated encoder, which was trained for the weights of an earlier step, is left out.
    """
    inner = folder.encoder
    if not (inner.exists() and inner.load_checkpoint()):
        return
    record = inner.record()
    if record.generator_step != folder.checkpoint_step():
        return
    with use_seed(0, "weights"):
        encoder = build_encoder(
            model, spec.shape, Architecture(**record.arguments["architecture"])
        )
    encoder.load_state_dict(inner.weights())
    model.encoder = encoder
