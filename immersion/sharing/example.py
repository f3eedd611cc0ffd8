"""The example that comes with a shared model: a short program that runs as it stands."""

from immersion.model_file import ENDING
from immersion.models import Decoder, Generative, Translator
from immersion.runs.load import Run

MODEL = f"model{ENDING}"
"""Name of the model's file in a shared folder."""

LOAD = f'''\
from pathlib import Path

import immersion as im

run = im.load(Path(__file__).with_name("{MODEL}"))
'''

SAMPLE = """
samples = run.sample(4, seed=1)
print("samples:", samples.shape)
"""

ENCODE = """
codes = run.encode(samples)
print("their codes:", codes.shape)
"""

DECODE = """
decoded = run.decode(np.zeros((1, {latent_dim})))
print("the example of code 0:", decoded.shape)
"""

APPLY = f'''\
import sys
from pathlib import Path

from immersion.commands.apply import apply

pictures = tuple(map(Path, sys.argv[1:]))
result = apply(str(Path(__file__).with_name("{MODEL}")), pictures, out=Path("results"))
print("pictures in results/:", len(result["done"]))
'''


def write_example(run: Run) -> str:
    """Return a program that loads the model from its own folder and uses it.

    An image-to-image network is applied to the pictures that are named on the command line; a
    generative model is sampled from; an autoencoder decodes a code.
    """
    model = run.model
    if isinstance(model, Translator):
        return '"""Apply the network: python example.py photo.png"""\n\n' + APPLY
    if isinstance(model, Generative):
        encode = ENCODE if model.encodes else ""
        return '"""Sample from the model: python example.py"""\n\n' + LOAD + SAMPLE + encode
    if isinstance(model, Decoder):
        load = LOAD.replace("import immersion", "import numpy as np\n\nimport immersion")
        title = '"""Decode a code: python example.py"""\n\n'
        return title + load + DECODE.format(latent_dim=model.latent_dim)
    return '"""Load the model: python example.py"""\n\n' + LOAD + "\nprint(run.model)\n"


def list_commands(run: Run, place: str) -> list[str]:
    """Return the commands that use the model.

    Args:
        run: The run.
        place: The model's file, or its name on the hub.
    """
    if isinstance(run.model, Translator):
        return [f"immersion apply {place} photo.png -o results"]
    if isinstance(run.model, Generative):
        return [f"immersion sample {place} -o samples.npz"]
    return [f"immersion export {place} -o decoder.onnx"]
