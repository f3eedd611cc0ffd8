"""Compare two revisions of the package: the same commands must give the same artefacts.

    python scripts/compare_revisions.py BEFORE AFTER [--keep DIR]

Six recipes train for a moment and are evaluated, sampled and drawn; runs of the first revision are
evaluated and resumed by the second; three bundled networks are applied to images. Weights, arrays
and image files must be equal byte for byte, and so must metrics, estimates and records, but for
times, versions and names that `RENAMED` lists.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[1]

COMMON = ("--steps", "60", "--batch-size", "20", "--device", "cpu", "--seed", "0")
RECIPES = {
    "vae": ("--data", "digits", "--latent", "2", *COMMON),
    "ae": ("--data", "digits", "--latent", "2", *COMMON),
    "gan": ("--data", "digits", *COMMON),
    "aae": ("--data", "digits", "--latent", "2", *COMMON),
    "denoise": ("--data", "IMAGES", "--size", "16", "--width", "4", "--depth", "2", *COMMON),
    "segment": ("--data", "MASKED", "--size", "16", "--width", "4", "--depth", "2", *COMMON),
}
"""Recipe -> the flags of its training, as both revisions take them."""

COMMANDS = {
    "vae": ("sample", "reconstruct", "interpolate", "manifold"),
    "ae": ("sample", "reconstruct", "interpolate", "manifold"),
    "gan": ("sample", "interpolate", "manifold"),
    "aae": ("sample", "reconstruct", "interpolate", "manifold"),
}
"""Recipe -> the commands that draw from its run."""

NETWORKS = {
    "denoise": ("--uncertainty",),
    "enlarge-x2": ("--uncertainty",),
    "colourise": (),
}
"""Bundled network -> flags of `immersion apply`."""

RENAMED = {
    "latent": "latent_dim",
    "optimiser": "optimizer",
    "told": "level_map",
    "learn": "targets",
}
"""Names of keys in the first revision -> names in the second."""

IGNORED = {
    *(
        "created",
        "seconds",
        "versions",
        "machine",
        "command",
        "source",
        "run",
        "examples_per_second",
    ),
    *("threads", "network", "format", "reason", "discriminator"),
}
"""Keys that differ between two runs of one revision, or have other words in the second."""


def main() -> None:
    """Compare the two revisions and exit with 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", help="a git revision, or the path of a checkout")
    parser.add_argument("after", help="a git revision, or the path of a checkout")
    parser.add_argument("--keep", type=Path, help="folder for outputs, used again if it has some")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.keep or Path(temporary)).resolve()
        inputs = write_inputs(work / "inputs")
        checkouts = [checkout(each, Path(temporary)) for each in (given.before, given.after)]
        for tree, out in zip(checkouts, ("before", "after"), strict=True):
            if not (work / out).exists():  # outputs that were kept are used again
                produce(tree, work / out, inputs)
                resume(tree, work / out, work)
        same, differences = compare(work)
    print("\n".join(differences))
    print(f"identical: {same} artefacts" if not differences else f"{len(differences)} differences")
    sys.exit(bool(differences))


def write_inputs(folder: Path) -> Path:
    """Write images for training and for `apply`, and masks, from a seeded generator."""
    generator = np.random.default_rng(0)
    for part in ("train", "masked/images", "masked/masks", "apply"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number in range(12):
        levels = smooth_levels(generator, 40, 48)
        Image.fromarray(levels).save(folder / f"train/{number}.png")
        Image.fromarray(levels).save(folder / f"masked/images/{number}.png")
        mask = (levels > levels.mean()).astype(np.uint8)
        Image.fromarray(mask).save(folder / f"masked/masks/{number}.png")
    colours = np.stack([smooth_levels(generator, 60, 70) for _ in range(4)], axis=2)
    Image.fromarray(colours[..., 0]).save(folder / "apply/grey.png")
    Image.fromarray(colours[..., :3]).save(folder / "apply/colour.png")
    Image.fromarray(colours, "RGBA").save(folder / "apply/alpha.png")
    return folder


def smooth_levels(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return random grey levels that vary slowly, with a little noise, (height, width) uint8."""
    coarse = Image.fromarray(generator.integers(0, 256, (6, 7), dtype=np.uint8))
    fine = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=float)
    return np.clip(fine + generator.normal(0, 6, fine.shape), 0, 255).astype(np.uint8)


def checkout(revision: str, temporary: Path) -> Path:
    """Return a folder with a revision's files: the path itself, or an export by git."""
    if Path(revision).is_dir():
        return Path(revision).resolve()
    tree = temporary / f"tree-{revision.replace('/', '-')}"
    tree.mkdir()
    archive = subprocess.run(
        ["git", "-C", ROOT, "archive", revision], check=True, capture_output=True
    )
    subprocess.run(["tar", "-x", "-C", tree], input=archive.stdout, check=True)
    return tree


def immersion(tree: Path, *words: object) -> None:
    """Run one command of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-m", "immersion", *map(str, words), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tree)
    if done.returncode:
        sys.exit(f"{tree}: {' '.join(command)}\n{done.stderr}")


def flags_of(recipe: str, inputs: Path) -> list[str]:
    """Return a recipe's flags with the folders of images filled in."""
    places = {"IMAGES": str(inputs / "train"), "MASKED": str(inputs / "masked")}
    return [places.get(word, word) for word in RECIPES[recipe]]


def produce(tree: Path, out: Path, inputs: Path) -> None:
    """Train, evaluate, sample, draw and apply with one checkout."""
    for recipe in RECIPES:
        run = out / recipe
        immersion(tree, "train", recipe, *flags_of(recipe, inputs), "--out", run)
        measured = ("--importance-samples", 20, "--samples", 200) if recipe in COMMANDS else ()
        immersion(tree, "evaluate", run, *measured)
        for command in COMMANDS.get(recipe, ()):
            immersion(tree, command, run)
    for network, flags in NETWORKS.items():
        immersion(tree, "apply", network, inputs / "apply", "-o", out / f"apply-{network}", *flags)


def resume(tree: Path, out: Path, work: Path) -> None:
    """Evaluate copies of the first revision's runs by one checkout, and train them for longer."""
    for recipe in ("vae", "gan", "denoise"):
        run = out / f"{recipe}-resumed"
        shutil.copytree(work / "before" / recipe, run)
        longer = flags_of(recipe, work / "inputs")
        longer[longer.index("--steps") + 1] = "80"
        immersion(tree, "evaluate", run)
        immersion(tree, "train", recipe, *longer, "--out", run)


def compare(work: Path) -> tuple[int, list[str]]:
    """Return how many artefacts are equal, and a line for each that is not."""
    same, differences = 0, []
    for before in sorted((work / "before").rglob("*")):
        name = before.relative_to(work / "before")
        after = work / "after" / name
        if before.is_dir() or not is_compared(before):
            continue
        if not after.exists():
            differences.append(f"{name}: missing")
        elif contents(before) != contents(after):
            differences.append(f"{name}: {first_difference(contents(before), contents(after))}")
        else:
            same += 1
    return same, differences


def is_compared(path: Path) -> bool:
    """Return whether a file is an artefact: reports and findings are prose."""
    return path.name not in ("report.html", "health.json") and not path.name.startswith(".")


def contents(path: Path) -> Any:
    """Return what must be equal of a file."""
    if path.suffix == ".json":
        return sorted(map(str, flatten(json.loads(path.read_text()))))
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [sorted(map(str, flatten(row))) for row in rows]
    if path.suffix == ".npz":
        arrays = np.load(path)
        return {name: arrays[name].tobytes() for name in arrays.files}
    if path.suffix == ".safetensors":
        return {name: bits(tensor) for name, tensor in load_file(path).items()}
    return path.read_bytes()


def bits(tensor: torch.Tensor) -> bytes:
    """Return a tensor's values as bytes, so that NaN equals NaN."""
    return (
        tensor.contiguous().view(torch.uint8).numpy().tobytes()
        if tensor.ndim
        else bytes(str(tensor.item()), "ascii")
    )


def flatten(value: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield (key, value) of nested JSON; the words of nested keys are joined and sorted.

    Estimates that were `psnr_sigma_25` equal those that are `{"sigma_25": {"psnr": ...}}`.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in IGNORED:
                yield from flatten(inner, (*words, RENAMED.get(key, key)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from flatten(inner, (*words, str(number)))
    else:
        value = RENAMED.get(value, value) if isinstance(value, str) else value
        yield " ".join(sorted("_".join(words).split("_"))), value


def first_difference(before: Any, after: Any) -> str:
    """Return in a few words where two contents differ."""
    if isinstance(before, bytes):
        return "other bytes"
    if isinstance(before, dict):
        return ", ".join(sorted(k for k in before | after if before.get(k) != after.get(k))[:3])
    lost = [each for each in before if each not in after]
    new = [each for each in after if each not in before]
    return f"{lost[:3]} became {new[:3]}"


if __name__ == "__main__":
    main()
