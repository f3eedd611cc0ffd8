"""Figures of the geometry of a map from the plane of latents, as SVG for light and dark pages."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from immersion.report.theme import BLUE, GREY, INK, ORANGE, panel, svg


@dataclass(frozen=True)
class Plane:
    """Two latents over a square grid, and what is drawn on it.

    Args:
        half: The grid spans [-half, half] in both latents.
        log_volume: (side, side) log magnification factors, the second latent downwards from half.
        centres: (N, 2) places of the indicatrices.
        metrics: (N, 2, 2) metric matrices there.
        codes: (M, 2) codes of data, or None.
        geodesics: (B, T + 1, 2) curves, which are drawn with the straight lines of their ends.
    """

    half: float
    log_volume: Tensor
    centres: Tensor
    metrics: Tensor
    codes: Tensor | None
    geodesics: Tensor


def draw_plane(plane: Plane) -> str:
    """Return the magnification map under codes, indicatrices and geodesics.

    An indicatrix is the ellipse v' G v = c^2 of steps of equal length in the image, c the same for
    all: small where the image moves much for a step of the latents.
    """
    with panel(width=5.4, height=4.4) as (figure, axes):
        log10 = plane.log_volume.cpu().numpy() / np.log(10)
        finite = log10[np.isfinite(log10)]  # none where a latent is not used
        low, high = np.percentile(finite, [1, 99]) if len(finite) else (0.0, 1.0)
        extent = (-plane.half, plane.half, -plane.half, plane.half)
        image = axes.imshow(log10, extent=extent, cmap="viridis", vmin=low, vmax=high, alpha=0.85)
        bar = figure.colorbar(image, ax=axes, shrink=0.85)
        bar.set_label("log₁₀ magnification factor")
        bar.outline.set_visible(False)
        if plane.codes is not None:
            x = plane.codes.cpu().numpy()
            style = {"c": "white", "alpha": 0.55, "linewidths": 0, "rasterized": True}
            axes.scatter(x[:, 0], x[:, 1], s=5, **style)
        for outline in _trace_indicatrices(plane):
            axes.plot(*outline.T, color="white", linewidth=0.8)
        for curve in plane.geodesics.cpu().numpy():
            ends = curve[[0, -1]]
            axes.plot(*ends.T, color="white", linewidth=1.1, linestyle=(0, (4, 2)))
            axes.plot(*curve.T, color=ORANGE, linewidth=1.8)
            axes.plot(*ends.T, "o", color=ORANGE, markersize=4, linestyle="")
        axes.grid(visible=False)
        axes.set_xlim(-plane.half, plane.half)
        axes.set_ylim(-plane.half, plane.half)
        axes.set_xlabel("z₁")
        axes.set_ylabel("z₂")
        axes.set_title("geodesics (orange), straight lines, steps of equal length", loc="left")
        return svg(figure, alone=True)


def _trace_indicatrices(plane: Plane) -> list[np.ndarray]:
    """Return outlines of the indicatrices, of which the median is a third of the spacing wide."""
    metrics = plane.metrics.cpu().numpy()
    if not len(metrics):
        return []
    values, vectors = np.linalg.eigh(metrics)
    radii = 1 / np.sqrt(np.maximum(values, 1e-12 * values.max()))
    spacing = 2 * plane.half / np.sqrt(len(metrics))
    scale = spacing / 3 / np.median(radii.max(1))
    radii = np.minimum(radii * scale, spacing * 0.6)
    angle = np.linspace(0, 2 * np.pi, 49)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    return [
        (centre[:, None] + v @ (r[:, None] * circle)).T
        for centre, v, r in zip(plane.centres.cpu().numpy(), vectors, radii, strict=True)
    ]


def draw_singular_values(values: dict[str, Tensor]) -> str:
    """Return histograms of the smallest singular value of the Jacobian, on a logarithmic axis.

    Args:
        values: Name of the latents, such as "test data" -> (N,) values.
    """
    with panel() as (figure, axes):
        drawn = {name: v[v > 0].log10().cpu().numpy() for name, v in values.items()}
        ends = np.concatenate(list(drawn.values()))
        low, high = (ends.min(), ends.max()) if len(ends) else (0.0, 1.0)
        edges = np.linspace(low, max(high, low + 0.1), 41)
        for (name, x), colour in zip(drawn.items(), (BLUE, ORANGE), strict=False):
            axes.hist(x, edges, color=colour, alpha=0.6, label=f"{name} ({len(x):,})")
        zero = sum(int((v <= 0).sum()) for v in values.values())
        axes.set_title("smallest singular value of the Jacobian", loc="left")
        axes.set_xlabel("log₁₀ of change of the image for a unit step of z")
        axes.set_ylabel("latents")
        axes.legend()
        if zero:
            axes.text(0.02, 0.9, f"{zero} are 0", transform=axes.transAxes, color=INK)
        axes.axvline(0, color=GREY, linewidth=0.8)
        return svg(figure, alone=True)
