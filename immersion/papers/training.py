"""Helpers of studies: runs that resume, and their estimates as measurements."""

from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from immersion.check import UserError
from immersion.commands.evaluate import evaluate_run
from immersion.commands.train import train
from immersion.engine import Options
from immersion.evaluation.samples import SampleProtocol
from immersion.evaluation_record import read_estimates
from immersion.papers.study import Device, Measurement
from immersion.progress import track_training
from immersion.runs.load import Run, load_run

Model = TypeVar("Model", bound=nn.Module)


def get_model(run: Run, kind: type[Model]) -> Model:
    """Return the model of a run.

    Args:
        run: A trained run.
        kind: Expected class of the model.

    Raises:
        TypeError: If the model is of another class.
    """
    if not isinstance(run.model, kind):
        raise TypeError(f"expected a {kind.__name__}, received a {type(run.model).__name__}")
    return run.model


def train_run(
    out: Path,
    recipe: str,
    data: str,
    options: Options,
    device: Device,
    *,
    size: int | None = None,
    **arguments: Any,
) -> Run:
    """Train a recipe into `out`, resume it, or find it finished; return the run."""
    options = replace(options, device=device)
    with track_training(options.steps) as on_metrics:
        done = train(
            recipe,
            data=data,
            out=out,
            size=size,
            options=options,
            arguments=arguments,
            on_metrics=on_metrics,
        )
    if done["reason"] == "interrupted":
        raise UserError("the study was interrupted", remedy="give the same command to resume")
    return load_run(out)


def describe_amount(options: Options) -> str:
    """Return the length of a training in words: steps and their patches.

    Example:
        >>> describe_amount(Options(steps=5000, batch_size=4))
        '5,000 steps of 4 patches'
    """
    return f"{options.steps:,} steps of {options.batch_size} patches"


def measure(
    run: Run,
    importance_samples: int = 0,
    sample_protocol: SampleProtocol | None = None,
    setting: str = "",
) -> dict[str, Measurement]:
    """Evaluate a run on the test split and return each estimate of a setting as a measurement."""
    evaluation = evaluate_run(run, importance_samples, sample_protocol=sample_protocol)
    estimates = read_estimates(evaluation)[setting]
    seconds = run.record.outcome.seconds if run.record.outcome is not None else 0.0
    return {
        name: Measurement(estimate["value"], estimate["standard_error"], seconds)
        for name, estimate in estimates.items()
    }
