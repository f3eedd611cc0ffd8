"""`immersion evaluate RUN`: how good the model is, on the test split."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from immersion import metrics
from immersion.batch import Split
from immersion.check import UserError, check_at_least
from immersion.commands.doctor import examine
from immersion.data import log_volume
from immersion.data.restoration import load_pictures
from immersion.engine import Options
from immersion.evaluation.samples import SampleProtocol, evaluate_samples
from immersion.evaluation.translators import evaluate_translator
from immersion.metrics import Estimate
from immersion.models import LatentVariableModel, ProbabilisticPCA, Translator
from immersion.pretrained.published import is_published
from immersion.pretrained.resolve import Network, opener, ships
from immersion.report.page import write_report
from immersion.runs.figures import encodes
from immersion.runs.load import Run, load_run

LARGEST_BASELINE = 1024
"""Values an example up to which the D x D covariance of the PCA baseline is formed."""

DENSITIES = ("elbo", "log_likelihood", "importance_weighted_bound", "ppca_log_likelihood")
"""Estimates that change with the units of the data."""


def evaluate(
    run: Path,
    *,
    on: str = "",
    importance_samples: int = 500,
    samples: int = 10_000,
    extractor: str = "auto",
    extractor_hash: str = "",
    parzen: bool = False,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> dict[str, Any]:
    """Measure a run's model on the test split and write evaluation.json and the report.

    The likelihood of a model that has one, and the quality of the samples of every model that
    samples.

    Args:
        run: The run folder; with `on` also a network that comes with the package, or a file of
            weights as their authors published them, such as DnCNN's sigma=25.mat.
        on: Pictures that an image-to-image network is judged on: a name or a folder; by default
            the test split of its own data.
        importance_samples: Codes for each example of the importance-weighted bound; 0 leaves it
            out.
        samples: Samples that are drawn, and the most test examples that they are compared with;
            0 leaves their quality out.
        extractor: The features that samples and test examples are compared in: pixels, pca,
            digits, squeezenet, a TorchScript file of your own, or auto: by the data.
        extractor_hash: The SHA-256 of that file: it is a program, and only the one meant is run.
        parzen: Whether to measure the Parzen-window log-likelihood too, for published tables.
        seed: Seed of all draws.
        device: auto (CUDA where there is one), cpu or cuda.

    Returns:
        The contents of evaluation.json.
    """
    check_at_least(0, importance_samples=importance_samples, samples=samples)
    word = str(run)
    place = Options(device=device).resolve_device()
    if ships(word) or is_published(word) or (on and not Path(run).exists()):
        return _network(word, on, place)
    opened = load_run(run)
    opened.model.to(place)
    if isinstance(opened.model, Translator):
        return _translator(opened, on)
    if on:
        raise UserError("--on is for image-to-image networks", remedy="leave it out")
    if not samples and (parzen or extractor != "auto" or extractor_hash):
        raise UserError(
            "no samples are drawn", "--samples 1000 or so", "--samples 0", "or leave the rest out"
        )
    protocol = SampleProtocol(samples, extractor, extractor_hash, parzen) if samples else None
    result = evaluate_run(opened, importance_samples, seed, protocol)
    examine(opened.folder)
    write_report(opened.folder)
    return result


def _network(word: str, on: str, device: torch.device) -> dict[str, Any]:
    """Measure an image-to-image network that is no run of one's own."""
    if not on:
        raise UserError(f"nothing says what {word} is judged on", remedy="name a set by --on")
    opened = opener(word)
    network = opened(load_pictures(on).spec.shape[0])
    network.model.to(device)
    return {"network": network.name} | evaluate_translator(network, on)


def _translator(run: Run, on: str) -> dict[str, Any]:
    """Measure an image-to-image network; a set of others' pictures leaves the run as it is."""
    if on:
        return evaluate_translator(Network.of(run), on)
    result = evaluate_run(run, importance_samples=0)
    examine(run.folder)
    write_report(run.folder)
    return result


def evaluate_run(
    run: Run, importance_samples: int, seed: int = 0, sample_protocol: SampleProtocol | None = None
) -> dict[str, Any]:
    """Measure an opened run and write its evaluation.json.

    Args:
        run: The run.
        importance_samples: As in `evaluate`.
        seed: Seed of all draws.
        sample_protocol: How samples are measured; None leaves their quality out.
    """
    if isinstance(run.model, Translator):
        return _written(run, evaluate_translator(Network.of(run)))
    result: dict[str, Any] = {"protocol": {"split": "test"}, "estimates": {}}
    if sample_protocol is not None:  # first: what does not suit is said before the long work
        quality = evaluate_samples(run, sample_protocol, seed)
        result["sample_protocol"] = quality.protocol
        result["estimates"] = _plain(quality.estimates)
    if encodes(run.model):
        likelihood = _likelihood(run, importance_samples, seed)
        estimates = likelihood["estimates"] | result["estimates"]
        result = likelihood | {**result, "protocol": likelihood["protocol"]}
        result["estimates"] = estimates
    return _written(run, result | {"latent_dim": run.model.latent_dim})


def _written(run: Run, result: dict[str, Any]) -> dict[str, Any]:
    """Write evaluation.json, with the step that it was made at."""
    result = result | {"step": run.record.step}
    run.folder.write_json("evaluation.json", result)
    return result


def _likelihood(run: Run, importance_samples: int, seed: int) -> dict[str, Any]:
    """Measure what a model that encodes makes of the test split."""
    p = getattr(run.model, "likelihood", None)  # a generator has none, with an encoder or without
    discrete = p is not None and p.discrete
    measured = metrics.evaluate(
        run.model, run.data.test, discrete=discrete, importance=importance_samples, seed=seed
    )
    estimates = dict(measured.estimates)
    if isinstance(run.model, LatentVariableModel) and not discrete:
        estimates |= _baseline(run)
    protocol = {"split": "test", **measured.protocol}
    if run.spec.scale:
        protocol["densities"] = "in the table's own units"
        estimates = _in_own_units(estimates, log_volume(run.spec))
    return {
        "protocol": protocol,
        "estimates": _plain(estimates),
        "kl_per_unit": [unit.value for unit in measured.kl_per_unit],
        "kl_per_unit_standard_error": [unit.standard_error for unit in measured.kl_per_unit],
        "active_units": measured.active_units,
    }


def _plain(estimates: dict[str, Estimate]) -> dict[str, Any]:
    return {name: asdict(estimate) for name, estimate in estimates.items()}


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
        model = ProbabilisticPCA.fit(_rows(run.data.train), run.model.latent_dim)
    except UserError:  # the data lie in a plane: there is no such model
        return {}
    return {"ppca_log_likelihood": Estimate.of(model.log_prob(_rows(run.data.test)), "nats")}


def _rows(split: Split) -> Tensor:
    return split.batch(torch.arange(len(split)))[0].flatten(1).double()
