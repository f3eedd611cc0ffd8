"""What commands draw of models that cannot encode, that know classes, or that have no prior."""

import itertools
import weakref
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from immersion.check import UserError
from immersion.commands import draw
from immersion.commands.array_file import write_arrays
from immersion.commands.sample import sample
from immersion.data import load as load_data
from immersion.engine import Experiment
from immersion.likelihoods import LIKELIHOODS
from immersion.models import GAN, VAE, Autoencoder, Discriminator
from immersion.models.sampling import draw_samples
from immersion.nn import Architecture
from immersion.priors import Labelled, StandardNormal, UniformCube
from immersion.report import image_grid
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, RunRecord
from immersion.runs import decoded_images, figures
from immersion.runs.load import Run

SHAPE = (1, 8, 8)
SMALL = Architecture("dense", 16, 1)


def gan(classes: int = 0, shape: tuple[int, ...] = SHAPE, prior=StandardNormal) -> GAN:
    torch.manual_seed(0)
    generator = nn.Sequential(SMALL.build((4 + classes,), shape), nn.Sigmoid())
    judge = Discriminator(SMALL.build(shape, (max(1, classes),)))
    noise = Labelled(prior(4), classes) if classes else prior(4)
    return GAN(generator, judge, noise, 4 + classes).eval()


def with_encoder(model: GAN) -> GAN:
    model.encoder = SMALL.build(SHAPE, (model.latent_dim,))
    return model.eval()


def autoencoder(kind=Autoencoder):
    torch.manual_seed(0)
    return kind.build(SHAPE, 4, LIKELIHOODS["gaussian-fixed"](SHAPE), SMALL).eval()


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Return a function that makes a model the run that commands open."""

    def made(model: nn.Module, data: str = "digits") -> Run:
        dataset = load_data(data)
        record = RunRecord("toy", data=DataRecord(spec=asdict(dataset.spec)))
        folder = RunFolder(tmp_path / "run")
        run = Run(folder, record, Experiment(model, ()), dataset)
        for module in ("draw", "sample"):
            monkeypatch.setattr(f"immersion.commands.{module}.load_run", lambda path: run)
        return run

    return made


def drawn(run: Run) -> set[str]:
    return {path.stem for path in run.folder.samples.iterdir() if path.is_file()}


BLIND = {"samples", "manifold", "walks", "neighbours"}
SEEING = BLIND - {"walks"} | {"interpolation", "reconstructions", "latent"}


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (gan(), BLIND),
        (gan(prior=UniformCube), BLIND),
        (gan(classes=10), BLIND),
        (gan(classes=12), BLIND),
        (with_encoder(gan()), SEEING),
        (with_encoder(gan(classes=3)), SEEING),
        (autoencoder(VAE), SEEING),
        (autoencoder(), SEEING - {"neighbours"}),
    ],
)
def test_everything_is_drawn_that_a_model_allows(opened, model, names):
    run = opened(model)
    figures.draw_all(run)
    assert drawn(run) == names


@pytest.mark.parametrize(("examples", "pairs"), [(5, 2), (40, 8)])
def test_walks_are_as_many_as_there_are_examples_for(opened, examples, pairs):
    run = opened(autoencoder(VAE))
    test = replace(run.data.test, x=run.data.test.x[:examples], y=None)
    run = replace(run, read=replace(run.data, test=test))
    begin, end = figures.select_ends(run, 8)
    assert len(begin) == len(end) == pairs
    alone = replace(run, read=replace(run.data, test=replace(test, x=test.x[:1])))
    with pytest.raises(UserError, match="a walk has two ends"):
        figures.select_ends(alone, 8)
    figures.draw_all(alone)
    assert drawn(alone) == SEEING - {"interpolation", "latent"}


def test_tables_are_scattered_and_a_single_column_is_not(opened):
    run = opened(gan(shape=(2,)), "two-moons")
    figures.draw_all(run)
    assert drawn(run) == {"table"}
    data = DataRecord(spec=asdict(replace(run.spec, shape=(1,))))
    column = replace(
        run,
        folder=RunFolder(run.folder.path / "1"),
        record=RunRecord("toy", data=data),
        experiment=Experiment(gan(shape=(1,)), ()),
    )
    figures.draw_all(column)
    assert not column.folder.samples.exists()


def picture(run: Run, name: str) -> np.ndarray:
    return np.array(Image.open(run.folder.samples / f"{name}.png"))


def test_few_classes_have_a_column_each(opened):
    model = gan(classes=3)
    run = opened(model)
    figures.draw_all(run)
    rows = [draw_samples(model, 10, seed=0, label=label) for label in range(3)]
    x = torch.stack([rows[i % 3][i // 3] for i in range(30)])
    assert np.array_equal(picture(run, "samples"), np.array(image_grid.make_grid(x, 3)))


def test_walks_and_manifold_of_a_conditional_model_stay_in_its_first_class():
    model, seen = gan(classes=3), []
    model.generator.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    decoded_images.draw_manifold(model, side=4, units=(1, 3))
    decoded_images.draw_walks(model, torch.randn(2, 4), torch.randn(2, 4), 5, "spherical")
    z = torch.cat(seen)
    assert z.shape == (16 + 10, 7)
    assert torch.equal(z[:, 4:], torch.tensor([1.0, 0.0, 0.0]).expand(26, 3))
    assert (z[:16, [0, 2]] == 0).all()


def test_the_manifold_of_a_bounded_prior_stays_within_it():
    model, seen = gan(prior=UniformCube), []
    model.generator.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    decoded_images.draw_manifold(model, side=4)
    expected = 3**0.5 * torch.tensor([-0.75, -0.25, 0.25, 0.75])
    torch.testing.assert_close(seen[0][:4, 0], expected)


def test_walks_between_codes_in_a_cube_stay_within_it():
    for prior, path in ((UniformCube, "linear"), (StandardNormal, "spherical")):
        for classes in (0, 3):
            assert figures.default_path(gan(classes, prior=prior)) == path
    assert figures.default_path(autoencoder()) == "spherical"


class Remembering(nn.Module):
    """A generator that has learned its examples by heart: one for every sign of a code."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.x = x

    def forward(self, z: Tensor) -> Tensor:
        return self.x[(z[:, 0] > 0).long()]


def test_copies_stand_above_what_they_are_copies_of(opened, monkeypatch):
    run = opened(gan())
    x, _ = run.data.train.batch(torch.tensor([700, 1200]))
    copier = GAN(Remembering(x), Discriminator(nn.Identity()), StandardNormal(4), 4)
    copies = replace(run, experiment=Experiment(copier, ()))
    rows = np.split(np.array(figures.draw_neighbours(copies))[2:], 4)
    assert np.array_equal(rows[0], rows[1]) and np.array_equal(rows[2], rows[3])
    assert rows[0].std() > 0
    monkeypatch.setattr(figures, "COMPARED", 50)
    rows = np.split(np.array(figures.draw_neighbours(copies))[2:], 4)
    assert not np.array_equal(rows[0], rows[1])


def test_neighbours_are_the_nearest_of_all(opened):
    run = opened(gan())
    train = run.data.train.batch(torch.arange(len(run.data.train)))[0]
    x = draw_samples(run.model, 20, seed=0)
    found = torch.cdist(x.flatten(1).double(), train.flatten(1).double()).argmin(1)
    expected = image_grid.make_alternating_rows(x, train[found])
    assert np.array_equal(np.array(figures.draw_neighbours(run)), np.array(expected))


class TestSample:
    def test_what_has_no_noise_has_no_means(self, opened):
        run = opened(gan())
        result = sample(run.folder.path, count=300, seed=5)
        with np.load(result["samples"]) as file:
            assert file.files == ["x"]
            assert np.array_equal(file["x"], draw_samples(run.model, 300, seed=5))
        assert result["shape"] == [300, 1, 8, 8]
        expected = image_grid.make_grid(draw_samples(run.model, 300, seed=5)[:100], 10)
        assert np.array_equal(picture(run, "drawn"), np.array(expected))

    def test_means_lie_beside_draws_that_have_noise(self, opened, tmp_path):
        run = opened(autoencoder(VAE))
        result = sample(run.folder.path, count=260)
        with np.load(result["samples"]) as file:
            assert set(file.files) == {"x", "mean"}
            assert file["x"].shape == file["mean"].shape == (260, 1, 8, 8)
            assert 0.5 < (file["x"] - file["mean"]).std() < 2
            x = file["x"]
        sample(run.folder.path, count=260, out=tmp_path / "x.npy")
        assert np.array_equal(np.load(tmp_path / "x.npy"), x)

    def test_an_autoencoder_says_where_its_codes_come_from(self, opened):
        run = opened(autoencoder())
        result = sample(run.folder.path, count=30)
        assert "10 Gaussians" in result["codes"]
        assert "codes" not in sample(opened(gan()).folder.path, count=3)

    def test_classes_lie_beside_the_draws_of_a_class_conditional_model(self, opened):
        run = opened(gan(classes=3))
        with np.load(sample(run.folder.path, count=300)["samples"]) as file:
            assert file.files == ["x", "y"]
            assert file["y"].shape == (300,) and set(file["y"]) == {0, 1, 2}
            alone = draw_samples(run.model, 300, seed=0, label=1).numpy()
            same = np.isclose(file["x"], alone, atol=1e-6).all((1, 2, 3))
            assert np.array_equal(same, file["y"] == 1)  # of the same noise
        with np.load(sample(run.folder.path, count=5, label="2")["samples"]) as file:
            assert np.array_equal(file["y"], [2] * 5)

    def test_a_class_is_asked_for_by_name_or_number(self, opened, tmp_path):
        run = opened(gan(classes=10))
        names = (*"abcdefgh", "0", "j")
        run.record.data.spec["classes"] = names
        for label, number in (("c", 2), ("9", 9), ("0", 8)):
            out = tmp_path / f"{label}.npy"
            sample(run.folder.path, count=5, label=label, truncation=0.5, out=out)
            expected = draw_samples(run.model, 5, seed=0, label=number, truncation=0.5)
            assert np.array_equal(np.load(out), expected)
        for label, words in (("x", "one of"), ("12", "from 0 to 9")):
            with pytest.raises(UserError, match=words):
                sample(run.folder.path, label=label)

    def test_a_refused_file_is_refused_before_anything_is_drawn(self, opened, tmp_path):
        run = opened(gan())
        (tmp_path / "x.npz").write_text("mine")
        for name, words in (("x.npz", "exists already"), ("x.csv", r"\.npz, \.npy or a folder")):
            with pytest.raises(UserError, match=words):
                sample(run.folder.path, out=tmp_path / name)
        assert not run.folder.samples.exists()


@pytest.mark.parametrize("classes", [0, 3])
def test_a_model_without_an_encoder_walks_between_codes_of_its_prior(opened, classes):
    run = opened(gan(classes))
    result = draw.interpolate(run.folder.path, pairs=3, steps=4)
    assert result["between"] == "codes drawn from the prior"
    assert picture(run, "walks").shape == (3 * 58 + 2, 4 * 58 + 2)
    assert all(codes.shape == (3, 4) for codes in figures.select_ends(run, 3))
    assert draw.manifold(run.folder.path, side=3)["units"] == [0, 1]
    with pytest.raises(UserError, match="from 0 to 3"):
        draw.manifold(run.folder.path, units=(0, 4))
    with pytest.raises(UserError, match="no encoder"):
        draw.reconstruct(run.folder.path)
    with_encoder(run.model)
    assert draw.interpolate(run.folder.path, pairs=3)["between"] == "test examples"
    assert draw.reconstruct(run.folder.path)["examples"] == 50


@pytest.mark.parametrize("ending", [".gif", ".mp4"])
def test_walks_are_filmed_there_and_back(opened, tmp_path, ending):
    if ending == ".mp4":
        pytest.importorskip("av", reason="needs the extra film")
    run = opened(autoencoder(VAE))
    out = tmp_path / f"walk{ending}"
    result = draw.interpolate(run.folder.path, pairs=4, steps=5, out=out)
    assert result["pictures"] == 8 and out.stat().st_size > 1000
    if ending == ".gif":
        with Image.open(out) as film:
            assert film.n_frames == 8 and film.size == (2 * 58 + 2, 2 * 58 + 2)
    a, b = figures.select_ends(run, 4)
    frames = decoded_images.film_walks(run.decoder, a, b, 5)
    first = decoded_images.decode_walks(run.decoder, a, b, 5, "linear", 0)[:, 0]
    assert np.array_equal(np.array(frames[0]), np.array(image_grid.make_grid(first, 2)))
    assert np.array_equal(np.array(frames[3]), np.array(frames[5]))
    with pytest.raises(UserError, match="exists already"):
        draw.interpolate(run.folder.path, pairs=4, steps=5, out=out)


@pytest.mark.parametrize("see", [with_encoder, lambda model: model])
def test_a_class_conditional_model_walks_within_a_class(opened, see):
    run, seen = opened(see(gan(classes=3))), []
    run.model.generator.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    result = draw.interpolate(run.folder.path, pairs=2, steps=5, label="1")
    assert result["between"] == "codes drawn from the prior"
    assert torch.equal(torch.cat(seen)[:, 4:], torch.tensor([0.0, 1.0, 0.0]).expand(10, 3))
    a, b = figures.sample_ends(run.model, 2)
    expected = decoded_images.draw_walks(run.model, a, b, 5, "spherical", label=1)
    assert np.array_equal(picture(run, "walks"), np.array(expected))


@pytest.mark.parametrize(("classes", "label"), [(0, "3"), (0, "x"), (3, "x"), (3, "12"), (3, "3")])
def test_wrong_classes_are_told_alike_by_walks_and_samples(opened, classes, label):
    run, said = opened(gan(classes=classes)), []
    for command in (sample, draw.interpolate):
        with pytest.raises(UserError) as error:
            command(run.folder.path, label=label)
        said.append(str(error.value))
    assert said[0] == said[1] and (classes or "--conditional" in said[0])
    assert not run.folder.samples.exists()


class TestArrayFile:
    @pytest.mark.parametrize("name", ["x.npz", "x.npy"])
    def test_one_chunk_is_held_at_a_time(self, tmp_path, name):
        held, alive = [], []

        def chunks():
            for number in range(20):
                x = torch.full((10, 3), float(number))
                held.append(weakref.ref(x))
                alive.append(sum(chunk() is not None for chunk in held))
                yield {"x": x, "mean": -x, "y": torch.arange(10)}
                del x

        write_arrays(tmp_path / name, chunks(), 200)
        assert max(alive) <= 2
        file = np.load(tmp_path / name)
        x = file["x"] if name == "x.npz" else file
        assert np.array_equal(x, np.repeat(np.arange(20.0), 10)[:, None].repeat(3, 1))
        if name == "x.npz":
            assert np.array_equal(file["mean"], -x)
            assert np.array_equal(file["y"], np.tile(np.arange(10), 20))
            assert file["x"].dtype == np.float32 and file["y"].dtype == np.int64

    def test_a_file_that_was_not_finished_is_not_there(self, tmp_path):
        def broken():
            yield {"x": torch.zeros(2, 3)}
            raise KeyboardInterrupt

        for name in ("x.npz", "x.npy"):
            with pytest.raises(KeyboardInterrupt):
                write_arrays(tmp_path / name, broken(), 4)
        assert not list(tmp_path.iterdir())

    def test_values_that_do_not_lie_in_order_are_written_in_order(self, tmp_path):
        x = torch.arange(6.0).reshape(2, 3).T
        write_arrays(tmp_path / "x.npz", itertools.repeat({"x": x}, 1), 3)
        assert np.array_equal(np.load(tmp_path / "x.npz")["x"], x)
