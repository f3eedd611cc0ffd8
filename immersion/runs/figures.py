"""The figures of a run, drawn at the end of training and on request, for the report."""

from pathlib import Path
from typing import cast

import torch
from PIL.Image import Image
from torch import Tensor

from immersion.batch import Split, iterate_batches
from immersion.check import UserError
from immersion.data import to_original_units
from immersion.data.dataset import to_float
from immersion.data.patches import PatchSplit
from immersion.metrics.samples.neighbours import find_nearest
from immersion.models import Decoder, Generative, Translator
from immersion.models.codes import encode_means, sample_means
from immersion.models.sampling import draw_samples, iterate_samples
from immersion.random import use_seed
from immersion.report import figures, image_grid
from immersion.run_folder import RunFolder
from immersion.runs import decoded_images, explorer
from immersion.runs.load import Run
from immersion.tasks import Pair, Task

SHOWN = 100
"""Number of samples and originals in a report's pictures."""

SCATTERED = 5000
"""Codes in a latent scatter, rows in a table's."""

COLUMNS = 10
"""Images in a row; as many classes have a column each."""

COPIED = 20
"""Number of samples that are shown with their nearest training images."""

TRANSLATED, SHOWN_SIDE = 4, 192
"""Pictures of an image-to-image network that are shown, and their longest side."""

DRAWN = 3
"""Samples of each picture, for a network with several answers."""

COMPARED = 60_000
"""Largest number of training images that are searched for the nearest."""


EVERY = (
    *("samples.png", "reconstructions.png", "manifold.png", "interpolation.png", "walks.png"),
    *("neighbours.png", "latent.svg", "table.svg", "translations.png"),
    *("geometry.svg", "geodesics.png", "singular-values.svg"),  # of immersion geometry
)
"""The file names of a report's figures."""


def draw_all(run: Run) -> None:
    """Draw all figures of a run's report, in place of earlier ones."""
    for name in EVERY:
        (run.folder.samples / name).unlink(missing_ok=True)
    explorer.remove_explorer(run.folder)
    if isinstance(run.model, Translator):
        save(run.folder, "translations.png", draw_translations(run))
        return
    if not isinstance(run.model, Decoder):  # a network without codes has nothing to draw
        return
    model = run.decoder
    if run.spec.is_image:
        _draw_images(run)
    elif run.spec.dimensions > 1:
        _draw_table(run)
    if model.encodes and model.latent_dim > 1 and len(run.data.test) > 1:
        with use_seed(0, "pictures"):
            x, y = run.data.test.batch(torch.arange(min(SCATTERED, len(run.data.test))))
        scatter = figures.latent_scatter(encode_means(model, x), y, run.spec.classes)
        save(run.folder, "latent.svg", scatter.svg)
        if run.spec.is_image:
            explorer.save_points(run, scatter, x, y)


def draw_translations(run: Run) -> Image:
    """Return rows of inputs, outputs and targets of a translator.

    A model with several answers has several outputs: the point estimate, and samples.
    """
    model, test = cast(Translator, run.model), cast(PatchSplit, run.data.test)
    fixed = list(model.task.protocols().values())
    task, rows = fixed[len(fixed) // 2], []
    masks = test.masks[:TRANSLATED] or [None] * TRANSLATED
    for picture, mask in zip(test.pictures[:TRANSLATED], masks, strict=False):
        x = to_float(crop_centre(picture, SHOWN_SIDE), "unit").unsqueeze(0)
        y = None if mask is None else crop_centre(mask, SHOWN_SIDE).long().unsqueeze(0)
        with use_seed(0, "degradation"):
            pair = task.pair(x, y)
        samples = range(DRAWN) if model.multimodal else ()
        with torch.inference_mode():
            outputs = [model.predict(pair.input, draw).mean for draw in (None, *samples)]
        rows.append(_stack_pictures(task, pair, outputs))
    return image_grid.make_mosaic(rows)


def _stack_pictures(task: Task, pair: Pair, outputs: list[Tensor]) -> Tensor:
    """Return input, outputs and target as pictures, (n, C, H, W), all grey or all in colour."""
    shown = [
        task.presentation.show_input(pair.input),
        *(task.presentation.to_picture(pair.input, part) for part in (*outputs, pair.target)),
    ]
    channels = max(part.shape[1] for part in shown)
    return torch.cat([part.expand(-1, channels, -1, -1) for part in shown])


def crop_centre(picture: Tensor, side: int) -> Tensor:
    """Return the centre of (..., H, W), no side longer than `side`."""
    height, width = picture.shape[-2:]
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    return picture[..., top : top + side, left : left + side]


def _draw_images(run: Run) -> None:
    test, model = select_first(run.data.test, SHOWN // 2), run.decoder
    save(run.folder, "samples.png", _draw_samples(run))
    if model.encodes:
        save(run.folder, "reconstructions.png", decoded_images.draw_reconstructions(model, test))
    if model.prior is None or model.prior.has_quantile:
        plane = select_plane(run, None)
        save(run.folder, "manifold.png", decoded_images.draw_manifold(model, 20, plane))
        explorer.save_manifold(run, plane)
    if not model.encodes or len(test) > 1:  # a walk between examples has two ends
        walks = decoded_images.draw_walks(model, *select_ends(run, 8), 10, default_path(model))
        save(run.folder, name_walks(model.encodes), walks)
    if model.prior is not None:
        save(run.folder, "neighbours.png", draw_neighbours(run))


def _draw_samples(run: Run) -> Image:
    """Return a grid of samples; if there are few classes, a column each, one noise per row."""
    if run.decoder.prior is None:
        return image_grid.make_grid(sample_means(run.decoder, SHOWN, seed=0), COLUMNS)
    model, classes = run.generator, run.generator.classes
    if not 0 < classes <= COLUMNS:
        return image_grid.make_grid(compute_means(model, SHOWN, seed=0), COLUMNS)
    columns = [compute_means(model, COLUMNS, seed=0, label=label) for label in range(classes)]
    return image_grid.make_grid(torch.stack(columns, dim=1).flatten(0, 1), classes)


def compute_means(model: Generative, count: int, seed: int, label: int | None = None) -> Tensor:
    """Return E[x|z] of codes sampled from the prior, (count, *shape)."""
    return torch.cat([chunk.mean for chunk in iterate_samples(model, count, seed, label=label)])


def _draw_table(run: Run) -> None:
    rows = min(SCATTERED, len(run.data.test))
    if run.decoder.prior is not None:
        x = draw_samples(run.generator, rows, seed=0)
    else:
        x = sample_means(run.decoder, rows, seed=0)
    save(run.folder, "table.svg", draw_scatter(run, x))


def draw_scatter(run: Run, x: Tensor) -> str:
    """Return a chart of test rows and sampled rows, (N, D), in the table's own units."""
    real = to_original_units(select_first(run.data.test, SCATTERED), run.spec)
    return figures.table_scatter(real, to_original_units(x, run.spec), run.spec.features)


def select_ends(run: Run, pairs: int) -> tuple[Tensor, Tensor]:
    """Return codes at which walks begin and end, (pairs, d) each.

    They are codes of test examples, in fewer pairs if there are too few; or, if the model cannot
    encode, noise sampled from the prior.

    Raises:
        UserError: There are not two examples.
    """
    if not run.decoder.encodes:
        return sample_ends(run.generator, pairs)
    pairs = min(pairs, len(run.data.test) // 2)
    if not pairs:
        raise UserError("a walk has two ends", "2 test examples or more", len(run.data.test))
    codes = encode_means(run.decoder, select_first(run.data.test, 2 * pairs))
    return codes[0::2], codes[1::2]


def sample_ends(model: Generative, pairs: int) -> tuple[Tensor, Tensor]:
    """Return noise sampled from the prior at which walks begin and end, (pairs, d) each."""
    with torch.no_grad(), use_seed(0, "walks"):
        codes = model.prior().sample((2 * pairs,)).cpu()
    codes = codes[:, : model.noise_dim]
    return codes[0::2], codes[1::2]


def default_path(model: Decoder) -> str:
    """Return the path that stays where codes are probable; without a prior, spherical."""
    return "spherical" if model.prior is None else model.prior.path


def name_walks(encoded: bool) -> str:
    """Return the file name of walks between codes of examples, or of the prior."""
    return "interpolation.png" if encoded else "walks.png"


def draw_neighbours(run: Run, seed: int = 0) -> Image:
    """Return samples and below each the training image that is nearest to it in pixels."""
    x = compute_means(run.generator, COPIED, seed)
    distance, found = torch.full((len(x),), torch.inf, dtype=torch.float64), torch.zeros_like(x)
    compared = 0
    for block, _ in iterate_batches(run.data.train, seed=0):
        block = block[: COMPARED - compared]
        there, indices = find_nearest(x, block)
        closer = there < distance
        distance[closer], found[closer] = there[closer], block[indices[closer]]
        compared += len(block)
        if compared == COMPARED:
            break
    return image_grid.make_alternating_rows(x, found, COLUMNS)


def select_plane(run: Run, units: tuple[int, int] | None) -> tuple[int, int]:
    """Return two latent units: the given ones, or the two with the largest KL.

    Raises:
        UserError: A unit is given that the model does not have.
    """
    latent_dim = run.decoder.noise_dim
    if units is None:
        kl = (run.folder.evaluation() or {}).get("kl_per_unit") or [0.0] * latent_dim
        order = sorted(range(latent_dim), key=lambda unit: -kl[unit])
        return (0, min(1, latent_dim - 1)) if latent_dim <= 2 else (order[0], order[1])
    if not all(0 <= unit < latent_dim for unit in units):
        raise UserError("no such latent unit", f"units from 0 to {latent_dim - 1}", units)
    return units


def select_first(split: Split, count: int) -> Tensor:
    """Return the first examples of a split; binarized ones always alike."""
    with use_seed(0, "pictures"):
        return split.batch(torch.arange(min(count, len(split))))[0]


def save(folder: RunFolder, name: str, picture: Image | str) -> Path:
    """Save a picture, or an SVG's text, among the run's samples."""
    if isinstance(picture, str):
        return folder.write(f"samples/{name}", lambda path: path.write_text(picture))
    return folder.write(f"samples/{name}", lambda path: picture.save(path, format="PNG"))
