"""Files of a run are whole or absent, and errors about them are one sentence."""

import errno
import json
import os
import subprocess
import sys

import pytest
import torch

from immersion.check import UserError
from immersion.run_folder import LOCK, RunFolder, add_prefix, select_prefix
from immersion.run_record import FORMAT, DataRecord, RunRecord


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "runs" / "one")


def everything(folder: RunFolder) -> list[str]:
    return sorted(str(p.relative_to(folder.path)) for p in folder.path.rglob("*") if p.is_file())


def test_a_writer_that_fails_leaves_the_old_file(folder):
    folder.write("a/b.txt", lambda path: path.write_text("old"))

    def fail(path):
        path.write_text("half of the ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        folder.write("a/b.txt", fail)
    assert everything(folder) == ["a/b.txt"]
    assert (folder.path / "a/b.txt").read_text() == "old"
    with pytest.raises(ValueError, match="JSON"):
        folder.write_json("c.json", {"x": float("nan")})
    assert everything(folder) == ["a/b.txt"]


def test_the_file_has_its_name_only_when_it_is_whole(folder):
    folder.write("a.txt", lambda path: path.write_text("old"))

    def look(path):
        path.write_text("new")
        assert path.parent == folder.path  # of one file system, so that renaming is atomic
        assert (folder.path / "a.txt").read_text() == "old"

    assert folder.write("a.txt", look) == folder.path / "a.txt"
    assert (folder.path / "a.txt").read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_are_as_readable_as_the_users_own(folder, mask):
    def private(path):
        path.unlink(missing_ok=True)
        path.touch(0o600)

    before = os.umask(mask)
    try:
        folder.save_checkpoint(1, tensors(1), {})
        folder.write_json("a.json", {})
        folder.write("b", private)
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in folder.path.rglob("*") if path.is_file()}
    assert modes == {0o666 & ~mask}


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_one_training_at_a_time_holds_the_folder(folder):
    pytest.importorskip("fcntl", reason="there are no such locks here")
    with folder.lock():
        folder.check_free()  # a training that ends before its record is written leaves the lock
    there = [sys.executable, "-c", HOLDER, str(folder.path / LOCK)]
    process = subprocess.Popen(there, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="another training is under way"), folder.lock():
            pass
    finally:
        process.kill()
        process.communicate()
    with folder.lock():
        pass


def test_a_file_system_without_locks_trains_all_the_same(folder, monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="there are no such locks here")

    def unknown(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with folder.lock():
        folder.write_record(RunRecord())
    assert folder.exists()


def test_where_there_are_no_locks_nothing_is_held(folder, monkeypatch):
    monkeypatch.setattr("immersion.run_folder.fcntl", None)
    with folder.lock(), folder.lock():
        assert not folder.path.exists()


def test_metrics_without_a_line_cut_short(folder):
    assert folder.metrics() == []
    rows = [{"step": step, "loss": 1 / 3 + step} for step in range(1, 6)]
    for row in rows:
        folder.append_metrics(row)
    assert folder.metrics() == rows
    with folder.metrics_file.open("a") as file:
        file.write('{"step": 6, "lo')
    assert folder.metrics() == rows
    folder.truncate_metrics(4)
    folder.append_metrics(rows[4])
    text = folder.metrics_file.read_text()
    assert [json.loads(line) for line in text.splitlines()] == rows


def test_a_line_without_its_end_is_not_trusted(folder):
    # Cut before the last digits of a number it would still be JSON, with another value.
    folder.append_metrics({"step": 1})
    with folder.metrics_file.open("a") as file:
        file.write('{"step": 22}')
    assert folder.metrics() == [{"step": 1}]


def test_the_record(folder):
    assert not folder.exists()
    record = RunRecord("vae", data=DataRecord("digits", spec={"shape": [1, 8, 8]}))
    folder.write_record(record)
    assert folder.exists()
    assert RunFolder.open(folder.path).record() == record
    assert folder.evaluation() is None
    folder.write_json("evaluation.json", {"nll": 1.5})
    assert folder.evaluation() == {"nll": 1.5}


def test_no_run_in_that_folder(folder, tmp_path):
    for path in (folder.path, tmp_path):
        with pytest.raises(UserError, match=r"no run in that folder.*immersion train"):
            RunFolder.open(path)


def test_a_newer_format_is_refused(folder):
    folder.write_json("run.json", {"format": FORMAT + 1})
    with pytest.raises(
        UserError, match=f"newer version: expected {FORMAT}, received {FORMAT + 1}"
    ):
        RunFolder.open(folder.path)


def tensors(scale: float) -> dict[str, torch.Tensor]:
    shared = torch.arange(12.0).reshape(3, 4) * scale
    own = {"model/w": shared, "model/b.c": torch.tensor(2**40), "optimiser/p/0/step": shared[0, 1]}
    return own | {"model/transposed": shared.T, "average/w": shared.bfloat16()}


def test_a_checkpoint_comes_back_as_it_was(folder):
    assert folder.load_checkpoint() is None
    folder.save_checkpoint(7, tensors(0.1), {"best": None, "seconds": 0.1})
    loaded, state = folder.load_checkpoint()
    assert state == {"step": 7, "best": None, "seconds": 0.1}
    assert loaded.keys() == tensors(0.1).keys()
    for name, tensor in tensors(0.1).items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_one_checkpoint_is_kept_and_the_newest_is_read(folder):
    for step in (9, 10):
        folder.save_checkpoint(step, tensors(step), {})
        assert everything(folder) == [f"checkpoints/{step:08d}.safetensors"]
    # Killed between the new one and the removal of the old one.
    old = (folder.checkpoints / "00000010.safetensors").read_bytes()
    folder.save_checkpoint(100, tensors(100), {})
    (folder.checkpoints / "00000010.safetensors").write_bytes(old)
    assert folder.load_checkpoint()[1]["step"] == 100
    folder.save_checkpoint(101, tensors(101), {})
    assert everything(folder) == ["checkpoints/00000101.safetensors"]


def test_a_file_that_a_kill_left_half_written_is_not_read(folder):
    folder.save_checkpoint(3, tensors(1), {})
    (folder.checkpoints / ".4711.00000004.safetensors").write_bytes(b"half")
    assert folder.load_checkpoint()[1]["step"] == 3


@pytest.mark.parametrize("damage", ["cut", "empty", "overwritten", "of another program"])
def test_a_damaged_checkpoint_is_an_error(folder, damage):
    folder.save_checkpoint(3, tensors(1), {})
    file = folder.checkpoints / "00000003.safetensors"
    whole = file.read_bytes()
    if damage == "of another program":
        from safetensors.torch import save_file

        save_file({"w": torch.zeros(2)}, file)
    else:
        content = {"cut": whole[:-8], "empty": b"", "overwritten": b"\xff" * len(whole)}[damage]
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read.*00000003\.safetensors.*another folder"):
        folder.load_checkpoint()


def test_no_checkpoint_yet(folder):
    folder.write_record(RunRecord())
    with pytest.raises(UserError, match="has no checkpoint yet; give the same train command"):
        folder.weights()


def test_weights_are_the_averaged_ones_where_there_are_such(folder):
    folder.save_checkpoint(1, tensors(1), {})
    assert folder.weights().keys() == {"w"}
    assert torch.equal(folder.weights()["w"], tensors(1)["average/w"])
    own = {name: tensor for name, tensor in tensors(1).items() if not name.startswith("average")}
    folder.save_checkpoint(2, own, {})
    assert folder.weights().keys() == {"w", "b.c", "transposed"}


def test_parts_are_whole_words():
    named = add_prefix("a", {"x": torch.zeros(1)}) | add_prefix("ab", {"y": 2.0})
    assert named.keys() == {"a/x", "ab/y"}
    assert select_prefix(named, "a").keys() == {"x"}
    assert select_prefix(named, "ab") == {"y": torch.tensor(2.0)}
    assert select_prefix(named, "b") == {}
