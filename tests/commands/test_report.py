"""`immersion report`: a page from a run's files, alone or next to other runs."""

import base64
import re
import shutil

import pytest

from immersion.check import UserError
from immersion.commands.report import report
from immersion.commands.train import train
from immersion.engine import Options
from immersion.report.page import write_report
from immersion.report.settings import UNKNOWN, list_settings
from immersion.run_folder import RunFolder


@pytest.fixture
def copies(trained, tmp_path):
    """Return a function that copies the trained run."""

    def copy(name):
        shutil.copytree(trained, tmp_path / name)
        return tmp_path / name

    return copy


def test_other_runs_are_compared_and_left_alone(copies):
    run, *others = (copies(name) for name in ("a", "b", "c", "d"))
    for other in others:
        (other / "report.html").unlink()
    page = (run / "report.html").read_text()
    assert report(run, beside=tuple(others))["report"] == str(run / "report.html")
    compared = (run / "report.html").read_text()
    assert all(f"{name} (VAE)" in compared for name in "abcd") and "(VAE)" not in page
    assert not any((other / "report.html").exists() for other in others)


def test_a_folder_that_is_no_run_is_named(copies, tmp_path):
    run = copies("a")
    before = (run / "report.html").read_text()
    with pytest.raises(UserError, match="there is no run in that folder"):
        report(run, beside=(tmp_path / "nothing",))
    assert (run / "report.html").read_text() == before


def test_figures_are_drawn_again_on_request(copies):
    run = copies("a")
    shutil.rmtree(run / "samples")  # other tests may have drawn more of the shared run
    report(run, redraw=True)
    page = (run / "report.html").read_text()
    assert "<img" in page
    shutil.rmtree(run / "samples")
    report(run)
    assert "<img" not in (run / "report.html").read_text()
    report(run, redraw=True)
    assert (run / "report.html").read_text() == page


def test_the_page_of_a_trained_run_can_be_explored(trained):
    """The data in the page are the files of the run."""
    page = (trained / "report.html").read_text()
    for name in ("manifold", "points"):
        picture = (trained / "samples" / "explorer" / f"{name}.webp").read_bytes()
        assert f"data:image/webp;base64,{base64.b64encode(picture).decode()}" in page
        assert f"data-{name}=" in page
    assert len(re.findall("<script", page)) == 1


def test_the_report_of_a_run_that_is_resumed_says_that_it_is_in_training(copies):
    """Its first outcome is no longer that of the run."""
    run, pages = copies("a"), []

    def look(row):
        pages.append(write_report(RunFolder(run)).read_text())

    options = Options(steps=400, batch_size=50, validate_every=100)
    arguments = {"latent_dim": 2}
    done = train(
        "vae", data="digits", out=run, options=options, arguments=arguments, on_metrics=look
    )
    assert done["step"] == 400
    assert all("in training, step 400 of 400" in page for page in pages) and pages
    assert "trained for 400 steps" in (run / "report.html").read_text()


def test_the_record_of_a_training_has_what_was_resolved(trained):
    """The report's settings have no default that is left open."""
    record = RunFolder(trained).record()
    assert record.model["batch_size"] == 50 and record.model["architecture"]["width"] == 512
    values = [value for group in list_settings(record).values() for value in group.values()]
    assert UNKNOWN not in values and "auto" not in values and "None" not in values
