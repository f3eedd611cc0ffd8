"""Compare two revisions of the package: the same commands must give the same artefacts.

    python scripts/compare_revisions.py BEFORE AFTER [--keep DIR]

Six recipes train for 60 steps and are evaluated, sampled and drawn; copies of three runs of BEFORE
are evaluated, sampled and resumed by both revisions; three included networks process images.
Tensors, arrays and image files must be equal bit for bit, and so must metrics, the numbers of
evaluations, and records. Reports and findings are prose: they must exist. The exit code is 1 if
there are differences.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open

ROOT = Path(__file__).resolve().parents[1]

Parts = Counter[tuple[str, str]]
"""The parts of an artefact, such as tensors or numbers: (name, value or digest)."""

COMMON = ("--batch-size", "20", "--device", "cpu", "--seed", "0", "--validate-every", "1000")
SMALL = ("--size", "16", "--width", "4", "--depth", "2", *COMMON)
RECIPES = {
    "vae": ("--data", "digits", "--latent", "2", *COMMON),
    "ae": ("--data", "digits", "--latent", "2", *COMMON),
    "gan": ("--data", "digits", *COMMON),
    "aae": ("--data", "digits", "--latent", "2", *COMMON),
    "denoise": ("--data", "{inputs}/train", *SMALL),
    "segment": ("--data", "{inputs}/masked", *SMALL),
}
"""Recipe -> flags of its training, which both revisions accept."""

DRAWING = {
    "vae": ("reconstruct", "interpolate", "manifold"),
    "ae": ("reconstruct", "interpolate", "manifold"),
    "gan": ("interpolate", "manifold"),
    "aae": ("reconstruct", "interpolate", "manifold"),
}
"""Recipe of a generative model -> commands that draw figures from its run."""

CONTINUED = ("vae", "gan", "denoise")
"""Recipes whose runs of BEFORE are opened and resumed by both revisions."""

NETWORKS = {"denoise": ("--uncertainty",), "enlarge-x2": ("--uncertainty",), "colourise": ()}
"""Included network -> flags of `immersion apply`."""

RENAMED = {
    "latent": "latent_dim",
    "optimiser": "optimizer",
    "told": "level_map",
    "learn": "targets",
}
"""Names of JSON keys in the first revision -> names in the second."""

RENAMED_VALUES = {"aware": "noise-aware", "Classes": "PixelClasses"}
"""Names that are JSON values in the first revision -> names in the second."""

ADDED = {"prior", "posterior"}
"""Keys of arguments that only the second revision has."""

IGNORED = {"created", "seconds", "examples_per_second", "versions", "machine", "command"}
"""JSON keys that differ between two runs of one revision, or whose value contains flags."""

KINDS = {
    ".safetensors": "tensors and counters",
    ".png": "images",
    ".svg": "images",
    ".npz": "arrays",
    ".jsonl": "rows of metrics",
    "evaluation.json": "numbers of evaluation.json",
    "run.json": "entries of run.json",
}
"""Name or suffix of a file -> what its parts are."""

WORKER = """
import json, os, runpy, sys
import matplotlib.pyplot, scipy.linalg, sklearn.datasets, torch, torch._dynamo
for words in json.load(sys.stdin):
    if not (child := os.fork()):
        sys.argv[1:] = words
        runpy.run_module("immersion", run_name="__main__", alter_sys=True)
        sys.exit()
    if os.waitpid(child, 0)[1]:
        sys.exit("failed: immersion " + " ".join(words))
"""
"""Runs commands one after another, each as `python -m immersion` does, in a process that imports
the package from scratch; only the dependencies, which take seconds, are imported once."""


def main() -> None:
    """Compare the two revisions and exit with 1 where they differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", help="a git revision, or the path of a checkout")
    parser.add_argument("after", help="a git revision, or the path of a checkout")
    parser.add_argument("--keep", type=Path, help="a new folder in which all outputs are kept")
    given = parser.parse_args()
    if given.keep and given.keep.exists():
        parser.error(f"--keep: expected a new folder, received '{given.keep}', which exists")
    # A terminated run must remove its worktrees too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.keep or Path(temporary, "outputs")).resolve()
        write_inputs(work / "inputs")
        for side in ("before", "after"):
            with checkout(getattr(given, side)) as tree:
                run_commands(tree, train_and_draw(work, side))
                run_commands(tree, continue_copies(work, side))
        same, differences = compare(work)
    print("\n".join(differences or [f"identical: {same} artefacts"]))
    sys.exit(bool(differences))


def write_inputs(folder: Path) -> None:
    """Write images for training and for `apply`, and masks, from a seeded generator."""
    generator = np.random.default_rng(0)
    for part in ("train", "masked/images", "masked/masks", "apply"):
        (folder / part).mkdir(parents=True)
    for number in range(12):
        levels = smooth_levels(generator, 40, 48)
        Image.fromarray(levels).save(folder / f"train/{number}.png")
        Image.fromarray(levels).save(folder / f"masked/images/{number}.png")
        mask = (levels > levels.mean()).astype(np.uint8)
        Image.fromarray(mask).save(folder / f"masked/masks/{number}.png")
    colours = np.stack([smooth_levels(generator, 60, 70) for _ in range(4)], axis=2)
    Image.fromarray(colours[..., 0]).save(folder / "apply/grey.png")
    Image.fromarray(colours[..., :3]).save(folder / "apply/colour.png")
    Image.fromarray(colours).save(folder / "apply/alpha.png")


def smooth_levels(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return random grey levels that vary slowly, with a little noise, (height, width) uint8."""
    coarse = Image.fromarray(generator.integers(0, 256, (6, 7), dtype=np.uint8))
    fine = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=float)
    return np.clip(fine + generator.normal(0, 6, fine.shape), 0, 255).astype(np.uint8)


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
    """Yield a folder with a revision's files: the path itself, or a temporary worktree."""
    if Path(revision).is_dir():
        if not Path(revision, "immersion", "__main__.py").is_file():
            sys.exit(f"'{revision}' is not a checkout of the package")
        yield Path(revision).resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        git = ("git", "-C", str(ROOT), "worktree")
        try:
            subprocess.run([*git, "add", "--quiet", "--detach", str(tree), revision], check=True)
            yield tree
        except subprocess.CalledProcessError:
            sys.exit(f"'{revision}' is neither a folder nor a revision")
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], capture_output=True)


def run_commands(tree: Path, commands: list[list[str]]) -> None:
    """Run commands of a checkout, and exit with the error of the first that fails."""
    # Small models are no faster with several threads, and much slower on a busy machine.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    environment |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps(commands),
        env=environment,
        cwd=tree,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{tree}\n{done.stderr[-4000:]}")


def train_and_draw(work: Path, side: str) -> list[list[str]]:
    """Return the commands that train, evaluate, sample, draw and apply."""
    commands = []
    for recipe in RECIPES:
        run = str(work / side / recipe)
        commands += [train_command(work, recipe, 60, run), *measure_commands(recipe, run)]
        commands += [[command, run] for command in DRAWING.get(recipe, ())]
    for network, flags in NETWORKS.items():
        results = str(work / side / f"apply-{network}")
        commands.append(["apply", network, str(work / "inputs/apply"), "-o", results, *flags])
    return commands


def continue_copies(work: Path, side: str) -> list[list[str]]:
    """Copy the runs of BEFORE; return the commands that evaluate, sample and resume the copies."""
    commands = []
    outputs = shutil.ignore_patterns("samples", "evaluation.json", "report.html", "health.json")
    for recipe in CONTINUED:
        opened, resumed = (work / side / f"{recipe}-{name}" for name in ("opened", "resumed"))
        for copy in (opened, resumed):
            shutil.copytree(work / "before" / recipe, copy, ignore=outputs)
        commands += measure_commands(recipe, str(opened))
        commands.append(train_command(work, recipe, 80, str(resumed)))
    return commands


def train_command(work: Path, recipe: str, steps: int, run: str) -> list[str]:
    """Return the command that trains a recipe, or resumes its run."""
    flags = (word.format(inputs=work / "inputs") for word in RECIPES[recipe])
    return ["train", recipe, *flags, "--steps", str(steps), "--out", run]


def measure_commands(recipe: str, run: str) -> list[list[str]]:
    """Return the commands that evaluate a run and, if its model is generative, sample from it."""
    if recipe not in DRAWING:
        return [["evaluate", run]]
    sizes = ("--importance-samples", "20", "--samples", "200")
    return [["evaluate", run, *sizes], ["sample", run, "--count", "50"]]


def compare(work: Path) -> tuple[int, list[str]]:
    """Print what is equal, by run and kind; return how many files are, and the differences."""
    found = [
        {path.relative_to(work / side) for path in (work / side).rglob("[!.]*") if path.is_file()}
        for side in ("before", "after")
    ]
    same, equal = 0, defaultdict[str, Counter[str]](Counter)
    differences = [f"{name}: only in one revision" for name in sorted(found[0] ^ found[1])]
    for name in sorted(found[0] & found[1]):
        before, after = (read_parts(work / side, name) for side in ("before", "after"))
        if before == after:
            kind = KINDS.get(name.name) or KINDS.get(name.suffix, "other files")
            equal[name.parts[0]][kind] += before.total()
            same += 1
        else:
            differences.append(f"{name}: {describe_difference(before, after)}")
    for run, sizes in equal.items():
        print(f"{run}: " + ", ".join(f"{size} {kind}" for kind, size in sizes.items()), "equal")
    return same, differences


def read_parts(folder: Path, name: Path) -> Parts:
    """Return what must be equal of a file."""
    path = folder / name
    if path.name in ("report.html", "health.json"):
        return Counter([("exists", "yes")])
    if path.suffix in (".json", ".jsonl"):
        return read_json(path.read_text("utf-8").replace(str(folder), "OUT"), path.name)
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return Counter((key, digest_array(array)) for key, array in arrays.items())
    if path.suffix == ".safetensors":
        return read_checkpoint(path)
    return Counter([("bytes", hashlib.sha256(path.read_bytes()).hexdigest())])


def read_json(text: str, name: str) -> Parts:
    """Return the entries of a JSON object, those of an evaluation without prose, or the rows."""
    if name.endswith(".jsonl"):
        rows = (sorted(flatten(json.loads(line))) for line in text.splitlines())
        return Counter((f"row {number}", str(row)) for number, row in enumerate(rows))
    numbers_only = name == "evaluation.json"
    return Counter(flatten(json.loads(text), numbers_only=numbers_only))


def read_checkpoint(path: Path) -> Parts:
    """Return the tensors of a checkpoint, and the counters in its metadata."""
    with safe_open(path, "pt") as file:
        parts = Counter((key, digest_tensor(file.get_tensor(key))) for key in file.keys())  # noqa: SIM118
        for key, text in (file.metadata() or {}).items():
            parts.update(flatten(json.loads(text), (str(key),)))
    return parts


def digest_tensor(tensor: torch.Tensor) -> str:
    """Return the type, the shape and a digest of the bits, so that NaN equals NaN."""
    digest = hashlib.sha256(tensor.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
    return f"{tensor.dtype} {tuple(tensor.shape)} {digest}"


def digest_array(array: np.ndarray) -> str:
    """Return the type, the shape and a digest of the bits."""
    return f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


def flatten(
    value: Any, words: tuple[str, ...] = (), *, numbers_only: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield (key, value) of nested JSON; the words of nested keys are joined and sorted.

    Estimates that were `psnr_sigma_25` equal those that are `{"sigma_25": {"psnr": ...}}`.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in IGNORED | ADDED:
                inside = (*words, str(RENAMED.get(key, key)))
                yield from flatten(inner, inside, numbers_only=numbers_only)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from flatten(inner, (*words, str(number)), numbers_only=numbers_only)
    elif not (numbers_only and isinstance(value, str)):
        value = RENAMED_VALUES.get(value, value) if isinstance(value, str) else value
        yield " ".join(sorted("_".join(words).split("_"))), repr(value)


def describe_difference(before: Parts, after: Parts) -> str:
    """Return how many parts differ, and the first of them."""
    lost, new = before - after, after - before
    names = sorted({name for name, _ in lost | new})
    old, now = (next((v for k, v in sorted(side) if k == names[0]), "-") for side in (lost, new))
    return f"{len(names)} of {before.total()} parts; {names[0]}: {old[:300]} became {now[:300]}"


if __name__ == "__main__":
    main()
