"""`immersion encode` and `score`: codes and scores of your own examples, as a table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from immersion.check import UserError, check_at_least
from immersion.commands.table_file import Columns, check_table, write_table
from immersion.runs.containers import Examples, list_pictures
from immersion.runs.load import Run, load_run
from immersion.runs.run import IMPORTANCE_SAMPLES

CHUNK = 500
"""Pictures that are read at a time: bounds the memory."""

LOWEST = 5
"""Examples of the lowest scores that are named."""


def encode(run: Path, data: tuple[Path, ...], *, out: Path | None = None) -> dict[str, Any]:
    """Encode examples: a table of codes, the means E[z|x], one row for each example.

    The examples are read exactly as in training: pictures are cropped, resized and made grey or
    binary alike, columns of tables are found by their names and standardised alike.

    Args:
        run: The run folder.
        data: Pictures, or folders of pictures; or one .csv, .npy or .npz file.
        out: Output file, .csv, .parquet or .npy; by default samples/codes.csv in the run folder,
            which is replaced. Its first column is the file, or the row counted from 1; a .npy file
            holds the codes alone.
    """
    opened = load_run(run)
    target = _choose_target(opened, out, "codes.csv")
    counts = [0]

    def encode_all() -> Iterator[Columns]:
        for examples in _read(opened, data):
            codes = opened.encode_examples(examples).numpy()
            counts[0] += len(codes)
            named = dict(zip(opened.code_names, codes.T, strict=True))
            yield _add_names(named, examples, target)

    write_table(target, encode_all())
    return {
        "run": str(opened.path),
        "codes": str(target),
        "shape": [counts[0], len(opened.code_names)],
    }


def score(
    run: Path,
    data: tuple[Path, ...],
    *,
    importance_samples: int = IMPORTANCE_SAMPLES,
    out: Path | None = None,
) -> dict[str, Any]:
    """Score examples: a bound on log p(x) of each, in nats, and its percentile in validation.

    Low scores mark anomalies. A model without a density is scored by the negative squared error of
    the reconstruction.

    Args:
        run: The run folder.
        data: Pictures, or folders of pictures; or one .csv, .npy or .npz file.
        importance_samples: k, codes for each example: the bound rises to log p(x) with k.
        out: Output file, .csv, .parquet or .npy, with the columns file or row, score and
            percentile; by default samples/scores.csv in the run folder, which is replaced. A .npy
            file holds score and percentile alone, (N, 2); without the training data the score.
    """
    check_at_least(1, importance_samples=importance_samples)
    opened = load_run(run)
    target = _choose_target(opened, out, "scores.csv")
    values: list[np.ndarray] = []
    names: list[str] = []

    def score_all() -> Iterator[Columns]:
        for examples in _read(opened, data):
            scores = opened.score_examples(examples, importance_samples)
            values.append(scores.values)
            names.extend(_name_rows(examples).astype(str).tolist())
            columns = {"score": scores.values}
            if scores.percentile is not None:
                columns["percentile"] = scores.percentile
            yield _add_names(columns, examples, target)

    write_table(target, score_all())
    whole = np.concatenate(values)
    lowest = {names[i]: float(whole[i]) for i in np.argsort(whole)[:LOWEST]}
    return {
        "run": str(opened.path),
        "scores": str(target),
        "score": opened.name_score(importance_samples),
        "examples": len(whole),
        "mean": float(whole.mean()),
        "lowest": lowest,
    }


def _choose_target(run: Run, out: Path | None, name: str) -> Path:
    if out is None:
        run.folder.check_writable()
        return run.folder.samples / name
    target = Path(out)
    check_table(target)
    return target


def _read(run: Run, data: tuple[Path, ...]) -> Iterator[Examples]:
    """Yield the examples, pictures in chunks."""
    if not data:
        raise UserError("no examples are named", "pictures, a folder of them, or a .csv file")
    if not run.spec.is_image or data[0].suffix.lower() in (".csv", ".npy", ".npz"):
        if len(data) > 1:
            raise UserError("a table is one file", "one path", f"{len(data)} paths")
        yield run.prepare(data[0])
        return
    files = [file for path in data for file in list_pictures(path)]
    for start in range(0, len(files), CHUNK):
        yield run.prepare(files[start : start + CHUNK])


def _add_names(columns: Columns, examples: Examples, target: Path) -> Columns:
    """Return columns after the one that names the rows, which an array does not have."""
    if target.suffix.lower() == ".npy":
        return columns
    name = "file" if examples.container.kind == "pictures" else "row"
    return {name: _name_rows(examples), **columns}


def _name_rows(examples: Examples) -> np.ndarray:
    """Return the names of the rows: their files, or numbers from 1."""
    if examples.container.kind == "pictures":
        return np.array(examples.names)
    return np.array([int(name) + 1 for name in examples.names])
