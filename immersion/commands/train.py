"""`immersion train RECIPE`: from data to a run folder with a model, an evaluation and a report."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from immersion import engine
from immersion.batch import iterate_batches
from immersion.check import NonFinite, UserError
from immersion.commands.doctor import examine
from immersion.commands.evaluate import evaluate_run
from immersion.data import Dataset, binarize
from immersion.data.catalogue import is_set_name
from immersion.engine import Experiment, Options
from immersion.evaluation.samples import QUICK
from immersion.machine import collect_versions, describe_machine
from immersion.models import Generative
from immersion.objectives.penalties import Penalties
from immersion.recipes import RECIPES
from immersion.report.page import write_report
from immersion.run_folder import RunFolder, rename_legacy_keys
from immersion.runs.figures import draw_all
from immersion.runs.load import Run, arguments_of, build, freeze, read_data

FREE = {"steps", "validate_every", "patience", "log_every", "checkpoint_seconds"}
"""Options that may change when a run is continued; all others are part of what the run is."""

RESOLVED = {"device", "precision"}
"""Options that are compared by what `auto` became."""

CHECKED = 200
"""Examples of a streamed split that are read before the first step; of others, all are."""


def train(
    recipe: str,
    *,
    data: str = "mnist",
    out: Path | None = None,
    size: int | None = None,
    options: Options = Options(),
    arguments: Mapping[str, Any] | None = None,
    on_metrics: Callable[[dict[str, Any]], None] = lambda row: None,
) -> dict[str, Any]:
    """Train a recipe on data, evaluate it, draw from it and write its report.

    The same call goes on where a killed or interrupted run stopped; a larger `options.steps` runs
    a finished one on.

    Args:
        recipe: A registered name, such as vae or gan.
        data: A name (see `immersion data`), a folder of images, or a .npy, .npz or .csv file.
        out: The run folder; by default runs/ and a name made of what differs from the defaults.
        size: Side to which images are cropped and resized.
        options: How long, how fast, how carefully.
        arguments: The recipe's own arguments.
        on_metrics: Called with every line of the metrics.

    Returns:
        run, report, what the data are, step, reason, seconds, the estimates, and what was found
        about its health.

    Raises:
        UserError: Any of the user's mistakes; nothing has been written then.
        NonFinite: Training diverged; the last good checkpoint is kept, and what went wrong is in
            run.json, health.json and the report. The same call goes on from that checkpoint.
    """
    given = rename_legacy_keys(arguments or {})
    dataset = read_data(recipe, data, size)
    if not len(dataset.train):
        raise UserError(f"'{data}' has no pictures to train on", "a set that is not for judging")
    experiment = build(recipe, dataset.spec, given, options.seed)
    folder = RunFolder(out or Path("runs") / run_name(recipe, data, size, given, options))
    arguments_in_full = {name: p.default for name, p in arguments_of(recipe).items()} | given
    record = _record(recipe, arguments_in_full, dataset, data, size, options)
    record["model"] = _resolved(experiment, options)
    options.resolve_batch_size(len(dataset.train), experiment.batch_size, experiment.multiple)
    options.check_players(len(experiment.players))
    folder.check_free()
    if folder.exists():
        check_same_experiment(folder, record)
        check_steps(folder, options.steps)
        record = folder.record() | {"options": asdict(options), "command": record["command"]}
    prepared = binarize(dataset, experiment.binarize)
    _check_support(experiment, prepared)
    run = Run(folder, record, dataset.spec, experiment.model, experiment, prepared)
    with folder.lock():
        return _trained(run, options, on_metrics)


def _trained(
    run: Run, options: Options, on_metrics: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Train a run's model in its folder, and finish it unless it was interrupted."""
    folder, record = run.folder, run.record
    folder.write_record(record)
    try:
        outcome = engine.train(run.experiment, run.data, folder, options, on_metrics)
    except NonFinite as error:
        raise NonFinite(_diverged(folder, record, error)) from error
    record["outcome"] = outcome.record()
    folder.write_record(record)
    if outcome.reason == "interrupted":
        return {"run": str(folder.path), **record["outcome"]}
    return _finish(run)


def _diverged(folder: RunFolder, record: dict[str, Any], error: NonFinite) -> str:
    """Write what went wrong into the run folder; return it in one sentence for the user."""
    checkpoint = folder.load_checkpoint()
    state = {"step": 0, "seconds": 0.0} if checkpoint is None else checkpoint[1]
    # The step is that of the weights which are kept: what is evaluated and drawn from.
    kept = {name: state[name] for name in ("step", "seconds")}
    outcome = {**kept, "reason": "diverged", "message": str(error)}
    folder.write_record(record | {"outcome": outcome})
    first = examine(folder)[0]
    write_report(folder)
    where = (
        "no checkpoint had been written yet"
        if checkpoint is None
        else f"the last good checkpoint, of step {state['step']}, is kept"
    )
    path = shlex.quote(str(folder.path))
    return f"{error}; {where}; {first.remedy} (immersion doctor {path} says more)"


def _finish(run: Run) -> dict[str, Any]:
    """Evaluate the trained model, draw from it and write the report."""
    run.model.load_state_dict(run.folder.weights())
    run.model.eval()
    evaluation = run.folder.evaluation()
    if evaluation is None or evaluation.get("step") != run.record["outcome"]["step"]:
        evaluation = evaluate_run(run, importance_samples=0, sample_protocol=QUICK)
    findings = examine(run.folder)
    run.model.cpu()
    draw_all(run)
    note = run.record["data"]["note"]
    return {
        "run": str(run.folder.path),
        "report": str(write_report(run.folder)),
        **({"data": note} if note else {}),
        **run.record["outcome"],
        "estimates": evaluation["estimates"],
        "health": [f"{each.name}: {each.sentence}" for each in findings],
    }


def _resolved(experiment: Experiment, options: Options) -> dict[str, Any]:
    """Return what `auto` became, for a reader of the record."""
    model = experiment.model
    likelihood = getattr(model, "likelihood", None)
    return {
        "generative": isinstance(model, Generative),
        "likelihood": None if likelihood is None else type(likelihood).__name__,
        "binarize": experiment.binarize,
        "latent_dim": getattr(model, "latent_dim", None),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "ema": experiment.ema if options.ema is None else options.ema,
    } | _penalised(experiment)


def _penalised(experiment: Experiment) -> dict[str, Any]:
    """Return the penalties of a discriminator, as they were filled in."""
    for player in experiment.players:
        if isinstance(penalties := getattr(player.objective, "penalties", None), Penalties):
            return {"penalties": asdict(penalties)}
    return {}


def run_name(
    recipe: str, data: str, size: int | None, arguments: Mapping[str, Any], options: Options
) -> str:
    """Return a folder name that says what differs from the defaults.

    Example:
        >>> run_name("vae", "mnist", None, {"latent_dim": 2}, Options(seed=1, steps=100))
        'vae-mnist-latent_dim=2-seed=1'
    """
    changes = ({"size": size} if size else {}) | settings(recipe, arguments, options)
    lasting = [f"{name}={_word(value)}" for name, value in changes.items() if name not in FREE]
    return "-".join([recipe, Path(data).resolve().name, *lasting])


def _word(value: Any) -> str:
    """Return a setting as a part of a file's name."""
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def settings(recipe: str, arguments: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Return the arguments and options that differ from their defaults, flat, by name."""
    defaults = {name: p.default for name, p in arguments_of(recipe).items()}
    changes = _changes(freeze(defaults), freeze({**defaults, **arguments}))
    return changes | _changes(asdict(Options()), asdict(options))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name, value in after.items():
        if isinstance(value, dict):
            changes |= _changes(before[name], value)
        elif value != before[name]:
            changes[name] = value
    return changes


def _record(
    recipe: str,
    arguments: Mapping[str, Any],
    dataset: Dataset,
    source: str,
    size: int | None,
    options: Options,
) -> dict[str, Any]:
    device = options.resolve_device()
    changed = settings(recipe, arguments, options) | ({"size": size} if size else {})
    flags = [_flag(name, value) for name, value in changed.items()]
    return {
        "recipe": recipe,
        "command": " ".join([f"immersion train {recipe} --data {shlex.quote(source)}", *flags]),
        "arguments": freeze(arguments),
        "data": {
            "source": source if is_set_name(source) else str(Path(source).resolve()),
            "size": size,
            "spec": asdict(dataset.spec),
            "examples": [len(dataset.train), len(dataset.validation), len(dataset.test)],
            "checksums": dataset.checksums,
            "note": dataset.note,
        },
        "options": asdict(options),
        "device": device.type,
        "precision": str(options.resolve_precision(device)).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "versions": collect_versions(),
        "machine": describe_machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def check_same_experiment(folder: RunFolder, record: dict[str, Any]) -> None:
    """Refuse to go on with a run that is not the one asked for; nothing is overwritten."""
    before = RunFolder.open(folder.path).record()
    command = before.get("command")
    same = f"{command} --out {folder.path}" if command else "the same command"
    for name, old, new in _parts(before, record):
        if old != new:
            raise UserError(
                f"the folder '{folder.path}' holds another run",
                f"{name} {old!r}, as there",
                f"{new!r}",
                f"go on with it by {same}, or choose another --out",
            )


def check_steps(folder: RunFolder, steps: int) -> None:
    """Refuse to end a run before the step that it has come to."""
    checkpoint = folder.load_checkpoint()
    made = 0 if checkpoint is None else checkpoint[1]["step"]
    if steps < made:
        raise UserError(
            f"the run in '{folder.path}' has made more steps",
            f"--steps {made} or more",
            steps,
            "choose another --out for a shorter run",
        )


def _parts(before: dict[str, Any], after: dict[str, Any]):
    """Yield (name, old, new) of everything that makes a run what it is."""
    for name in ("recipe", "device", "precision"):
        yield name, before[name], after[name]
    yield "data", before["data"]["source"], after["data"]["source"]
    yield "data checksums", before["data"]["checksums"], after["data"]["checksums"]
    yield "size", before["data"]["size"], after["data"]["size"]
    old, new = _flat(before["arguments"]), _flat(after["arguments"])
    for name, value in {**_usual(before["recipe"]), **old}.items():
        yield name, value, new.get(name)
    for name, old in before["options"].items():
        if name not in FREE | RESOLVED:
            yield name, old, after["options"].get(name)


def _usual(recipe: str) -> dict[str, Any]:
    """Return a recipe's defaults, which an argument had that was not there yet, flat, by name."""
    arguments = arguments_of(recipe) if recipe in RECIPES else {}
    return _flat(freeze({name: p.default for name, p in arguments.items()}))


def _flag(name: str, value: Any) -> str:
    """Return an argument as the command line takes it."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    words = value if isinstance(value, (tuple, list)) else [value]
    return " ".join([f"--{flag}", *(shlex.quote(str(word)) for word in words)])


def _flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in arguments.items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat


def _check_support(experiment: Experiment, data: Dataset) -> None:
    """Hold the data against the likelihood's support, before anything is written."""
    for split in (data.train, data.validation, data.test):
        if split.resident:
            for x, _ in iterate_batches(split, seed=0):
                experiment.check(x)
        else:
            experiment.check(split.batch(torch.arange(min(CHECKED, len(split))))[0])
