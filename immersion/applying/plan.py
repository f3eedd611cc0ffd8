"""What a call of `immersion apply` comes to: a job for each picture, or why it cannot be."""

from collections import Counter
from pathlib import Path

from immersion.applying.job import Job
from immersion.check import UserError
from immersion.networks import Network
from immersion.pictures import Inputs

UNCERTAINTY = "-uncertainty.png"
"""What the name of an uncertainty map ends in."""


def jobs_of(
    meant: Inputs, outputs: list[Path], doubting: Network | None, again: bool
) -> list[Job]:
    """Return a job for each picture, with an uncertainty map where a network is to make them."""
    maps: list[Path | None] = [None] * len(outputs)
    if doubting is not None:
        maps = _maps(outputs)
        refuse_doubts(doubting, maps, {*outputs, *(found.path for found in meant.found)}, again)
    return [
        Job(found.path, output, mapped, found.draw)
        for found, output, mapped in zip(meant.found, outputs, maps, strict=True)
    ]


def _maps(outputs: list[Path]) -> list[Path]:
    """Return where maps go: a-uncertainty.png of a.png, a.png-uncertainty.png beside an a.jpg."""
    twins = Counter(output.with_suffix("") for output in outputs)
    names = [o.name if twins[o.with_suffix("")] > 1 else o.stem for o in outputs]
    return [o.with_name(name + UNCERTAINTY) for o, name in zip(outputs, names, strict=True)]


def refuse_draws(network: Network, ensemble: bool, one_file: bool) -> None:
    """Refuse to draw answers where there is one, to take their mean, or to put them in one file.

    Raises:
        UserError: One of these.
    """
    if not network.model.several:
        raise UserError(
            "the network gives one answer",
            "one that was trained with --latent or --discretised",
            remedy="leave --draws out",
        )
    if ensemble:
        raise UserError("--ensemble and --draws exclude each other", remedy="pass one")
    if one_file:
        raise UserError(
            "--draws makes several pictures of one", "a folder", remedy="name one by -o"
        )


def refuse_blending(outputs: list[Path]) -> None:
    """Refuse JPEG for classes: it blends the colours that stand for them.

    Raises:
        UserError: A result would be a JPEG.
    """
    blended = next((path for path in outputs if path.suffix.lower() in (".jpg", ".jpeg")), None)
    if blended:
        raise UserError(f"JPEG would blend the classes in {blended}", remedy="pass --ending .png")


def refuse_doubts(network: Network, maps: list[Path], others: set[Path], overwrite: bool) -> None:
    """Refuse uncertainty maps that cannot be, before any work is done.

    Args:
        network: What would say them.
        maps: Where they would go.
        others: The pictures that are read and those that are written: a map replaces none.
        overwrite: Whether a map of an earlier time may be replaced.

    Raises:
        UserError: The network does not say how sure it is; or a map would have the name of a
            picture, or of a file that is there already.
    """
    if not network.model.doubts:
        raise UserError(
            "the network does not say how sure it is",
            "one whose answer is a mean and a scale, not classes or levels",
            remedy="leave --uncertainty out"
            + (", or see with --draws how much answers differ" if network.model.several else ""),
        )
    taken = {path.resolve() for path in others}
    pictured = next((path for path in maps if path.resolve() in taken), None)
    if pictured:
        raise UserError(f"the map {pictured} is a picture's name too", remedy="rename the picture")
    there = next((path for path in maps if path.exists()), None)
    if there and not overwrite:
        raise UserError(f"{there} exists already", remedy="pass --overwrite, or name another -o")
