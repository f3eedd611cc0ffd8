"""The progress that a user sees while a model trains."""

from immersion import progress as showing
from immersion.progress import hide_progress, show_progress, track, track_training

ROW = {"step": 100, "split": "train", "seconds": 1.0}


def run_progress(capsys, monkeypatch, terms):
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    with track_training(100) as on_metrics:
        on_metrics({**ROW, **terms, "examples_per_second": 1000.0})
    return capsys.readouterr().err


def test_terms_of_one_player_are_printed_unchanged(capsys, monkeypatch):
    output = run_progress(capsys, monkeypatch, {"loss": 1.25, "kl": 3.0})
    assert "step 100 / 100" in output and "1,000 examples/s  loss 1.25  kl 3" in output


def test_of_a_game_value_accuracy_and_losses_are_printed(capsys, monkeypatch):
    terms = {"discriminator/loss": 1.2, "discriminator/value": -1.2, "generator/loss": 0.8}
    terms |= {"discriminator/accuracy": 0.75, "discriminator/gradient_norm": 9.0}
    output = run_progress(capsys, monkeypatch, terms)
    assert "V(D, G) -1.2  accuracy 0.75  loss: discriminator 1.2, generator 0.8\n" in output
    assert "gradient_norm" not in output


def test_a_library_is_quiet_and_a_command_line_counts(capsys, monkeypatch):
    monkeypatch.setattr(showing, "QUIET_SECONDS", -1.0)
    assert list(track("abc", 3, "letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""
    with show_progress():
        assert list(track("abc", 3, "letters")) == ["a", "b", "c"]
    assert "letters: 2 of 3 done" in capsys.readouterr().err


def test_hidden_progress_is_that_of_trainings_too(capsys, monkeypatch):
    with hide_progress():
        assert run_progress(capsys, monkeypatch, {"loss": 1.25}) == ""
    assert "loss 1.25" in run_progress(capsys, monkeypatch, {"loss": 1.25})
