"""A person's picture through an image-to-image network, a tile at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.distributions import Normal

from immersion.check import UserError
from immersion.data.patches import rotate_and_flip
from immersion.image_io import Metadata, Picture, to_levels
from immersion.image_io.exif import set_size
from immersion.imaging.bicubic import resize, resize_width
from immersion.imaging.thumbnail import shrink_factor
from immersion.inference.backends import Backend, Work, in_torch
from immersion.inference.precision_guard import (
    CHANGED,
    MOST,
    PROBE,
    classes_changed,
    decibels_lost,
)
from immersion.models import Translator
from immersion.models.seen_small import Numbers, SeenSmall
from immersion.models.tiles import Tile, kept, mirrored, tiles, usual_side
from immersion.progress import track
from immersion.tasks import Task

TURN_OF = {1: 0, 2: 4, 3: 2, 4: 6, 5: 7, 6: 3, 7: 5, 8: 1}
"""EXIF orientation -> the way in which `rotate_and_flip` sets a picture upright."""

Said = tuple[Tensor, Tensor, Tensor | None]
"""What was given of a tile, the answer to it, (1, C_out, s H, s W), classes as their numbers, and
the standard deviation of each of its values; None of classes."""

Answers = Callable[[Tile], Said]

STRIP = 256
"""Rows of a picture that are made small at a time."""

INTERVAL = 0.9
"""Probability of the intervals whose width an uncertainty map shows."""

HALF_WIDTH = Normal(0.0, 1.0).icdf(torch.tensor((1 + INTERVAL) / 2)).item()
"""Half of such an interval's width, in standard deviations."""


@dataclass(frozen=True)
class Manner:
    """How a picture is worked on.

    Args:
        ensemble: Whether the mean is taken over the task's ways of turning and mirroring it.
        side: Of a tile, in pixels of the input; by default what is quick for the network.
        precision: Of the convolutions.
        strength: Of the picture's noise, for a network that is told.
        backend: What does the network's work.
        draw: Which of several answers, 0, 1, ...; None for the usual one.
    """

    ensemble: bool = False
    side: int | None = None
    precision: torch.dtype = torch.float32
    strength: float | None = None
    backend: Backend = in_torch
    draw: int | None = None


@dataclass(frozen=True, eq=False)
class Translated:
    """What a network made of a picture.

    Args:
        picture: With the input's depth, alpha and metadata.
        uncertainty: Half the width of the 90 % interval of each pixel, the mean over its
            channels, as 16-bit grey levels; None where classes are said.
    """

    picture: Picture
    uncertainty: Picture | None


def translate(
    model: Translator,
    colours: int,
    picture: Picture,
    manner: Manner = Manner(),
) -> Translated:
    """Return what a network makes of a picture of any size, in memory for a tile's work.

    Args:
        model: In evaluation mode.
        colours: Channels of the pictures that it was trained on.
        picture: Of as many channels; or a grey one for a network of colours: it is given as three
            equal channels and stays grey, unless the task is to find colours.
        manner: How.

    Raises:
        UserError: The picture has colours and the network is for grey ones, or nothing is missing
            in one whose holes are to be filled.
    """
    refuse_colours(colours, picture)
    if model.task.fills:
        refuse_whole(picture)
    turn = TURN_OF[picture.metadata.orientation]
    made = _translated(model, colours, upright(picture), manner)
    if turn:
        back = of_turn(made.picture, lambda x: unturned(x, turn))
        doubt = made.uncertainty and of_turn(made.uncertainty, lambda x: unturned(x, turn))
        made = Translated(back, doubt)
    return made if model.task.scale == 1 else replace(made, picture=told_its_size(made.picture))


def upright(picture: Picture) -> Picture:
    """Return a picture with its pixels as a viewer shows them."""
    turn = TURN_OF[picture.metadata.orientation]
    return of_turn(picture, lambda x: rotate_and_flip(x, turn)) if turn else picture


def of_turn(picture: Picture, turn: Callable[[Tensor], Tensor]) -> Picture:
    """Return a picture whose pixels are turned, which says of itself what it said before."""

    def moved(x: Tensor) -> Tensor:
        # PyTorch does not turn uint16; as int16 the bits are the same.
        return turn(x.view(torch.int16)).view(torch.uint16) if x.dtype == torch.uint16 else turn(x)

    alpha = None if picture.alpha is None else moved(picture.alpha)
    return Picture(moved(picture.levels), alpha, picture.metadata)


def _translated(model: Translator, colours: int, picture: Picture, manner: Manner) -> Translated:
    """Return what a network makes of a picture that stands upright."""
    task, network = model.task, model.network
    stays_grey = picture.channels == 1 and colours == 3 and task.channels(3)[1] == 3
    size = picture.height * task.scale, picture.width * task.scale
    answers = (_of_small if task.shortest else _of_tiles)(model, colours, picture, manner)
    made, doubt = _Canvas(*size, picture.depth), _Canvas(*size, 16)
    side = manner.side or usual_side(network.halo)
    places = list(tiles(picture.height, picture.width, side, network.halo, network.multiple))
    for tile in track(places, len(places), f"{picture.width} x {picture.height}: tiles"):
        given, answer, deviation = answers(tile)
        output = task.finish(given, answer)
        if stays_grey:
            output = output.mean(1, keepdim=True)
        made.put(kept(output, tile, task.scale), tile, task.scale)
        if deviation is not None:
            half = HALF_WIDTH * task.doubt(given, deviation).mean(1, keepdim=True)
            doubt.put(kept(half, tile, task.scale), tile, task.scale)
    alpha = picture.alpha
    if alpha is not None and task.fills:
        alpha = opaque_where_empty(alpha)
    result = Picture(made.levels, enlarged(alpha, task.scale), picture.metadata)
    told = Metadata(exif=picture.metadata.exif)  # it lies as the picture does
    return Translated(result, Picture(doubt.levels, None, told) if len(doubt.levels) else None)


def given_of(
    model: Translator, colours: int, picture: Picture, manner: Manner, tile: Tile
) -> Tensor:
    """Return what the network is given of a tile, (1, C_in, H, W)."""
    rows, columns = slice(*tile.seen_rows), slice(*tile.seen_columns)
    region = picture.to_float(rows, columns).unsqueeze(0).expand(-1, colours, -1, -1)
    hole = None
    if picture.alpha is not None:
        empty = picture.alpha[:, rows, columns].int() == 0
        hole = mirrored(empty.float().unsqueeze(0), tile)
    return model.task.prepare(mirrored(region, tile), manner.strength, hole)


def told_its_size(picture: Picture) -> Picture:
    """Return a picture whose EXIF block tells the size that it has, where it tells one."""
    exif = set_size(picture.metadata.exif, picture.width, picture.height)
    return replace(picture, metadata=replace(picture.metadata, exif=exif))


def opaque_where_empty(alpha: Tensor) -> Tensor | None:
    """Return transparency with its holes filled; None where nothing else is transparent."""
    top = 2**16 - 1 if alpha.dtype == torch.uint16 else 2**8 - 1
    values = alpha.int()
    filled = torch.where(values == 0, top, values)
    return None if (filled == top).all() else filled.to(alpha.dtype)


def refuse_colours(colours: int, picture: Picture) -> None:
    """Refuse a colour picture for a network of grey ones.

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


def guarded(
    model: Translator, work: Work, colours: int, picture: Picture, manner: Manner
) -> Manner:
    """Return the manner, in float32 where bfloat16 would cost too much on this picture."""
    if manner.precision == torch.float32:
        return manner
    tile = middle(picture, PROBE, model.network.multiple)
    given = given_of(model, colours, picture, manner, tile)
    exact, deviation = work(given, torch.float32)
    rounded, other = work(given, manner.precision)
    if deviation is None or other is None:
        fine = classes_changed(exact, rounded) <= CHANGED
    else:
        fine = decibels_lost(_normal(exact, deviation), _normal(rounded, other)) <= MOST
    return manner if fine else replace(manner, precision=torch.float32)


def _normal(mean: Tensor, deviation: Tensor) -> Normal:
    return Normal(mean, deviation, validate_args=False)  # of one sure level it is 0


def middle(picture: Picture, side: int, grid: int) -> Tile:
    """Return a tile in the middle of a picture, on the network's grid, that sees only itself."""

    def span(length: int) -> tuple[int, int]:
        side_here = max(grid, min(side, length) // grid * grid)
        first = max(0, length - side_here) // 2 // grid * grid
        return first, first + side_here

    rows, columns = span(picture.height), span(picture.width)
    return Tile(rows, columns, rows, columns)


def refuse_whole(picture: Picture) -> None:
    """Refuse a picture in which nothing is missing.

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


def _of_tiles(model: Translator, colours: int, picture: Picture, manner: Manner) -> Answers:
    """Return a function that puts a tile, and what is round it, through the network."""
    work = manner.backend(model, colours, manner.draw)
    manner = guarded(model, work, colours, picture, manner)

    def answers(tile: Tile) -> Said:
        given = given_of(model, colours, picture, manner, tile)
        return given, *said(model.task, work, given, manner)

    return answers


def _of_small(model: Translator, colours: int, picture: Picture, manner: Manner) -> Answers:
    """Return a function that looks a tile up in the answer to the picture made small."""
    task, scale = model.task, shrink_factor((picture.height, picture.width), model.task.shortest)
    strips = [
        resize_width(task.prepare(picture.to_float(rows, slice(None)).unsqueeze(0)), scale)
        for rows in (slice(n, n + STRIP) for n in range(0, picture.height, STRIP))
    ]
    seen = resize_width(torch.cat(strips, dim=2).mT, scale).mT  # as `resize` does it, in order
    work = manner.backend(model, colours, manner.draw)
    exact = replace(manner, precision=torch.float32)  # so small that nothing would be gained
    small = SeenSmall(lambda x: said(task, work, x, exact), seen, scale, model.network.multiple)

    def answers(tile: Tile) -> Said:
        given = given_of(model, colours, picture, manner, tile)
        return given, *small(range(*tile.seen_rows), range(*tile.seen_columns))

    return answers


def said(task: Task, work: Work, given: Tensor, manner: Manner) -> Numbers:
    """Return the answer, (1, C_out, s H, s W), and the standard deviations of the output, if any.

    Args:
        task: What it is an answer to.
        work: Does the network's work.
        given: What the network is given, (1, C_in, H, W).
        manner: How.
    """
    outputs, deviations = [], []
    for turn in task.turns if manner.ensemble else (0,):
        output, deviation = work(rotate_and_flip(given, turn), manner.precision)
        outputs.append(unturned(output, turn))
        if deviation is not None:
            deviations.append(unturned(deviation, turn))
    mean = torch.stack(outputs).mean(0)
    if not deviations:  # classes: a mean of their numbers would mean nothing, so the likeliest
        return mean.argmax(1, keepdim=True), None
    return mean, torch.stack(deviations).mean(0)


def unturned(x: Tensor, turn: int) -> Tensor:
    """Return x as it was before `rotate_and_flip`.

    Example:
        >>> x = torch.rand(2, 3)
        >>> all(torch.equal(unturned(rotate_and_flip(x, turn), turn), x) for turn in range(8))
        True
    """
    x = x.flip(-1) if turn >= 4 else x
    return x.rot90(-(turn % 4), (-2, -1))


def enlarged(alpha: Tensor | None, scale: int) -> Tensor | None:
    """Return transparency as large as the output."""
    if alpha is None or scale == 1:
        return alpha
    depth = 8 if alpha.dtype == torch.uint8 else 16
    return to_levels(resize(alpha.float() / (2**depth - 1), scale), depth)


class _Canvas:
    """Levels that tiles are put on; the first tile says how many channels there are."""

    def __init__(self, height: int, width: int, depth: int) -> None:
        self.height, self.width, self.depth = height, width, depth
        self.levels = torch.empty(0)

    def put(self, x: Tensor, tile: Tile, scale: int) -> None:
        """Put a tile's part, (1, C, h, w) in [0, 1], in its place."""
        levels = to_levels(x[0].float(), self.depth)
        if not len(self.levels):
            self.levels = levels.new_empty(len(levels), self.height, self.width)
        rows, columns = ([scale * n for n in span] for span in (tile.rows, tile.columns))
        self.levels[:, slice(*rows), slice(*columns)] = levels
