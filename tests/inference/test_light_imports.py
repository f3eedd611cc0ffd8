"""Inference with a bundled model loads no training code."""

import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

import immersion

PROGRAM = """
import json, runpy, sys
sys.argv = ["immersion", *json.loads(sys.argv[1])]
runpy.run_module("immersion", run_name="__main__")
loaded = [name for name in sys.modules if name.split(".")[0] == "immersion"]
print(json.dumps([name for name in loaded if not name.startswith("immersion.cli")]))
"""

TRAINING = ("engine", "objectives", "recipes", "data", "diagnostics", "metrics", "evaluation")


def test_applying_a_bundled_model_loads_less_than_sixty_modules(tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (60, 40), "teal").save(photo)
    words = ["apply", "denoise", str(photo), "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(words)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(immersion.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert len(loaded) < 60, sorted(loaded)
    assert not [name for name in loaded if name.split(".")[1:2] in [[room] for room in TRAINING]]
