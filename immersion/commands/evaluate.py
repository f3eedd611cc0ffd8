"""`immersion evaluate RUN`: measure a model on the test split."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from immersion import metrics
from immersion.batch import Batch, Split, iterate_batches
from immersion.check import UserError, check_at_least
from immersion.commands.doctor import examine
from immersion.data import log_volume
from immersion.data.restoration import load_pictures
from immersion.engine import Options
from immersion.evaluation.samples import SampleProtocol, evaluate_samples
from immersion.evaluation.translators import evaluate_translator
from immersion.metrics import Estimate
from immersion.models import Decoder, LatentVariableModel, ProbabilisticPCA, Translator
from immersion.pretrained.resolve import (
    image_model_of,
    is_bundled,
    is_published_file,
    resolve_model,
)
from immersion.random import use_seed
from immersion.report.page import write_report
from immersion.runs.load import Run, load_run

LARGEST_BASELINE = 1024
"""Most values per example for which the D x D covariance of the PCA baseline is computed."""

DENSITIES = ("elbo", "log_likelihood", "importance_weighted_bound", "ppca_log_likelihood")
"""Measures that depend on the units of the data."""


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
    device: str = "auto",
) -> dict[str, Any]:
    """Measure a run's model on the test split and write evaluation.json and the report.

    Measures the likelihood of a model that has one, and the quality of the samples of every
    generative model.

    Args:
        run: The run folder; with `on` also a bundled network, or a file of weights as their
            authors published them, such as DnCNN's sigma=25.mat.
        on: Pictures to evaluate an image-to-image network on: a name or a folder; by default the
            test split of its training data.
        importance_samples: Codes per example of the importance-weighted bound; 0 leaves it out.
        samples: Number of samples, and the most test examples that they are compared with; 0
            leaves their quality out.
        extractor: The features in which samples and test examples are compared: pixels, pca,
            digits, squeezenet, your own TorchScript file, or auto: by the data.
        extractor_hash: The SHA-256 of that file, which is a program: no other file is run.
        parzen: Whether to measure the Parzen-window log-likelihood too, for published tables.
        seed: Seed of codes and samples.
        device: auto (CUDA if available), cpu, cuda, cuda:1, or any other of PyTorch.

    Returns:
        The contents of evaluation.json.
    """
    check_at_least(0, importance_samples=importance_samples, samples=samples)
    word = os.fspath(run)
    place = Options(device=device).resolve_device()
    if is_bundled(word) or is_published_file(word) or (on and not Path(run).exists()):
        return _evaluate_network(word, on, place)
    opened = load_run(run)
    opened.model.to(place)
    if isinstance(opened.model, Translator):
        return _evaluate_translator_run(opened, on)
    if on:
        raise UserError("--on is for image-to-image networks", remedy="leave it out")
    if not samples and (parzen or extractor != "auto" or extractor_hash):
        raise UserError(
            "no samples are drawn", "--samples 1000 or so", "--samples 0", "or leave the rest out"
        )
    protocol = SampleProtocol(samples, extractor, extractor_hash, parzen) if samples else None
    result = evaluate_run(opened, importance_samples, seed, protocol)
    _report(opened)
    return result


def _evaluate_network(word: str, on: str, device: torch.device) -> dict[str, Any]:
    """Measure an image-to-image network that is not a run."""
    if not on:
        raise UserError(f"{word} comes without test pictures", remedy="name a set by --on")
    opened = resolve_model(word)
    network = opened(load_pictures(on).spec.shape[0])
    network.model.to(device)
    return {"network": network.origin.name} | evaluate_translator(network, on)


def _evaluate_translator_run(run: Run, on: str) -> dict[str, Any]:
    """Measure an image-to-image network; with `on`, nothing is written to the run folder."""
    if on:
        return evaluate_translator(image_model_of(run), on)
    result = evaluate_run(run, importance_samples=0)
    _report(run)
    return result


def evaluate_run(
    run: Run, importance_samples: int, seed: int = 0, sample_protocol: SampleProtocol | None = None
) -> dict[str, Any]:
    """Measure an opened run and write its evaluation.json.

    Args:
        run: The run.
        importance_samples: As in `evaluate`.
        seed: Seed of codes and samples.
        sample_protocol: Settings of the evaluation of samples; None leaves their quality out.
    """
    if isinstance(run.model, Translator):
        return _write(run, evaluate_translator(image_model_of(run)))
    if not isinstance(run.model, Decoder):
        return _write(run, {"protocol": {"split": "test"}, "estimates": _evaluate_terms(run)})
    result: dict[str, Any] = {"protocol": {"split": "test"}, "estimates": {}}
    if sample_protocol is not None:  # first: an error must come before the long work
        quality = evaluate_samples(run, sample_protocol, seed)
        result["sample_protocol"] = quality.protocol
        result["estimates"] = _to_json(quality.estimates)
    if run.decoder.encodes:
        likelihood = _evaluate_likelihood(run, importance_samples, seed)
        estimates = likelihood["estimates"] | result["estimates"]
        result = likelihood | {**result, "protocol": likelihood["protocol"]}
        result["estimates"] = estimates
    return _write(run, result | {"latent_dim": run.decoder.latent_dim})


@torch.no_grad()
def _evaluate_terms(run: Run) -> dict[str, Any]:
    """Measure the terms of the first player's objective: all that is known of other models."""
    parts: dict[str, list[Tensor]] = {}
    step = torch.tensor(run.record.step or 0)
    for number, (x, y) in enumerate(iterate_batches(run.data.test, seed=0)):
        with use_seed(0, "terms", number):
            for player in run.experiment.players[:1]:
                for name, term in player.objective(run.model, Batch(x, y, step)).items():
                    parts.setdefault(name, []).append(term)
    return _to_json({name: Estimate.of(torch.cat(t), "") for name, t in parts.items()})


def _report(run: Run) -> None:
    """Write the findings and the report of a run folder; a model's file is only read."""
    if not run.folder.read_only:
        examine(run.folder)
        write_report(run.folder)


def _write(run: Run, result: dict[str, Any]) -> dict[str, Any]:
    """Write evaluation.json, with the step of the weights; return its contents."""
    result = result | {"step": run.record.step}
    if run.folder.read_only:  # the estimates in a model's file are those of its author
        return result
    run.folder.write_json("evaluation.json", result)
    return result


def _evaluate_likelihood(run: Run, importance_samples: int, seed: int) -> dict[str, Any]:
    """Measure the likelihood and the latent units of a model that encodes."""
    p = getattr(run.model, "likelihood", None)  # a generator has none, with an encoder or without
    discrete = p is not None and p.discrete
    measured = metrics.evaluate(
        run.decoder,
        run.data.test,
        discrete=discrete,
        importance_samples=importance_samples,
        seed=seed,
    )
    estimates = dict(measured.estimates)
    if isinstance(run.model, LatentVariableModel) and not discrete:
        estimates |= _evaluate_baseline(run)
    protocol = {"split": "test", **measured.protocol}
    if run.spec.scale:
        protocol["densities"] = "in the table's own units"
        estimates = _to_original_units(estimates, log_volume(run.spec))
    return {
        "protocol": protocol,
        "estimates": _to_json(estimates),
        "kl_per_unit": [unit.value for unit in measured.kl_per_unit],
        "kl_per_unit_standard_error": [unit.standard_error for unit in measured.kl_per_unit],
        **({} if measured.active_units is None else {"active_units": measured.active_units}),
    }


def _to_json(estimates: dict[str, Estimate]) -> dict[str, Any]:
    return {name: asdict(estimate) for name, estimate in estimates.items()}


def _to_original_units(estimates: dict[str, Estimate], volume: float) -> dict[str, Estimate]:
    """Convert densities of standardised columns to densities of the original columns."""
    own = {
        n: e.affine(1.0, -volume, e.unit) if n in DENSITIES else e for n, e in estimates.items()
    }
    error = own["squared_error"]
    return own | {"squared_error": replace(error, unit="squared standardised units")}


def _evaluate_baseline(run: Run) -> dict[str, Estimate]:
    """Measure probabilistic PCA of the same latent dimension: the model to beat."""
    if not run.data.train.resident or run.spec.dimensions > LARGEST_BASELINE:
        return {}
    try:
        model = ProbabilisticPCA.fit(_read_rows(run.data.train), run.decoder.latent_dim)
    except UserError:  # the data are in a plane: there is no such model
        return {}
    return {"ppca_log_likelihood": Estimate.of(model.log_prob(_read_rows(run.data.test)), "nats")}


def _read_rows(split: Split) -> Tensor:
    return split.batch(torch.arange(len(split)))[0].flatten(1).double()
