"""Data in memory: each kind of object, the type of its values, and mistakes."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset, TensorDataset

from immersion.check import UserError
from immersion.data import binarize, load, standardise
from immersion.data.intake import read_memory
from immersion.data.item_split import ItemSplit
from immersion.data.mask_arrays import from_masks
from immersion.data.saved import is_kept, load_saved, save_data

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(40, 3))
LEVELS = RANDOM.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)
WIDE = LEVELS.repeat(6, 1).repeat(8, 2)
PARTS = ("train", "validation", "test")


def together(data):
    """All examples of a data set in one order, whatever its splits."""
    parts = [getattr(data, part) for part in PARTS]
    x = torch.cat([part.batch(torch.arange(len(part)))[0] for part in parts])
    return x.flatten(1)[x.flatten(1).sum(1).argsort()]


class Items(TorchDataset):
    """A map-style data set; with noise its items differ every time."""

    def __init__(self, x, y=None, noise=0.0):
        self.x, self.y, self.noise = x, y, noise

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        x = self.x[i] + self.noise * torch.rand(())
        return x if self.y is None else (x, self.y[i])


TENSOR = torch.from_numpy(TABLE).float()


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        TENSOR,
        TABLE.tolist(),
        (TABLE, RANDOM.integers(0, 3, 40)),
        pd.DataFrame(TABLE, columns=["a", "b", "c"]),
        Items(TENSOR),
        Items(TENSOR, torch.arange(40) % 3),
        TensorDataset(TENSOR, torch.arange(40) % 3),
    ],
    ids=lambda data: type(data).__name__,
)
def test_kinds_of_object_hold_the_same_table(data):
    read = read_memory(data)
    assert read.spec.values == "real" and read.spec.shape == (3,)
    assert torch.allclose(together(read), together(read_memory(TABLE)))
    assert len(read.train) == 32 and len(read.test) == 4


@pytest.mark.parametrize(
    "data",
    [
        LEVELS,
        LEVELS.astype(np.float32),
        LEVELS / 255,
        torch.from_numpy(LEVELS).permute(0, 3, 1, 2),
        [Image.fromarray(levels) for levels in LEVELS],
        Items([torch.from_numpy(x).permute(2, 0, 1) / 255 for x in LEVELS]),
    ],
    ids=["bytes", "float bytes", "fractions", "tensor", "PIL", "items"],
)
def test_levels_are_the_same_in_every_range(data):
    read = read_memory(data)
    assert read.spec.values == "unit" and read.spec.shape == (3, 6, 5)
    assert torch.allclose(together(read), together(read_memory(LEVELS)), atol=1e-6)


def test_levels_of_unknown_range_are_refused_and_can_be_named():
    odd = LEVELS.astype(np.float64) * 0.9
    with pytest.raises(UserError, match="could be read in two ways"):
        read_memory(odd)
    assert torch.allclose(
        together(read_memory(odd, values="unit")), together(read_memory(odd / 255)), atol=1e-6
    )
    assert read_memory(odd, values="real").spec.values == "real"
    with pytest.raises(UserError, match="does not hold counts values"):
        read_memory(odd, values="counts")


def test_a_frame_keeps_its_columns():
    frame = pd.DataFrame({"age": [1, 2, 3, 4], "x": [0.5, 1.5, 2.5, 3.5], "label": list("abab")})
    read = read_memory(frame)
    assert read.spec.columns == ("age", "x", "label") and read.spec.label_column == "label"
    assert read.spec.dtypes[:2] == ("int64", "float64") and read.spec.classes == ("a", "b")
    assert read.spec.features == ("age", "x")


def test_polars_frames_are_read_as_pandas_frames_are():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    columns = {name: TABLE[:, i] for i, name in enumerate("abc")}
    assert torch.equal(
        together(read_memory(polars.DataFrame(columns))),
        together(read_memory(pd.DataFrame(columns))),
    )


def test_random_items_are_read_for_every_batch():
    read = read_memory(Items(TENSOR, noise=1.0))
    assert isinstance(read.train, ItemSplit) and "differ when they are read again" in read.note
    index = torch.arange(2)
    assert not torch.equal(read.train.batch(index)[0], read.train.batch(index)[0])


class Endless(IterableDataset):
    def __iter__(self):
        return iter([torch.zeros(3)])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (object(), "cannot be read as data"),
        (TABLE[:2], "too few examples"),
        (np.array([["a", "b"]] * 5), "not numbers"),
        (np.where(TABLE > 1, np.nan, TABLE), "missing, infinite"),
        (pd.DataFrame({"a": [1, 2, 3], "b": list("xyz")}), "the column 'b'"),
        (pd.DataFrame({"label": [1, 2], "y": [1, 2], "x": [1, 2]}), "more than one column"),
        (Endless(), "read by index"),
        (Items([torch.zeros(2), torch.zeros(2), torch.zeros(3)]), "differ in shape"),
        ([TABLE, np.zeros(40)], "cannot be read as data"),
        (pd.DataFrame({"label": [1, 2, 1, 2]}), "no columns of numbers"),
        (pd.DataFrame(np.zeros((5, 2)), columns=["a", "a"]), "same name"),
        (np.ma.masked_where(TABLE > 1, TABLE), "missing values"),
        ((TABLE, TABLE, TABLE), "a tuple of 3"),
        (pd.DataFrame({"a": [1, 2, 3, 4], "label": ["x", None, "y", "x"]}), "without a label"),
        ((TABLE, pd.Series(["a", None] * 20)), "without a label"),
        ((pd.DataFrame({"a": [1.0] * 9, "y": [0] * 9}), [1] * 9), "has labels, and others"),
        (["no.png", "such.png", "file.png"], "there is no such picture"),
        ((TABLE, np.zeros(3)), "do not fit its examples"),
    ],
)
def test_mistakes_are_sentences(data, words):
    with pytest.raises(UserError, match=words):
        read_memory(data)


@pytest.mark.parametrize(
    "data",
    [
        load("digits"),
        load("swiss-roll"),
        binarize(load("digits"), "dynamic"),
        binarize(load("digits"), "static"),
        from_masks("masked", WIDE, (WIDE[..., 0] > 99).astype(np.uint8), 32),
    ],
    ids=["levels", "table", "dynamic", "static", "masks"],
)
def test_saved_data_are_read_back(tmp_path, data):
    assert is_kept(data)
    save_data(data, tmp_path / "data.safetensors")
    back = load_saved(tmp_path / "data.safetensors", data.spec, data.checksums, data.note)
    assert (back.spec, back.checksums, back.note) == (data.spec, data.checksums, data.note)
    for part in PARTS:
        batches = []
        for read in (data, back):
            split = getattr(read, part)
            torch.manual_seed(0)
            batches.append(split.batch(torch.arange(len(split))))
        (x, y), (again, labels) = batches
        assert torch.equal(x, again)
        assert (y is None) is (labels is None) and (y is None or torch.equal(y, labels))


def test_streamed_data_are_not_kept():
    assert not is_kept(read_memory(Items(TENSOR, noise=1.0)))


def test_items_of_one_part_are_examples_without_labels():
    alone = read_memory(TensorDataset(TENSOR))
    assert alone.spec == read_memory(Items(TENSOR)).spec and alone.spec.shape == (3,)
    with pytest.raises(UserError, match="is not an example"):
        read_memory(TensorDataset(TENSOR, TENSOR, TENSOR))


@pytest.mark.parametrize("noise", [0.0, 1.0], ids=["read once", "streamed"])
def test_labels_that_are_no_classes_are_refused(noise):
    for y in (torch.rand(40), torch.rand(40, 2)):
        with pytest.raises(UserError, match="labels"):
            data = read_memory(Items(TENSOR, y, noise))
            data.train.batch(torch.arange(3))


def test_labels_of_items_may_be_words():
    read = read_memory(Items(TENSOR, ["a", "b"] * 20))
    assert read.spec.classes == ("a", "b")
    for y in (pd.Series(["a", "b"] * 20), pd.Series(["a", "b"] * 20, dtype="category")):
        assert read_memory((TABLE, y)).spec.classes == ("a", "b")


def test_columns_may_have_numbers_for_names():
    read = read_memory(pd.DataFrame(TABLE))
    assert read.spec.columns == ("0", "1", "2")
    assert torch.equal(together(read), together(read_memory(TABLE)))


def test_a_column_of_labels_is_named_and_a_target_of_a_regression_is_none():
    frame = pd.DataFrame(TABLE, columns=list("abc"))
    note = read_memory(frame.assign(target=np.arange(40) % 2)).note
    assert "column 'target' read as labels, 2 classes" in note
    with pytest.raises(UserError, match="'target' of the DataFrame is called as labels are"):
        read_memory(frame.assign(target=np.arange(40) // 1.5))


def test_random_items_are_known_again():
    one, other = (read_memory(Items(TENSOR, noise=1.0)) for _ in range(2))
    assert one.checksums == other.checksums
    assert one.checksums != read_memory(Items(TENSOR[:30], noise=1.0)).checksums


def test_the_level_of_white_is_recorded():
    floats = LEVELS.astype(np.float32)
    assert read_memory(LEVELS).spec.white is None
    assert read_memory(floats).spec.white == 255 and read_memory(floats / 255).spec.white == 1
    table = read_memory(floats[:, 0, :, 0], values="unit").spec
    assert table.scale == (255.0,) * 5 and table.shift == (0.0,) * 5


def test_a_large_mean_leaves_the_digits_of_a_table():
    far = standardise(read_memory(TABLE + 1e9))
    near = standardise(read_memory(TABLE))
    assert torch.allclose(together(far), together(near), atol=1e-5)
    whole = read_memory(10**12 + np.arange(120).reshape(40, 3), values="real")
    assert standardise(whole).train.x.std(0).allclose(torch.ones(3), atol=0.1)


def test_tensors_of_any_kind_are_read():
    for data in (TENSOR.bfloat16(), TENSOR.half(), TENSOR.to_sparse(), TENSOR.requires_grad_()):
        assert read_memory(data).train.x.mean() == pytest.approx(
            read_memory(TABLE).train.x.mean().item(), abs=0.01
        )
