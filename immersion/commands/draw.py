"""`immersion sample`, `reconstruct`, `interpolate`, `manifold`: what the model draws."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL.Image import Image, registered_extensions
from torch import Tensor

from immersion.batch import Split
from immersion.check import UserError, at_least
from immersion.data import own_units
from immersion.data.dataset import to_float
from immersion.data.images import SUFFIXES, decode
from immersion.loading import Run, open_run
from immersion.models import LatentVariableModel
from immersion.random import seeded
from immersion.report import figures, pictures
from immersion.report.page import write_report
from immersion.run_folder import RunFolder

Result = dict[str, Any]

SHOWN = 100
"""Draws and originals in a report's pictures."""

DECODED = 250
"""Codes decoded at a time."""

SCATTERED = 5000
"""Codes in a latent scatter, rows in a table's."""


def sample(run: Path, *, count: int = 100, seed: int = 0, out: Path | None = None) -> Result:
    """Draw examples: z ~ p(z), x ~ p(x|z); a picture of the means, and the numbers as .npz.

    The file holds `x`, the draws, and `mean`, E[x|z], in the units of the data.

    Args:
        run: The run folder.
        count: Number of draws.
        seed: Seed of the draws.
        out: Where the numbers go; by default samples/samples.npz in the run folder.
    """
    at_least(1, count=count)
    opened = open_run(run)
    if not isinstance(opened.model, LatentVariableModel):
        raise UserError(
            "an autoencoder has no distribution to draw codes from",
            "a model with a prior",
            f"a run of '{opened.record['recipe']}'",
            "train a vae",
        )
    mean, x = _drawn(opened, count, seed)
    target = out or opened.folder.samples / "samples.npz"
    if out is not None:
        _check_target(out, [".npz"])
    _save_array(target, x=own_units(x, opened.spec), mean=own_units(mean, opened.spec))
    picture = _draw_samples(opened, min(count, SHOWN), seed)
    places = {"run": str(run), "samples": str(target), "picture": str(picture)}
    return {**places, "shape": list(x.shape)}


def reconstruct(run: Path, images: Path | None = None, *, out: Path | None = None) -> Result:
    """Encode and decode examples: the mean of p(x|z) at the mean of q(z|x).

    Args:
        run: The run folder.
        images: A picture or a folder of pictures of one's own; by default test examples.
        out: Where the picture goes; by default samples/reconstructions.png in the run folder.
    """
    opened = _of_images(run)
    x = _first(opened.data.test, SHOWN // 2) if images is None else _own(images, opened)
    picture = pictures.reconstructions(opened.model, x)
    error = (pictures.decoded(opened.model, pictures.codes(opened.model, x)) - x).square()
    name = "reconstructions.png" if images is None else "own-reconstructions.png"
    target = _save(opened.folder, name, picture, out)
    return {
        "run": str(run),
        "picture": str(target),
        "examples": len(x),
        "squared_error": error.flatten(1).sum(1).mean().item(),
    }


def interpolate(
    run: Path,
    *,
    path: Literal["linear", "spherical"] = "spherical",
    pairs: int = 8,
    steps: int = 10,
    out: Path | None = None,
) -> Result:
    """Walk from one test example's code to another's, and decode the way.

    Args:
        run: The run folder.
        path: linear, or spherical: the direction turns evenly and the norm goes from one end's
            to the other's, so that the way does not pass through the middle, where no codes are.
        pairs: Number of walks.
        steps: Pictures a walk, both ends included.
        out: Where the picture goes; by default samples/interpolation.png in the run folder.
    """
    at_least(1, pairs=pairs)
    at_least(2, steps=steps)
    opened = _of_images(run)
    x = _first(opened.data.test, 2 * pairs)
    picture = pictures.interpolation(opened.model, x[0::2], x[1::2], steps, path)
    target = _save(opened.folder, "interpolation.png", picture, out)
    return {"run": str(run), "picture": str(target), "pairs": len(x) // 2}


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
        out: Where the picture goes; by default samples/manifold.png in the run folder.
    """
    at_least(1, side=side)
    opened = _of_images(run)
    plane = _plane(opened, units)
    target = _save(
        opened.folder, "manifold.png", pictures.manifold(opened.model, side, plane), out
    )
    return {"run": str(run), "picture": str(target), "units": list(plane)}


def report(run: Path, *, beside: Path | None = None) -> Result:
    """Write a run's report.html anew from its folder.

    Args:
        run: The run folder.
        beside: Another run, shown in a second column.
    """
    other = None if beside is None else RunFolder.existing(beside)
    return {"run": str(run), "report": str(write_report(RunFolder.existing(run), other))}


def draw_all(run: Run) -> None:
    """Draw everything that a report shows of a run."""
    _draw_samples(run, SHOWN, seed=0)
    if run.spec.image:
        test = _first(run.data.test, SHOWN // 2)
        save = run.folder
        _save(save, "reconstructions.png", pictures.reconstructions(run.model, test))
        _save(save, "manifold.png", pictures.manifold(run.model, 20, _plane(run, None)))
        pairs = test[: 2 * (min(len(test), 16) // 2)]
        walk = pictures.interpolation(run.model, pairs[0::2], pairs[1::2], 10, "spherical")
        _save(save, "interpolation.png", walk)
    if run.model.latent > 1:
        with seeded(0, "pictures"):
            x, y = run.data.test.batch(torch.arange(min(SCATTERED, len(run.data.test))))
        codes = pictures.codes(run.model, x)
        _save(run.folder, "latent.svg", figures.latent_scatter(codes, y, run.spec.classes))


def _drawn(run: Run, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return E[x|z] and x ~ p(x|z), each (count, *shape), z ~ p(z)."""
    with torch.no_grad(), seeded(seed, "draws"):
        z = run.model.prior().sample((count,))
        drawn = [(p.mean, p.sample()) for p in map(run.model.decode, z.split(DECODED))]
    mean, x = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    return mean, x


def _draw_samples(run: Run, count: int, seed: int) -> Path:
    if run.spec.image:
        grid = pictures.grid(pictures.draws(run.model, count, seed), columns=10)
        return _save(run.folder, "samples.png", grid)
    real = _first(run.data.test, SCATTERED)
    if isinstance(run.model, LatentVariableModel):
        _, x = _drawn(run, len(real), seed)
    else:
        x = pictures.draws(run.model, len(real), seed)
    scatter = figures.table_scatter(own_units(real, run.spec), own_units(x, run.spec), ())
    return _save(run.folder, "table.svg", scatter)


def _plane(run: Run, units: tuple[int, int] | None) -> tuple[int, int]:
    """Return two latent units: those given, or the two that say most about x."""
    latent = run.model.latent
    if units is None:
        kl = (run.folder.evaluation() or {}).get("kl_per_unit") or [0.0] * latent
        order = sorted(range(latent), key=lambda unit: -kl[unit])
        return (0, min(1, latent - 1)) if latent <= 2 else (order[0], order[1])
    if not all(0 <= unit < latent for unit in units):
        raise UserError("no such latent unit", f"units from 0 to {latent - 1}", units)
    return units


def _of_images(path: Path) -> Run:
    run = open_run(path)
    if not run.spec.image:
        raise UserError(
            "only models of images can be shown as pictures",
            "examples of shape (C, H, W)",
            f"shape {run.spec.shape}",
            "see the report, or immersion sample, which saves the numbers",
        )
    return run


def _first(split: Split, count: int) -> Tensor:
    with seeded(0, "pictures"):
        return split.batch(torch.arange(min(count, len(split))))[0]


def _own(path: Path, run: Run) -> Tensor:
    """Return a user's picture, or the pictures of a folder, as the model takes them."""
    if run.spec.values not in ("unit", "binary"):
        raise UserError(
            "pictures cannot be given to this model",
            "a model of grey or colour levels",
            f"one of {run.spec.values} values",
        )
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"there is no picture in '{path}'")
    x = to_float(torch.stack([decode(file, run.spec.shape) for file in files]), "unit")
    binary = run.spec.values == "binary" or run.experiment.binarize != "none"
    return (x > 0.5).float() if binary else x


def _save(folder: RunFolder, name: str, picture: Image | str, out: Path | None = None) -> Path:
    """Save a picture, or an SVG's text, by default among the run's samples."""
    if isinstance(picture, str):
        return folder.write(f"samples/{name}", lambda path: path.write_text(picture))
    if out is None:
        return folder.write(f"samples/{name}", lambda path: picture.save(path, format="PNG"))
    _check_target(out, registered_extensions())
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(out)
    return out


def _save_array(path: Path, **arrays: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez(file, **{name: tensor.numpy() for name, tensor in arrays.items()})


def _check_target(out: Path, endings: Iterable[str]) -> None:
    if out.suffix.lower() not in endings:
        known = "a name that ends in .npz" if ".npz" in endings else "a picture, such as .png"
        raise UserError("the file cannot be written", known, f"'{out}'")
    if out.exists():
        raise UserError(f"'{out}' exists already", remedy="choose another --out, or remove it")
