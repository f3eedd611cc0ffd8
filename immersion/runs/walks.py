"""Walks between codes: along lines, great circles, and geodesics of the learned manifold."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from immersion.check import UserError, check_choice
from immersion.models import Decoder
from immersion.models.codes import with_class
from immersion.models.paths import PATHS

if TYPE_CHECKING:  # few walks are geodesics
    from immersion.geometry import Manifold

GEODESIC = "geodesic"
"""Name of the path along which the image of the decoder changes least in all."""

NAMES = (*PATHS, GEODESIC)


def make_manifold(model: Decoder, label: int = 0) -> "Manifold":
    """Return the manifold z -> E[x|z] of a model, for one class if it is conditional."""
    from immersion.geometry import Manifold

    whole = Manifold(model)
    if not model.classes:
        return whole
    return Manifold(lambda z: whole.g(with_class(model, z, label)), model.noise_dim)


def walk(model: Decoder, a: Tensor, b: Tensor, steps: int, path: str, label: int = 0) -> Tensor:
    """Return codes on the way from a to b, (N, steps, d); steps of a geodesic are equally long.

    Args:
        model: A model with codes.
        a, b: (N, d) ends; of a class-conditional model the noise alone will do.
        steps: Codes of a walk, both ends included.
        path: linear, spherical, or geodesic.
        label: Class of walks that begin and end with noise alone.

    Raises:
        UserError: An unknown path, fewer than two steps, or a geodesic that was not found.
    """
    if steps < 2:
        raise UserError("an interpolation has two ends", "at least 2 steps", steps)
    check_choice("path", path, NAMES)
    if path != GEODESIC:
        return PATHS[path](a, b, torch.linspace(0, 1, steps))
    if a.shape[1] != model.noise_dim:
        raise UserError(
            "a geodesic of a class-conditional model stays within a class",
            "codes without the class",
            f"{a.shape[1]} values",
            "pass --label",
        )
    from immersion.geometry.geodesics import SEGMENTS, find_geodesics

    finer = math.ceil(SEGMENTS / (steps - 1))
    ends = a.double().cpu(), b.double().cpu()
    found = find_geodesics(make_manifold(model, label), *ends, segments=finer * (steps - 1))
    if not found.converged.all():
        raise UserError(
            f"{int((~found.converged).sum())} of {len(a)} geodesics were not found",
            "a residual below the tolerance",
            f"up to {found.residuals.max().item():.2g}",
            "choose --path linear, or other ends",
        )
    return found.curves[:, ::finer].to(a.dtype)
