"""A user's .npy, .npz and .csv: shapes, kinds of values, labels, and mistakes."""

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.data import load
from immersion.data.array_conversion import infer_values

PARTS = ("train", "validation", "test")
RANDOM = np.random.default_rng(0)


def save(path, **arrays):
    np.savez(path / "data.npz", **arrays)
    return path / "data.npz"


def together(data, what="x"):
    return torch.cat([getattr(getattr(data, part), what) for part in PARTS])


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((30, 7), (7,)),
        ((30, 9, 8), (1, 9, 8)),
        ((30, 9, 8, 3), (3, 9, 8)),
        ((30, 3, 9, 8), (3, 9, 8)),
        ((30, 1, 9, 8), (1, 9, 8)),
        ((30, 9, 8, 1), (1, 9, 8)),
    ],
)
def test_shapes(tmp_path, given, shape):
    x = RANDOM.standard_normal(given)
    np.save(tmp_path / "x.npy", x)
    data = load(tmp_path / "x.npy")
    assert data.spec.shape == shape
    assert data.spec.values == "real"
    assert [len(getattr(data, part)) for part in PARTS] == [24, 3, 3]
    if len(shape) == 3 and given[1:] != shape and len(given) == 4:
        x = np.moveaxis(x, -1, 1)
    kind = np.float64 if len(shape) == 1 else np.float32  # tables are standardised later
    expected = {row.tobytes() for row in x.astype(kind).reshape(30, -1)}
    assert {row.numpy().tobytes() for row in together(data).reshape(30, -1)} == expected


@pytest.mark.parametrize("key", ["x", "X", "data", "images", "x_train", "train_images", "odd"])
def test_keys_of_the_examples(tmp_path, key):
    assert load(save(tmp_path, **{key: np.eye(12)})).spec.shape == (12,)


def test_unknown_keys_are_told(tmp_path):
    with pytest.raises(UserError, match=r"one of x, X.*received a, b"):
        load(save(tmp_path, a=np.eye(4), b=np.eye(4)))


IMAGE = (4, 2, 2)


@pytest.mark.parametrize(
    ("x", "values", "dtype"),
    [
        (np.array([[0, 1], [1, 1], [0, 0]]), "binary", torch.uint8),
        (np.array([[0.0, 1.0], [1, 1], [0, 0]]), "binary", torch.uint8),
        (np.array([[False, True]] * 3), "binary", torch.uint8),
        (np.array([[0, 255], [7, 3]], dtype=np.uint8), "counts", torch.uint8),
        (np.array([[0, 256], [7, 3]]), "counts", torch.float32),
        (np.array([[0.0, 4.0], [7, 3]]), "counts", torch.uint8),
        (np.array([[0, -1], [7, 3]]), "real", torch.float64),
        (np.array([[0, 0.5], [1, 0]]), "real", torch.float64),
        (np.array([[0, 1 << 25], [1, 0]]), "real", torch.float64),
        (np.full((*IMAGE, 1), 7, dtype=np.uint8), "unit", torch.uint8),
        (np.full((*IMAGE, 1), 255, dtype=np.int64), "unit", torch.uint8),
        (np.full((*IMAGE, 1), 1, dtype=np.uint8), "binary", torch.uint8),
        (np.full((*IMAGE, 1), 0.25), "unit", torch.float32),
        (np.full((*IMAGE, 1), -0.25), "real", torch.float32),
        (np.full((*IMAGE, 1), 256), "real", torch.float32),
    ],
)
def test_kinds_of_values(x, values, dtype):
    tensor, kind = infer_values("the array", x)
    assert kind == values
    assert torch.equal(tensor.double(), torch.from_numpy(x).double())
    assert tensor.dtype == dtype


def test_batches_have_the_values_that_were_saved(tmp_path):
    levels = RANDOM.integers(0, 256, (10, 5, 5), dtype=np.uint8)
    data = load(save(tmp_path, x=levels))
    assert torch.equal(data.train.batch(torch.arange(3))[0], data.train.x[:3] / 255)
    counts = RANDOM.poisson(40, (10, 6))
    data = load(save(tmp_path, x=counts))
    assert torch.equal(data.train.batch(torch.arange(3))[0], data.train.x[:3].float())


@pytest.mark.parametrize("key", ["y", "Y", "labels", "targets"])
@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([3, 10, 3, 1, 10, 1]), ("1", "3", "10")),
        (np.array([3.0, 10, 3, 1, 10, 1]), ("1", "3", "10")),
        (np.array(["b", "a", "b", "c", "a", "b"]), ("a", "b", "c")),
        (np.array([[0], [1], [0], [1], [1], [0]]), ("0", "1")),
        (np.array([b"u", b"v", b"u", b"v", b"u", b"v"]), ("u", "v")),
    ],
)
def test_labels_become_classes(tmp_path, labels, names, key):
    x = np.arange(6.0)[:, None] + 0.5
    data = load(save(tmp_path, x=x, **{key: labels}))
    assert data.spec.classes == names
    for value, label in zip(together(data).flatten(), together(data, "y"), strict=True):
        given = labels.ravel()[int(value)]
        assert data.spec.classes[label] == (
            given.decode()
            if isinstance(given, bytes)
            else f"{given:g}"
            if given.dtype.kind in "if"
            else given
        )


def test_a_drawn_split_is_in_random_order(tmp_path):
    """So that the first examples of a file sorted by class are of all classes."""
    data = load(save(tmp_path, x=np.eye(100), y=np.arange(100) // 50))
    assert 0.2 < data.train.y[:20].double().mean() < 0.8


@pytest.mark.parametrize("labels", [np.zeros(5), np.zeros((6, 2)), np.full(6, 0.5)])
def test_labels_that_do_not_fit(tmp_path, labels):
    with pytest.raises(UserError, match="labels of"):
        load(save(tmp_path, x=np.zeros((6, 2)), y=labels))


def test_a_files_own_test_split_is_kept(tmp_path):
    x, y = np.arange(100.0)[:, None] + 0.5, np.arange(100) % 3
    data = load(save(tmp_path, x_train=x[:80], y_train=y[:80], x_test=x[80:], y_test=y[80:]))
    assert data.test.x.flatten().tolist() == x[80:].ravel().tolist()
    assert data.test.y.tolist() == y[80:].tolist()
    assert [len(getattr(data, part)) for part in PARTS] == [72, 8, 20]
    assert (together(data).flatten() - 0.5 == together(data).flatten().floor()).all()
    assert torch.equal(together(data).flatten().long() % 3, together(data, "y"))
    parts = {"train_images": x[:50], "val_images": x[50:70], "test_images": x[70:]}
    data = load(save(tmp_path, **parts))
    assert torch.equal(together(data).flatten(), torch.from_numpy(x).float().flatten())
    assert len(data.validation) == 20
    assert data.spec.classes == ()
    with pytest.raises(UserError, match="different shapes"):
        load(save(tmp_path, x_train=np.eye(4), x_test=np.eye(5)))


def test_python_objects_are_refused(tmp_path):
    with pytest.raises(UserError, match="Python objects"):
        load(save(tmp_path, x=np.array([[1, 2], [3]], dtype=object)))
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="Python objects"):
        load(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("content", [b"", b"letters", b"PK\x03\x04 and no more"])
def test_damaged_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        load(tmp_path / name)


def test_a_file_that_was_cut_is_named(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(50))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-100])
    with pytest.raises(UserError, match=r"x\.npy cannot be read"):
        load(tmp_path / "x.npy")


def test_values_that_are_not_finite_are_counted(tmp_path):
    x = np.ones((20, 3))
    x[7, 1], x[9, 2], x[9, 0] = np.nan, np.inf, 1e39
    with pytest.raises(UserError, match="3 others, the first in row 7"):
        load(save(tmp_path, x=x))


@pytest.mark.parametrize(
    "x",
    [
        np.zeros(5),
        np.zeros((5, 9, 9, 9)),
        np.zeros((2, 2, 2, 2, 2)),
        np.array(3.0),
        np.zeros((5, 0)),
    ],
)
def test_shapes_that_fit_nothing(tmp_path, x):
    with pytest.raises(UserError, match="shape"):
        load(save(tmp_path, x=x))


def test_too_few_and_no_numbers(tmp_path):
    with pytest.raises(UserError, match="at least 3"):
        load(save(tmp_path, x=np.eye(2)))
    with pytest.raises(UserError, match="numbers"):
        load(save(tmp_path, x=np.array([["a"], ["b"], ["c"]])))


def write(path, text):
    (path / "table.csv").write_text(text)
    return path / "table.csv"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_with_a_header_and_labels(tmp_path, separator):
    lines = ["a,Label,b"] + [f"{i}.5,{'uv'[i % 2]},-{i}" for i in range(20)]
    data = load(write(tmp_path, "\n".join(lines).replace(",", separator) + "\n\n"))
    assert data.spec.shape == (2,)
    assert data.spec.values == "real"
    assert data.spec.classes == ("u", "v")
    x, y = together(data), together(data, "y")
    assert sorted(x[:, 0].tolist()) == [i + 0.5 for i in range(20)]
    assert torch.equal(x[:, 1], 0.5 - x[:, 0])
    assert torch.equal(y, x[:, 0].long() % 2)


def test_csv_without_a_header(tmp_path):
    data = load(write(tmp_path, "1,2\n3,4\n5,6\n300,8\n"))
    assert data.spec.values == "counts"
    assert sorted(together(data).tolist()) == [[1, 2], [3, 4], [5, 6], [300, 8]]


def test_csv_labels_that_are_numbers_sort_as_numbers(tmp_path):
    data = load(write(tmp_path, "a,y\n1.5,10\n2,2\n3,10\n4,2\n"))
    assert data.spec.classes == ("2", "10")


def test_csv_saved_by_a_spreadsheet(tmp_path):
    (tmp_path / "table.csv").write_bytes("\ufeffy,b\r\n1,2\r\n3,4\r\n3,6.5\r\n".encode())
    assert load(tmp_path / "table.csv").spec.classes == ("1", "3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,red\n5,6\n", r"column 'b'.*'red' in row 2"),
        ("a,b\n1,2\n3,\n5,6\n", r"column 'b'.*nothing in row 2; remove such rows"),
        ("1,2,red\n3,4,blue\n5,6,red\n", r"column '3'.*'red' in row 1"),
        ("a,b\n1,2\n3\n", "row 3 of .*: expected 2 fields, received 1"),
        ("a,b\n1,nan\n3,4\n5,6\n", "1 others, the first in row 0"),
        ("a,b\n", "no rows"),
        ("", "is empty"),
        ("y,label,a\n1,2,3\n1,2,3\n1,2,3\n", "more than one column of labels"),
        ("y\n1\n2\n3\n", "holds only labels"),
        ("a,y\n1,0.5\n2,0.25\n3,0.1\n", "names of classes"),
    ],
)
def test_csv_mistakes(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        load(write(tmp_path, text))


def test_csv_that_is_not_text(tmp_path):
    (tmp_path / "table.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(UserError, match="UTF-8"):
        load(tmp_path / "table.csv")
