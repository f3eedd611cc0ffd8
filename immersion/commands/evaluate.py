"""`immersion evaluate RUN`: how good the model is, on the test split."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from immersion import evaluation
from immersion.batch import Split
from immersion.check import UserError, at_least
from immersion.data import log_volume
from immersion.engine import Options
from immersion.evaluation import Estimate
from immersion.loading import Run, open_run
from immersion.models import LatentVariableModel, ProbabilisticPCA
from immersion.report.page import write_report

LARGEST_BASELINE = 1024
"""Values an example up to which the D x D covariance of the PCA baseline is formed."""

DENSITIES = ("elbo", "log_likelihood", "importance_weighted_bound", "ppca_log_likelihood")
"""Estimates that change with the units of the data."""


def evaluate(
    run: Path,
    *,
    importance_samples: int = 500,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> dict[str, Any]:
    """Measure a run's model on the test split and write evaluation.json and the report.

    Args:
        run: The run folder.
        importance_samples: Codes for each example of the importance-weighted bound; 0 leaves it
            out.
        seed: Seed of all draws.
        device: auto (CUDA where there is one), cpu or cuda.

    Returns:
        The contents of evaluation.json.
    """
    at_least(0, importance_samples=importance_samples)
    opened = open_run(run)
    opened.model.to(Options(device=device).resolve_device())
    result = evaluate_run(opened, importance_samples, seed)
    write_report(opened.folder)
    return result


def evaluate_run(run: Run, importance_samples: int, seed: int = 0) -> dict[str, Any]:
    """Measure an opened run and write its evaluation.json."""
    discrete = run.model.likelihood.discrete
    measured = evaluation.evaluate(
        run.model, run.data.test, discrete=discrete, importance=importance_samples, seed=seed
    )
    estimates = dict(measured.estimates)
    if isinstance(run.model, LatentVariableModel) and not discrete:
        estimates |= _baseline(run)
    protocol = {"split": "test", **measured.protocol}
    if run.spec.scale:
        protocol["densities"] = "in the table's own units"
        estimates = _in_own_units(estimates, log_volume(run.spec))
    result = {
        "protocol": protocol,
        "estimates": {name: asdict(estimate) for name, estimate in estimates.items()},
        "kl_per_unit": [unit.value for unit in measured.kl_per_unit],
        "kl_per_unit_standard_error": [unit.standard_error for unit in measured.kl_per_unit],
        "active_units": measured.active_units,
        "latent": run.model.latent,
        "step": run.record.get("outcome", {}).get("step"),
    }
    run.folder.write_json("evaluation.json", result)
    return result


def _in_own_units(estimates: dict[str, Estimate], volume: float) -> dict[str, Estimate]:
    """Turn densities of standardised columns into densities of the table's own columns."""
    own = {
        n: e.affine(1.0, -volume, e.unit) if n in DENSITIES else e for n, e in estimates.items()
    }
    error = own["squared_error"]
    return own | {"squared_error": replace(error, unit="squared standardised units")}


def _baseline(run: Run) -> dict[str, Estimate]:
    """Measure probabilistic PCA of the same latent dimension: the model to beat."""
    if not run.data.train.resident or run.spec.dimensions > LARGEST_BASELINE:
        return {}
    try:
        model = ProbabilisticPCA.fit(_rows(run.data.train), run.model.latent)
    except UserError:  # the data lie in a plane: there is no such model
        return {}
    return {"ppca_log_likelihood": Estimate.of(model.log_prob(_rows(run.data.test)), "nats")}


def _rows(split: Split) -> Tensor:
    return split.batch(torch.arange(len(split)))[0].flatten(1).double()
