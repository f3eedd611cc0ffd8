"""`immersion train RECIPE`: from data to a run folder with a model, an evaluation and a report."""

import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from immersion import engine
from immersion.batch import iterate_batches
from immersion.check import NonFinite, UserError
from immersion.commands.doctor import examine
from immersion.commands.evaluate import evaluate_run
from immersion.commands.schedule import RunPlan, plan_run, watch_run
from immersion.data import Dataset, binarize
from immersion.data.saved import is_kept, save_data
from immersion.engine import Experiment, Options
from immersion.evaluation.samples import QUICK
from immersion.machine import collect_versions, describe_machine
from immersion.progress import MetricsCallback as OnMetrics
from immersion.progress import announce
from immersion.recipes import Recipe, own
from immersion.recipes.call import RESUMABLE, RecipeCall
from immersion.recipes.identity import find_difference, identify
from immersion.recipes.resolved import describe_resolved
from immersion.report.page import write_report
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, Outcome, RunRecord, flatten
from immersion.runs.figures import draw_all
from immersion.runs.run import Run
from immersion.runs.training_data import (
    MEMORY,
    find_library,
    locate_source,
    name_source,
    read_data,
)
from immersion.spec import Values
from immersion.trackers import check_tracker

RESOLVED = {"device", "precision"}
"""Options that are compared by what `auto` was resolved to."""

CHECKED = 200
"""Examples of a streamed split that are checked before training; splits in memory are checked
completely."""


def train(
    recipe: str,
    *,
    data: str = "mnist",
    out: Path | None = None,
    size: int | None = None,
    values: Values | None = None,
    options: Options = Options(),
    arguments: Mapping[str, Any] | None = None,
    on_metrics: OnMetrics = lambda row: None,
) -> dict[str, Any]:
    """Train a recipe's model on data, evaluate it, sample from it and write its report.

    The same call resumes a killed or interrupted run; a larger `options.steps` continues a
    finished one.

    Args:
        recipe: A recipe's name, such as vae or gan; or file.py:function, a recipe of your own.
        data: A data set's name (see `immersion data`), a folder of images, or a file in the
            format npy, npz or csv.
        out: Run folder; by default runs/ and a name made of the settings that are not defaults.
        size: Side to which images are cropped and resized.
        values: Type of the values in a file: binary, unit (levels from 0 to 1, or from 0 to 255),
            counts or real; by default it is inferred.
        options: Training options.
        arguments: Arguments of the recipe.
        on_metrics: Called with each row of the metrics.

    Returns:
        run, report, a note on the data, step, reason, seconds, the estimates, and the findings
        about the run's health.

    Raises:
        UserError: The arguments are not valid; nothing has been written.
        NonFinite: Training diverged; the last good checkpoint is kept, and the cause is in
            run.json, health.json and the report. The same call resumes from that checkpoint.
    """
    call = make_call(recipe, arguments or {})
    run = start_recipe(call, data, out=out, size=size, values=values, options=options)
    return finish(train_run(run, on_metrics))


def make_call(recipe: str | Recipe, arguments: Mapping[str, Any]) -> RecipeCall:
    """Return the call of a recipe that the caller gave: a function, or a name."""
    if isinstance(recipe, str) and not own.is_own(recipe):
        return RecipeCall(recipe, arguments)
    name, file = own.trust(recipe)
    return RecipeCall(name, arguments, file)


def start_recipe(
    call: RecipeCall,
    data: Any,
    *,
    out: str | Path | None = None,
    size: int | None = None,
    values: Values | None = None,
    options: Options = Options(),
) -> Run:
    """Return a recipe's run, new or to be resumed, after all checks; nothing has been written.

    Args:
        call: The recipe and its arguments.
        data: A name, a path or data in memory; see `read_data`.
        out, size, values, options: As in `train`.
    """
    begun = time.monotonic()
    dataset = read_data(call.recipe, data, size, values)
    experiment = call.build(dataset.spec, options.seed)
    return start_experiment(call, experiment, dataset, data, out, size, options, begun=begun)


def start_experiment(
    call: RecipeCall,
    experiment: Experiment,
    dataset: Dataset,
    data: Any,
    out: str | Path | None,
    size: int | None,
    options: Options,
    name: str = "",
    begun: float | None = None,
) -> Run:
    """Return the run of an experiment, new or to be resumed, after all checks.

    Args:
        call: The recipe call that built it; without a name if a model was built in Python.
        experiment: The model and its players.
        dataset: The data, as read.
        data: The object, the path or the name that they were read from.
        out, size, options: As in `train`.
        name: Beginning of the default folder's name; by default the recipe's.
        begun: Time at which the data began to be read, `time.monotonic()`; by default now.
    """
    source = _name_unique(data, dataset)
    named = call if call.name else replace(call, name=name)
    path = Path(out) if out is not None else named.run_path(source, size, options)
    folder = RunFolder(path)
    if out is None and not call.name:
        folder = _find_folder(folder, identify(experiment))
    _check_start(folder, experiment, dataset, options)
    prepared = binarize(dataset, experiment.binarize)
    plan = plan_run(experiment, prepared, options, folder, begun or time.monotonic())
    if plan.fitted and call.name and (fitted := call.limit_steps(plan.longest)) != call:
        call, experiment = fitted, fitted.build(dataset.spec, options.seed)
    command = call.command_line(_hide_parents(source), size, plan.options)
    record = RunRecord(
        recipe=call.name,
        command=command if call.name and is_path(data) else "",
        arguments=call.complete().to_json(),
        data=_describe_data(dataset, data, size),
        experiment={} if _is_of_package(call) else identify(experiment),
    )
    recipe = call.recipe if call.name else None
    run = Run(folder, record, experiment, dataset, recipe)
    return start(run, plan, locate_source(data) | ({"code": call.file} if call.file else {}))


def _is_of_package(call: RecipeCall) -> bool:
    """Return whether the recipe is one of the package, identified by its arguments."""
    return bool(call.name) and call.recipe.__module__.split(".")[0] == "immersion"


def _find_folder(folder: RunFolder, identity: Mapping[str, str]) -> RunFolder:
    """Return the folder, or the first of folder-2, folder-3, ... without another experiment."""
    base, number = folder.path, 1
    while folder.exists() and find_difference(folder.record().experiment, identity):
        number += 1
        folder = RunFolder(base.with_name(f"{base.name}-{number}"))
    return folder


def _check_start(
    folder: RunFolder, experiment: Experiment, dataset: Dataset, options: Options
) -> None:
    """Raise UserError if the options, the data and the folder do not suit one another."""
    check_tracker(options.track)
    if not len(dataset.train):
        raise UserError(
            f"'{dataset.spec.name}' has no examples to train on", "a set with a training split"
        )
    options.resolve_device()
    options.resolve_batch_size(len(dataset.train), experiment.batch_size, experiment.multiple)
    options.check_players(len(experiment.players))
    folder.check_free()
    _check_support(experiment, binarize(dataset, experiment.binarize))


def start(run: Run, plan: RunPlan, paths: Mapping[str, Any]) -> Run:
    """Return a run with its record complete and its folder checked; nothing has been written.

    Args:
        run: The run, with the part of its record that options and machine do not determine.
        plan: The training options, and how they were planned.
        paths: The contents of `paths.json`.

    Raises:
        UserError: The folder holds something else, or a longer run.
    """
    folder = run.folder
    record = plan.complete(_complete_record(run.record, run.experiment, plan.options))
    if folder.exists():
        check_same_experiment(folder, record)
        check_steps(folder, plan.options.steps or 0)
        record = plan.complete(
            replace(
                folder.record(),
                options=record.options,
                command=record.command,
                experiment=record.experiment,
            )
        )
    return replace(run, record=record, paths=paths)


def train_run(run: Run, on_metrics: OnMetrics = lambda row: None) -> Run:
    """Train a started run's model in its folder, and return it with its outcome.

    The model has its evaluated weights then, and is in evaluation mode, interrupted or not.
    """
    made, steps = run.folder.checkpoint_step(), run.record.options["steps"]
    if made >= steps:
        announce(
            f"the run in '{run.path}' is finished: its {made:,} steps were made before; to train "
            "it on, give more steps, and to train another, another folder"
        )
    with run.folder.lock():
        return _train(run, on_metrics)


def _train(run: Run, on_metrics: OnMetrics) -> Run:
    folder = run.folder
    folder.write_record(replace(run.record, outcome=None))
    folder.write_json("paths.json", dict(run.paths))
    if run.record.data.source == MEMORY and not folder.data_file.is_file():
        _keep_data(folder, run.unbinarized)
    try:
        with watch_run(run, on_metrics) as (options, log_row, callbacks):
            outcome = engine.train(run.experiment, run.data, folder, options, log_row, callbacks)
    except NonFinite as error:
        raise NonFinite(_record_divergence(folder, run.record, error)) from error
    run = replace(run, record=replace(run.record, outcome=outcome))
    folder.write_record(run.record)
    run.model.load_state_dict(folder.weights())
    run.model.eval()
    return run


def _keep_data(folder: RunFolder, dataset: Dataset) -> None:
    """Keep data that were given in memory for later evaluations, or say that they are not."""
    if is_kept(dataset):
        folder.write(folder.data_file.name, lambda path: save_data(dataset, path))
    else:
        announce(
            "the data are streamed or larger than 1 GiB, and not kept in the run folder: a later "
            "evaluation needs them again, im.load(run, data=...)"
        )


def _record_divergence(folder: RunFolder, record: RunRecord, error: NonFinite) -> str:
    """Write the cause of a divergence into the run folder; return it in one sentence."""
    checkpoint = folder.load_checkpoint()
    state: dict[str, Any] = {"step": 0, "seconds": 0.0} if checkpoint is None else checkpoint[1]
    # The step is that of the weights that are kept, which are evaluated and sampled from.
    outcome = Outcome(state["step"], "diverged", state["seconds"], message=str(error))
    folder.write_record(replace(record, outcome=outcome))
    first = examine(folder)[0]
    write_report(folder)
    where = (
        "no checkpoint had been written yet"
        if checkpoint is None
        else f"the last good checkpoint, of step {state['step']}, is kept"
    )
    path = shlex.quote(str(folder.path))
    advice = (
        f"{first.remedy} (immersion doctor {path} says more)"
        if first.remedy
        else (f"immersion doctor {path} says more")
    )
    return f"{error}; {where}; {advice}"


def finish(run: Run) -> dict[str, Any]:
    """Evaluate the trained model, sample from it and write the report, unless interrupted."""
    outcome = run.record.outcome or Outcome()
    if outcome.reason == "interrupted":
        run.model.cpu()
        return {"run": str(run.folder.path), **outcome.to_json()}
    if run.record.device not in ("cpu", "cuda"):  # others lack float64, in which means are taken
        run.model.cpu()
    evaluation = run.folder.evaluation()
    if evaluation is None or evaluation.get("step") != outcome.step:
        evaluation = evaluate_run(run, importance_samples=0, sample_protocol=QUICK)
    findings = examine(run.folder)
    run.model.cpu()
    draw_all(run)
    note = run.record.data.note
    return {
        "run": str(run.folder.path),
        "report": str(write_report(run.folder)),
        **({"data": note} if note else {}),
        **outcome.to_json(),
        "estimates": evaluation["estimates"],
        "health": [f"{each.name}: {each.sentence}" for each in findings],
    }


def is_path(data: Any) -> bool:
    """Return whether data are given by a name or a path."""
    return isinstance(data, (str, Path))


def _hide_parents(data: str) -> str:
    """Return a path as a record may show it: a relative one as given, else its last part."""
    return Path(data).name if Path(data).expanduser().is_absolute() else str(data)


def _name_unique(data: Any, dataset: Dataset) -> str:
    """Return a name for a run's default folder: other data in memory have another one."""
    if is_path(data):
        return str(data)
    digest = "".join(dataset.checksums.values()).removeprefix("sha256:")[:8]
    return f"{dataset.spec.name.removeprefix('the ').replace(' ', '-')}-{digest}"


def _describe_data(dataset: Dataset, data: Any, size: int | None) -> DataRecord:
    return DataRecord(
        source=name_source(data),
        library=find_library(data),
        size=size,
        spec=asdict(dataset.spec),
        examples=(len(dataset.train), len(dataset.validation), len(dataset.test)),
        checksums=dataset.checksums,
        note=dataset.note,
    )


def _complete_record(record: RunRecord, experiment: Experiment, options: Options) -> RunRecord:
    """Return a record with options, machine and resolved settings."""
    device = options.resolve_device()
    return replace(
        record,
        options=asdict(options),
        device=device.type,
        precision=str(options.resolve_precision(device)).removeprefix("torch."),
        threads=torch.get_num_threads(),
        versions=collect_versions(),
        machine=describe_machine(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=describe_resolved(experiment, options, record.data.examples[0]),
    )


def check_same_experiment(folder: RunFolder, record: RunRecord) -> None:
    """Raise UserError if the folder holds the run of another experiment."""
    before = RunFolder.open(folder.path).record()
    same = f"{before.command} --out {folder.path}" if before.command else "the same command"
    differing = (found for found in _compare(before, record) if found[1] != found[2])
    difference = next(differing, None)
    remedy = f"resume it by {same}, or choose another --out"
    if difference is None:
        difference = find_difference(before.experiment, record.experiment)
        remedy = (
            "build the experiment as before, or choose another folder: --out, or out= in Python"
        )
    if difference is not None:
        name, old, new = difference
        raise UserError(
            f"the folder '{folder.path}' holds another run",
            f"{name} {old!r}, as there",
            f"{new!r}",
            remedy,
        )


def check_steps(folder: RunFolder, steps: int) -> None:
    """Raise UserError if the run has made more than `steps` steps."""
    made = folder.checkpoint_step()
    if steps < made:
        raise UserError(
            f"the run in '{folder.path}' has made more steps",
            f"--steps {made} or more",
            steps,
            "choose another --out for a shorter run",
        )


def _compare(before: RunRecord, after: RunRecord) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, old, new) of everything that defines a run."""
    yield "recipe", before.recipe, after.recipe
    yield "device", before.device, after.device
    yield "precision", before.precision, after.precision
    yield "data", Path(before.data.source).name, after.data.source
    yield "data checksums", before.data.checksums, after.data.checksums
    yield "type of values", before.data.spec.get("values"), after.data.spec["values"]
    yield "size", before.data.size, after.data.size
    # An argument that an earlier version had not yet has its default there.
    new = flatten(after.arguments)
    for name, value in RecipeCall(after.recipe, before.arguments).settings.items():
        yield name, value, new.get(name)
    for name, value in before.options.items():
        if name not in RESUMABLE | RESOLVED:
            yield name, value, after.options.get(name)


def _check_support(experiment: Experiment, data: Dataset) -> None:
    """Raise UserError if the likelihood does not suit the data, before anything is written."""
    for split in (data.train, data.validation, data.test):
        if split.resident:
            for x, _ in iterate_batches(split, seed=0):
                experiment.check(x)
        else:
            experiment.check(split.batch(torch.arange(min(CHECKED, len(split))))[0])
