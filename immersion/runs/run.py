"""A run: its record and its trained model, and what one does with them from Python."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from immersion.check import UserError, check_at_least, check_choice
from immersion.data import Dataset, MemorySplit, binarize, log_volume
from immersion.data.array_conversion import check_finite
from immersion.data.transforms import binarize_split
from immersion.engine import Experiment
from immersion.metrics.likelihood.scores import name_score, score_examples
from immersion.models import Decoder, Generative, LatentVariableModel
from immersion.models.codes import decode_means, encode_means, with_class
from immersion.models.sampling import check_label, iterate_samples
from immersion.random import use_seed
from immersion.recipes import Recipe
from immersion.report.page import write_report
from immersion.run_folder import RunFolder
from immersion.run_record import RunRecord
from immersion.runs.containers import Container, Examples, make_frame_container, read_examples
from immersion.runs.training_data import read_recorded_data
from immersion.runs.walks import walk
from immersion.spec import Spec

COMPARED = 1000
"""Most validation examples that scores are compared with."""

IMPORTANCE_SAMPLES = 10
"""Codes for each example of a score."""


class Scores(NamedTuple):
    """Scores of examples: the larger, the more probable.

    Args:
        values: (N,), in nats if the model has a density, for tables in their own units.
        percentile: (N,) percentage of validation examples with a smaller score; None if those
            are not at hand.
        name: Name of the score: the bound on log p(x), or `negative squared error`.
    """

    values: Any
    percentile: Any
    name: str


@dataclass(frozen=True)
class Run:
    """A view of a run folder: its record, its model and, when they are read, its data.

    Args:
        folder: The run folder.
        record: The contents of `run.json`.
        experiment: The result of the recorded recipe call, with the trained model.
        read: The data, not binarized, if they have been read already.
        recipe: The recipe; None for a model that was built in Python.
        paths: Paths of data and code on this machine, of a run that is being started.

    Example:
        >>> import tempfile
        >>> import immersion as im
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = im.train("vae", x, out=f"{folder}/run", steps=20, progress=False)
        >>> run.encode(x).shape, run.reconstruct(x).shape, run.sample(5).shape
        ((200, 1), (200, 3), (5, 3))
    """

    folder: RunFolder
    record: RunRecord
    experiment: Experiment
    read: Dataset | None = None
    recipe: Recipe | None = None
    paths: Mapping[str, Any] = field(default_factory=dict)

    def __fspath__(self) -> str:
        return str(self.folder.path)

    def __repr__(self) -> str:
        steps = "not trained yet" if self.record.step is None else f"step {self.record.step:,}"
        what = f"{self.record.model_name} on {self.record.data.source}"
        return f"<Run of {what}, {steps}, in '{self.path}'>"

    @property
    def path(self) -> Path:
        """Return the run folder's path."""
        return self.folder.path

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
            f"a run of {self.record.model_name}",
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
            "the model has no prior",
            "a run of a VAE or a GAN",
            f"a run of {self.record.model_name}",
        )

    @cached_property
    def spec(self) -> Spec:
        """Return the description of the training data."""
        return Spec.from_json(self.record.data.spec)

    @cached_property
    def data(self) -> Dataset:
        """Return the training data, binarized as in training.

        Raises:
            UserError: The data are not where they were, or have changed since the training.
        """
        return binarize(self.unbinarized, self.experiment.binarize)

    @cached_property
    def unbinarized(self) -> Dataset:
        """Return the training data before they are binarized."""
        if self.read is not None:
            return self.read
        return read_recorded_data(self.folder, self.record, self.recipe)

    @cached_property
    def has_data(self) -> bool:
        """Return whether the training data are at hand and unchanged."""
        try:
            return len(self.data.train) > 0
        except UserError:
            return False

    @property
    def history(self) -> dict[str, np.ndarray]:
        """Return the metrics as columns: step, split, seconds and every term; NaN where absent.

        `pandas.DataFrame(run.history)` is a table of them.
        """
        rows = self.folder.metrics()
        names = list(dict.fromkeys(name for row in rows for name in row))
        return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """Return the contents of `evaluation.json`, or None."""
        return self.folder.evaluation()

    def report(self) -> Path:
        """Write the report again, and return its path."""
        return write_report(self.folder)

    def encode(self, x: Any) -> Any:
        """Return codes, (N, d), the posterior means E[z|x] of examples.

        Args:
            x: Examples as `im.train` takes them: (N, D), (N, C, H, W), ...; a DataFrame; pictures.

        Returns:
            An array; of a tensor a tensor, of a DataFrame a DataFrame with the same index.
        """
        examples = self.prepare(x)
        return examples.container.wrap_numbers(self.encode_examples(examples), self.code_names)

    def encode_examples(self, examples: Examples) -> Tensor:
        """Return codes, (N, d), of prepared examples."""
        return encode_means(self.decoder, examples.x)

    def decode(self, z: Any) -> Any:
        """Return E[x|z], (N, *shape), of codes, (N, d).

        Values are in the units of the data. Codes in a tensor give a tensor, codes in a DataFrame
        a DataFrame.
        """
        from immersion.data.intake import as_array, as_frame, select_columns  # imports narwhals

        if (frame := as_frame(z)) is not None:
            named = set(self.code_names) <= set(frame.columns)
            codes = select_columns(frame, self.code_names if named else ())
            container = make_frame_container(frame)
        else:
            container = Container("tensor" if isinstance(z, Tensor) else "array")
            codes = np.atleast_2d(as_array("the codes", z))
        model = self.decoder
        if codes.ndim != 2 or codes.shape[1] not in (model.latent_dim, model.noise_dim):
            raise UserError("these are no codes", f"(N, {model.latent_dim})", codes.shape)
        check_finite("the codes", codes)
        full = with_class(model, torch.tensor(codes, dtype=torch.float32), 0)
        return container.wrap_examples(decode_means(model, full), self.spec)

    def reconstruct(self, x: Any) -> Any:
        """Return E[x|z], (N, *shape), at the mean codes of examples, in their kind of object.

        The function `immersion.reconstruct(run)` writes a picture of them instead.
        """
        examples = self.prepare(x)
        remade = decode_means(self.decoder, encode_means(self.decoder, examples.x))
        return examples.container.wrap_examples(remade, self.spec)

    def sample(
        self,
        count: int = 1,
        *,
        label: str | int | None = None,
        seed: int = 0,
        truncation: float = 0.0,
        noise: bool | None = None,
    ) -> Any:
        """Return samples, (count, *shape), in the units of the data: z ~ p(z), x ~ p(x|z).

        The function `immersion.sample(run)` writes them to a file instead.

        Args:
            count: Number of samples.
            label: Class of all samples of a class-conditional model, by name or number.
            seed: Seed of the samples.
            truncation: Codes are drawn from N(0, 1) cut to this on either side; 0 does not cut.
            noise: If True, x ~ p(x|z); if False, E[x|z]; by default with noise for tables and
                without for images.
        """
        from immersion.runs.generative import make_generative

        model = make_generative(self)
        kind = None if label is None else self.find_class(label)
        chunks = iterate_samples(model, count, seed, truncation=truncation, label=kind)
        noisy = not self.spec.is_image if noise is None else noise
        x = torch.cat([chunk.x if noisy else chunk.mean for chunk in chunks])
        library = self.record.data.library
        container = Container("frame", library=library) if library else Container()
        return container.wrap_examples(x, self.spec)

    def score(self, x: Any, importance_samples: int = IMPORTANCE_SAMPLES, seed: int = 0) -> Scores:
        """Return how probable examples are: a bound on log p(x) of each, in nats.

        Of a model without a density it is the negative squared error of the reconstruction.

        Args:
            x: Examples as in `encode`.
            importance_samples: k, codes for each example of the bound; see `score_examples`.
            seed: Seed of the codes.
        """
        return self.score_examples(self.prepare(x), importance_samples, seed)

    def score_examples(
        self, examples: Examples, importance_samples: int = IMPORTANCE_SAMPLES, seed: int = 0
    ) -> Scores:
        """Return scores of prepared examples; see `score`."""
        check_at_least(1, importance_samples=importance_samples)
        values = self._score(examples.x, importance_samples, seed)
        reference = self._score_validation(importance_samples, seed)
        percentile = None
        if reference is not None:
            below = torch.searchsorted(reference, values)
            percentile = 100 * below.double() / len(reference)
            percentile = _wrap_column(examples.container, percentile, "percentile")
        score = _wrap_column(examples.container, values, "score")
        return Scores(score, percentile, self.name_score(importance_samples))

    def name_score(self, importance_samples: int = IMPORTANCE_SAMPLES) -> str:
        """Return the name of a score, with its unit."""
        return name_score(self.decoder, importance_samples)

    def interpolate(self, a: Any, b: Any, *, steps: int = 10, path: str = "auto") -> Any:
        """Return decoded examples, (steps, *shape), between two examples' codes.

        The function `immersion.interpolate(run)` writes a picture of several walks instead.

        Args:
            a: The first example, one.
            b: The last example, one.
            steps: Examples on the way, both ends included.
            path: linear, spherical (the direction turns at constant speed), geodesic (the curve
                along which the examples change least), or auto: by the prior.
        """
        from immersion.runs.figures import default_path

        check_at_least(2, steps=steps)
        first, last = self.prepare(a), self.prepare(b)
        for name, each in (("a", first), ("b", last)):
            if len(each.x) != 1:
                raise UserError(f"{name} is not one example", "one", f"{len(each.x)} examples")
        way = default_path(self.decoder) if path == "auto" else path
        ends = [encode_means(self.decoder, each.x[:1]) for each in (first, last)]
        z = walk(self.decoder, ends[0], ends[1], steps, way)[0]
        return first.container.wrap_examples(decode_means(self.decoder, z), self.spec)

    def manifold(self, side: int = 20, units: tuple[int, int] | None = None) -> Image:
        """Return a picture of the learned manifold: a grid of codes, decoded.

        The function `immersion.manifold(run)` writes it to a file instead.

        Args:
            side: Images along each side.
            units: The two latent units that span the plane; by default those with the largest KL.

        Raises:
            UserError: The data are not images.
        """
        from immersion.runs.decoded_images import draw_manifold
        from immersion.runs.figures import select_plane

        check_at_least(1, side=side)
        if not self.spec.is_image:
            received = f"shape {self.spec.shape}"
            raise UserError("only images can be shown as pictures", "shape (C, H, W)", received)
        return draw_manifold(self.decoder, side, select_plane(self, units))

    def prepare(self, x: Any) -> Examples:
        """Return examples as the model takes them, read as in training; see `encode`.

        Raises:
            UserError: The model has no codes, or the examples do not suit it.
        """
        self.decoder  # noqa: B018 (raises)
        return read_examples(x, self.spec, self.experiment.binarize != "none")

    @property
    def code_names(self) -> list[str]:
        """Return the names of a code's columns: z1, z2, ..."""
        return [f"z{i + 1}" for i in range(self.decoder.latent_dim)]

    def find_class(self, label: str | int) -> int:
        """Return the number of a class from its name or its number.

        Raises:
            UserError: The model has no classes, or no such one.
        """
        check_label(self.generator, 0)
        word, classes = str(label), self.spec.classes
        by_number = word not in classes and word.isdecimal()
        number = int(word) if by_number else classes.index(check_choice("class", word, classes))
        check_label(self.generator, number)
        return number

    def _score(self, x: Tensor, importance_samples: int, seed: int) -> Tensor:
        device = next(self.model.parameters(), torch.empty(0)).device
        values = score_examples(self.decoder, x.to(device), importance_samples, seed)
        if isinstance(self.model, LatentVariableModel):  # a density of the table's own units
            values = values - log_volume(self.spec)
        # An example that is too far away for floats has the least score there is.
        return values.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)

    def _score_validation(self, importance_samples: int, seed: int) -> Tensor | None:
        """Return sorted scores of validation examples; None if the data are not at hand."""
        if not self.has_data:
            return None
        key = (importance_samples, seed)
        if key not in self._references:
            scores = self._score(self._validation, importance_samples, seed)
            self._references[key] = scores.sort().values
        return self._references[key]

    @cached_property
    def _validation(self) -> Tensor:
        """Validation examples as `prepare` reads examples: bits are levels cut at one half."""
        split = self.unbinarized.validation
        if self.experiment.binarize != "none" and self.unbinarized.spec.values == "unit":
            split = binarize_split(split, "threshold", "")
        elif isinstance(split, MemorySplit) and split.dynamic:
            split = binarize_split(replace(split, dynamic=False), "threshold", "")
        with use_seed(0, "reference"):  # items of some data sets are random
            return split.batch(torch.arange(min(COMPARED, len(split))))[0]

    @cached_property
    def _references(self) -> dict[tuple[int, int], Tensor]:
        """Scores of validation examples that have been computed, by k and seed."""
        return {}

    def _repr_html_(self) -> str:
        from immersion.runs.notebook import describe_html

        return describe_html(self)


def _wrap_column(container: Container, values: Tensor, name: str) -> Any:
    """Return one number per example, (N,); for a frame a series with its index."""
    wrapped = container.wrap_numbers(values.unsqueeze(1), [name])
    return wrapped[name] if container.kind == "frame" else wrapped[:, 0]
