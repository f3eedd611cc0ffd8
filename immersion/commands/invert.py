"""`immersion invert RUN`: train an encoder for the generator of a GAN."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from immersion import engine
from immersion.batch import Batch, iterate_batches
from immersion.check import UserError
from immersion.commands.schedule import plan_run, watch_run
from immersion.commands.train import check_same_experiment, check_steps
from immersion.engine import Experiment, OptimizerSettings, Options, Player
from immersion.machine import collect_versions, describe_machine
from immersion.metrics import Estimate
from immersion.models import GAN
from immersion.models.inverse import build_encoder
from immersion.nn import Architecture
from immersion.objectives import Inversion
from immersion.random import use_seed
from immersion.recipes.call import to_json
from immersion.report.page import write_report
from immersion.run_record import RunRecord
from immersion.runs.figures import draw_all
from immersion.runs.load import Run, load_run
from immersion.trackers import check_tracker

BETTER = 0.01
"""Fraction by which the error of reconstructions must be below that of the mean example: the error
of generators that start at the mean image is lower by 0.00004 with an untrained encoder."""


def invert(
    run: Path,
    *,
    weight: float = 10.0,
    architecture: Architecture = Architecture(),
    optimizer: OptimizerSettings = OptimizerSettings(),
    options: Options = Options(),
    on_metrics: Callable[[dict[str, Any]], None] = lambda row: None,
) -> dict[str, Any]:
    """Train an encoder for a run's generator, which is not changed, and draw its figures.

    The encoder is a separate run, in the folder `encoder` of the run; the same call resumes it.
    It minimises the error of the codes of generated examples and the reconstruction error of
    training examples.

    Args:
        run: The run folder of a GAN.
        weight: Weight of the reconstruction error relative to the error of the codes.
        architecture: The encoder's network.
        optimizer: Optimizer settings.
        options: Training options.
        on_metrics: Called with each row of the metrics.

    Returns:
        run, encoder, report, step, reason, seconds, the estimates on the test split, and a
        warning if the encoder has learnt nothing.

    Raises:
        UserError: The run is not one of a GAN, or it has an encoder of other settings or of other
            weights of the generator.
        NonFinite: Training diverged; the last good checkpoint is kept.
    """
    begun = time.monotonic()
    opened = load_run(run)
    opened.folder.check_writable()
    if not isinstance(opened.model, GAN):
        received = f"a run of {opened.record.model_name}"
        raise UserError("only a generator is given an encoder", "a run of a GAN", received)
    # In evaluation mode, which the engine does not change: its buffers are constant too.
    generator = opened.model.to(options.resolve_device()).requires_grad_(False)
    objective = Inversion(generator, weight)
    with use_seed(options.seed, "weights"):
        encoder = build_encoder(generator, opened.spec.shape, architecture)
    player = Player("encoder", list(encoder.parameters()), objective, optimizer)
    experiment = Experiment(encoder, (player,), batch_size=100)
    arguments = {"weight": weight, "architecture": architecture, "optimizer": optimizer}
    inner = _begin(opened, experiment, arguments, options, begun)
    folder, record = inner.folder, inner.record
    with folder.lock():
        folder.write_record(record)
        with watch_run(inner, on_metrics, opened.folder) as (planned, log_row, callbacks):
            outcome = engine.train(experiment, inner.data, folder, planned, log_row, callbacks)
        folder.write_record(replace(record, outcome=outcome))
    places = {"run": str(opened.path), "encoder": str(folder.path)}
    if outcome.reason == "interrupted":
        return {**places, **outcome.to_json()}
    encoder.load_state_dict(folder.weights())
    estimates = _measure(opened, objective, encoder.eval())
    folder.write_json("evaluation.json", {"split": "test", "estimates": estimates})
    draw_all(load_run(run))
    report = str(write_report(opened.folder))
    result = {**places, "report": report, **outcome.to_json(), "estimates": estimates}
    warning = check_learning(opened, estimates["squared_error"]["value"])
    return result | ({"warning": warning} if warning else {})


def _begin(
    run: Run,
    experiment: Experiment,
    arguments: dict[str, Any],
    options: Options,
    begun: float,
) -> Run:
    """Return the encoder's run, with its record complete.

    Raises:
        UserError: The folder holds another encoder, or the options do not suit an encoder.
    """
    if options.draw_every:
        raise UserError("an encoder draws no samples", remedy="leave --draw-every out")
    check_tracker(options.track)
    folder, device = run.folder.encoder, options.resolve_device()
    options.resolve_batch_size(len(run.data.train), experiment.batch_size)
    folder.check_free()
    plan = plan_run(experiment, run.data, options, folder, begun)
    options = plan.options
    record = RunRecord(
        recipe="encoder",
        arguments=to_json(arguments),
        data=run.record.data,
        generator_step=run.folder.checkpoint_step(),
        options=asdict(options),
        device=device.type,
        precision=str(options.resolve_precision(device)).removeprefix("torch."),
        versions=collect_versions(),
        machine=describe_machine(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    record = plan.complete(record)
    if folder.exists():
        before = folder.record()
        if before.generator_step != record.generator_step:
            raise UserError(
                "the generator has been trained since it was given its encoder",
                f"the generator of step {before.generator_step}",
                f"that of step {record.generator_step}",
                f"remove '{folder.path}' to train its encoder again",
            )
        check_same_experiment(folder, record)
        check_steps(folder, options.steps or 0)
        record = plan.complete(replace(before, options=record.options))
    return Run(folder, record, experiment, run.data)


@torch.no_grad()
def _measure(run: Run, objective: Inversion, encoder: nn.Module) -> dict[str, Any]:
    """Return both errors on the test split as estimates."""
    parts: dict[str, list[torch.Tensor]] = {}
    step, device = torch.tensor(0), next(encoder.parameters()).device
    for number, (x, y) in enumerate(iterate_batches(run.data.test, seed=0)):
        with use_seed(0, "inversion", number):
            terms = objective(encoder, Batch(x.to(device), y, step))
        for name, values in terms.items():
            parts.setdefault(name, []).append(values.cpu())
    code, error = (torch.cat(parts[name]) for name in ("code_error", "reconstruction_error"))
    measured = {
        "code_error": Estimate.of(code, "squared units"),
        "squared_error": Estimate.of(error * run.spec.dimensions, "squared units"),
    }
    return {name: asdict(estimate) for name, estimate in measured.items()}


def check_learning(run: Run, error: float) -> str:
    """Return a warning if reconstructions are no better than the mean training example.

    Args:
        run: The run of the generator.
        error: Mean squared error of reconstructions of test examples, summed over values.

    Returns:
        The warning, or an empty text.
    """
    count = len(run.data.train)
    mean = sum(x.double().sum(0) for x, _ in iterate_batches(run.data.train, seed=0)) / count
    errors = [
        (x - mean).square().flatten(1).sum(1) for x, _ in iterate_batches(run.data.test, seed=0)
    ]
    of_mean = torch.cat(errors).mean().item()
    if error < (1 - BETTER) * of_mean:
        return ""
    return (
        "The encoder has learnt nothing: its reconstructions have a squared error of "
        f"{error:.4g}, the mean training example one of {of_mean:.4g}. Train it for more --steps; "
        "if that does not help, diagnose the generator with immersion doctor."
    )
