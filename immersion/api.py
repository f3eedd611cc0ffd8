"""The functions of the package that train: train and fit return a run, load opens one."""

import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from immersion.check import check_choice
from immersion.commands import train as training
from immersion.commands.invert import invert as train_encoder
from immersion.engine import OptimizerSettings, Options, Outcome, Player, repeat_signal
from immersion.engine.experiment import Objective
from immersion.nn import Architecture
from immersion.progress import MetricsCallback, show_progress, track_training
from immersion.recipes import Recipe
from immersion.recipes.call import RecipeCall
from immersion.recipes.own_model import make_experiment
from immersion.runs.load import load_run
from immersion.runs.run import Run
from immersion.runs.training_data import read_data
from immersion.spec import Values


def train(
    recipe: str | Recipe,
    data: Any = "mnist",
    *,
    out: str | Path | None = None,
    size: int | None = None,
    values: Values | None = None,
    options: Options | None = None,
    arguments: Mapping[str, Any] | None = None,
    progress: bool = True,
    verbose: bool = True,
    on_metrics: MetricsCallback = lambda row: None,
    **settings: Any,
) -> Run:
    """Train a model on data, evaluate it, sample from it, and return the run.

    The same call resumes a run that was interrupted; more `steps` continue a finished one.

    Args:
        recipe: A recipe's name, such as vae or gan; a recipe of your own, a function (spec, *,
            settings) -> Experiment or model; or its name, file.py:function.
        data: A NumPy array, tensor, pandas or polars DataFrame, PyTorch data set, `Dataset`, list
            of picture files or PIL images, a pair (x, y) with labels; or a path or a name. See
            `immersion.data.intake.read_memory`.
        out: Run folder; by default runs/ and a name made of the settings that are not defaults.
        size: Side to which images are cropped and resized.
        values: Type of the values: binary, unit (levels from 0 to 1, or from 0 to 255), counts or
            real; by default it is inferred.
        options: Training options, all together.
        arguments: Arguments of the recipe, all together.
        progress: Whether to show a progress bar.
        verbose: Whether to say how the data were read.
        on_metrics: Called with each row of the metrics.
        settings: Single arguments and options by name: latent_dim, learning_rate, steps, ...

    Raises:
        UserError: An argument is not valid; nothing has been written.
        NonFinite: Training diverged; the last good checkpoint is kept.
        KeyboardInterrupt: Ctrl-C; a checkpoint has been written, and the same call resumes.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = train("vae", x, latent_dim=1, steps=10, out=f"{folder}/run", progress=False)
        >>> run.model.latent_dim, run.record.step
        (1, 10)
    """
    chosen, theirs = _split_settings(options or Options(), settings)
    call = training.make_call(recipe, arguments or {})
    call = call.set(**theirs)
    run = training.start_recipe(call, data, out=out, size=size, values=values, options=chosen)
    return _train(run, progress, verbose, on_metrics)


def fit(
    model: nn.Module,
    data: Any,
    *,
    objective: Objective | None = None,
    optimizer: OptimizerSettings | None = None,
    players: Sequence[Player] = (),
    out: str | Path | None = None,
    size: int | None = None,
    values: Values | None = None,
    options: Options | None = None,
    progress: bool = True,
    verbose: bool = True,
    on_metrics: MetricsCallback = lambda row: None,
    **settings: Any,
) -> Run:
    """Train a model of your own, and return its run, which `load(out, model=...)` opens again.

    Args:
        model: Any module; for those of `immersion.models` an objective is known.
        data, out, size, values, options, progress, verbose, on_metrics: As in `train`.
        objective: (model, batch) -> named terms, each (B,), of which `loss` is minimised.
        optimizer: Optimizer settings; by default those of `OptimizerSettings()`.
        players: The players of a game, instead of an objective and an optimizer: each has its own.
        settings: Single options by name: steps, batch_size, seed, ...

    Raises:
        UserError: An argument is not valid; nothing has been written.
        NonFinite: Training diverged; the last good checkpoint is kept.
        KeyboardInterrupt: Ctrl-C; a checkpoint has been written, and the same call resumes.

    Example:
        >>> import tempfile
        >>> import torch
        >>> import immersion as im
        >>> p = im.likelihoods.GaussianShared((4,))
        >>> model = im.VAE(nn.Linear(4, 2), nn.Linear(1, 4), p, latent_dim=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     x, out = torch.randn(100, 4), f"{folder}/run"
        ...     run = fit(model, x, steps=10, out=out, progress=False, verbose=False)
        ...     same = load(out, model=model).encode(x)
        >>> torch.equal(same, run.encode(x))
        True
    """
    chosen, unknown = _split_settings(options or Options(), settings)
    for name in unknown:
        check_choice("option", name, [field.name for field in dataclasses.fields(Options)])
    experiment = make_experiment(model, objective, optimizer, players)
    begun = time.monotonic()
    dataset = read_data(None, data, size, values)
    name = type(model).__name__.lower()
    recorded = dataclasses.asdict(optimizer or OptimizerSettings())
    call = RecipeCall("", {} if players else {"optimizer": recorded})
    run = training.start_experiment(
        call, experiment, dataset, data, out, size, chosen, name, begun
    )
    return _train(run, progress, verbose, on_metrics)


def invert(
    run: str | Path | Run,
    *,
    weight: float = 10.0,
    architecture: Architecture = Architecture(),
    optimizer: OptimizerSettings = OptimizerSettings(),
    options: Options = Options(),
    on_metrics: MetricsCallback = lambda row: None,
) -> dict[str, Any]:
    """Train an encoder for a run's generator, as `immersion.commands.invert.invert` does.

    Args:
        run: The run of a GAN, or its folder.
        weight, architecture, optimizer, options, on_metrics: As there.

    Raises:
        UserError: The run is not one of a GAN, or it has an encoder of other settings or of other
            weights of the generator.
        NonFinite: Training diverged; the last good checkpoint is kept.
        KeyboardInterrupt: Ctrl-C; a checkpoint has been written, and the same call resumes.
    """
    done = train_encoder(
        Path(run),
        weight=weight,
        architecture=architecture,
        optimizer=optimizer,
        options=options,
        on_metrics=on_metrics,
    )
    repeat_signal(done.get("signal"))
    return done


def load(
    path: str | Path | Run,
    *,
    model: nn.Module | None = None,
    recipe: str | Recipe | None = None,
    data: Any = None,
) -> Run:
    """Return the run in a folder: its trained model, its data, and what one does with them.

    Args:
        path: The run folder.
        model: The model, if it was built in Python: it receives the trained weights.
        recipe: The recipe, or its name, file.py:function, if it is outside the package.
        data: The training data, if they were in memory and too large to keep, or have moved.

    Raises:
        UserError: There is no run in that folder, or it has no checkpoint yet; or it was trained
            by code outside the package, which is not run unless the caller names it.
    """
    return load_run(Path(path), model=model, recipe=recipe, data=data)


def _split_settings(
    options: Options, settings: Mapping[str, Any]
) -> tuple[Options, dict[str, Any]]:
    """Return options with those of the settings that are options, and the other settings."""
    names = {field.name for field in dataclasses.fields(Options)}
    ours = {name: value for name, value in settings.items() if name in names}
    return dataclasses.replace(options, **ours), {
        name: value for name, value in settings.items() if name not in names
    }


def _train(run: Run, progress: bool, verbose: bool, on_metrics: MetricsCallback) -> Run:
    if verbose and run.record.data.note:
        print(f"immersion: {run.record.data.note}.", file=sys.stderr)
    bars = track_training() if progress else nullcontext(lambda row: None)
    with show_progress() if progress else nullcontext():
        with bars as show:

            def notify(row: dict[str, Any]) -> None:
                show(row)
                on_metrics(row)

            trained = training.train_run(run, notify)
        training.finish(trained)
    repeat_signal((trained.record.outcome or Outcome()).signal)
    return trained
