"""The geometry of a decoder: whether its image is an immersed manifold where the data are."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.certificate import Certificate, certify_immersion
from immersion.geometry.certificate.certify import Outputs
from immersion.likelihoods import (
    Bernoulli,
    GaussianFixed,
    GaussianOptimal,
    GaussianShared,
    Likelihood,
)
from immersion.metrics import Estimate
from immersion.models import Decoder
from immersion.models.codes import encode_means
from immersion.random import use_seed
from immersion.runs.run import Run

UNSEEN = 0.01
"""Sensitivity of the image to a latent unit, relative to the largest, below which it is unused."""


@dataclass(frozen=True)
class Places:
    """Latents at which a manifold is measured, (N, d) float64 each.

    Args:
        data: Codes of test examples; None if the model does not encode.
        prior: Samples of the prior; for a model without one, from N(0, I).
    """

    data: Tensor | None
    prior: Tensor


def find_places(run: Run, count: int, seed: int = 0) -> Places:
    """Return codes of at most `count` test examples, and as many samples of the prior."""
    model, data = run.decoder, None
    if model.encodes and run.has_data and len(run.data.test):
        with use_seed(seed, "geometry/data"):
            x, _ = run.data.test.batch(torch.arange(min(count, len(run.data.test))))
        data = encode_means(model, x)[:, : model.noise_dim].double()
    with torch.no_grad(), use_seed(seed, "geometry/prior"):
        if model.prior is None:
            prior = torch.randn(count, model.noise_dim)
        else:
            prior = model.prior().sample(torch.Size([count]))[:, : model.noise_dim]
    return Places(data, prior.cpu().double())


def measure_immersion(manifold: Manifold, z: Tensor, values: Tensor) -> dict[str, Estimate]:
    r"""Return how well a map is immersed at latents, (N, d), from its singular values there.

    With the singular values s_1 >= ... >= s_d of Dg(z):

    - smallest: s_d, change of the image for a unit step in the direction it sees least;
    - log10-condition: log10(s_1 / s_d);
    - full-rank: share of latents at which Dg has numerical rank d;
    - dimension: (sum s_i^2)^2 / sum s_i^4, directions that carry the change, from 1 to d;
    - log-volume: sum log s_i, the log of the magnification factor.
    """
    squares, full = values.square(), manifold.count_rank(values, z) == manifold.dim
    return {
        "smallest": Estimate.of(values[:, -1], "per unit of z"),
        "log10-condition": Estimate.of((values[:, 0] / values[:, -1]).log10(), "decades"),
        "full-rank": Estimate.of(full.double(), "share"),
        "dimension": Estimate.of(squares.sum(1).square() / squares.square().sum(1), "directions"),
        "log-volume": Estimate.of(values.log().sum(1), "nats"),
    }


def certify_decoder(model: Decoder, half: float, seconds: float) -> Certificate:
    """Return a proof that a model's mean is an immersion on the box [-half, half]^d, or a part.

    Args:
        model: A model whose network and likelihood can be bounded: the mean is the network's
            output or its sigmoid.
        half: Half of the box's side.
        seconds: Time for the proof.

    Raises:
        UserError: The model's network or its likelihood cannot be bounded.
    """
    if model.classes:
        raise UserError("a class-conditional model is not certified", "one without classes")
    network = getattr(model, "decoder", getattr(model, "generator", None))
    if not isinstance(network, nn.Module):
        raise UserError("the model has no network to certify", received=type(model).__name__)
    corner = torch.full((model.latent_dim,), half, dtype=torch.float64)
    wide = copy.deepcopy(network).cpu().double().eval().requires_grad_(False)
    outputs = _find_outputs(getattr(model, "likelihood", None))
    return certify_immersion(wide, -corner, corner, outputs=outputs, seconds=seconds)


def _find_outputs(likelihood: Likelihood | None) -> Outputs:
    """Return whether the mean is the network's output, or its sigmoid."""
    if likelihood is None:
        return "logits"
    plain = (Bernoulli, GaussianFixed, GaussianOptimal, GaussianShared)
    if not isinstance(likelihood, plain):
        raise UserError(
            "the means of this likelihood are not certified",
            ", ".join(kind.__name__ for kind in plain),
            type(likelihood).__name__,
        )
    squashed = isinstance(likelihood, Bernoulli) or likelihood.bounded
    return "means" if squashed else "logits"


def find_unused_units(manifold: Manifold, z: Tensor) -> list[int]:
    """Return the latent units to which the image hardly responds, as after posterior collapse."""
    metric = manifold.metric_matrix(z).mean(0)
    response = metric.diagonal().sqrt()
    return (response < UNSEEN * response.max()).nonzero()[:, 0].tolist()
