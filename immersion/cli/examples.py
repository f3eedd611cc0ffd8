"""Examples for the help of each command: those of `immersion train RECIPE` are here."""

from immersion.cli.commands import COMMANDS

EXAMPLES = {
    "linear-ae": (
        "--data digits --latent-dim 10",
        "--data table.csv --latent-dim 2 --steps 2000",
        "--data PHOTOS/ --size 32 --minutes 10 --out runs/linear",
    ),
    "ae": (
        "--data digits --latent-dim 2 --steps 3000",
        "--data PHOTOS/ --size 64 --minutes 30 --out runs/ae",
        "--data mnist --latent-dim 10 --seed 2",
    ),
    "vae": (
        "--data digits --latent-dim 2 --steps 3000",
        "--data PHOTOS/ --size 64 --minutes 30 --out runs/vae",
        "--data table.csv --likelihood gaussian --prior flow --seed 2",
    ),
    "gan": (
        "--data PHOTOS/ --size 64 --minutes 60 --out runs/faces",
        "--data digits --conditional --latent-dim 32 --steps 5000",
        "--data mnist --game hinge --spectral-norm --seed 2",
    ),
    "gan2014": (
        "--data mnist --minutes 30 --out runs/gan2014",
        "--data digits --game minimax --steps 5000",
        "--data mnist --batch-size 100 --seed 2",
    ),
    "vae-gan": (
        "--data PHOTOS/ --size 64 --minutes 60 --out runs/vae-gan",
        "--data digits --latent-dim 16 --steps 3000",
        "--data mnist --network conv --seed 2",
    ),
    "aae": (
        "--data digits --latent-dim 2 --steps 3000",
        "--data PHOTOS/ --size 32 --minutes 30 --out runs/aae",
        "--data mnist --adversarial-weight 10 --seed 2",
    ),
    "denoise": (
        "--data PHOTOS/ --minutes 30 --out runs/denoise",
        "--data NOISY/ --targets noisy --steps 20000",
        "--data bsds500 --noise jpeg --network noise-aware",
    ),
    "enlarge": (
        "--data PHOTOS/ --factor 2 --minutes 30 --out runs/enlarge",
        "--data bsds500 --factor 4 --steps 20000",
        "--data PHOTOS/ --factor 3 --adversarial 0.01",
    ),
    "colourise": (
        "--data PHOTOS/ --minutes 60 --out runs/colourise",
        "--data PHOTOS/ --latent-dim 8 --steps 20000",
        "--data PHOTOS/ --discretised --seed 2",
    ),
    "inpaint": (
        "--data PHOTOS/ --minutes 60 --out runs/inpaint",
        "--data PHOTOS/ --size 64 --steps 20000",
        "--data bsds500 --seed 2",
    ),
    "segment": (
        "--data camvid --minutes 30 --out runs/segment",
        "--data FOLDER/ --balance median --steps 5000",
        "--data isbi2012 --size 256 --seed 2",
    ),
}

USUAL = (
    "--data digits --steps 3000",
    "--data PHOTOS/ --size 64 --minutes 30 --out runs/photos",
    "--data table.csv --seed 2",
)
"""Examples of a recipe that has none here, such as your own."""


def find_examples(command: str) -> tuple[str, ...]:
    """Return the examples of a command, without `immersion` and its name.

    Args:
        command: evaluate, train vae, ...
    """
    kind, _, recipe = command.partition(" ")
    return EXAMPLES.get(recipe, USUAL) if recipe else COMMANDS[kind].examples
