"""Which examples a batch holds, and that it makes no difference where and when they are read."""

import random
from dataclasses import replace

import pytest
import torch
from PIL import Image
from toys import SHAPE, Data, Slope, assert_same_run, grey, images, vae

from immersion.check import UserError
from immersion.data.dataset import MemorySplit
from immersion.data.image_folder import StreamedSplit
from immersion.data.transforms import binarize_split
from immersion.engine import Experiment, Options, Player, train
from immersion.engine.loader import BatchOrder, load_batches, mirror_batches
from immersion.engine.state import TrainingState
from immersion.run_folder import RunFolder

CPU = torch.device("cpu")
SIZES = [(5, 2), (7, 7), (10, 3), (6, 4), (50, 1), (100, 99)]
"""Examples, and examples a batch."""


@pytest.mark.parametrize(("length", "batch_size"), SIZES)
def test_every_epoch_is_a_permutation(length, batch_size):
    order = BatchOrder(length, batch_size, seed=3)
    batches = [order(number) for number in range(length)]  # `batch_size` epochs
    assert all(batch.shape == (batch_size,) and batch.dtype == torch.int64 for batch in batches)
    epochs = torch.cat(batches).reshape(batch_size, length)
    assert torch.equal(epochs.sort(dim=1).values, torch.arange(length).expand(epochs.shape))


def test_epochs_and_seeds_are_shuffled_differently():
    orders = [BatchOrder(50, 50, seed)(epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in [*orders, range(50)]}) == 5


@pytest.mark.parametrize(("length", "batch_size"), SIZES)
def test_a_batch_is_a_function_of_seed_and_number(length, batch_size):
    numbers = list(range(3 * length))
    expected = [BatchOrder(length, batch_size, seed=1)(number) for number in numbers]
    order = BatchOrder(length, batch_size, seed=1)
    for number in random.Random(0).sample(numbers, len(numbers)):
        torch.manual_seed(number)
        assert torch.equal(order(number), expected[number])


def test_asking_for_a_batch_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    BatchOrder(10, 3, seed=0)(7)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_larger_than_the_data_is_refused(tmp_path):
    assert Options(batch_size=5).resolve_batch_size(5, 200) == 5
    assert Options().resolve_batch_size(5, 200) == 5
    assert Options().resolve_batch_size(5000, 64) == 64
    assert Options().resolve_batch_size(5000, 64, multiple=3) == 63
    with pytest.raises(UserError, match=r"that 3 divides, received 4.*batch-size 6"):
        Options(batch_size=4).resolve_batch_size(50, 200, multiple=3)
    with pytest.raises(UserError, match="at most 5 training examples, received a batch of 6"):
        Options(batch_size=6).resolve_batch_size(5, 200)
    with pytest.raises(UserError, match="at most 50 training examples"):
        train(vae(), images(), RunFolder(tmp_path / "run"), Options(batch_size=51))
    assert not (tmp_path / "run").exists()


def test_the_samples_of_a_batch_depend_only_on_its_number():
    split, order = images().train, BatchOrder(50, 8, seed=0)
    _, (fourth, _) = load_batches(split, order, [3, 4], 0, CPU)
    torch.manual_seed(123)
    ((again, _),) = load_batches(split, order, [4], 0, CPU)
    assert torch.equal(again, fourth)
    assert set(fourth.unique().tolist()) == {0.0, 1.0}
    # The same examples in the next epoch are drawn anew, and so they are under another seed.
    whole = BatchOrder(50, 50, seed=0)
    sums = [x.sum(0) for x, _ in load_batches(split, whole, [0, 1], 0, CPU)]
    sums += [x.sum(0) for x, _ in load_batches(split, whole, [0], 1, CPU)]
    assert not any(torch.equal(sums[i], sums[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_labels_go_with_their_examples():
    split = MemorySplit(torch.arange(20.0)[:, None], torch.arange(20), "real")
    for x, y in load_batches(split, BatchOrder(20, 6, seed=0), range(10), 0, CPU):
        assert torch.equal(x[:, 0].long(), y)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write the grey images of `images()` as PNG files; return both splits, read from them."""
    folder = tmp_path_factory.mktemp("images")

    def split(n: int, name: str) -> StreamedSplit:
        paths = tuple(folder / f"{name}{i:02d}.png" for i in range(n))
        for path, levels in zip(paths, grey(n, name), strict=True):
            Image.fromarray(levels[0].numpy()).save(path)
        return StreamedSplit(paths, None, SHAPE)

    return Data(split(50, "train"), split(10, "validation"))


@pytest.mark.parametrize("how", ["none", "threshold", "static", "dynamic"])
def test_streamed_batches_are_those_in_memory(how, files):
    splits = [files.train, images(dynamic=False).train]
    if how != "none":
        splits = [binarize_split(split, how, "s") for split in splits]
    order = BatchOrder(50, 20, seed=0)
    streamed, resident = (load_batches(split, order, range(1, 6), 0, CPU) for split in splits)
    for (x, _), (expected, _) in zip(streamed, resident, strict=True):
        assert torch.equal(x, expected)


def test_a_streamed_run_is_the_one_in_memory(tmp_path, files):
    options = Options(20, 8, log_every=1, validate_every=6, precision="float32")
    folders = [RunFolder(tmp_path / name) for name in ("memory", "streamed", "restarted")]
    streamed = Data(*(binarize_split(split, "dynamic", "s") for split in files))
    train(vae(), images(), folders[0], options)
    train(vae(), streamed, folders[1], options)
    for steps in (9, 20):
        train(vae(), streamed, folders[2], replace(options, steps=steps))
    assert_same_run(folders[0], folders[1])
    assert_same_run(folders[0], folders[2])


def test_a_file_that_cannot_be_read_is_reported_in_one_sentence(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    split = StreamedSplit((broken,), None, SHAPE)
    with pytest.raises(UserError) as caught:
        list(load_batches(split, BatchOrder(1, 1, seed=0), [0], 0, CPU))
    assert str(caught.value).startswith(f"the image {broken} cannot be read")
    assert len(str(caught.value).splitlines()) == 1


def test_every_other_image_is_mirrored_by_its_batch_s_number():
    split, order = images(dynamic=False).train, BatchOrder(50, 20, seed=0)

    def read(numbers):
        return [
            x
            for x, _ in mirror_batches(
                load_batches(split, order, numbers, 0, CPU), numbers, seed=0
            )
        ]

    plain = [x for x, _ in load_batches(split, order, range(6), 0, CPU)]
    seen = read(range(6))
    turned = torch.cat([(a != b).flatten(1).any(1) for a, b in zip(plain, seen, strict=True)])
    assert 40 <= turned.sum() <= 80  # of 120
    as_were = torch.where(turned.view(-1, 1, 1, 1), torch.cat(seen).flip(-1), torch.cat(seen))
    assert torch.equal(as_were, torch.cat(plain))
    assert torch.equal(read([4])[0], seen[4])


def test_an_experiment_that_mirrors_is_shown_mirrored_images():
    ramps = torch.arange(6, dtype=torch.uint8).expand(50, 1, 6, 6)
    directions = set()

    def watch(model, batch):
        directions.update(batch.x.diff(dim=-1).sign().unique().tolist())
        return {"loss": model(batch.x)}

    for mirror in (False, True):
        player = Player("w", list((model := Slope()).parameters()), watch)
        state = TrainingState(
            Experiment(model, (player,), mirror=mirror),
            MemorySplit(ramps, None, "unit"),
            Options(2, 10, precision="float32"),
        )
        list(state.run_steps(0))
        assert directions == ({1, -1} if mirror else {1})
