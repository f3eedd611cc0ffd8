"""A run's record as it may leave the machine: without paths, and without the machine."""

import re
from dataclasses import fields, replace
from pathlib import PurePosixPath
from typing import Any

from immersion.data.catalogue import is_set_name
from immersion.engine import Options
from immersion.recipes.call import RecipeCall
from immersion.run_record import DataRecord, RunRecord

PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\]|~")
"""The beginning of a path, but for one that is relative and has no dot before it."""

OF_MACHINE = ("device",)
"""Options that describe the machine and not the training."""


def publish_record(record: RunRecord) -> RunRecord:
    """Return a record without paths and without what it holds about the machine.

    The recipe and its arguments, the options, the description and the checksums of the data, the
    versions, the time and the end of the training are kept. A path becomes its last component;
    keys of other versions, and the note of data that have no name in the catalogue, are left out.

    Example:
        >>> own = DataRecord("/home/jane/photos", spec={"name": "/home/jane/photos"})
        >>> command = "immersion train vae --data /home/jane/photos"
        >>> published = publish_record(RunRecord("vae", command, data=own, machine="a laptop"))
        >>> published.data.source, published.data.spec, published.machine
        ('photos', {'name': 'photos'}, '')
        >>> published.command
        'immersion train vae --data photos'
    """
    options = {name: value for name, value in record.options.items() if name not in OF_MACHINE}
    published = RunRecord(
        recipe=shorten_paths(record.recipe),
        arguments=shorten_paths(record.arguments),
        data=_publish_data(record.data),
        generator_step=record.generator_step,
        options=options,
        precision=record.precision,
        versions=record.versions,
        created=record.created,
        model=shorten_paths(record.model),
        outcome=None if record.outcome is None else replace(record.outcome, more={}),
        format=record.format,
    )
    return replace(published, command=_make_command(published) if record.command else "")


def shorten_paths(value: Any) -> Any:
    """Return JSON in which every path is its last component.

    Example:
        >>> shorten_paths({"table": "/home/jane/data/x.csv", "depth": 2, "game": "hinge"})
        {'table': 'x.csv', 'depth': 2, 'game': 'hinge'}
    """
    if isinstance(value, dict):
        return {name: shorten_paths(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [shorten_paths(each) for each in value]
    return _shorten(value) if isinstance(value, str) and PATH.match(value) else value


def _shorten(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def _publish_data(data: DataRecord) -> DataRecord:
    named = is_set_name(data.source)
    spec = dict(data.spec)
    if "name" in spec and not named:
        spec["name"] = _shorten(spec["name"])
    return replace(
        data,
        source=data.source if named else _shorten(data.source),
        spec=spec,
        note=data.note if named else "",
        more={},
    )


def _make_command(record: RunRecord) -> str:
    """Return the command that trains the model, given the data under the name in the record."""
    known = {field.name for field in fields(Options)}
    options = Options(**{name: v for name, v in record.options.items() if name in known})
    call = RecipeCall(record.recipe, record.arguments)
    return call.command_line(record.data.source, record.data.size, options)
