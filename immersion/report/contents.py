"""The contents of a run folder, read for its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from immersion.evaluation_record import read_estimates
from immersion.report import labels, text
from immersion.report.explorer import read_explorer
from immersion.run_folder import RunFolder

PICTURES = (".png", ".svg")
"""Suffixes of the pictures that a report shows."""

PROGRESS, FILM_BYTES = "progress", 4_000_000
"""Name of the film of a training and of the folder of its pictures; the film's largest size in a
report."""


EXPLORED = {"manifold": "manifold", "latent": "points"}
"""Pictures that a reader can explore -> the name of their data."""


class RunContents:
    """The contents of one run folder; parts that are not there are empty.

    Args:
        folder: The run.
        name: Name of the run in the report.
    """

    def __init__(self, folder: RunFolder, name: str) -> None:
        self.folder, self.name = folder, name
        self.record = folder.record()
        self.metrics = folder.metrics()
        self.evaluation = folder.evaluation() or {}
        self.estimates = read_estimates(self.evaluation)
        files = sorted(folder.samples.glob("[!.]*"))
        found = {path.stem: path for path in files if path.suffix in PICTURES}
        if progress := _find_progress(folder.samples):
            found[PROGRESS] = progress
        known = [name for name in labels.CAPTIONS if name in found]
        self.pictures = {name: found[name] for name in dict.fromkeys([*known, *found])}
        self.findings = folder.findings()
        self.game = any("/" in name for row in self.metrics[:1] for name in row)
        self.generative = self.record.generative

    @property
    def model(self) -> str:
        """Return the name of the run's model."""
        return text.name_model(self.record)

    @property
    def label(self) -> str:
        """Return the run's name and its model's."""
        return f"{self.name} ({self.model})"

    @property
    def in_training(self) -> bool:
        """Return whether the training has not ended yet."""
        return self.record.outcome is None

    @property
    def step(self) -> int:
        """Return the number of steps made; in training, as far as the metrics say."""
        last = self.metrics[-1]["step"] if self.metrics else 0
        return last if self.record.outcome is None else self.record.outcome.step

    @property
    def seconds(self) -> float:
        """Return the training time; in training, as far as the metrics say."""
        last = self.metrics[-1]["seconds"] if self.metrics else 0.0
        return last if self.record.outcome is None else self.record.outcome.seconds

    def caption(self, name: str) -> tuple[str, str]:
        """Return a picture's title and explanation."""
        own = labels.CAPTIONS_OF_A_GAN if self.record.recipe in labels.GANS else {}
        return own.get(name) or labels.CAPTIONS.get(name, (name, ""))

    def explorer(self, name: str) -> tuple[dict[str, Any], Path] | None:
        """Return the data and the picture with which a reader explores a figure, if there are."""
        if name not in self.pictures or name not in EXPLORED:
            return None
        return read_explorer(self.folder.samples, EXPLORED[name])


def _find_progress(samples: Path) -> Path | None:
    """Return the film of a training, or its last picture if there is no film of moderate size."""
    film = samples / f"{PROGRESS}.gif"
    if film.is_file() and film.stat().st_size <= FILM_BYTES:
        return film
    pictures = sorted((samples / PROGRESS).glob("[0-9]*.png"))
    return pictures[-1] if pictures else None


def read_runs(folders: Sequence[RunFolder]) -> list[RunContents]:
    """Return the contents of runs, each under a name that no other has."""
    names = name_runs([folder.path for folder in folders])
    return [RunContents(folder, name) for folder, name in zip(folders, names, strict=True)]


def name_runs(paths: Sequence[Path]) -> list[str]:
    """Return the last parts of paths, as many as distinguish each from the others.

    Example:
        >>> name_runs([Path("a/digits"), Path("b/digits"), Path("faces"), Path("faces")])
        ['a/digits', 'b/digits', 'faces', 'faces (2)']
    """
    whole = [path.resolve().parts for path in paths]
    names: list[str] = []
    for parts in whole:
        others = [other for other in whole if other != parts]
        count = 1
        while count < len(parts) and any(other[-count:] == parts[-count:] for other in others):
            count += 1
        name = "/".join(parts[-count:])
        again = sum(before == parts for before in whole[: len(names)])
        names.append(f"{name} ({again + 1})" if again else name)
    return names
