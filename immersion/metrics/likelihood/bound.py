"""The ELBO and its terms, the importance-weighted bound, and the activity of latent units."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.batch import Split, choose_batch_size, iterate_batches
from immersion.check import NonFinite
from immersion.metrics.estimate import Estimate
from immersion.models import Decoder, LatentVariableModel
from immersion.posteriors import (
    MEAN_SAMPLES,
    compute_kl_per_unit,
    compute_mean,
    estimate_kl,
    has_mean,
)
from immersion.progress import track
from immersion.random import use_seed

ACTIVE = 0.01
"""A unit is active where the variance of its posterior mean over examples exceeds this."""

CHUNK = 2**24
"""Largest number of values that the decoder outputs at a time, to bound the memory."""


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a model on one split.

    Args:
        estimates: By name: squared_error; kl, where there is a prior; with a likelihood elbo,
            log_likelihood and, if requested, importance_weighted_bound; bits_per_dim if the
            likelihood is a probability.
        kl_per_unit: E_x[KL(q(z_j|x) || p(z_j))] of each unit; empty for a model without a prior.
        active_units: Number of units with Var_x(E_q[z_j]) > 0.01 (Burda et al. 2016, section 5);
            None if the posterior mean has no closed form.
        protocol: Settings that the numbers depend on, besides model and split.
    """

    estimates: dict[str, Estimate]
    kl_per_unit: list[Estimate]
    active_units: int | None
    protocol: dict[str, object]


def evaluate(
    model: Decoder, split: Split, *, discrete: bool, importance_samples: int = 0, seed: int = 0
) -> Evaluation:
    """Measure a model on a whole split; nothing is dropped or filtered.

    elbo = log_likelihood - kl, with one code drawn for each example and the KL in closed form
    where q(z|x) and p(z) factorise; importance_weighted_bound is L_k = E[log 1/k sum_i w_i]
    <= log p(x) (Burda et al. 2016, equation (8), https://arxiv.org/abs/1509.00519), which rises
    to log p(x) with k.

    Args:
        model: With or without a prior; it is left in evaluation mode.
        split: Usually the test split. Dynamic binarization is drawn once, from the seed.
        discrete: True if p(x|z) is a probability, so that bits/dim = -elbo / (D log 2) applies.
        importance_samples: k, codes for each example of the importance-weighted bound; 0 leaves
            it out.
        seed: Seed of binarization, of codes and of importance samples, separately for each, so
            that no number depends on the choice of the others.

    Raises:
        NonFinite: A value is not finite for some example; none is left out.
    """
    parts: dict[str, list[Tensor]] = {}
    model.eval()  # in training mode some likelihoods still learn from their inputs
    device = next(model.parameters(), torch.empty(0)).device
    with torch.no_grad():
        blocks = -(-len(split) // choose_batch_size(split))
        for number, (x, _) in enumerate(
            track(iterate_batches(split, seed), blocks, "examples: blocks")
        ):
            x = x.to(device)
            with use_seed(seed, "codes", number):
                measured = _compute_values(model, x)
            if importance_samples and isinstance(model, LatentVariableModel):
                with use_seed(seed, "importance", number):
                    bound = importance_weighted_bound(model, x, importance_samples)
                measured["importance_weighted_bound"] = bound
            for name, values in measured.items():
                parts.setdefault(name, []).append(values.cpu())
    joined = {name: torch.cat(pieces) for name, pieces in parts.items()}
    means, units = joined.pop("means", None), joined.pop("units", None)
    estimates = {name: _estimate(name, each) for name, each in joined.items()}
    if discrete and "elbo" in estimates:
        to_bits = -1 / (x[0].numel() * math.log(2))
        estimates["bits_per_dim"] = estimates["elbo"].affine(to_bits, 0.0, "bits/dim")
    protocol: dict[str, object] = {"seed": seed}
    if "elbo" in estimates:
        protocol |= {"codes": 1, "importance_samples": importance_samples}
    if "kl" in estimates:
        protocol["kl"] = "closed form" if units is not None else "one code"
    if means is None:
        protocol["means"] = f"of {MEAN_SAMPLES} codes; too few to count active units"
    return Evaluation(
        estimates,
        kl_per_unit=[] if units is None else [Estimate.of(u, "nats") for u in units.T],
        active_units=None if means is None else int((means.var(0) > ACTIVE).sum()),
        protocol=protocol,
    )


def _compute_values(model: Decoder, x: Tensor) -> dict[str, Tensor]:
    """Return all values per example, (B,), and the posterior `means` and KL `units`, (B, d)."""
    q, prior = model.encode(x), None if model.prior is None else model.prior()
    mean = compute_mean(q)
    values = {"squared_error": (model.decode(mean).mean - x).square().flatten(1).sum(1)}
    if has_mean(q):
        values["means"] = mean
    units = None if prior is None else compute_kl_per_unit(q, prior)
    if units is not None:
        values |= {"units": units, "kl": units.sum(-1)}
    if prior is None or not isinstance(model, LatentVariableModel):
        return values
    z = q.rsample()
    log_likelihood = model.decode(z).log_prob(x)
    kl = estimate_kl(q, prior, z) if units is None else values["kl"]
    return values | {"elbo": log_likelihood - kl, "log_likelihood": log_likelihood, "kl": kl}


def importance_weighted_bound(model: LatentVariableModel, x: Tensor, k: int) -> Tensor:
    """Return L_k of each example, (B,), in nats: log-mean-exp of exactly k log-weights.

    Codes are drawn and decoded in chunks that fit in memory; all k are drawn and used.
    """
    total = x.new_full((len(x),), -math.inf, dtype=torch.float64)
    likelihood = getattr(model, "likelihood", None)
    shape = x.shape[1:] if likelihood is None else likelihood.parameter_shape
    for count in _chunks(k, max(1, CHUNK // (len(x) * math.prod(shape)))):
        weights = model.log_weights(x, count).double()
        total = torch.logaddexp(total, weights.logsumexp(0))
    return total - math.log(k)


def _chunks(total: int, size: int) -> list[int]:
    """Return sizes of at most `size` that add up to `total`."""
    return [size] * (total // size) + ([total % size] if total % size else [])


def _estimate(name: str, values: Tensor) -> Estimate:
    broken = int((~values.isfinite()).sum())
    if broken:
        raise NonFinite(f"{name} is not finite for {broken} of {len(values)} test examples")
    return Estimate.of(values, "squared units of x" if name == "squared_error" else "nats")
