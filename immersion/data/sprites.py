"""Shapes on black whose five factors are known, for the study of disentanglement."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from immersion.data.dataset import Dataset
from immersion.data.source import Source, register
from immersion.data.splits import from_tensors, split_randomly
from immersion.data.store import sha256
from immersion.spec import Spec

SIDE = 32
SHAPES = ("square", "ellipse", "heart")
RADII = np.array([5.0, 6.0, 7.0, 8.0])
"""Radii of the circumscribed circle, in pixels."""

PLACES = np.linspace(9.3, 22.7, 8)
"""Coordinates of the centre, in pixels, chosen so that no two sprites are equal."""

TURNS = 10
PERIODS = np.array([0.5, 1.0, 2.0]) * math.pi
"""Rotations, of which there are `TURNS`, cover a quarter turn of the square, half a turn of the
ellipse and a full turn of the heart."""

FACTORS = {"shape": 3, "scale": 4, "rotation": TURNS, "x": 8, "y": 8}
"""Each factor and its number of values; every combination occurs once."""

COUNTS = (6144, 768, 768)
SPEC = Spec("sprites", (1, SIDE, SIDE), "binary", SHAPES)


def factors(part: str = "") -> Tensor:
    """Return the indices of the factors, (N, 5) int64 in the order of `FACTORS`.

    Args:
        part: `train`, `validation` or `test`, for rows in the order of that split; if empty, all
            combinations, the last factor varying fastest.

    Example:
        >>> factors("test").shape
        torch.Size([768, 5])
    """
    grid = torch.cartesian_prod(*(torch.arange(size) for size in FACTORS.values()))
    if not part:
        return grid
    return grid[split_randomly("sprites", COUNTS)[("train", "validation", "test").index(part)]]


def render(shape: int, radius: float, angle: float, x: float, y: float) -> np.ndarray:
    """Return one sprite, (32, 32) bool: the pixels whose centres are in the shape.

    Args:
        shape: Index into `SHAPES`.
        radius: Radius of the circumscribed circle, in pixels.
        angle: Angle in radians, anticlockwise on the screen.
        x: Distance of the centre from the left edge, in pixels.
        y: Distance of the centre from the upper edge, in pixels.
    """
    centres = np.arange(SIDE) + 0.5
    right, up = (centres[None, :] - x) / radius, (y - centres[:, None]) / radius
    u = math.cos(angle) * right + math.sin(angle) * up
    v = math.cos(angle) * up - math.sin(angle) * right
    if shape == 0:
        return np.maximum(abs(u), abs(v)) <= math.sqrt(0.5)
    if shape == 1:
        return u**2 + (2 * v) ** 2 <= 1
    u, v = 1.25 * u, 1.25 * v + 0.25  # the heart in the unit circle
    return (u**2 + v**2 - 1) ** 3 <= u**2 * v**3


def read(files: Mapping[str, bytes]) -> Dataset:
    """Return all combinations of the factors, split at random, with the shape as the label."""
    levels = factors().numpy()
    x = np.stack(
        [
            render(s, RADII[r], PERIODS[s] * turn / TURNS, PLACES[i], PLACES[j])
            for s, r, turn, i, j in levels
        ]
    )
    tensor = torch.from_numpy(x.astype(np.uint8)).unsqueeze(1)
    y = torch.from_numpy(levels[:, 0].copy())
    checksums = {"values": sha256(tensor.numpy().tobytes())}
    indices = split_randomly("sprites", COUNTS)
    return from_tensors(
        SPEC, tensor, y, indices, checksums, "drawn; sprites.factors has the truth"
    )


register(
    Source(
        SPEC,
        "squares, ellipses and hearts of every scale, rotation and place (after dSprites)",
        COUNTS,
        "none needed: drawn by this package",
        "https://github.com/google-deepmind/dsprites-dataset",
        read,
    )
)
