"""Findings about a run: from doctor, in its folder, and in the error when training diverges."""

import json

import pytest
from test_cli import refused, result, run

from immersion.check import NonFinite
from immersion.commands.doctor import doctor
from immersion.commands.train import train
from immersion.engine import OptimizerSettings, Options
from immersion.run_folder import RunFolder

GAN = ["train", "gan2014", "--data", "digits", "--width", "16", "--units", "8"]
SHORT = [
    "--batch-size",
    "50",
    "--log-every",
    "1",
    "--validate-every",
    "0",
    "--precision",
    "float32",
]
HUGE = ["--learning-rate", "1e6"]


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    """A GAN of 2014 with a learning rate of a million, and a checkpoint after every step."""
    out = tmp_path_factory.mktemp("diverged") / "run"
    options = Options(
        steps=400,
        batch_size=50,
        log_every=1,
        validate_every=0,
        checkpoint_seconds=0,
        precision="float32",
    )
    optimizer = OptimizerSettings("sgd", learning_rate=1e6, schedule="constant")
    arguments = {"width": 16, "units": 8, "optimizer": optimizer}
    with pytest.raises(NonFinite) as error:
        train("gan2014", data="digits", out=out, options=options, arguments=arguments)
    return out, str(error.value), (options, arguments)


def test_a_run_that_diverges_keeps_checkpoint_and_diagnosis(diverged):
    out, message, _ = diverged
    folder = RunFolder(out)
    kept = folder.load_checkpoint()[1]["step"]
    outcome = folder.record().outcome
    assert outcome.reason == "diverged" and outcome.step == kept > 0
    assert outcome.message in message and "not finite" in outcome.message
    assert all(tensor.isfinite().all() for tensor in folder.load_checkpoint()[0].values())
    assert folder.findings()[0]["name"] == "diverged"
    page = folder.report_file.read_text()
    assert "diverged after" in page and "What to try" in page


def test_the_message_says_what_is_kept_and_what_to_do(diverged):
    out, message, _ = diverged
    kept = RunFolder(out).load_checkpoint()[1]["step"]
    assert f"the last good checkpoint, of step {kept}, is kept" in message
    assert "lower --learning-rate" in message and f"immersion doctor {out}" in message


def test_the_same_call_goes_on_from_the_checkpoint(diverged):
    out, _, (options, arguments) = diverged
    kept = RunFolder(out).load_checkpoint()[1]["step"]
    before = [row for row in RunFolder(out).metrics() if row["step"] <= kept]
    with pytest.raises(NonFinite):
        train("gan2014", data="digits", out=out, options=options, arguments=arguments)
    assert RunFolder(out).metrics()[: len(before)] == before
    assert RunFolder(out).load_checkpoint()[1]["step"] >= kept


def test_the_command_line_ends_with_one_and_one_sentence(capsys, tmp_path):
    out = ["--out", str(tmp_path / "run"), "--steps", "400"]
    status, _, err = run(capsys, *GAN, *SHORT, *HUGE, *out)
    told = err.splitlines()[-1]
    assert status == 1 and told.startswith("immersion: stopped: ") and "Traceback" not in err
    assert "no checkpoint had been written yet" in told and "lower --learning-rate" in told
    assert json.loads((tmp_path / "run" / "run.json").read_text())["outcome"]["step"] == 0


def test_doctor_tells_of_a_run(capsys, diverged, trained):
    found = result(capsys, "doctor", str(diverged[0]))
    assert found[0]["name"] == "diverged" and found[0]["remedy"]
    assert {"name", "sentence", "remedy", "severity"} == set(found[0])
    assert RunFolder(diverged[0]).record().outcome.message in found[0]["sentence"]
    status, out, _ = run(capsys, "doctor", str(diverged[0]))
    assert status == 0 and "not finite" in out
    assert doctor(trained)[-1]["severity"] in ("fine", "warning")
    assert RunFolder(trained).findings() == doctor(trained)
    assert "no run" in refused(capsys, "doctor", "nowhere")


def test_a_game_is_not_stopped_early(capsys, tmp_path):
    out = tmp_path / "run"
    said = refused(capsys, *GAN, "--steps", "4", "--patience", "2", "--out", str(out))
    assert "several players" in said and "--patience" in said
    assert not out.exists()
