"""The pictures of a run: what a report shows, drawn at the end of training and when asked for."""

from pathlib import Path

import torch
from PIL.Image import Image
from torch import Tensor

from immersion.batch import Split, iterate_batches
from immersion.check import UserError
from immersion.data import to_original_units
from immersion.data.dataset import to_float
from immersion.metrics.samples.neighbours import find_nearest
from immersion.models import Decoder, Generative, Translator
from immersion.models.codes import encode_means, sample_means
from immersion.models.sampling import draw_samples, iterate_samples
from immersion.random import use_seed
from immersion.report import figures, image_grid
from immersion.run_folder import RunFolder
from immersion.runs import decoded_images
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
"""Answers drawn for each picture, of a network that has several."""

COMPARED = 60_000
"""Training images, at most, among which the nearest are looked for."""


EVERY = (
    *("samples.png", "reconstructions.png", "manifold.png", "interpolation.png", "walks.png"),
    *("neighbours.png", "latent.svg", "table.svg", "translations.png"),
)
"""What a report's pictures are called."""


def draw_all(run: Run) -> None:
    """Draw everything that a report shows of a run, in place of what was drawn of it before."""
    for name in EVERY:
        (run.folder.samples / name).unlink(missing_ok=True)
    if isinstance(run.model, Translator):
        return save(run.folder, "translations.png", translations(run))
    seen = run.model.encodes
    if run.spec.is_image:
        _draw_images(run, seen)
    elif run.spec.dimensions > 1:
        _draw_table(run)
    if seen and run.model.latent_dim > 1 and len(run.data.test) > 1:  # one code has no direction
        with use_seed(0, "pictures"):
            x, y = run.data.test.batch(torch.arange(min(SCATTERED, len(run.data.test))))
        codes = encode_means(run.model, x)
        save(run.folder, "latent.svg", figures.latent_scatter(codes, y, run.spec.classes))


def translations(run: Run) -> Image:
    """Return rows of inputs, outputs and targets of a translator.

    A model with several answers has several outputs: the point estimate, and samples.
    """
    fixed = list(run.model.task.protocols().values())
    task, rows = fixed[len(fixed) // 2], []
    test = run.data.test
    masks = test.masks[:TRANSLATED] or [None] * TRANSLATED
    for picture, mask in zip(test.pictures[:TRANSLATED], masks, strict=False):
        x = to_float(middle(picture, SHOWN_SIDE), "unit").unsqueeze(0)
        y = None if mask is None else middle(mask, SHOWN_SIDE).long().unsqueeze(0)
        with use_seed(0, "degradation"):
            pair = task.pair(x, y)
        drawn = range(DRAWN) if run.model.multimodal else ()
        with torch.inference_mode():
            outputs = [run.model.predict(pair.input, draw).mean for draw in (None, *drawn)]
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


def middle(picture: Tensor, side: int) -> Tensor:
    """Return the middle of (..., H, W), no side longer than `side`."""
    height, width = picture.shape[-2:]
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    return picture[..., top : top + side, left : left + side]


def _draw_images(run: Run, seen: bool) -> None:
    test, model = first(run.data.test, SHOWN // 2), run.model
    save(run.folder, "samples.png", _samples(model))
    if seen:
        save(run.folder, "reconstructions.png", decoded_images.reconstructions(model, test))
    if model.prior is None or model.prior.has_quantile:
        save(run.folder, "manifold.png", decoded_images.manifold(model, 20, plane(run, None)))
    if not seen or len(test) > 1:  # a walk between examples has two ends
        walked = decoded_images.walks(model, *ends(run, 8), 10, usual_path(model))
        save(run.folder, walk_name(seen), walked)
    if model.prior is not None:
        save(run.folder, "neighbours.png", neighbours(run))


def _samples(model: Decoder) -> Image:
    """Return a grid of samples; if there are few classes, one a column, with one noise a row."""
    classes = model.classes
    if model.prior is None:
        return image_grid.make_grid(sample_means(model, SHOWN, seed=0), COLUMNS)
    if not 0 < classes <= COLUMNS:
        return image_grid.make_grid(means(model, SHOWN, seed=0), COLUMNS)
    columns = [means(model, COLUMNS, seed=0, label=label) for label in range(classes)]
    return image_grid.make_grid(torch.stack(columns, dim=1).flatten(0, 1), classes)


def means(model: Generative, count: int, seed: int, label: int | None = None) -> Tensor:
    """Return E[x|z] of codes drawn from the prior, (count, *shape)."""
    return torch.cat([chunk.mean for chunk in iterate_samples(model, count, seed, label=label)])


def _draw_table(run: Run) -> None:
    rows = min(SCATTERED, len(run.data.test))
    if run.model.prior is not None:
        x = draw_samples(run.model, rows, seed=0)
    else:
        x = sample_means(run.model, rows, seed=0)
    save(run.folder, "table.svg", scatter(run, x))


def scatter(run: Run, x: Tensor) -> str:
    """Return a chart of test rows and sampled rows, (N, D), in the table's own units."""
    real = to_original_units(first(run.data.test, SCATTERED), run.spec)
    return figures.table_scatter(real, to_original_units(x, run.spec), ())


def ends(run: Run, pairs: int) -> tuple[Tensor, Tensor]:
    """Return codes at which walks begin and end, (pairs, d) each.

    They are the codes of test examples; where the model cannot encode, drawn from the prior, of a
    class-conditional model the noise alone. Where there are too few examples, there are fewer
    pairs.

    Raises:
        UserError: There are not two examples.
    """
    if not run.model.encodes:
        return sample_ends(run.model, pairs)
    pairs = min(pairs, len(run.data.test) // 2)
    if not pairs:
        raise UserError("a walk has two ends", "2 test examples or more", len(run.data.test))
    codes = encode_means(run.model, first(run.data.test, 2 * pairs))
    return codes[0::2], codes[1::2]


def sample_ends(model: Generative, pairs: int) -> tuple[Tensor, Tensor]:
    """Return noise drawn from the prior at which walks begin and end, (pairs, d) each."""
    with torch.no_grad(), use_seed(0, "walks"):
        codes = model.prior().sample((2 * pairs,)).cpu()
    codes = codes[:, : model.noise_dim]
    return codes[0::2], codes[1::2]


def usual_path(model: Decoder) -> str:
    """Return the path that stays where codes are probable; without a prior, spherical."""
    return "spherical" if model.prior is None else model.prior.path


def walk_name(encoded: bool) -> str:
    """Return the file's name of walks, which says whether they lead between examples."""
    return "interpolation.png" if encoded else "walks.png"


def neighbours(run: Run, seed: int = 0) -> Image:
    """Return samples and below each the training image that is nearest to it in pixels."""
    x = means(run.model, COPIED, seed)
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


def plane(run: Run, units: tuple[int, int] | None) -> tuple[int, int]:
    """Return two latent units: those given, or the two that say most about x.

    Raises:
        UserError: A unit is given that the model does not have.
    """
    latent_dim = run.model.noise_dim
    if units is None:
        kl = (run.folder.evaluation() or {}).get("kl_per_unit") or [0.0] * latent_dim
        order = sorted(range(latent_dim), key=lambda unit: -kl[unit])
        return (0, min(1, latent_dim - 1)) if latent_dim <= 2 else (order[0], order[1])
    if not all(0 <= unit < latent_dim for unit in units):
        raise UserError("no such latent unit", f"units from 0 to {latent_dim - 1}", units)
    return units


def first(split: Split, count: int) -> Tensor:
    """Return the first examples of a split; binarized ones always alike."""
    with use_seed(0, "pictures"):
        return split.batch(torch.arange(min(count, len(split))))[0]


def save(folder: RunFolder, name: str, picture: Image | str) -> Path:
    """Save a picture, or an SVG's text, among the run's samples."""
    if isinstance(picture, str):
        return folder.write(f"samples/{name}", lambda path: path.write_text(picture))
    return folder.write(f"samples/{name}", lambda path: picture.save(path, format="PNG"))
