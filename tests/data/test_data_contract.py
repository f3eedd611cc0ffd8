"""What every named data set must do; a new one is met by itself."""

import functools
import json
import os
from dataclasses import asdict

import pytest
import torch

from immersion.check import UserError
from immersion.data import DATASETS, Dataset, describe, load
from immersion.data.catalogue import locate

PARTS = ("train", "validation", "test")


@functools.cache
def loaded(name: str) -> Dataset:
    return load(name)


def obtainable(name: str) -> None:
    where = locate(name)
    if where == "to be downloaded" or where.startswith("missing"):
        pytest.skip(f"{name} is not on this machine ({where}); IMMERSION_DATA may name a store")


@pytest.fixture(params=sorted(DATASETS))
def name(request) -> str:
    obtainable(request.param)
    return request.param


def test_shapes_kinds_and_ranges(name):
    data, source = loaded(name), DATASETS[name]
    assert data.spec == source.spec
    assert data.spec.name == name
    slack = 3 if name == "smiles" else 0  # duplicates stay together
    for part, expected in zip(PARTS, source.examples, strict=True):
        split = getattr(data, part)
        assert abs(len(split) - expected) <= slack
        x, y = split.batch(torch.randperm(len(split))[:500])
        assert x.dtype == torch.float32
        assert x.shape[1:] == data.spec.shape
        assert x.isfinite().all()
        if data.spec.values in ("binary", "unit"):
            assert x.min() >= 0
            assert x.max() <= 1
            assert x.std() > 0.05
        if data.spec.values == "binary":
            assert ((x == 0) | (x == 1)).all()
        assert (y is None) == (not data.spec.classes)
        if y is not None:
            assert y.dtype == torch.int64
            assert y.shape == (len(x),)
    if data.spec.classes:
        found = torch.cat([getattr(data, part).y for part in PARTS]).unique()
        assert found.tolist() == list(range(len(data.spec.classes)))
    assert sum(len(getattr(data, part)) for part in PARTS) == sum(source.examples)


def test_batch_follows_the_indices(name):
    split = loaded(name).train
    indices = torch.randperm(len(split))[:64]
    x, y = split.batch(indices)
    for row, i in enumerate(indices.tolist()):
        alone, label = split.batch(torch.tensor([i]))
        assert torch.equal(alone[0], x[row])
        assert y is None or label[0] == y[row]


def test_no_example_is_in_two_splits(name):
    rows = [{row.numpy().tobytes() for row in getattr(loaded(name), part).x} for part in PARTS]
    assert not rows[0] & rows[1]
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]


def test_loading_twice_gives_the_same(name):
    if name == "cifar10":
        pytest.skip("its pixels and labels are compared with constants as they are read")
    first, second = loaded(name), load(name)
    assert first.checksums == second.checksums
    for part in PARTS:
        assert torch.equal(getattr(first, part).x, getattr(second, part).x)


def test_checksums_are_of_what_was_read(name):
    checksums = loaded(name).checksums
    assert checksums
    assert all(value.startswith("sha256:") and len(value) == 71 for value in checksums.values())
    for file in DATASETS[name].files:
        assert all(
            len(digest) == {"md5": 32, "sha1": 40, "sha256": 64}[kind]
            for kind, digest in (checksum.split(":") for checksum in file.checksums)
        )


def test_spec_is_json(name):
    assert json.loads(json.dumps(asdict(loaded(name).spec)))["name"] == name


def test_describe_reads_no_file_and_names_every_set(monkeypatch):
    def refuse(*_):
        raise AssertionError("a file is read")

    for source in DATASETS.values():
        assert source.description
        assert source.licence
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    rows = describe()
    assert [row["name"] for row in rows] == sorted(DATASETS)
    assert json.dumps(rows)
    assert all(row["place"] and len(row["examples"]) == 3 for row in rows)


def test_split_of_a_named_set_does_not_follow_the_callers_seed():
    torch.manual_seed(1)
    a = load("digits")
    torch.manual_seed(2)
    b = load("digits")
    assert torch.equal(a.test.x, b.test.x)


def test_digits_are_sixteenths():
    x = torch.cat([getattr(load("digits"), part).x for part in PARTS])
    assert torch.equal((x * 16).round(), x * 16)
    assert x.max() == 1


@pytest.mark.parametrize("name", ["mnist"])
def test_public_order_is_kept(name):
    obtainable(name)
    data = loaded(name)
    assert data.train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_unknown_names_are_told_the_nearest_and_that_a_path_will_do(tmp_path):
    with pytest.raises(UserError, match=r"path.*did you mean 'mnist'"):
        load("mnits")
    with pytest.raises(UserError, match="no such file"):
        load("pictures/holiday")
    with pytest.raises(UserError, match="no such file"):
        load("table.csv")
    (tmp_path / "x.parquet").touch()
    with pytest.raises(UserError, match=r"\.npz"):
        load(tmp_path / "x.parquet")


def test_a_store_that_does_not_exist_is_told(monkeypatch):
    monkeypatch.setenv("IMMERSION_DATA", os.path.join(os.sep, "no", "such", "folder"))
    with pytest.raises(UserError, match="IMMERSION_DATA"):
        load("frey")
