"""Stacked MNIST: channels and labels are those of the digits."""

import pytest
import torch

from immersion.data import binarize, load
from immersion.data.catalogue import locate
from immersion.data.dataset import to_float
from immersion.data.stacked_mnist import StackedSplit


@pytest.fixture(scope="module")
def data():
    if not locate("stacked-mnist").startswith("/"):
        pytest.skip("MNIST is not on this machine; IMMERSION_DATA may name a store")
    return load("stacked-mnist")


def small() -> StackedSplit:
    images = torch.arange(4).view(4, 1, 1).expand(4, 28, 28).to(torch.uint8) * 51
    x = torch.tensor([[0, 1, 2], [3, 3, 0]], dtype=torch.int32)
    return StackedSplit(images, x, torch.tensor([12, 330]))


def test_channels_are_the_images_asked_for():
    x, y = small().batch(torch.tensor([1, 0, 1]))
    assert x.shape == (3, 3, 28, 28)
    assert y.tolist() == [330, 12, 330]
    torch.testing.assert_close(
        x[:, :, 5, 5] * 5, torch.tensor([[3.0, 3, 0], [0, 1, 2], [3, 3, 0]])
    )


def test_it_goes_to_a_device_whole():
    split = small().to(torch.device("meta"))
    assert split.resident
    assert {tensor.device.type for tensor in (split.images, split.x, split.y)} == {"meta"}
    assert len(split) == 2


@pytest.mark.parametrize("how", ["dynamic", "static", "threshold"])
def test_it_is_made_binary_as_other_images_are(data, how):
    split, indices = binarize(data, how).test, torch.arange(400)
    levels = data.test.batch(indices)[0]
    x, again = split.batch(indices)[0], split.batch(indices)[0]
    assert ((x == 0) | (x == 1)).all()
    assert abs((x - levels).mean()) < 0.02
    assert torch.equal(x, again) == (how != "dynamic")


def test_labels_are_the_three_digits_of_mnist(data):
    mnist, start = load("mnist"), 0
    for part in ("train", "validation", "test"):
        digits, stacked = getattr(mnist, part), getattr(data, part)
        x, y = stacked.batch(torch.arange(50))
        for channel, place_value in enumerate((100, 10, 1)):
            digit = stacked.x[:50, channel].long() - start
            assert torch.equal(digits.y[digit], y // place_value % 10)
            assert torch.equal(to_float(digits.x[digit], "unit")[:, 0], x[:, channel])
        assert [data.spec.classes[label] for label in y[:3]] == [f"{int(i):03d}" for i in y[:3]]
        start += len(digits)


def test_the_splits_share_mnists_bytes(data):
    splits = [data.train, data.validation, data.test]
    assert len({split.images.data_ptr() for split in splits}) == 1
    held = data.train.images.nbytes + sum(split.x.nbytes + split.y.nbytes for split in splits)
    assert held < 60e6
    assert data.checksums == load("mnist").checksums


def test_every_mode_is_in_it(data):
    counts = data.train.y.bincount(minlength=1000)
    assert len(counts) == 1000
    assert counts.min() > 50
    share = load("mnist").train.y.bincount().double() / 50_000
    expected = 128_000 * torch.einsum("i,j,k->ijk", share, share, share).flatten()
    chi = ((counts - expected).square() / expected).sum()
    assert abs(chi - 999) < 5 * (2 * 999) ** 0.5
