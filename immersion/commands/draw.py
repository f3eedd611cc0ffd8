"""`immersion sample`, `reconstruct`, `interpolate`, `manifold`: figures and arrays of a model."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import torch
from PIL.Image import Image, registered_extensions
from torch import Tensor

from immersion.check import UserError, check_at_least, check_choice
from immersion.commands.array_file import Chunks, write_arrays
from immersion.data import to_original_units
from immersion.data.dataset import to_float
from immersion.data.image_files import SUFFIXES, decode
from immersion.models import Generative, Translator
from immersion.models.codes import decode_means, encode_means
from immersion.models.latent_density import MixturePrior, WithLatentDensity
from immersion.models.refine import find_nearest_sample, refine_codes
from immersion.models.sampling import Samples, check_label, iterate_samples
from immersion.posteriors import has_density
from immersion.random import use_seed
from immersion.report import image_grid
from immersion.report.page import write_report
from immersion.run_folder import RunFolder
from immersion.runs import decoded_images, figures
from immersion.runs.generative import make_generative
from immersion.runs.load import Run, load_run
from immersion.spec import Spec

Result = dict[str, Any]


def sample(
    run: Path,
    *,
    count: int = 100,
    seed: int = 0,
    truncation: float = 0.0,
    label: str | None = None,
    out: Path | None = None,
) -> Result:
    """Sample examples: z ~ p(z), x ~ p(x|z); a picture of the first, and all values in a file.

    The file holds `x`, the samples, in the units of the data, and, where p(x|z) has noise, `mean`,
    E[x|z]; for a class-conditional model `y`, the class number of each sample; a .npy file holds
    x alone. It may be larger than the memory. An autoencoder has no prior: its codes are sampled
    from a mixture of Gaussians that is fitted to its training codes.

    Args:
        run: The run folder.
        count: Number of samples.
        seed: Seed of the samples.
        truncation: Codes are drawn from N(0, 1) cut to this on either side; 0 does not cut.
        label: Class of all samples, by name or number, for a class-conditional model; by default
            the class frequencies of the training data.
        out: Output file, .npz or .npy; by default samples/samples.npz in the run folder.
    """
    check_at_least(1, count=count)
    check_at_least(0, truncation=truncation)
    if out is not None:
        _check_target(out, (".npz", ".npy"))
    opened = load_run(run)
    model = make_generative(opened)
    kind = None if label is None else _parse_class(label, opened)
    samples = iterate_samples(model, count, seed, truncation=truncation, label=kind)
    shown = _Shown(figures.SHOWN if opened.spec.is_image else figures.SCATTERED)
    target = out or opened.folder.samples / "samples.npz"
    write_arrays(target, _convert_units(shown(samples), opened.spec, _has_noise(model)), count)
    result = {"run": str(run), "samples": str(target), "shape": [count, *opened.spec.shape]}
    if picture := _save_picture(opened, shown):
        result["picture"] = str(picture)
    if isinstance(model, WithLatentDensity):
        components = len(cast(MixturePrior, model.prior).weights)
        result["codes"] = f"drawn from {components} Gaussians fitted to the autoencoder's codes"
    return result


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


def _convert_units(chunks: Iterable[Samples], spec: Spec, noisy: bool) -> Chunks:
    for mean, x, y in chunks:
        yield {
            "x": to_original_units(x, spec),
            **({"mean": to_original_units(mean, spec)} if noisy else {}),
            **({} if y is None else {"y": y}),
        }


def _has_noise(model: Generative) -> bool:
    """Return whether x ~ p(x|z) differs from E[x|z]."""
    with torch.no_grad(), use_seed(0, "draws"):
        return has_density(model.decode(model.prior().sample((1,))))


def _save_picture(run: Run, shown: _Shown) -> Path | None:
    if run.spec.is_image:
        grid = image_grid.make_grid(torch.cat(shown.means), figures.COLUMNS)
        return figures.save(run.folder, "drawn.png", grid)
    if run.spec.dimensions == 1:
        return None
    return figures.save(run.folder, "drawn.svg", figures.draw_scatter(run, torch.cat(shown.draws)))


def _parse_class(label: str, run: Run) -> int:
    """Return the number of a class from its name or its number.

    Raises:
        UserError: The model has no classes, or no such one.
    """
    check_label(run.generator, 0)
    classes = run.spec.classes
    by_number = label not in classes and label.isdecimal()
    number = int(label) if by_number else classes.index(check_choice("class", label, classes))
    check_label(run.generator, number)
    return number


def reconstruct(
    run: Path, images: tuple[Path, ...] = (), *, refine: int = 0, out: Path | None = None
) -> Result:
    """Encode and decode examples: the mean of p(x|z) at the mean of q(z|x).

    Args:
        run: The run folder.
        images: Your own pictures, or folders of pictures; by default test examples.
        refine: Steps by which each code is improved: gradient descent on the squared error. A
            generator without an encoder starts from the nearest of 1,000 samples.
        out: Output picture; by default samples/reconstructions.png in the run folder.
    """
    opened = _load_image_run(run)
    x = (
        _read_images(images, opened)
        if images
        else figures.select_first(opened.data.test, figures.SHOWN // 2)
    )
    remade = decode_means(opened.decoder, _compute_codes(opened, x, refine))
    picture, error = image_grid.make_alternating_rows(x, remade), (remade - x).square()
    name = "own-reconstructions.png" if images else "reconstructions.png"
    target = _save(opened.folder, name, picture, out)
    return {
        "run": str(run),
        "picture": str(target),
        "examples": len(x),
        "squared_error": error.flatten(1).sum(1).mean().item(),
    }


def _compute_codes(run: Run, x: Tensor, refine: int) -> Tensor:
    """Return codes of x: the encoder's, or the nearest samples, improved by `refine` steps."""
    check_at_least(0, refine=refine)
    if refine and not run.decoder.encodes:
        z = find_nearest_sample(run.generator, x)
    else:
        z = encode_means(run.decoder, x)
    return refine_codes(run.decoder, x, z, refine) if refine else z


def interpolate(
    run: Path,
    *,
    path: Literal["auto", "linear", "spherical"] = "auto",
    pairs: int = 8,
    steps: int = 10,
    label: str | None = None,
    out: Path | None = None,
) -> Result:
    """Decode walks from one test example's code to another's.

    Without an encoder, or within a class, the walks are between codes sampled from the prior.

    Args:
        run: The run folder.
        path: linear, or spherical: the direction turns at constant speed and the norm changes
            linearly, which avoids the centre, where there are no codes; by default linear for a
            uniform prior and spherical otherwise.
        pairs: Number of walks.
        steps: Pictures per walk, both ends included.
        label: Class of all walks, by name or number, for a class-conditional model; by default
            the first one if the model does not encode.
        out: Output picture; by default samples/interpolation.png in the run folder, or
            samples/walks.png for codes of the prior.
    """
    check_at_least(1, pairs=pairs)
    check_at_least(2, steps=steps)
    opened = _load_image_run(run)
    kind = None if label is None else _parse_class(label, opened)
    seen = kind is None and opened.decoder.encodes
    a, b = (
        figures.select_ends(opened, pairs)
        if seen
        else figures.sample_ends(opened.generator, pairs)
    )
    way = figures.default_path(opened.decoder) if path == "auto" else path
    picture = decoded_images.draw_walks(opened.decoder, a, b, steps, way, kind or 0)
    target = _save(opened.folder, figures.name_walks(seen), picture, out)
    between = "test examples" if seen else "codes drawn from the prior"
    return {"run": str(run), "picture": str(target), "pairs": len(b), "between": between}


def manifold(
    run: Path,
    *,
    side: int = 20,
    units: tuple[int, int] | None = None,
    out: Path | None = None,
) -> Result:
    """Show the manifold: the unit square through the inverse Gaussian CDF, decoded.

    Args:
        run: The run folder.
        side: Pictures along each side.
        units: The two latent units that span the plane; by default the two with the largest KL.
        out: Output picture; by default samples/manifold.png in the run folder.
    """
    check_at_least(1, side=side)
    opened = _load_image_run(run)
    plane = figures.select_plane(opened, units)
    target = _save(
        opened.folder,
        "manifold.png",
        decoded_images.draw_manifold(opened.decoder, side, plane),
        out,
    )
    return {"run": str(run), "picture": str(target), "units": list(plane)}


def report(run: Path, *, beside: Path | None = None) -> Result:
    """Write a run's report.html again from its folder.

    Args:
        run: The run folder.
        beside: Another run, shown in a second column.
    """
    other = None if beside is None else RunFolder.open(beside)
    return {"run": str(run), "report": str(write_report(RunFolder.open(run), other))}


def _load_image_run(path: Path) -> Run:
    run = load_run(path)
    if isinstance(run.model, Translator):
        raise UserError(
            "an image-to-image network has no manifold to walk on",
            "a run of an autoencoder, a VAE or a GAN",
            f"a run of {run.record.recipe}",
            "see its report, or give it pictures with immersion apply",
        )
    if not run.spec.is_image:
        raise UserError(
            "only models of images can be shown as pictures",
            "examples of shape (C, H, W)",
            f"shape {run.spec.shape}",
            "see the report, or immersion sample, which saves the numbers",
        )
    return run


def _read_images(paths: tuple[Path, ...], run: Run) -> Tensor:
    """Return a user's pictures, and those of folders, as the model takes them."""
    if run.spec.values not in ("unit", "binary"):
        raise UserError(
            "pictures cannot be given to this model",
            "a model of grey or colour levels",
            f"one of {run.spec.values} values",
        )
    files = [file for path in paths for file in _list_pictures(path)]
    x = to_float(torch.stack([decode(file, run.spec.shape) for file in files]), "unit")
    binary = run.spec.values == "binary" or run.experiment.binarize != "none"
    return (x > 0.5).float() if binary else x


def _list_pictures(path: Path) -> list[Path]:
    """Return the pictures that a path names: itself, or those below the folder that it is."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise UserError(f"there is no picture in '{path}'")
    return found


def _save(folder: RunFolder, name: str, picture: Image, out: Path | None) -> Path:
    """Save a picture where the user wants it, by default among the run's samples."""
    if out is None:
        return figures.save(folder, name, picture)
    _check_target(out, registered_extensions())
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(out)
    return out


def _check_target(out: Path, endings: Iterable[str]) -> None:
    if out.suffix.lower() not in endings:
        arrays = ".npz" in endings
        known = "a name that ends in .npz or .npy" if arrays else "a picture, such as .png"
        raise UserError("the file cannot be written", known, f"'{out}'")
    if out.exists():
        raise UserError(f"'{out}' exists already", remedy="choose another --out, or remove it")
