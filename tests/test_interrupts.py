"""Ctrl-C and SIGTERM in Python: a checkpoint is written, and the caller hears of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import immersion as im

LIMIT = 120
QUIET = {"progress": False, "verbose": False}

TRAIN = "im.train('vae', 'digits', steps=10**6, out='run', log_every=5, progress=False)"

FIT = """
p = im.likelihoods.GaussianShared((4,))
model = im.VAE(torch.nn.Linear(4, 2), torch.nn.Linear(1, 4), p, latent_dim=1)
im.fit(model, torch.randn(100, 4), steps=10**6, out='run', log_every=5, progress=False)
"""

SKLEARN = """
from immersion.sklearn import VAE
vae = VAE(latent_dim=1, steps=10**6)
vae.fit(torch.randn(100, 4).numpy())
"""

INVERT = """
im.train('gan', 'digits', steps=3, batch_size=20, progress=False, out='generator')
im.invert('generator', options=im.Options(steps=10**6, batch_size=20, log_every=5))
"""

START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
import torch
import immersion as im
"""


def interrupt(code: str, folder: Path, metrics: str, number: int) -> subprocess.CompletedProcess:
    """Run code in another process, and send it a signal when it has written some metrics."""
    environment = os.environ | {"TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    command = [sys.executable, "-c", START + code]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        end = time.monotonic() + LIMIT
        while not any(file.stat().st_size for file in folder.glob(metrics)):
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                pytest.fail(process.communicate()[1].decode())
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT)
    return subprocess.CompletedProcess(command, process.returncode, out.decode(), err.decode())


@pytest.mark.parametrize(
    ("code", "metrics"),
    [
        (TRAIN, "run/metrics.jsonl"),
        (FIT, "run/metrics.jsonl"),
        (SKLEARN, "*/metrics.jsonl"),
        (INVERT, "generator/encoder/metrics.jsonl"),
    ],
    ids=["train", "fit", "sklearn", "invert"],
)
def test_ctrl_c_raises_once_the_checkpoint_is_written(code, metrics, tmp_path):
    done = interrupt(code + "\nprint('went on')", tmp_path, metrics, signal.SIGINT)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt") and "went on" not in done.stdout
    files = list(tmp_path.glob(metrics))
    if code == SKLEARN:
        assert not files, "the temporary folder is left"
        return
    (folder,) = (file.parent for file in files)
    assert '"reason": "interrupted"' in (folder / "run.json").read_text()
    assert list((folder / "checkpoints").glob("*.safetensors"))


def test_the_same_call_resumes_after_ctrl_c(tmp_path):
    interrupt(TRAIN, tmp_path, "run/metrics.jsonl", signal.SIGINT)
    before = im.load(tmp_path / "run").record.step
    assert before > 0
    out = tmp_path / "run"
    run = im.train("vae", "digits", steps=before + 2, out=out, log_every=5, **QUIET)
    assert (run.record.step, run.record.outcome.reason) == (before + 2, "finished")


def test_sigterm_ends_the_process(tmp_path):
    done = interrupt(TRAIN + "\nprint('went on')", tmp_path, "run/metrics.jsonl", signal.SIGTERM)
    assert done.returncode == -signal.SIGTERM and "went on" not in done.stdout
    assert im.load(tmp_path / "run").record.outcome.signal == signal.SIGTERM


def test_a_handler_of_the_callers_gets_the_run_with_its_evaluated_weights(tmp_path):
    def press(row: dict) -> None:
        if row["step"] == 5:
            signal.raise_signal(signal.SIGINT)

    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        options = {"steps": 50, "log_every": 1, "ema": 0.9, "on_metrics": press}
        run = im.train("vae", "digits", out=tmp_path / "run", **options, **QUIET)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT] and run.record.step == 5
    assert not run.model.training
    averaged = run.folder.weights()
    assert all(torch.equal(averaged[name], t) for name, t in run.model.state_dict().items())
    tensors, _ = run.folder.load_checkpoint()
    assert any(not torch.equal(t, tensors[f"model/{name}"]) for name, t in averaged.items())
