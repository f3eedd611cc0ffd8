"""Which files are meant and where results go."""

from pathlib import Path

import pytest

from immersion.check import UserError
from immersion.image_io import find_pictures, resolve_outputs


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """A folder of pictures, of other files and of hidden ones; the working directory holds it."""
    for name in (
        "b.png",
        "a.JPG",
        "sub/deep/c.tiff",
        "sub/a.webp",
        "notes.txt",
        ".hidden.png",
        ".cache/d.png",
        "sub/.b.png.partial",
    ):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return Path("photos")


def names(inputs: list[Path]) -> list[str]:
    return [found.name.as_posix() for found in find_pictures(inputs).pictures]


def test_a_folder_is_searched_with_its_sub_folders(tree):
    found = find_pictures([tree])
    assert [each.name.as_posix() for each in found.pictures] == [
        "a.JPG",
        "b.png",
        "sub/a.webp",
        "sub/deep/c.tiff",
    ]
    assert [each.path for each in found.pictures] == [tree / each.name for each in found.pictures]
    assert (found.skipped, found.folders) == (4, (tree,))


def test_patterns_that_the_shell_left(tree):
    assert names([tree / "*.png"]) == ["b.png"]
    assert names([tree / "*" / "*.webp"]) == ["sub/a.webp"]
    assert names([tree / "**" / "*.*"]) == ["a.JPG", "b.png", "sub/a.webp", "sub/deep/c.tiff"]
    assert find_pictures([tree / "*.*"]).skipped == 1
    assert names([Path("pho*/sub/*.webp")]) == ["photos/sub/a.webp"]


def test_a_file_whose_name_is_a_pattern_is_itself(tree):
    (tree / "x[1].png").write_bytes(b"")
    (tree / "x1.png").write_bytes(b"")
    assert names([tree / "x[1].png"]) == ["x[1].png"]


def test_each_file_is_read_once(tree):
    assert names([tree / "b.png", tree.resolve(), tree / "sub"]) == [
        "b.png",
        "a.JPG",
        "sub/a.webp",
        "sub/deep/c.tiff",
    ]


def test_names_and_sub_folders_are_kept(tree):
    out = Path("out")
    kept = ["a.JPG", "b.png", "sub/a.webp", "sub/deep/c.tiff"]
    assert resolve_outputs(find_pictures([tree]), out) == [out / name for name in kept]
    with pytest.raises(UserError, match="would both be written"):
        resolve_outputs(find_pictures([tree / "a.JPG", tree / "sub/a.webp"]), out, ending=".png")
    assert resolve_outputs(find_pictures([tree]), out, ending=".png")[3] == out / "sub/deep/c.png"
    assert resolve_outputs(find_pictures([tree / "b.png"]), out / "x.tif") == [out / "x.tif"]


def test_a_folder_that_is_called_like_a_picture_is_a_folder(tree):
    Path("out.png").mkdir()
    assert resolve_outputs(find_pictures([tree / "b.png"]), Path("out.png")) == [
        Path("out.png/b.png")
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("missing.png", r"no file or folder missing\.png"),
        ("photos/notes.txt", r"notes\.txt is not a picture"),
        ("photos/*.gif", r"\*\.gif holds no pictures"),
        ("empty", "empty holds no pictures"),
    ],
)
def test_inputs_that_are_refused(tree, given, sentence):
    Path("empty").mkdir()
    with pytest.raises(UserError, match=sentence):
        find_pictures([Path(given)])


@pytest.mark.parametrize("out", ["photos", "photos/sub", "photos/new", "photos/../photos/x.png"])
def test_an_output_inside_an_input_is_refused(tree, out):
    with pytest.raises(UserError, match=r"inside the input photos|is one file"):
        resolve_outputs(find_pictures([tree]), Path(out))
    with pytest.raises(UserError, match=r"inside the input|is one file"):
        resolve_outputs(find_pictures([tree / "**" / "*.*"]), Path(out))


def test_beside_the_inputs_is_no_inside(tree):
    assert resolve_outputs(find_pictures([tree / "*.png"]), tree / "out") == [tree / "out/b.png"]
    assert resolve_outputs(find_pictures([tree]), Path("photos-out"))[1] == Path(
        "photos-out/b.png"
    )


def test_two_inputs_with_one_target_are_refused(tree):
    Path("other").mkdir()
    Path("other/b.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"photos.b\.png and other.b\.png would both be written"):
        resolve_outputs(find_pictures([tree / "b.png", Path("other/b.png")]), Path("out"))
    with pytest.raises(UserError, match="is one file: expected one picture, received 4 pictures"):
        resolve_outputs(find_pictures([tree]), Path("out.png"))


def test_existing_targets_are_refused_unless_asked(tree):
    found, out = find_pictures([tree]), Path("out")
    out.mkdir()
    (out / "b.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"out.b\.png exists already"):
        resolve_outputs(found, out)
    assert len(resolve_outputs(found, out, overwrite=True)) == 4
    with pytest.raises(UserError, match="a file"):
        resolve_outputs(found, Path("photos/notes.txt"))


def test_an_input_is_never_a_target(tree):
    with pytest.raises(UserError, match="is itself an input"):
        resolve_outputs(find_pictures([tree / "b.png"]), tree, overwrite=True)


def test_an_unknown_ending_is_refused(tree):
    with pytest.raises(UserError, match=r"not a picture's: .* received '\.gif'"):
        resolve_outputs(find_pictures([tree]), Path("out"), ending=".gif")
