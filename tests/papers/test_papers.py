"""Studies: every claim is complete, and what is recorded is what is listed."""

import json
from dataclasses import replace

import pytest

from immersion.check import UserError
from immersion.papers import STUDIES, Claim, Measurement, Study
from immersion.papers import reproduce as reproduction
from immersion.papers import study as module
from immersion.papers.markdown import render_section
from immersion.papers.reproduce import reproduce, run_study
from immersion.papers.study import list_claims, make_entry, record

FIELDS = {"paper", "claim", "published", "tolerance", "measured", "standard_error", "status"}
FIELDS |= {"seconds", "machine", "date"}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A study of two claims, recorded in a folder of its own."""
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(reproduction, "FIGURES", tmp_path / "figures")
    claims = (
        Claim("high", "", 1.0, "a test", 0.25, "nats"),
        Claim("low", "", 0.0, "a test", 0.5, "nats", "at most"),
    )
    values = {"high": Measurement(0.8, 0.01), "low": Measurement(2.0)}
    return Study("toy/one", "", "", claims, 1.0, "", lambda out, device: values)


@pytest.mark.parametrize("name", list(STUDIES))
def test_every_study_is_complete(name):
    study = STUDIES[name]
    assert study.name == name and study.title and study.citation and study.protocol
    assert study.minutes > 0 and study.claims
    assert len({claim.name for claim in study.claims}) == len(study.claims)
    assert all(claim.source and claim.unit and claim.tolerance >= 0 for claim in study.claims)


def test_the_list_is_an_array_of_claims():
    listed = json.loads(json.dumps(reproduce(list=True)))
    assert all(set(row) >= FIELDS for row in listed)
    assert {row["status"] for row in listed} <= {"met", "missed", "pending", "measured"}
    assert {row["paper"] for row in listed} == set(STUDIES)


def test_what_is_recorded_decides_the_status(toy, tmp_path):
    assert [row["status"] for row in list_claims(toy)] == ["pending", "pending"]
    circumstances = {"seconds": 3, "machine": "m", "date": "d", "command": "c"}
    measured = toy.run(tmp_path, "cpu")
    record(toy, {name: make_entry(each, circumstances) for name, each in measured.items()})
    met, missed = list_claims(toy)
    assert (met["status"], missed["status"]) == ("met", "missed")
    assert met["measured"] == 0.8 and met["standard_error"] == 0.01 and met["seconds"] == 3


def test_a_number_keeps_the_protocol_that_it_was_measured_under(toy, tmp_path):
    run_study(replace(toy, protocol="1,000 steps."), "cpu", tmp_path, keep=True)
    for protocol, count in (("1,000 steps.", 0), ("2,000 steps.", 1)):
        lines = render_section(replace(toy, protocol=protocol))
        assert f"Protocol: {protocol}" in lines
        assert lines.count("Measured under an earlier protocol: 1,000 steps.") == count


@pytest.mark.parametrize("name", list(STUDIES))
def test_records_belong_to_claims(name):
    file = module._result_file(STUDIES[name])
    if not file.is_file():
        pytest.skip(f"{name} is still to be measured")
    recorded = json.loads(file.read_text())
    assert set(recorded) == {claim.name for claim in STUDIES[name].claims}


def test_pending_runs_the_cheapest_first_and_stays_within_the_minutes(monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(
        "immersion.papers.reproduce.run_study", lambda study, *rest: ran.append(study.name) or []
    )
    with pytest.raises(UserError, match="--minutes is for --pending"):
        reproduce("modes", minutes=5.0)
    reproduce(pending=True, out=tmp_path)
    minutes = [STUDIES[name].minutes for name in ran]
    assert set(ran) == set(STUDIES) and minutes == sorted(minutes)
    ran.clear()
    reproduce(pending=True, minutes=min(minutes) + 0.5, out=tmp_path)
    assert ran == [min(STUDIES.values(), key=lambda study: study.minutes).name]
