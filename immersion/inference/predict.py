"""Apply an image-to-image model to a picture of any size, tile by tile."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.distributions import Normal

from immersion.check import UserError
from immersion.image_io import Metadata, Picture, to_levels
from immersion.image_io.transform import (
    enlarge_alpha,
    fill_holes,
    make_upright,
    undo_upright,
    update_exif_size,
)
from immersion.imaging.bicubic import resize_width
from immersion.imaging.orientation import rotate_and_flip, undo_rotate_and_flip
from immersion.imaging.thumbnail import shrink_factor
from immersion.inference.backends import Backend, open_backend
from immersion.inference.precision_guard import PROBE, allows_low_precision
from immersion.inference.settings import InferenceOptions
from immersion.models.prediction import DownscaledPrediction, Prediction
from immersion.models.tiles import (
    Canvas,
    Tile,
    default_side,
    iterate_tiles,
    pad_to_tile,
    require,
    run_tiles,
)
from immersion.models.translator import Translator
from immersion.progress import track

STRIP = 256
"""Rows of a picture that are shrunk at a time."""

INTERVAL = 0.9
"""Probability of the intervals that an uncertainty map shows."""

HALF_WIDTH = Normal(0.0, 1.0).icdf(torch.tensor((1 + INTERVAL) / 2)).item()
"""Half the width of such an interval, in standard deviations."""


@dataclass(frozen=True, eq=False)
class PicturePrediction:
    """The result for a picture.

    Args:
        picture: With the input's depth, alpha and metadata.
        uncertainty: Half the width of the 90 % interval of each pixel, averaged over channels, as
            16-bit grey levels; None for classes.
    """

    picture: Picture
    uncertainty: Picture | None


def predict_picture(
    model: Translator,
    colours: int,
    picture: Picture,
    options: InferenceOptions = InferenceOptions(),
) -> PicturePrediction:
    """Return the model's prediction for a picture of any size, in the memory of a tile.

    Args:
        model: In evaluation mode.
        colours: Channels of the training pictures.
        picture: A picture of as many channels; or a grey one for a network of colours, which sees
            three equal channels and whose result stays grey unless the task is colourisation.
        options: Inference options.

    Raises:
        UserError: The picture has colours and the network is for grey ones, or nothing is missing
            in a picture whose holes are to be filled.
    """
    check_channels(colours, picture)
    if model.presentation.fills_holes:
        check_has_holes(picture)
    upright = _predict_upright(model, colours, make_upright(picture), options)
    result = undo_upright(upright.picture)
    uncertainty = upright.uncertainty and undo_upright(upright.uncertainty)
    if model.presentation.scale != 1:
        result = update_exif_size(result)
    return PicturePrediction(result, uncertainty)


def _predict_upright(
    model: Translator, colours: int, picture: Picture, options: InferenceOptions
) -> PicturePrediction:
    """Return the prediction for a picture in the orientation of a viewer."""
    presentation, network = model.presentation, model.network
    stays_grey = picture.channels == 1 and colours == 3 and model.task.channels(3)[1] == 3
    size, scale = (picture.height, picture.width), presentation.scale
    levels = Canvas(*size, scale, lambda x: to_levels(x[0].float(), picture.depth))
    widths = Canvas(*size, scale, lambda x: to_levels(x[0].float(), 16))
    predict = _open_predictor(model, colours, picture, options)

    def compute(tile: Tile) -> tuple[Tensor, Tensor | None]:
        inputs = read_inputs(model, colours, picture, options, tile)
        prediction = predict(inputs, tile)
        output = presentation.to_picture(inputs, prediction.mean)
        if stays_grey:
            output = output.mean(1, keepdim=True)
        if prediction.uncertainty is None:
            return output, None
        deviation = presentation.to_picture_uncertainty(inputs, prediction.uncertainty)
        return output, HALF_WIDTH * deviation.mean(1, keepdim=True)

    side = options.side or default_side(network.halo)
    tiles = list(iterate_tiles(*size, side, network.halo, network.multiple))
    what = f"{picture.width} x {picture.height}: tiles"
    run_tiles(track(tiles, len(tiles), what), compute, (levels, widths))
    alpha = picture.alpha
    if alpha is not None and presentation.fills_holes:
        alpha = fill_holes(alpha)
    result = Picture(require(levels.values), enlarge_alpha(alpha, scale), picture.metadata)
    if widths.values is None:
        return PicturePrediction(result, None)
    # The map keeps only the orientation of the metadata.
    return PicturePrediction(
        result, Picture(widths.values, None, Metadata(exif=picture.metadata.exif))
    )


def _open_predictor(
    model: Translator, colours: int, picture: Picture, options: InferenceOptions
) -> Callable[[Tensor, Tile], Prediction]:
    """Return the function from the inputs of a tile to the prediction for it."""
    backend = open_backend(options.backend, model, colours, options.draw)
    if model.presentation.shorter_side:
        downscaled = _predict_downscaled(model, backend, picture, options)
        return lambda inputs, tile: downscaled.window(
            range(*tile.seen_rows), range(*tile.seen_columns)
        )
    precision = select_precision(model, backend, colours, picture, options)
    checked = replace(options, precision=precision)
    return lambda inputs, tile: predict_inputs(model, backend, inputs, checked)


def _predict_downscaled(
    model: Translator, backend: Backend, picture: Picture, options: InferenceOptions
) -> DownscaledPrediction:
    """Return the prediction for the shrunk picture, to be interpolated."""
    presentation = model.presentation
    scale = shrink_factor((picture.height, picture.width), presentation.shorter_side)
    strips = [
        resize_width(presentation.prepare(picture.to_float(rows, slice(None)).unsqueeze(0)), scale)
        for rows in (slice(n, n + STRIP) for n in range(0, picture.height, STRIP))
    ]
    small = resize_width(torch.cat(strips, dim=2).mT, scale).mT  # in the order of `resize`
    exact = replace(options, precision=torch.float32)  # bfloat16 gains nothing at this size
    return DownscaledPrediction(
        lambda x: predict_inputs(model, backend, x, exact), small, scale, model.network.multiple
    )


def read_inputs(
    model: Translator, colours: int, picture: Picture, options: InferenceOptions, tile: Tile
) -> Tensor:
    """Return the network's input for a tile, (1, C_in, H, W)."""
    rows, columns = slice(*tile.seen_rows), slice(*tile.seen_columns)
    region = picture.to_float(rows, columns).unsqueeze(0).expand(-1, colours, -1, -1)
    hole = None
    if picture.alpha is not None:
        empty = picture.alpha[:, rows, columns].int() == 0
        hole = pad_to_tile(empty.float().unsqueeze(0), tile)
    return model.presentation.prepare(pad_to_tile(region, tile), options.strength, hole)


def predict_inputs(
    model: Translator, backend: Backend, inputs: Tensor, options: InferenceOptions
) -> Prediction:
    """Return the prediction for the network's input, averaged over orientations if asked for.

    For classes, the most likely ones: class numbers have no mean.
    """
    turns = model.presentation.orientations if options.ensemble else (0,)
    means, uncertainties = [], []
    for turn in turns:
        prediction = backend.predict(rotate_and_flip(inputs, turn), options.precision)
        means.append(undo_rotate_and_flip(prediction.mean, turn))
        if prediction.uncertainty is not None:
            uncertainties.append(undo_rotate_and_flip(prediction.uncertainty, turn))
    mean = torch.stack(means).mean(0)
    if not uncertainties:
        return Prediction(mean).select_classes()
    return Prediction(mean, torch.stack(uncertainties).mean(0))


def select_precision(
    model: Translator,
    backend: Backend,
    colours: int,
    picture: Picture,
    options: InferenceOptions,
) -> torch.dtype:
    """Return the requested precision, or float32 if bfloat16 costs too much on this picture."""
    if options.precision == torch.float32:
        return options.precision
    tile = centre_tile(picture, PROBE, model.network.multiple)
    inputs = read_inputs(model, colours, picture, options, tile)
    exact = backend.predict(inputs, torch.float32)
    rounded = backend.predict(inputs, options.precision)
    return options.precision if allows_low_precision(exact, rounded) else torch.float32


def centre_tile(picture: Picture, side: int, grid: int) -> Tile:
    """Return a tile in the centre of a picture, on the network's grid, without a halo."""

    def span(length: int) -> tuple[int, int]:
        fitted = max(grid, min(side, length) // grid * grid)
        first = max(0, length - fitted) // 2 // grid * grid
        return first, first + fitted

    rows, columns = span(picture.height), span(picture.width)
    return Tile(rows, columns, rows, columns)


def check_channels(colours: int, picture: Picture) -> None:
    """Raise UserError if a colour picture meets a network for grey ones.

    Raises:
        UserError: The picture has three channels and the network takes one.
    """
    if picture.channels > colours:
        raise UserError(
            "the network is for grey pictures",
            "1 channel",
            f"{picture.channels} channels",
            "choose a network that was trained on colour pictures",
        )


def check_has_holes(picture: Picture) -> None:
    """Raise UserError if nothing is missing in a picture.

    Raises:
        UserError: No pixel is transparent.
    """
    if picture.alpha is None or not (picture.alpha == 0).any():
        raise UserError(
            "nothing is missing in the picture",
            "a picture whose holes are transparent",
            "no transparent pixel",
            "erase what is to be filled, and save it as PNG",
        )
