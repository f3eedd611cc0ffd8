"""From a run folder back to a model: the recorded recipe is called again, then given weights."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from immersion.check import UserError
from immersion.data import Dataset, Spec, binarize, standardise
from immersion.data import load as load_data
from immersion.data.restoration import disable_rotation, load_pictures
from immersion.data.segmentation import load_segmentation
from immersion.engine import Experiment
from immersion.models import GAN
from immersion.models.inverse import encoder_for
from immersion.nn import Architecture
from immersion.random import use_seed
from immersion.recipes import RECIPES
from immersion.recipes.image_to_image import patches_of
from immersion.run_folder import RunFolder, rename_legacy_keys


@dataclass(frozen=True)
class Run:
    """A trained run: its record, its model, and its data when they are asked for.

    Args:
        folder: Where it lies.
        record: The contents of `run.json`.
        spec: What the recipe knew of the data.
        model: In evaluation mode, with the averaged weights where an average was kept.
        experiment: What the recipe returned.
        read: The data, where they have been read already.
    """

    folder: RunFolder
    record: dict[str, Any]
    spec: Spec
    model: nn.Module
    experiment: Experiment
    read: Dataset | None = None

    @cached_property
    def data(self) -> Dataset:
        """Return the data that the model was trained on, made binary as they were for training.

        Raises:
            UserError: They are not the same any more.
        """
        if self.read is not None:
            return self.read
        data = self.record["data"]
        dataset = read_data(self.record["recipe"], data["source"], data["size"])
        if dataset.checksums != data["checksums"]:
            raise UserError(
                "the data are not those that the model was trained on",
                "the checksums in run.json",
                f"others of '{data['source']}'",
                "restore the data, or train again",
            )
        return binarize(dataset, self.experiment.binarize)


def load_model(path: str | Path) -> nn.Module:
    """Return the trained model in a run folder, ready to `encode` and `decode`.

    Raises:
        UserError: There is no run in that folder, or it has no checkpoint yet.
    """
    return load_run(path).model


def load_run(path: str | Path) -> Run:
    """Return the run in a folder, with its trained model.

    Raises:
        UserError: There is no run in that folder, or it has no checkpoint yet.
    """
    folder = RunFolder.open(path)
    record = folder.record()
    spec = parse_spec(record["data"]["spec"])
    experiment = build(record["recipe"], spec, record["arguments"], seed=0)
    try:
        experiment.model.load_state_dict(folder.weights())
    except RuntimeError as error:  # other names or shapes than the recipe builds
        remedy = "restore run.json from a copy, or train again"
        what = f"the weights in '{path}' do not fit its run.json"
        raise UserError(what, remedy=remedy) from error
    _attach_encoder(folder, experiment.model, spec)
    return Run(folder, record, spec, experiment.model.eval(), experiment)


def encoder_folder(folder: RunFolder) -> RunFolder:
    """Return where the encoder lies that was trained for a run's generator: a run of its own."""
    return RunFolder(folder.path / "encoder")


def made_by(folder: RunFolder) -> int:
    """Return the number of steps that the weights in a run folder are the work of."""
    checkpoint = folder.load_checkpoint()
    return 0 if checkpoint is None else checkpoint[1]["step"]


def _attach_encoder(folder: RunFolder, model: nn.Module, spec: Spec) -> None:
    """Give a generator the encoder that was trained for it, where there is one."""
    inner = encoder_folder(folder)
    if not (isinstance(model, GAN) and inner.exists() and inner.load_checkpoint()):
        return
    record = inner.record()
    if record["generator_step"] != made_by(folder):  # it knows an earlier generator's images
        return
    encoder = encoder_for(model, spec.shape, Architecture(**record["arguments"]["architecture"]))
    encoder.load_state_dict(inner.weights())
    model.encoder = encoder


def read_data(recipe: str, source: str, size: int | None) -> Dataset:
    """Return a data set as a recipe takes it: patches of pictures, or tables standardised."""
    patches = patches_of(RECIPES[recipe])
    if patches is None:
        return standardise(load_data(source, size=size))
    if patches.masked:
        return load_segmentation(source, size)
    pictures = load_pictures(source, size, patches.side, patches.shortest)
    return disable_rotation(pictures) if patches.upright else pictures


def build(recipe: str, spec: Spec, arguments: Mapping[str, Any], seed: int) -> Experiment:
    """Call a recipe by name with recorded or given arguments; the first weights come from `seed`.

    Args:
        recipe: A registered name.
        spec: The data.
        arguments: As the recipe takes them, or as JSON holds them (dataclasses as objects).
        seed: Seed of the first weights.
    """
    function = RECIPES[recipe]
    with use_seed(seed, "weights"):
        return function(spec, **revive(function, arguments))


def arguments_of(recipe: str) -> dict[str, inspect.Parameter]:
    """Return a recipe's arguments besides the data, by name, with resolved annotations.

    Example:
        >>> arguments_of("vae")["likelihood"].default
        'auto'
    """
    hints = typing.get_type_hints(RECIPES[recipe])
    parameters = list(inspect.signature(RECIPES[recipe]).parameters.values())[1:]
    return {p.name: p.replace(annotation=hints[p.name]) for p in parameters}


def revive(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with JSON objects made the dataclasses that the function asks for."""
    hints = typing.get_type_hints(function)
    arguments = rename_legacy_keys(arguments)
    unknown = sorted(set(arguments) - set(hints))
    if unknown:
        known = ", ".join(name for name in hints if name not in ("spec", "return"))
        raise UserError("the recipe has no such argument", known, ", ".join(unknown))
    return {
        name: hints[name](**value) if isinstance(value, dict) else value
        for name, value in arguments.items()
    }


def freeze(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as JSON holds them: dataclasses as objects, everything else as it is."""
    return {
        name: dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value
        for name, value in arguments.items()
    }


def parse_spec(recorded: Mapping[str, Any]) -> Spec:
    """Return the `Spec` that `dataclasses.asdict` made a JSON object of."""
    tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in recorded.items()}
    return Spec(**tuples)
