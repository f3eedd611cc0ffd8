"""The commands of the command line: where each is, its summary and its examples."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A command; its function has its name.

    Args:
        module: The module of its function, imported when the command runs: help must not wait for
            PyTorch.
        summary: One line for `immersion --help`.
        examples: Three command lines without `immersion COMMAND`; the flags that they use are the
            basic ones, which its help shows first.
    """

    module: str
    summary: str
    examples: tuple[str, ...]


GROUPS: dict[str, dict[str, Entry]] = {
    "train": {
        "train": Entry(
            "immersion.commands.train",
            "Train a model, or resume its training.",
            (
                "vae --data digits --latent-dim 2 --steps 3000",
                "gan --data PHOTOS/ --size 64 --out runs/faces",
                "--config runs/faces/run.json --seed 2",
            ),
        ),
        "invert": Entry(
            "immersion.commands.invert",
            "Train an encoder for a GAN.",
            ("runs/gan-digits", "runs/gan-digits --steps 3000", "runs/gan-digits --weight 1"),
        ),
    },
    "look": {
        "sample": Entry(
            "immersion.commands.sample",
            "Sample new examples.",
            (
                "runs/vae --count 1000 --out samples.npz",
                "runs/gan --label 3 --seed 1 --out PICTURES/",
                "runs/table --count 5000 --out synthetic.csv",
            ),
        ),
        "reconstruct": Entry(
            "immersion.commands.draw",
            "Encode and decode examples.",
            (
                "runs/vae",
                "runs/vae photo.png PHOTOS/ --out reconstructed.png",
                "runs/gan photo.png --refine 200",
            ),
        ),
        "interpolate": Entry(
            "immersion.commands.draw",
            "Interpolate between examples.",
            ("runs/vae", "runs/vae --pairs 4 --steps 20 --out walks.png", "runs/gan --label 3"),
        ),
        "manifold": Entry(
            "immersion.commands.draw",
            "Show the learned manifold.",
            ("runs/vae", "runs/vae --side 30 --out manifold.png", "runs/vae --units 0 7"),
        ),
        "geometry": Entry(
            "immersion.commands.geometry",
            "Measure the learned manifold.",
            ("runs/vae", "runs/vae --count 200 --pairs 4 --out FIGURES/", "runs/gan --seconds 0"),
        ),
        "report": Entry(
            "immersion.commands.report",
            "Write a run's report.",
            ("runs/vae", "runs/vae --beside runs/ae runs/gan", "runs/vae --redraw"),
        ),
        "runs": Entry(
            "immersion.commands.runs",
            "List runs with their estimates.",
            ("", "EXPERIMENTS/ --sort elbo --reverse", "--json"),
        ),
    },
    "evaluate": {
        "evaluate": Entry(
            "immersion.commands.evaluate",
            "Evaluate a model.",
            (
                "runs/vae --importance-samples 5000",
                "runs/gan --samples 50000 --extractor squeezenet",
                "denoise --on set12",
            ),
        ),
        "doctor": Entry(
            "immersion.commands.doctor",
            "Diagnose a run or this machine.",
            ("", "runs/vae", "runs/vae --json"),
        ),
        "reproduce": Entry(
            "immersion.papers.reproduce",
            "Reproduce published results.",
            ("--list", "aevb/fig4", "--pending --minutes 30"),
        ),
    },
    "use": {
        "encode": Entry(
            "immersion.commands.encode",
            "Encode your own examples.",
            (
                "runs/vae PHOTOS/ --out codes.csv",
                "runs/vae photo.png scan.png",
                "runs/table table.csv --out codes.parquet",
            ),
        ),
        "score": Entry(
            "immersion.commands.encode",
            "Score your own examples.",
            (
                "runs/vae PHOTOS/ --out scores.csv",
                "runs/vae photo.png --importance-samples 500",
                "runs/table table.csv --json",
            ),
        ),
        "apply": Entry(
            "immersion.commands.apply",
            "Denoise, enlarge, ... your own pictures.",
            (
                "denoise photo.png --out OUT",
                "enlarge-x2 HOLIDAY/ scan.tif --out OUT --page",
                "runs/denoise PHOTOS/ --out OUT --uncertainty --skip-existing",
            ),
        ),
    },
    "share": {
        "share": Entry(
            "immersion.commands.share",
            "Share a model: file, card, example; the hub.",
            (
                "runs/vae --out SHARED/ --licence mit",
                "runs/vae --to hf://user/vae",
                "runs/vae --out SHARED/ --examples --overwrite",
            ),
        ),
        "export": Entry(
            "immersion.commands.export",
            "Write a model as an ONNX file.",
            ("runs/vae", "denoise --out denoise.onnx", "runs/denoise --overwrite"),
        ),
    },
    "more": {
        "data": Entry(
            "immersion.commands.data",
            "List the known data sets.",
            ("", "mnist", "--json"),
        ),
        "completion": Entry(
            "immersion.cli.completion",
            "Print a shell's completion script.",
            ("bash >> ~/.bashrc", "zsh >> ~/.zshrc", "fish"),
        ),
    },
}
"""Commands by what they are for, in the order of `immersion --help`."""

COMMANDS = {name: entry for group in GROUPS.values() for name, entry in group.items()}
