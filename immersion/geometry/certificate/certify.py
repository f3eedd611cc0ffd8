"""A certificate that a network is an immersion on a box of latents, by subdivision."""

import math
import time
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from immersion.check import UserError, check_choice
from immersion.geometry.certificate.bound import CellBounds, compute_bounds
from immersion.geometry.certificate.layers import Step, compile_network
from immersion.geometry.certificate.polynomials import monomials

CHUNK = 1 << 21
"""Coefficients of the widest layer that are computed at once: 16 MiB in float64."""

Outputs = Literal["logits", "means"]
"""The network's outputs, or their sigmoids: the means of a Bernoulli likelihood."""


@dataclass(frozen=True)
class Certificate:
    """What is proved on a box of latents, which the cells tile.

    Args:
        cells_low, cells_high: (N, d) corners of the cells.
        bounds: (N,) lower bounds on the smallest singular value of Dg on each cell; 0 where
            nothing is proved.
        smallest_value: The smallest singular value that was seen at a cell's centre: what the
            smallest bound can be at most.
        evaluations: Number of cells that were bounded, including those that were then split.
        seconds: Time taken.
    """

    cells_low: Tensor
    cells_high: Tensor
    bounds: Tensor
    smallest_value: float
    evaluations: int
    seconds: float

    @property
    def undecided(self) -> Tensor:
        """(N,) bool: True for cells on which nothing is proved."""
        return self.bounds <= 0

    @property
    def proved_fraction(self) -> float:
        """The share of the box's volume that is proved immersed; 1 only if all of it is."""
        volumes = (self.cells_high - self.cells_low).prod(1)
        share = (volumes[~self.undecided].sum() / volumes.sum()).item()
        return min(share, math.nextafter(1.0, 0.0)) if self.undecided.any() else 1.0

    @property
    def smallest_bound(self) -> float:
        """The smallest bound on proved cells: a bound on the box if all of it is proved."""
        proved = self.bounds[~self.undecided]
        return proved.min().item() if len(proved) else 0.0


def certify_immersion(
    network: nn.Module,
    box_low: Tensor,
    box_high: Tensor,
    *,
    outputs: Outputs = "logits",
    threshold: float = 0.0,
    degree: int | None = None,
    max_cells: int = 100_000,
    seconds: float | None = None,
) -> Certificate:
    r"""Return a certificate that Dg has a smallest singular value above a threshold on a box.

    Each cell of a growing subdivision has a rigorous lower bound, see `compute_bounds`; cells that
    are not proved are halved across the latent with the largest nonlinear effect, the largest
    cells first. A proof holds for the real function with the network's weights; float64 rounding
    is part of the bounds.

    Args:
        network: g: (N, d) -> (N, ...), of layers that `compile_network` supports.
        box_low, box_high: (d,) corners.
        outputs: The outputs whose Jacobian is bounded.
        threshold: Singular value to exceed; 0 proves an immersion.
        degree: Degree of the Taylor polynomials, 1 to 4; by default 3 for up to 3 latents, 2 up to
            6, else 1.
        max_cells: Most cells to bound.
        seconds: Time after which no more cells are bounded, or None.

    Raises:
        UserError: The box does not fit the network, or a layer is not supported.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> network = nn.Sequential(nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 100))
        >>> corner = torch.full((2,), 0.5)
        >>> certificate = certify_immersion(network, -corner, corner)
        >>> certificate.proved_fraction, certificate.smallest_bound > 0.1
        (1.0, True)
    """
    begun = time.monotonic()
    low, high = box_low.double(), box_high.double()
    steps = compile_steps(network, outputs)
    width = measure_width(steps, low.unsqueeze(0))
    if low.shape != high.shape or not (high > low).all() or not (high - low).isfinite().all():
        raise UserError(
            "the box is empty or infinite", "box_low below box_high", (box_low, box_high)
        )
    degree = select_degree(degree, len(low))
    rows = max(1, CHUNK // (width * len(monomials(len(low), degree).exponents)))
    pending, done = [(low.unsqueeze(0), high.unsqueeze(0))], []
    evaluations, smallest = 0, math.inf
    while pending:
        lows, highs = (torch.cat(ends) for ends in zip(*pending, strict=True))
        late = seconds is not None and time.monotonic() - begun > seconds
        room = 0 if late else min(rows, max_cells - evaluations)
        if room <= 0:
            done.append((lows, highs, torch.zeros(len(lows), dtype=torch.float64)))
            break
        pending = [(lows[room:], highs[room:])] if len(lows) > room else []
        lows, highs = lows[:room], highs[:room]
        found = compute_box_bounds(steps, lows, highs, degree)
        evaluations += len(lows)
        smallest = min(smallest, found.values.min().item())
        proved = found.bounds > threshold
        done.append((lows[proved], highs[proved], found.bounds[proved]))
        failed = ~proved
        if failed.any():
            pending.append(halve(lows[failed], highs[failed], found.effects[failed]))
    cells_low, cells_high, bounds = (torch.cat(parts) for parts in zip(*done, strict=True))
    return Certificate(
        cells_low, cells_high, bounds, smallest, evaluations, time.monotonic() - begun
    )


def compute_box_bounds(steps: list[Step], lows: Tensor, highs: Tensor, degree: int) -> CellBounds:
    """Return bounds on the boxes between corners, (N, d) each."""
    centers = (lows + highs) / 2
    radii = torch.maximum(highs - centers, centers - lows)
    return compute_bounds(steps, centers, radii, monomials(lows.shape[1], degree), "box")


def halve(lows: Tensor, highs: Tensor, effects: Tensor) -> tuple[Tensor, Tensor]:
    """Return the halves of boxes, cut across the latent with the largest effect, (2 N, d).

    Example:
        >>> low, high = torch.zeros(1, 2), torch.ones(1, 2)
        >>> halve(low, high, torch.tensor([[1.0, 3.0]]))[1]
        tensor([[1.0000, 0.5000],
                [1.0000, 1.0000]])
    """
    # A box is at most 4 times as long as wide, so that no latent is forgotten.
    sides = highs - lows
    effects = effects.nan_to_num(0.0, 0.0, 0.0) + torch.finfo(effects.dtype).tiny * sides
    long_enough = sides * 4 > sides.amax(1, keepdim=True)
    axis = torch.where(long_enough, effects, -1.0).argmax(1, keepdim=True)
    middle = (lows.gather(1, axis) + highs.gather(1, axis)) / 2
    first_high, second_low = highs.scatter(1, axis, middle), lows.scatter(1, axis, middle)
    return torch.cat([lows, second_low]), torch.cat([first_high, highs])


def compile_steps(network: nn.Module, outputs: Outputs) -> list[Step]:
    """Return the steps of a network with a sigmoid on top if `outputs` is means."""
    check_choice("outputs", outputs, ["logits", "means"])
    top = [nn.Sigmoid()] if outputs == "means" else []
    return compile_network(nn.Sequential(network, *top))


def measure_width(steps: list[Step], z: Tensor) -> int:
    """Return the number of values of the widest layer.

    Args:
        steps: The network.
        z: (1, d) latents.

    Raises:
        UserError: The latents do not fit the network.
    """
    try:
        x, width = z, z.numel()
        for step in steps:
            x = step.evaluate(x)
            width = max(width, x.numel())
    except RuntimeError as error:
        raise UserError(
            "the box does not fit the network", "as many latents as it takes", tuple(z.shape[1:])
        ) from error
    return width


def select_degree(degree: int | None, dim: int) -> int:
    """Return the degree, by default the one that proves most in a given time for `dim` latents.

    Raises:
        UserError: It is not 1 to 4.
    """
    if degree is None:
        return 3 if dim <= 3 else 2 if dim <= 6 else 1
    if not 1 <= degree <= 4:
        raise UserError("the degree of Taylor polynomials is out of range", "1 to 4", degree)
    return degree
