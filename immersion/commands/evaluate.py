"""`immersion evaluate RUN`: how good the model is, on the test split."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from immersion import evaluation
from immersion.loading import Run, open_run
from immersion.models import LatentVariableModel, ProbabilisticPCA
from immersion.report.page import write_report

LARGEST_BASELINE = 1024
"""Values an example up to which the D x D covariance of the PCA baseline is formed."""


def evaluate(run: Path, *, importance: int = 500, seed: int = 0) -> dict[str, Any]:
    """Measure a run's model on the test split and write evaluation.json and the report.

    Args:
        run: The run folder.
        importance: Codes for each example of the importance-weighted bound; 0 leaves it out.
        seed: Seed of all draws.

    Returns:
        The contents of evaluation.json.
    """
    opened = open_run(run)
    result = evaluate_run(opened, importance, seed)
    write_report(opened.folder)
    return result


def evaluate_run(run: Run, importance: int, seed: int = 0) -> dict[str, Any]:
    """Measure an opened run and write its evaluation.json."""
    discrete = run.model.likelihood.discrete
    measured = evaluation.evaluate(
        run.model, run.data.test, discrete=discrete, importance=importance, seed=seed
    )
    estimates = {name: asdict(estimate) for name, estimate in measured.estimates.items()}
    if isinstance(run.model, LatentVariableModel) and not discrete:
        estimates |= _baseline(run)
    result = {
        "protocol": {"split": "test", **measured.protocol},
        "estimates": estimates,
        "kl_per_unit": measured.kl_per_unit,
        "active_units": measured.active_units,
        "latent": run.model.latent,
        "step": run.record.get("outcome", {}).get("step"),
    }
    run.folder.write_json("evaluation.json", result)
    return result


def _baseline(run: Run) -> dict[str, Any]:
    """Measure probabilistic PCA of the same latent dimension: the model to beat."""
    train = run.data.train
    if not train.resident or run.spec.dimensions > LARGEST_BASELINE:
        return {}

    x = train.batch(torch.arange(len(train)))[0].flatten(1).double()
    model = ProbabilisticPCA.fit(x, run.model.latent)
    test = run.data.test.batch(torch.arange(len(run.data.test)))[0].flatten(1).double()
    return {"ppca_log_likelihood": asdict(evaluation.Estimate.of(model.log_prob(test), "nats"))}
