"""Places of output files are checked before the work; files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from immersion.check import UserError
from immersion.output_file import check_output, check_output_folder, write_atomically


def test_valid_places_are_accepted(tmp_path):
    check_output(tmp_path / "new" / "x.CSV", (".csv", ".npy"))
    (tmp_path / "x.csv").touch()
    check_output(tmp_path / "x.csv", (".csv",), overwrite=True)
    check_output_folder(tmp_path / "new" / "folder")
    (tmp_path / "empty").mkdir()
    check_output_folder(tmp_path / "empty")
    check_output_folder(tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "x.csv"]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("x.txt", {}, r"'x.txt' cannot be written: .* in \.csv or \.npy, received .* '\.txt'"),
        ("x", {}, "received no ending"),
        ("x", {"expected": "a table"}, "expected a table, received no ending"),
        ("file/x.csv", {}, "'file' is a file: expected a folder"),
        ("file/new/x.csv", {"overwrite": True}, "'file' is a file: expected a folder"),
        ("folder.csv", {"overwrite": True}, "'folder.csv' is a folder"),
        ("there.csv", {}, r"'there.csv' exists already; choose another name, or remove it\."),
        ("there.csv", {"switch": "--overwrite"}, r"another name, or pass --overwrite\."),
    ],
)
def test_mistakes_are_sentences(tmp_path, monkeypatch, name, options, words):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("there.csv").touch()
    Path("folder.csv").mkdir()
    with pytest.raises(UserError, match=words):
        check_output(Path(name), (".csv", ".npy"), **options)


def test_a_folder_that_holds_files_is_kept(tmp_path):
    (tmp_path / "file").touch()
    for place, words in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "new", "is a file"),
        (tmp_path, r"is not empty; choose another name, or pass --overwrite\."),
    ):
        with pytest.raises(UserError, match=words):
            check_output_folder(place, switch="--overwrite")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "x.txt"
    assert write_atomically(path, lambda partial: partial.write_text("first")) == path

    def fail(partial):
        partial.write_text("half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_atomically(path, fail)
    assert path.read_text() == "first" and list(path.parent.iterdir()) == [path]


def test_a_file_may_be_read_by_those_whom_the_mask_allows(tmp_path):
    def replace(partial):  # as libraries do that write to a private temporary file
        partial.unlink()
        partial.touch(0o600)

    before = os.umask(0o022)
    try:
        path = write_atomically(tmp_path / "x", replace)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
