"""Codes, scores and samples as tables: a row for each example, columns as they came."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import immersion as im
from immersion.check import UserError
from immersion.cli import main
from immersion.commands.encode import encode, score
from immersion.commands.sample import sample
from immersion.commands.table_file import write_table

QUIET = {"progress": False, "verbose": False}
TEXT = "age,income,member,label\n" + "".join(
    f"{20 + i % 50},{3e4 + 37.5 * i},{i % 2},{'ab'[i % 3 == 0]}\n" for i in range(150)
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    (folder / "people.csv").write_text(TEXT)
    arguments = {"latent_dim": 2, "steps": 50, "out": folder / "run"}
    return im.train("vae", folder / "people.csv", **arguments, **QUIET)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    x = im.load_data("digits").test.x[:30]
    for i, image in enumerate(x):
        levels = (image[0] * 255).round().byte().numpy()
        Image.fromarray(levels).save(folder / f"{i:02d}.png")
    return folder


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_codes_of_pictures_are_those_of_the_run(trained, pictures, tmp_path):
    result = encode(trained, (pictures,), out=tmp_path / "z.csv")
    rows, files = read(tmp_path / "z.csv"), sorted(pictures.iterdir())
    assert result["shape"] == [30, 2] and [row["file"] for row in rows] == list(map(str, files))
    codes = np.array([[float(row["z1"]), float(row["z2"])] for row in rows], dtype=np.float32)
    assert np.array_equal(codes, im.load(trained).encode(files))  # all digits are written
    encode(trained, (files[3],), out=tmp_path / "z.npy")
    assert np.allclose(np.load(tmp_path / "z.npy"), codes[3:4], atol=1e-6)


def test_codes_and_scores_of_a_table(table, tmp_path):
    people = tmp_path / "new.csv"
    people.write_text("income,member,age\n30500,1,33\n9e9,0,20\n")
    codes = encode(table.path, (people,), out=tmp_path / "z.csv")
    frame = pd.DataFrame({"age": [33, 20], "income": [30500, 9e9], "member": [1, 0]})
    again = table.encode(frame)
    assert [row["row"] for row in read(codes["codes"])] == ["1", "2"]
    assert np.allclose([float(row["z1"]) for row in read(codes["codes"])], again["z1"])
    encode(table.path, (people,), out=tmp_path / "z.npy")
    assert np.array_equal(np.load(tmp_path / "z.npy"), again.to_numpy())  # no number of the row
    result = score(table.path, (people,), out=tmp_path / "s.csv")
    rows = read(tmp_path / "s.csv")
    assert list(result["lowest"]) == ["2", "1"] and "bound" in result["score"]
    assert float(rows[1]["percentile"]) == 0 and float(rows[0]["score"]) > float(rows[1]["score"])
    score(table.path, (people,), out=tmp_path / "s.npy")
    numbers = [[float(row["score"]), float(row["percentile"])] for row in rows]
    assert np.allclose(np.load(tmp_path / "s.npy"), numbers, rtol=1e-6)


def test_a_number_that_is_not_finite_is_null_in_json(table, tmp_path, capsys):
    people = tmp_path / "far.csv"
    people.write_text("income,member,age\n1e30,1,33\n")
    main(["score", str(table.path), str(people), "-o", str(tmp_path / "s.csv"), "--json"])
    line = capsys.readouterr().out.splitlines()[-1]
    result = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert result["mean"] is None and result["lowest"] == {"1": None}


def test_samples_have_the_columns_of_the_table(table, tmp_path):
    sample(table.path, count=300, out=tmp_path / "x.csv")
    frame = pd.read_csv(tmp_path / "x.csv")
    assert list(frame.columns) == ["age", "income", "member"] and len(frame) == 300
    assert frame.dtypes.astype(str).tolist() == ["int64", "float64", "int64"]
    assert abs(frame.age.mean() - 44.5) < 10


def test_samples_are_written_as_parquet(table, tmp_path):
    pytest.importorskip("polars", reason="needs the extra tables")
    sample(table.path, count=7, out=tmp_path / "x.csv")
    sample(table.path, count=7, out=tmp_path / "x.parquet")
    import polars

    frame = polars.read_parquet(tmp_path / "x.parquet")
    assert frame.equals(polars.read_csv(tmp_path / "x.csv"))


def test_a_table_is_sampled_without_its_file(tmp_path):
    (tmp_path / "people.csv").write_text(TEXT)
    run = im.train("vae", tmp_path / "people.csv", steps=3, out=tmp_path / "run", **QUIET)
    (tmp_path / "people.csv").unlink()
    assert "picture" not in sample(run.path, count=5, out=tmp_path / "x.csv")
    assert len(read(tmp_path / "x.csv")) == 5
    (tmp_path / "new.csv").write_text("age,income,member\n30,1,1\n")
    assert list(read(score(run.path, (tmp_path / "new.csv",))["scores"])[0]) == ["row", "score"]


def test_samples_of_images_fill_a_folder(trained, tmp_path):
    sample(trained, count=12, out=tmp_path / "pictures")
    files = sorted((tmp_path / "pictures").iterdir())
    assert [file.name for file in files][::11] == ["0000.png", "0011.png"]
    first = np.asarray(Image.open(files[0])) / 255
    assert np.allclose(first, im.load(trained).sample(12)[0, 0], atol=1 / 255)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("encode RUN", "DATA is missing"),
        ("encode RUN absent.png", "no such file"),
        ("encode RUN people.csv", "shape"),
        ("encode RUN . --out z.txt", "cannot be written"),
        ("encode RUN . --out people.csv/z.csv", "'people.csv' is a file: expected a folder"),
        ("score RUN . --importance-samples 0", "too small"),
        ("sample RUN --out x.parquet", "cannot be written"),
    ],
)
def test_mistakes_exit_with_2(trained, pictures, monkeypatch, capsys, command, words):
    monkeypatch.chdir(pictures)
    (pictures / "people.csv").write_text("a,b\n1,2\n3,4\n")
    words_of_command = [str(trained) if word == "RUN" else word for word in command.split()]
    with pytest.raises(SystemExit) as stop:
        main([*words_of_command, "--json"])
    (pictures / "people.csv").unlink()
    assert stop.value.code == 2
    assert words in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]


def test_a_file_that_exists_is_kept(trained, pictures, tmp_path):
    (tmp_path / "z.csv").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        encode(trained, (pictures,), out=tmp_path / "z.csv")
    assert (tmp_path / "z.csv").read_text() == "mine"


def test_float32_is_written_with_the_digits_that_identify_it(tmp_path):
    x = np.array([0.1, 1 / 3, 1e-30], dtype=np.float32)
    write_table(tmp_path / "x.csv", [{"x": x}])
    assert np.array_equal(np.float32([row["x"] for row in read(tmp_path / "x.csv")]), x)
    assert (tmp_path / "x.csv").read_text().split()[1] == "0.1"
