"""`immersion reconstruct`, `interpolate`, `manifold`: figures and arrays of a model."""

from pathlib import Path
from typing import Any, Literal

from PIL.Image import SAVE, Image, registered_extensions
from torch import Tensor

from immersion.check import UserError, check_at_least
from immersion.image_io.film import choose_duration, write_film
from immersion.models import Translator
from immersion.models.codes import decode_means, encode_means
from immersion.models.refine import find_nearest_sample, refine_codes
from immersion.output_file import check_output, write_atomically
from immersion.report import image_grid
from immersion.run_folder import RunFolder
from immersion.runs import decoded_images, figures
from immersion.runs.load import Run, load_run

Result = dict[str, Any]

FILMS = (".gif", ".mp4")
"""Endings of films."""


def reconstruct(
    run: Path, images: tuple[Path, ...] = (), *, refine: int = 0, out: Path | None = None
) -> Result:
    """Write a picture of examples and their reconstructions: E[x|z] at the mean of q(z|x).

    In Python, the method `run.reconstruct` returns them instead and writes nothing.

    Args:
        run: The run folder.
        images: Your own pictures, or folders of pictures; by default test examples.
        refine: Steps by which each code is improved: gradient descent on the squared error. A
            generator without an encoder starts from the nearest of 1,000 samples.
        out: Output picture; by default samples/reconstructions.png in the run folder.
    """
    opened = _load_image_run(run)
    out = None if out is None else Path(out)
    _check_picture(opened, out)
    x = (
        opened.prepare(list(images)).x
        if images
        else figures.select_first(opened.data.test, figures.SHOWN // 2)
    )
    remade = decode_means(opened.decoder, _compute_codes(opened, x, refine))
    picture, error = image_grid.make_alternating_rows(x, remade), (remade - x).square()
    name = "own-reconstructions.png" if images else "reconstructions.png"
    target = _save(opened.folder, name, picture, out)
    return {
        "run": str(opened.path),
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
    path: Literal["auto", "linear", "spherical", "geodesic"] = "auto",
    pairs: int = 8,
    steps: int = 10,
    label: str | None = None,
    out: Path | None = None,
) -> Result:
    """Write a picture of decoded walks from one test example's code to another's.

    In Python, the method `run.interpolate` returns one walk instead and writes nothing.

    Without an encoder, or within a class, the walks are between codes sampled from the prior.

    Args:
        run: The run folder.
        path: linear, or spherical: the direction turns at constant speed and the norm changes
            linearly, which avoids the centre, where there are no codes; by default linear for a
            uniform prior and spherical otherwise. A geodesic is the curve along which the images
            change least in all, in equal steps.
        pairs: Number of walks.
        steps: Pictures per walk, both ends included.
        label: Class of all walks, by name or number, for a class-conditional model; by default
            the first one if the model does not encode.
        out: Output picture; by default samples/interpolation.png in the run folder, or
            samples/walks.png for codes of the prior. A name that ends in .gif or .mp4 is a film of
            all walks at once, there and back; give it more steps, such as 60.
    """
    check_at_least(1, pairs=pairs)
    check_at_least(2, steps=steps)
    opened = _load_image_run(run)
    out = None if out is None else Path(out)
    is_film = out is not None and out.suffix.lower() in FILMS
    if out is not None and is_film:
        check_output(out, FILMS)
    else:
        _check_picture(opened, out)
    kind = None if label is None else opened.find_class(label)
    seen = kind is None and opened.decoder.encodes
    a, b = (
        figures.select_ends(opened, pairs)
        if seen
        else figures.sample_ends(opened.generator, pairs)
    )
    way = figures.default_path(opened.decoder) if path == "auto" else path
    between = "test examples" if seen else "codes drawn from the prior"
    result = {"run": str(opened.path), "pairs": len(b), "between": between}
    if out is not None and is_film:
        frames = decoded_images.film_walks(opened.decoder, a, b, steps, way, kind or 0)
        write_film(frames, out, choose_duration(len(frames)))
        return result | {"film": str(out), "pictures": len(frames)}
    picture = decoded_images.draw_walks(opened.decoder, a, b, steps, way, kind or 0)
    target = _save(opened.folder, figures.name_walks(seen), picture, out)
    return result | {"picture": str(target)}


def manifold(
    run: Path,
    *,
    side: int = 20,
    units: tuple[int, int] | None = None,
    out: Path | None = None,
) -> Result:
    """Write a picture of the manifold: the unit square through the inverse Gaussian CDF, decoded.

    In Python, the method `run.manifold` returns it instead and writes nothing.

    Args:
        run: The run folder.
        side: Pictures along each side.
        units: The two latent units that span the plane; by default the two with the largest KL.
        out: Output picture; by default samples/manifold.png in the run folder.
    """
    check_at_least(1, side=side)
    opened = _load_image_run(run)
    out = None if out is None else Path(out)
    _check_picture(opened, out)
    plane = figures.select_plane(opened, units)
    target = _save(
        opened.folder,
        "manifold.png",
        decoded_images.draw_manifold(opened.decoder, side, plane),
        out,
    )
    return {"run": str(opened.path), "picture": str(target), "units": list(plane)}


def _load_image_run(path: Path) -> Run:
    run = load_run(path)
    if isinstance(run.model, Translator):
        raise UserError(
            "an image-to-image network has no manifold to walk on",
            "a run of an autoencoder, a VAE or a GAN",
            f"a run of {run.record.model_name}",
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


def _save(folder: RunFolder, name: str, picture: Image, out: Path | None) -> Path:
    """Save a picture where the user wants it, by default among the run's samples."""
    if out is None:
        return figures.save(folder, name, picture)
    format = registered_extensions()[out.suffix.lower()]
    return write_atomically(out, lambda partial: picture.save(partial, format=format))


def _check_picture(run: Run, out: Path | None) -> None:
    """Raise UserError if a picture cannot be written there, by default in the run folder."""
    if out is None:
        run.folder.check_writable()
        return
    endings = [ending for ending, format in registered_extensions().items() if format in SAVE]
    check_output(out, endings, expected="a picture's name, such as x.png")
