"""`immersion sample`: new examples as arrays, a table or pictures."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from immersion.check import check_at_least
from immersion.commands.array_file import ARRAYS, Chunks, write_arrays
from immersion.commands.table_file import Columns, check_table, write_table
from immersion.data import to_original_units
from immersion.models import Generative
from immersion.models.latent_density import MixturePrior, WithLatentDensity
from immersion.models.sampling import Samples, iterate_samples
from immersion.output_file import check_output, check_output_folder
from immersion.posteriors import has_density
from immersion.random import use_seed
from immersion.report import image_grid
from immersion.runs import figures
from immersion.runs.containers import make_columns, to_picture
from immersion.runs.generative import make_generative
from immersion.runs.load import Run, load_run
from immersion.spec import Spec


def sample(
    run: Path,
    *,
    count: int = 100,
    seed: int = 0,
    truncation: float = 0.0,
    label: str | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Write samples to a file, z ~ p(z), x ~ p(x|z), and a picture of the first.

    In Python, the method `run.sample` returns them instead and writes nothing.

    A .npz file holds `x`, the samples, in the units of the data, and, where p(x|z) has noise,
    `mean`, E[x|z]; for a class-conditional model `y`, the class number of each sample; a .npy file
    holds x alone; both may be larger than the memory. Of a table, .csv and .parquet have the
    columns of the training data: names, order and types. A folder receives pictures, E[x|z]. An
    autoencoder has no prior: its codes are sampled from a mixture of Gaussians that is fitted to
    its training codes.

    Args:
        run: The run folder.
        count: Number of samples.
        seed: Seed of the samples.
        truncation: Codes are drawn from N(0, 1) cut to this on either side; 0 does not cut.
        label: Class of all samples, by name or number, for a class-conditional model; by default
            the class frequencies of the training data.
        out: Output file, .npz, .npy, .csv or .parquet, or a folder for pictures; by default
            samples/samples.npz in the run folder.
    """
    check_at_least(1, count=count)
    check_at_least(0, truncation=truncation)
    out = None if out is None else Path(out)
    opened = load_run(run)
    if out is None:
        opened.folder.check_writable()
    else:
        _check_target(out, opened.spec)
    model = make_generative(opened)
    kind = None if label is None else opened.find_class(label)
    samples = iterate_samples(model, count, seed, truncation=truncation, label=kind)
    shown = _Shown(figures.SHOWN if opened.spec.is_image else figures.SCATTERED)
    target = out or opened.folder.samples / "samples.npz"
    _write(target, shown(samples), opened.spec, count, _has_noise(model))
    result = {
        "run": str(opened.path),
        "samples": str(target),
        "shape": [count, *opened.spec.shape],
    }
    if picture := _save_picture(opened, shown):
        result["picture"] = str(picture)
    if isinstance(model, WithLatentDensity):
        components = len(cast(MixturePrior, model.prior).weights)
        result["codes"] = f"drawn from {components} Gaussians fitted to the autoencoder's codes"
    return result


def _check_target(out: Path, spec: Spec) -> None:
    """Raise UserError if samples of these data cannot be written there."""
    if spec.is_image and not out.suffix:
        check_output_folder(out)
    elif spec.is_image:
        check_output(out, ARRAYS, expected=".npz, .npy or a folder for pictures")
    else:
        check_table(out, ARRAYS)


def _write(out: Path, samples: Iterable[Samples], spec: Spec, count: int, noisy: bool) -> None:
    ending = out.suffix.lower()
    if ending in ARRAYS:
        write_arrays(out, _convert_units(samples, spec, noisy), count)
    elif ending:
        write_table(out, (_make_columns(chunk, spec) for chunk in samples))
    else:
        out.mkdir(parents=True, exist_ok=True)
        digits = max(4, len(str(count - 1)))
        pictures = (to_picture(image) for chunk in samples for image in chunk.mean)
        for number, picture in enumerate(pictures):
            picture.save(out / f"{number:0{digits}d}.png")


def _make_columns(chunk: Samples, spec: Spec) -> Columns:
    rows = to_original_units(chunk.x.double(), spec).numpy()
    return make_columns(rows, spec, None if chunk.y is None else chunk.y.numpy())


def _convert_units(chunks: Iterable[Samples], spec: Spec, noisy: bool) -> Chunks:
    for mean, x, y in chunks:
        yield {
            "x": to_original_units(x, spec),
            **({"mean": to_original_units(mean, spec)} if noisy else {}),
            **({} if y is None else {"y": y}),
        }


class _Shown:
    """Chunks of samples, of which the first are kept for a picture."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.means: list[Tensor] = []
        self.draws: list[Tensor] = []

    def __call__(self, chunks: Iterable[Samples]) -> Iterator[Samples]:
        """Yield the chunks unchanged."""
        for chunk in chunks:
            if self.count > 0:
                self.means.append(chunk.mean[: self.count])
                self.draws.append(chunk.x[: self.count])
                self.count -= len(chunk.x)
            yield chunk


def _has_noise(model: Generative) -> bool:
    """Return whether x ~ p(x|z) differs from E[x|z]."""
    with torch.no_grad(), use_seed(0, "draws"):
        return has_density(model.decode(model.prior().sample((1,))))


def _save_picture(run: Run, shown: _Shown) -> Path | None:
    """Save a picture of the first samples; a table's needs its data, which may be gone."""
    if run.folder.read_only:
        return None
    if run.spec.is_image:
        grid = image_grid.make_grid(torch.cat(shown.means), figures.COLUMNS)
        return figures.save(run.folder, "drawn.png", grid)
    if run.spec.dimensions == 1 or not run.has_data:
        return None
    return figures.save(run.folder, "drawn.svg", figures.draw_scatter(run, torch.cat(shown.draws)))
