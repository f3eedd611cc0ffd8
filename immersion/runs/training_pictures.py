"""Pictures of the same codes, drawn while a model trains, and the film of them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from immersion.check import UserError
from immersion.image_io.film import choose_duration, has_encoder, write_film
from immersion.models import Translator
from immersion.models.codes import sample_means
from immersion.report import image_grid
from immersion.runs.decoded_images import draw_reconstructions
from immersion.runs.figures import draw_translations, select_first
from immersion.runs.run import Run

FOLDER = "progress"
"""The folder of the pictures, among a run's samples."""

CODES, COLUMNS = 64, 8
"""Codes that are decoded, and images in a row."""

ROWS = 2000
"""Rows of a table that are drawn."""

SIDE, MARGIN = 400, 0.1
"""Pixels of a side of the scatter of a table, and its margin relative to the data."""

FRAMES = 300
"""Pictures of a film, at most."""


class TrainingPictures:
    """Draws a model's progress: each picture shows the same codes, or the same inputs.

    Generative models show 64 samples; of a table 2,000 rows, in the plane of its first two
    principal directions; autoencoders reconstructions; image-to-image networks their outputs.

    Args:
        run: The run, with its data.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.folder = run, run.folder.samples / FOLDER
        self.plane = None if run.spec.is_image else _Plane(select_first(run.data.test, ROWS))

    def __call__(self, step: int, model: nn.Module) -> None:
        """Draw the model of a step into `samples/progress`."""
        run = replace(self.run, experiment=replace(self.run.experiment, model=model))
        picture = self._draw(run)
        name = f"samples/{FOLDER}/{step:08d}.png"
        self.run.folder.write(name, lambda path: picture.save(path, format="PNG"))

    def _draw(self, run: Run) -> Image.Image:
        if isinstance(run.model, Translator):
            return draw_translations(run)
        model = run.decoder
        if self.plane is not None:
            return self.plane.draw(sample_means(model, ROWS, seed=0))
        if model.prior is None:
            return draw_reconstructions(model, select_first(run.data.test, CODES // 2))
        return image_grid.make_grid(sample_means(model, CODES, seed=0), COLUMNS)

    def write_film(self) -> list[Path]:
        """Write the film among the samples, as GIF and, with an encoder, as MP4; return the files.

        A film has at most 300 pictures, evenly spaced; none is written of fewer than two.
        """
        files = sorted(self.folder.glob("[0-9]*.png"))
        if len(files) < 2:
            return []
        chosen = np.linspace(0, len(files) - 1, min(len(files), FRAMES)).round().astype(int)
        duration = choose_duration(len(chosen))
        names = [f"{FOLDER}.gif", *([f"{FOLDER}.mp4"] if has_encoder() else [])]
        return [self._write(name, [files[i] for i in chosen], duration) for name in names]

    def _write(self, name: str, files: list[Path], duration: float) -> Path:
        ending = Path(name).suffix

        def write(path: Path) -> None:
            whole = path.with_name(path.name + ending)  # the format is that of the ending
            write_film(_read(files), whole, duration)
            whole.replace(path)

        return self.run.folder.write(f"samples/{name}", write)


def _read(files: list[Path]) -> Iterator[Image.Image]:
    for file in files:
        with Image.open(file) as picture:
            yield picture.copy()


class _Plane:
    """A scatter of rows in the plane of the first two principal directions of the data.

    Args:
        data: Rows, (N, D); drawn in grey.
    """

    def __init__(self, data: Tensor) -> None:
        x = data.flatten(1).double()
        if x.shape[1] < 2:
            raise UserError("one column has no plane", "a table of 2 columns or more", 1)
        self.mean = x.mean(0)
        # The plane itself is left as it is.
        directions = torch.linalg.svd(x - self.mean, full_matrices=False).Vh[:2].T
        self.directions = torch.eye(2).double() if x.shape[1] == 2 else directions
        points = (x - self.mean) @ self.directions
        low, high = points.amin(0), points.amax(0)
        width = float((high - low).max()) * (1 + 2 * MARGIN) or 1.0
        self.origin, self.scale = (low + high - width) / 2, SIDE / width
        self.canvas = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
        self._mark(self.canvas, x, (190, 190, 190))

    def draw(self, rows: Tensor) -> Image.Image:
        """Return a picture of the data and of rows, (N, D), those outside left out."""
        canvas = self.canvas.copy()
        self._mark(canvas, rows.flatten(1).double(), (213, 94, 0))
        return Image.fromarray(canvas)

    def _mark(self, canvas: np.ndarray, x: Tensor, colour: tuple[int, int, int]) -> None:
        points = ((x - self.mean) @ self.directions - self.origin) * self.scale
        inside = (points.isfinite() & (points >= 0) & (points < SIDE - 1)).all(1)
        column, row = points[inside].long().unbind(1)
        for down in (0, 1):
            for right in (0, 1):
                canvas[SIDE - 1 - row.numpy() - down, column.numpy() + right] = colour
