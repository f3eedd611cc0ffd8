"""Load runs: the recorded recipe call is built again and given the trained weights."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import nn

from immersion.check import UserError
from immersion.data import Dataset, binarize, standardise
from immersion.data import load as load_data
from immersion.data.restoration import disable_rotation, load_pictures
from immersion.data.segmentation import load_segmentation
from immersion.engine import Experiment
from immersion.models import GAN, Decoder, Generative
from immersion.models.inverse import build_encoder
from immersion.nn import Architecture
from immersion.random import use_seed
from immersion.recipes import RECIPES
from immersion.recipes.call import RecipeCall
from immersion.recipes.image_to_image import get_patches
from immersion.run_folder import RunFolder
from immersion.run_record import RunRecord
from immersion.spec import Spec


@dataclass(frozen=True)
class Run:
    """A view of a run folder: its record, its model and, when they are read, its data.

    Args:
        folder: The run folder.
        record: The contents of `run.json`.
        experiment: The result of the recorded recipe call, with the trained model.
        read: The data if they have been read already.
    """

    folder: RunFolder
    record: RunRecord
    experiment: Experiment
    read: Dataset | None = None

    @property
    def model(self) -> nn.Module:
        """Return the model; a loaded one is in evaluation mode, with averaged weights if any."""
        return self.experiment.model

    @property
    def decoder(self) -> Decoder:
        """Return the model if it has codes.

        Raises:
            UserError: It is of another kind.
        """
        if isinstance(self.model, Decoder):
            return self.model
        raise UserError(
            "the model has no codes",
            "a run of an autoencoder, a VAE or a GAN",
            f"a run of {self.record.recipe}",
        )

    @property
    def generator(self) -> Generative:
        """Return the model if it has a prior.

        Raises:
            UserError: It has none.
        """
        if isinstance(self.model, Generative):
            return self.model
        raise UserError(
            "the model has no prior", "a run of a VAE or a GAN", f"a run of {self.record.recipe}"
        )

    @cached_property
    def spec(self) -> Spec:
        """Return the description of the training data."""
        return Spec.from_json(self.record.data.spec)

    @cached_property
    def data(self) -> Dataset:
        """Return the training data, binarized as in training.

        Raises:
            UserError: The data have changed since the training.
        """
        if self.read is not None:
            return self.read
        data = self.record.data
        dataset = read_data(self.record.recipe, data.source, data.size)
        if dataset.checksums != data.checksums:
            raise UserError(
                "the data are not those that the model was trained on",
                "the checksums in run.json",
                f"others of '{data.source}'",
                "restore the data, or train again",
            )
        return binarize(dataset, self.experiment.binarize)


def load_model(path: str | Path) -> nn.Module:
    """Return the trained model in a run folder, in evaluation mode.

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
    spec = Spec.from_json(record.data.spec)
    experiment = RecipeCall(record.recipe, record.arguments).build(spec)
    folder.load_weights(experiment.model)
    if isinstance(experiment.model, GAN):
        _attach_encoder(folder, experiment.model, spec)
    experiment.model.eval()
    return Run(folder, record, experiment)


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


def read_data(recipe: str, source: str, size: int | None) -> Dataset:
    """Return the data set that a recipe trains on: patches of pictures, or standardised tables.

    Args:
        recipe: The recipe's name.
        source: A data set's name, or the path of a file or a folder.
        size: Side to which images are cropped and resized, or None.
    """
    patches = get_patches(RECIPES[recipe])
    if patches is None:
        return standardise(load_data(source, size=size))
    if patches.masked:
        return load_segmentation(source, size)
    pictures = load_pictures(source, size, patches.side, patches.shortest)
    return disable_rotation(pictures) if patches.upright else pictures
