"""`immersion geometry RUN`: is the learned manifold immersed, and what are its shortest paths."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from immersion.check import UserError, check_at_least
from immersion.evaluation.geometry import (
    certify_decoder,
    find_places,
    find_unused_units,
    measure_immersion,
)
from immersion.geometry import Manifold
from immersion.geometry.curves import draw_lines
from immersion.geometry.geodesics import Geodesics, find_geodesics
from immersion.metrics import Estimate
from immersion.models import Decoder
from immersion.models.codes import decode_means, with_class
from immersion.output_file import check_output_folder, write_atomically
from immersion.report.geometry import Plane, draw_plane, draw_singular_values
from immersion.report.image_grid import make_grid
from immersion.report.page import write_report
from immersion.runs.load import Run, load_run
from immersion.runs.walks import make_manifold

SIDE, ELLIPSES, SHOWN = 60, 9, 10
"""Points along each side of the map, indicatrices along it, images in a strip."""

MOST = 3
"""Latents of a box that is to be proved."""

SPREAD = 1.15
"""Half-width of the map over the largest coordinate of the codes."""


def geometry(
    run: Path,
    *,
    count: int = 1000,
    pairs: int = 8,
    segments: int = 50,
    box: float = 3.0,
    seconds: float = 20.0,
    label: int = 0,
    seed: int = 0,
    out: Path | None = None,
) -> dict[str, Any]:
    """Measure the geometry of a model's decoder: rank, condition, volume, shortest paths.

    The image of g(z) = E[x|z] is an immersed manifold where the Jacobian of g has full rank. Its
    singular values are computed at the codes of test examples and at samples from the prior, and
    geodesics, the shortest curves on the manifold, between pairs of them. Of up to three latents
    it is proved too: by lower bounds on the smallest singular value on the cells of a box.

    Args:
        run: The run folder of a model with codes: an autoencoder, a VAE or a GAN.
        count: Test examples, and samples from the prior.
        pairs: Geodesics.
        segments: Segments of a geodesic.
        box: Half side of the box of latents, [-box, box]^d, that is to be proved immersed.
        seconds: Time for the proof; 0 for none.
        label: Class of a class-conditional model, by number.
        seed: Seed of the samples and the pairs.
        out: Folder of geometry.json and the figures; by default samples/ in the run folder.
    """
    check_at_least(2, count=count, segments=segments)
    check_at_least(1, pairs=pairs)
    check_at_least(0, box=box, seconds=seconds)
    if out is not None:
        check_output_folder(Path(out))
    opened = load_run(run)
    if out is None:
        opened.folder.check_writable()
    manifold, places = make_manifold(opened.decoder, label), find_places(opened, count, seed)
    at = {"test data": places.data, "prior samples": places.prior}
    seen = {name: z for name, z in at.items() if z is not None}
    values = {name: manifold.singular_values(z) for name, z in seen.items()}
    measures = {n: measure_immersion(manifold, z, values[n]) for n, z in seen.items()}
    codes = places.prior if places.data is None else places.data
    pairs = min(pairs, len(codes) // 2)
    if not pairs:
        raise UserError("there are too few examples for a geodesic", "2 or more", len(codes))
    found = find_geodesics(manifold, codes[:pairs], codes[pairs : 2 * pairs], segments=segments)
    smallest = {name: each[:, -1] for name, each in values.items()}
    figures = _draw(opened, manifold, codes, found, smallest, label)
    result = {
        "run": str(opened.path),
        "latents": manifold.dim,
        "unused_units": find_unused_units(manifold, codes),
        "estimates": {name: _to_json(each) for name, each in measures.items()},
        "geodesics": _describe(found),
        "proof": _prove(opened.decoder, box, seconds),
    }
    folder = _save(opened, result, figures, out)
    drawn: dict[str, Any] = {"figures": [str(folder / name) for name in figures]}
    if out is None:
        drawn["report"] = str(write_report(opened.folder))
    return result | drawn


def _prove(model: Decoder, box: float, seconds: float) -> dict[str, Any]:
    """Return the share of a box that is proved immersed, or why there is no proof."""
    if not box or not seconds:
        return {"left_out": "no box or no time was given"}
    if model.latent_dim > MOST:
        return {"left_out": f"the box of {model.latent_dim} latents has too many cells"}
    try:
        found = certify_decoder(model, box, seconds)
    except UserError as error:
        return {"left_out": str(error)}
    return {
        "box": box,
        "proved_share": found.proved_fraction,
        "smallest_bound": found.smallest_bound,
        "smallest_value_seen": found.smallest_value,
        "cells": len(found.bounds),
        "seconds": round(found.seconds, 1),
    }


def _draw(
    run: Run,
    manifold: Manifold,
    codes: Tensor,
    found: Geodesics,
    smallest: dict[str, Tensor],
    label: int,
) -> dict[str, Any]:
    """Return the figures by file name: SVG text, or a picture."""
    drawn: dict[str, Any] = {"singular-values.svg": draw_singular_values(smallest)}
    if manifold.dim == 2:
        drawn["geometry.svg"] = draw_plane(_lay_out_plane(manifold, codes, found))
    if run.spec.is_image:
        lines = draw_lines(found.curves[:, 0], found.curves[:, -1], SHOWN - 1)
        steps = torch.linspace(0, found.curves.shape[1] - 1, SHOWN).round().long()
        strips = torch.stack([lines, found.curves[:, steps]], 1)  # a line, then its geodesic
        z = with_class(run.decoder, strips.flatten(0, 2).float(), label)
        drawn["geodesics.png"] = make_grid(decode_means(run.decoder, z), SHOWN)
    return drawn


def _lay_out_plane(manifold: Manifold, codes: Tensor, found: Geodesics) -> Plane:
    half = SPREAD * max(codes.abs().max().item(), found.curves.abs().max().item())
    volume = manifold.log_volume(_make_grid(half, SIDE)).reshape(SIDE, SIDE)
    centres = _make_grid(half * (1 - 1 / ELLIPSES), ELLIPSES)
    metrics = manifold.metric_matrix(centres)
    return Plane(half, volume, centres, metrics, codes, found.curves)


def _make_grid(half: float, side: int) -> Tensor:
    """Return a square grid, row by row from the top, (side^2, 2)."""
    line = torch.linspace(-half, half, side, dtype=torch.float64)
    up, across = torch.meshgrid(line.flip(0), line, indexing="ij")
    return torch.stack([across, up], -1).flatten(0, 1)


def _save(run: Run, result: dict[str, Any], figures: dict[str, Any], out: Path | None) -> Path:
    """Write geometry.json and the figures, by default into samples/, and return the folder."""
    folder = run.folder.samples if out is None else Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    write_atomically(folder / "geometry.json", lambda path: path.write_text(text))
    for name, figure in figures.items():
        if isinstance(figure, str):
            (folder / name).write_text(figure)
        else:
            figure.save(folder / name)
    return folder


def _to_json(measures: dict[str, Estimate]) -> dict[str, Any]:
    """Return estimates as JSON holds them; those that are infinite, of a lost rank, are null."""
    return {
        name: {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(estimate).items()
        }
        for name, estimate in measures.items()
    }


def _describe(found: Geodesics) -> dict[str, Any]:
    """Return lengths, those of the straight lines, and how far the search converged."""
    shorter = found.lengths / found.straight_lengths
    return {
        "count": len(shorter),
        "converged": int(found.converged.sum()),
        "largest_residual": found.residuals.max().item(),
        "length": asdict(Estimate.of(found.lengths, "in the image")),
        "relative_to_straight_lines": asdict(Estimate.of(shorter, "times")),
    }
