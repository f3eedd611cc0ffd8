"""A run's record as it may leave the machine: without paths, and without the machine."""

import re
from dataclasses import fields, replace
from pathlib import PurePosixPath
from typing import Any

from immersion.data.catalogue import describe_all, is_set_name
from immersion.engine import Options
from immersion.recipes.call import RecipeCall
from immersion.run_record import RunRecord

PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\]|~")
"""The beginning of a path, but for one that is relative and has no dot before it."""

OF_MACHINE = ("device", "machine", "threads", "command", "experiment")
"""Keys of a record that describe the machine, the command, which names a path, and what resuming
the run compares."""

WORDS = ("classes", "columns", "label_column")
"""Keys of a description of data with the user's own words, which may begin with a slash."""


def publish_record(record: RunRecord) -> RunRecord:
    """Return a record without paths and without what it holds about the machine.

    The recipe and its arguments, the options, the description and the checksums of the data, the
    versions, the time and the end of the training are kept. A path becomes its last component;
    keys of other versions, and the note of data that have no name in the catalogue, are left out.

    Example:
        >>> from immersion.run_record import DataRecord
        >>> own = DataRecord("/home/jane/photos", spec={"name": "/home/jane/photos"})
        >>> command = "immersion train vae --data /home/jane/photos"
        >>> published = publish_record(RunRecord("vae", command, data=own, machine="a laptop"))
        >>> published.data.source, published.data.spec, published.machine
        ('photos', {'name': 'photos'}, '')
        >>> published.command
        'immersion train vae --data photos'
    """
    known = replace(
        record,
        data=replace(record.data, more={}),
        outcome=None if record.outcome is None else replace(record.outcome, more={}),
        more={},
    ).to_json()
    values = {name: value for name, value in known.items() if name not in OF_MACHINE}
    short = RunRecord.from_json(shorten_paths(values))
    options = {name: value for name, value in short.options.items() if name != "device"}
    before = record.data
    spec = short.data.spec | {name: before.spec[name] for name in WORDS if name in before.spec}
    if "name" in spec:
        spec["name"] = _mark_own(spec["name"], before.spec["name"])
    data = replace(
        short.data,
        source=_mark_own(short.data.source, before.source),
        spec=spec,
        note=before.note if is_set_name(before.source) else "",
    )
    published = replace(short, data=data, options=options)
    return replace(published, command=_make_command(published) if record.command else "")


def describe_data(record: RunRecord) -> dict[str, Any] | None:
    """Return name, description, licence and address of a run's data, or None for the user's own.

    Example:
        >>> from immersion.run_record import DataRecord
        >>> describe_data(RunRecord("vae", data=DataRecord("digits")))["licence"]
        'CC BY 4.0; Alpaydin and Kaynak'
    """
    for row in describe_all():
        if row["name"] == record.data.source:
            return {key: row[key] for key in ("name", "description", "licence", "url")}
    return None


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
    if not (isinstance(value, str) and PATH.match(value)):
        return value
    return PurePosixPath(value.replace("\\", "/")).name


def _mark_own(name: str, before: str) -> str:
    """Return the name of own data, marked where it is that of a set of the catalogue."""
    return f"./{name}" if is_set_name(name) and not is_set_name(before) else name


def _make_command(record: RunRecord) -> str:
    """Return the command that trains the model, given the data under the name in the record."""
    known = {field.name for field in fields(Options)}
    options = Options(**{name: v for name, v in record.options.items() if name in known})
    call = RecipeCall(record.recipe, record.arguments)
    return call.command_line(record.data.source, record.data.size, options)
