"""`immersion train RECIPE`: from data to a run folder with a model, an evaluation and a report."""

import shlex
from collections.abc import Callable, Iterator, Mapping
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
from immersion.data import Dataset, binarize
from immersion.data.catalogue import is_set_name
from immersion.engine import Experiment, Options
from immersion.evaluation.samples import QUICK
from immersion.machine import collect_versions, describe_machine
from immersion.models import Generative
from immersion.objectives.penalties import Penalties
from immersion.recipes.call import RESUMABLE, RecipeCall
from immersion.report.page import write_report
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, Outcome, RunRecord, flatten
from immersion.runs.figures import draw_all
from immersion.runs.load import Run, read_data

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
    options: Options = Options(),
    arguments: Mapping[str, Any] | None = None,
    on_metrics: Callable[[dict[str, Any]], None] = lambda row: None,
) -> dict[str, Any]:
    """Train a recipe's model on data, evaluate it, sample from it and write its report.

    The same call resumes a killed or interrupted run; a larger `options.steps` continues a
    finished one.

    Args:
        recipe: A recipe's name, such as vae or gan.
        data: A data set's name (see `immersion data`), a folder of images, or a file in the
            format npy, npz or csv.
        out: Run folder; by default runs/ and a name made of the settings that are not defaults.
        size: Side to which images are cropped and resized.
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
    call = RecipeCall(recipe, arguments or {})
    dataset = read_data(recipe, data, size)
    if not len(dataset.train):
        raise UserError(f"'{data}' has no pictures to train on", "a set with a training split")
    experiment = call.build(dataset.spec, options.seed)
    folder = RunFolder(out or call.run_path(data, size, options))
    record = _make_record(call, experiment, dataset, data, size, options)
    options.resolve_batch_size(len(dataset.train), experiment.batch_size, experiment.multiple)
    options.check_players(len(experiment.players))
    folder.check_free()
    if folder.exists():
        check_same_experiment(folder, record)
        check_steps(folder, options.steps)
        record = replace(folder.record(), options=record.options, command=record.command)
    prepared = binarize(dataset, experiment.binarize)
    _check_support(experiment, prepared)
    with folder.lock():
        return _train(Run(folder, record, experiment, prepared), options, on_metrics)


def _train(
    run: Run, options: Options, on_metrics: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Train a run's model in its folder, and finish the run unless it was interrupted."""
    folder = run.folder
    folder.write_record(run.record)
    try:
        outcome = engine.train(run.experiment, run.data, folder, options, on_metrics)
    except NonFinite as error:
        raise NonFinite(_record_divergence(folder, run.record, error)) from error
    run = replace(run, record=replace(run.record, outcome=outcome))
    folder.write_record(run.record)
    if outcome.reason == "interrupted":
        return {"run": str(folder.path), **outcome.to_json()}
    return _finish(run, outcome)


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
    return f"{error}; {where}; {first.remedy} (immersion doctor {path} says more)"


def _finish(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Evaluate the trained model, sample from it and write the report."""
    run.model.load_state_dict(run.folder.weights())
    run.model.eval()
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


def _make_record(
    call: RecipeCall,
    experiment: Experiment,
    dataset: Dataset,
    source: str,
    size: int | None,
    options: Options,
) -> RunRecord:
    device = options.resolve_device()
    return RunRecord(
        recipe=call.name,
        command=call.command_line(source, size, options),
        arguments=call.complete().to_json(),
        data=DataRecord(
            source=source if is_set_name(source) else str(Path(source).resolve()),
            size=size,
            spec=asdict(dataset.spec),
            examples=(len(dataset.train), len(dataset.validation), len(dataset.test)),
            checksums=dataset.checksums,
            note=dataset.note,
        ),
        options=asdict(options),
        device=device.type,
        precision=str(options.resolve_precision(device)).removeprefix("torch."),
        threads=torch.get_num_threads(),
        versions=collect_versions(),
        machine=describe_machine(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=_describe_model(experiment, options),
    )


def _describe_model(experiment: Experiment, options: Options) -> dict[str, Any]:
    """Return what `auto` was resolved to."""
    model = experiment.model
    likelihood = getattr(model, "likelihood", None)
    resolved = {
        "generative": isinstance(model, Generative),
        "likelihood": None if likelihood is None else type(likelihood).__name__,
        "binarize": experiment.binarize,
        "latent_dim": getattr(model, "latent_dim", None),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "ema": experiment.ema if options.ema is None else options.ema,
    }
    for player in experiment.players:
        if isinstance(penalties := getattr(player.objective, "penalties", None), Penalties):
            return resolved | {"penalties": asdict(penalties)}
    return resolved


def check_same_experiment(folder: RunFolder, record: RunRecord) -> None:
    """Raise UserError if the folder holds the run of another experiment."""
    before = RunFolder.open(folder.path).record()
    same = f"{before.command} --out {folder.path}" if before.command else "the same command"
    for name, old, new in _compare(before, record):
        if old != new:
            raise UserError(
                f"the folder '{folder.path}' holds another run",
                f"{name} {old!r}, as there",
                f"{new!r}",
                f"resume it by {same}, or choose another --out",
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
    yield "data", before.data.source, after.data.source
    yield "data checksums", before.data.checksums, after.data.checksums
    yield "size", before.data.size, after.data.size
    # An argument that an earlier version had not yet has its default there.
    new = flatten(after.arguments)
    for name, value in RecipeCall(before.recipe, before.arguments).settings.items():
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
