"""The data of the report's figures that answer to the pointer: decoded images, and codes."""

import math
import shutil
from pathlib import Path
from typing import Any

from PIL.Image import Image
from torch import Tensor

from immersion.models import Decoder
from immersion.models.codes import decode_means, manifold_codes, quantile, with_class
from immersion.report.explorer import FOLDER
from immersion.report.figures import Scatter
from immersion.report.image_grid import make_atlas, shrink
from immersion.run_folder import RunFolder
from immersion.runs.load import Run

SIDE = 40
"""Decoded images along each side of the manifold, at most."""

SMALLEST_SIDE = 4
"""Decoded images along each side, at least."""

VALUES = 5_000_000
"""Values of all decoded images, or of all examples, at most."""

BYTES = 2_000_000
"""Size of the file of decoded images, at most, but for `SMALLEST_SIDE`."""

THUMBNAIL = 32
"""Longest side of an example's image, in pixels."""

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def remove_explorer(folder: RunFolder) -> None:
    """Remove the data of an earlier training."""
    shutil.rmtree(folder.samples / FOLDER, ignore_errors=True)


def save_manifold(run: Run, units: tuple[int, int]) -> None:
    """Save decoded images on a grid over the manifold; see `immersion.report.explorer`.

    The grid is as fine as the size of the images allows: 40 x 40 images of 28 x 28 pixels, 20 x 20
    of 64 x 64 in colour.

    Args:
        run: A run of a decoder of images.
        units: The two latent units that span the manifold.
    """
    model = run.decoder
    side = max(SMALLEST_SIDE, min(SIDE, math.isqrt(VALUES // run.spec.dimensions)))
    file = _write_grid(run, model, side, units)
    while (size := file.stat().st_size) > BYTES and side > SMALLEST_SIDE:
        side = max(SMALLEST_SIDE, min(side - 1, int(side * math.sqrt(BYTES / size))))
        file = _write_grid(run, model, side, units)


def _write_grid(run: Run, model: Decoder, side: int, units: tuple[int, int]) -> Path:
    """Write a grid of `side` x `side` decoded images, or a row for one latent; return the file."""
    z = manifold_codes(model.noise_dim, side, units, quantile(model))
    images = decode_means(model, with_class(model, z, 0))
    shown = [0] if model.noise_dim == 1 else list(units)
    values: dict[str, Any] = {
        "columns": side,
        "rows": len(z) // side,
        "width": images.shape[3],
        "height": images.shape[2],
        "names": [f"z{unit + 1}".translate(SUBSCRIPTS) for unit in shown],
        "across": [round(value, 4) for value in z[:side, shown[0]].tolist()],
        "down": [round(value, 4) for value in z[::side, shown[-1]].tolist()],
    }
    return _write(run.folder, "manifold", make_atlas(images, side), values, lossless=True)


def save_points(run: Run, scatter: Scatter, x: Tensor, y: Tensor | None) -> None:
    """Save the images of the examples in a chart; see `immersion.report.explorer`.

    Args:
        run: A run of a decoder of images.
        scatter: The chart.
        x: The examples, (N, C, H, W).
        y: Labels of the examples, (N,), or None.
    """
    images = shrink(x, THUMBNAIL)
    images = images[: max(1, VALUES // images[0].numel())]
    columns = math.isqrt(len(images) - 1) + 1
    values: dict[str, Any] = {
        "columns": columns,
        "pictures": len(images),
        "width": images.shape[3],
        "height": images.shape[2],
        "names": scatter.names,
        "across": [round(float(value), 6) for value in scatter.across],
        "down": [round(float(value), 6) for value in scatter.down],
        "x": [round(float(value), 4) for value in scatter.points[:, 0]],
        "y": [round(float(value), 4) for value in scatter.points[:, 1]],
    }
    if y is not None:
        values["labels"] = y.tolist()
        values["classes"] = run.spec.classes or [str(i) for i in range(int(y.max()) + 1)]
    grey = images.shape[1] == 1
    _write(run.folder, "points", make_atlas(images, columns), values, lossless=grey)


def _write(
    folder: RunFolder, name: str, picture: Image, values: dict[str, Any], lossless: bool
) -> Path:
    """Write a picture and its data; return the file of the picture."""
    folder.write_json(f"samples/{FOLDER}/{name}.json", values)
    quality = 100 if lossless else 80
    return folder.write(
        f"samples/{FOLDER}/{name}.webp",
        lambda path: picture.save(path, format="WebP", lossless=lossless, quality=quality),
    )
