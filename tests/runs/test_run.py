"""A run object: results in the kind of object that came in, equal to those of the model."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import immersion as im
from immersion.check import UserError
from immersion.models.codes import encode_means
from immersion.models.sampling import draw_samples
from immersion.runs.containers import make_columns
from immersion.spec import Spec

QUIET = {"progress": False, "verbose": False}
RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": RANDOM.integers(18, 90, 200),
        "income": RANDOM.normal(3e4, 5e3, 200),
        "member": RANDOM.random(200) > 0.5,
    },
    index=[f"row {i}" for i in range(200)],
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    out = tmp_path_factory.mktemp("table") / "run"
    return im.train("vae", FRAME, latent_dim=2, steps=100, out=out, **QUIET)


@pytest.fixture(scope="module")
def digits(trained):
    return im.load(trained)


def test_a_frame_gives_frames_with_its_index_and_types(table):
    codes, remade = table.encode(FRAME), table.reconstruct(FRAME)
    assert list(codes.columns) == ["z1", "z2"] and codes.index.equals(FRAME.index)
    assert remade.index.equals(FRAME.index) and (remade.dtypes == FRAME.dtypes).all()
    shuffled = FRAME[["member", "age", "income"]]
    assert np.allclose(table.encode(shuffled), codes)
    assert (table.sample(5).dtypes == FRAME.dtypes).all()


def test_units_are_those_of_the_table(table):
    spec = table.spec
    scaled = (FRAME.to_numpy(float) - np.array(spec.shift)) / np.array(spec.scale)
    codes = encode_means(table.decoder, torch.from_numpy(scaled).float())
    assert np.allclose(table.encode(FRAME), codes, atol=1e-5)
    drawn = draw_samples(table.generator, 50, seed=3).double().numpy()
    assert np.allclose(
        table.sample(50, seed=3)["income"], drawn[:, 1] * spec.scale[1] + spec.shift[1]
    )


def test_a_score_is_a_bound_in_the_tables_own_units(table):
    values, percentile, name = table.score(FRAME, importance_samples=20)
    assert name == "importance-weighted bound (k = 20)" and values.index.equals(FRAME.index)
    assert percentile.min() >= 0 and percentile.max() <= 100
    scaled = FRAME.assign(income=FRAME.income + 1e6)
    assert (table.score(scaled).values.to_numpy() < values.to_numpy()).all()
    x = table.prepare(FRAME).x
    torch.manual_seed(0)
    bound = table.model.log_weights(x, 2000).double().logsumexp(0) - np.log(2000)
    exact = (bound - np.log(table.spec.scale).sum()).mean().item()
    assert abs(table.score(FRAME, importance_samples=500).values.to_numpy().mean() - exact) < 0.1


def test_scores_do_not_depend_on_the_other_examples(table, digits):
    assert np.allclose(table.score(FRAME).values[:7], table.score(FRAME[:7]).values, atol=1e-4)
    x = digits.data.test.x[:6]
    assert torch.allclose(digits.score(x).values[2:3], digits.score(x[2:3]).values, atol=1e-3)


def test_kinds_of_pictures_agree(digits):
    levels = (digits.data.test.x[:4] * 255).round().byte()
    codes = digits.encode(levels.numpy())
    for same in (levels, levels[:, 0].numpy(), levels.permute(0, 2, 3, 1).numpy()):
        assert np.allclose(np.asarray(digits.encode(same)), codes, atol=1e-5)
    pictures = [Image.fromarray(x[0].numpy()) for x in levels]
    assert np.allclose(digits.encode(pictures), codes, atol=1e-5)
    assert digits.encode(levels[0, 0].numpy()).shape == (1, 2)
    remade = digits.reconstruct(levels.permute(0, 2, 3, 1).numpy())
    assert remade.dtype == np.uint8 and remade.shape == (4, 8, 8, 1)
    assert isinstance(digits.reconstruct(pictures)[0], Image.Image)
    assert isinstance(digits.reconstruct(levels), torch.Tensor)


def test_samples_walks_and_the_manifold_are_pictures(digits):
    drawn = digits.sample(3)
    assert drawn.shape == (3, 1, 8, 8) and drawn._repr_png_()[:4] == b"\x89PNG"
    x = digits.data.test.x
    walk = digits.interpolate(x[0], x[1], steps=5)
    ends = digits.reconstruct(x[:2])
    assert torch.allclose(walk[[0, 4]], ends, atol=1e-5)
    assert digits.manifold(side=3).size == (3 * 56, 3 * 56)
    assert digits.decode(np.zeros((2, 2))).shape == (2, 1, 8, 8)
    assert "elbo" in digits._repr_html_() and "data:image/png" in digits._repr_html_()
    assert set(digits.history) >= {"step", "split", "loss"}
    assert digits.evaluation["estimates"]["elbo"]["value"] < 0


def test_an_autoencoder_scores_by_its_error(tmp_path):
    run = im.train("ae", FRAME, latent_dim=1, steps=20, out=tmp_path / "run", **QUIET)
    values, _, name = run.score(FRAME)
    assert name == "negative squared error" and (values <= 0).all()


def test_a_gan_needs_an_encoder_to_encode(tmp_path):
    run = im.train("gan", "digits", steps=3, out=tmp_path / "run", **QUIET)
    assert run.sample(2).shape == (2, 1, 8, 8)
    with pytest.raises(UserError, match="has no encoder"):
        run.encode(np.zeros((2, 8, 8)))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda run: run.encode(FRAME.drop(columns="age")), "lacks columns"),
        (lambda run: run.encode(np.zeros((2, 7))), "not of the shape"),
        (lambda run: run.decode(np.zeros((2, 7))), "these are no codes"),
        (lambda run: run.manifold(), "only images"),
        (lambda run: run.sample(2, label="x"), "not class-conditional"),
        (lambda run: run.encode(Image.new("L", (3, 3))), "pictures cannot be given"),
        (lambda run: run.encode(np.ones((2, 3)) + 1j), "not numbers"),
        (lambda run: run.encode(np.full((2, 3), "a")), "not numbers"),
        (lambda run: run.decode(np.full((2, 2), np.nan)), "finite values"),
        (lambda run: run.encode(["no.png"]), "pictures cannot be given"),
    ],
)
def test_mistakes_are_sentences(table, act, words):
    with pytest.raises(UserError, match=words):
        act(table)


def test_a_model_of_ones_own_is_named_in_errors(tmp_path):
    p = im.likelihoods.GaussianShared((3,))
    model = im.Autoencoder(torch.nn.Linear(3, 1), torch.nn.Linear(1, 3), p, latent_dim=1)
    run = im.fit(model, np.random.rand(60, 3), steps=2, out=tmp_path / "run", **QUIET)
    with pytest.raises(UserError, match="received a run of Autoencoder"):
        run.generator  # noqa: B018


def test_data_in_memory_that_are_gone_can_be_given_again(tmp_path):
    run = im.train("vae", FRAME, latent_dim=2, steps=3, out=tmp_path / "run", **QUIET)
    run.folder.data_file.unlink()
    with pytest.raises(UserError, match="of which its folder holds no copy"):
        im.load(tmp_path / "run").data  # noqa: B018
    again = im.load(tmp_path / "run", data=FRAME)
    assert torch.equal(again.data.test.x, run.data.test.x)
    with pytest.raises(UserError, match="not those that the model was trained on"):
        im.load(tmp_path / "run", data=FRAME + 1)


def test_the_same_call_resumes_and_other_data_are_another_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = im.train("vae", FRAME, latent_dim=2, steps=3, **QUIET)
    second = im.train("vae", FRAME, latent_dim=2, steps=6, **QUIET)
    other = im.train("vae", FRAME * 2.0, latent_dim=2, steps=3, **QUIET)
    assert first.path == second.path != other.path and second.record.step == 6
    with pytest.raises(UserError, match="holds another run"):
        im.train("vae", FRAME * 2.0, latent_dim=2, steps=3, out=first.path, **QUIET)


def test_no_absolute_path_is_in_the_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "x.npy", FRAME.to_numpy(float))
    im.train("vae", tmp_path / "x.npy", latent_dim=1, steps=3, out="run", **QUIET)
    assert str(tmp_path) not in (tmp_path / "run" / "run.json").read_text()
    assert str(tmp_path) not in (tmp_path / "run" / "report.html").read_text()
    assert im.load("run").data.train.x.shape == (160, 3)
    (tmp_path / "x.npy").unlink()
    assert im.load("run").sample(2).shape == (2, 3)
    with pytest.raises(UserError, match="not where they were"):
        im.load("run").data  # noqa: B018


def test_bits_that_a_data_set_draws_are_drawn_again_when_it_is_kept(tmp_path):
    data = im.load_data("digits", binarize="dynamic")
    p = im.likelihoods.Bernoulli((1, 8, 8))
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
    decoder = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.Unflatten(1, (1, 8, 8)))
    vae = im.VAE(encoder, decoder, p, latent_dim=2)
    run = im.fit(vae, data, steps=5, out=tmp_path / "run", **QUIET)
    again = im.load(run.path, model=vae)
    for split in (run.data.test, again.data.test):
        assert split.dynamic and split.values == "unit" and len(split) == len(data.test)
    assert set(again.data.test.batch(torch.arange(5))[0].unique().tolist()) == {0.0, 1.0}
    percentile = run.score(run.data.validation.x).percentile
    assert abs(percentile.mean() - 50) < 1  # levels are cut at one half, those it is ranked in too


@pytest.mark.parametrize("how", ["dynamic", "static", "threshold"])
def test_validation_data_scored_against_themselves_are_evenly_ranked(tmp_path, how):
    flags = {"likelihood": "bernoulli", "binarize": how, "steps": 5, "latent_dim": 2}
    run = im.train("vae", "digits", out=tmp_path / "run", **flags, **QUIET)
    x = im.load_data("digits").validation.x
    before = torch.random.get_rng_state()
    first = run.score(x).percentile
    assert torch.equal(torch.random.get_rng_state(), before)
    assert abs(first.mean() - 50) < 1
    assert torch.equal(first, im.load(run.path).score(x).percentile)


def test_an_example_too_far_away_for_a_density_has_the_least_score(table):
    far = FRAME[:3].assign(income=1e30)
    values, percentile, _ = table.score(far)
    assert (values == -np.inf).all() and (percentile == 0).all()


def test_dark_images_are_read_on_the_scale_of_training(tmp_path):
    levels = RANDOM.integers(0, 256, (40, 8, 8)).astype(np.float32)
    levels[0] = levels[0] > 99  # no pixel above 1 of 255
    run = im.train("vae", levels, latent_dim=2, steps=5, out=tmp_path / "run", **QUIET)
    assert np.allclose(run.encode(levels)[0], run.encode(levels[:1])[0], atol=1e-5)
    assert run.reconstruct(levels).max() > 1  # in the units that came in


def test_levels_in_a_table_come_back_in_their_units(tmp_path):
    rows = RANDOM.integers(100, 256, (60, 4)).astype(np.uint8)
    run = im.train("vae", rows, values="unit", steps=5, out=tmp_path / "run", **QUIET)
    assert torch.allclose(run.prepare(rows).x, torch.from_numpy(rows / 255).float())
    assert run.reconstruct(rows).max() > 1 and run.sample(5).max() > 1


def test_codes_in_a_frame_are_found_by_their_names(table):
    codes = table.encode(FRAME)
    remade = table.decode(codes[["z2", "z1"]])
    assert remade.equals(table.decode(codes))


def test_results_of_computations_with_images_are_plain(digits):
    drawn = digits.sample(3)
    assert type(drawn.mean()) is np.float32
    assert type(drawn.mean(0)) is np.ndarray and type(drawn * 2) is np.ndarray


def test_samples_fit_the_type_of_their_column():
    spec = Spec("t", (1,), "real", columns=("n",), dtypes=("uint8",))
    assert make_columns(np.array([[-3.0], [300.0]]), spec)["n"].tolist() == [0, 255]
    spec = replace(spec, dtypes=("int64[pyarrow]",))
    assert make_columns(np.array([[2.6]]), spec)["n"].tolist() == [3]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda run: run.encode(np.zeros((0, 1, 8, 8))), "there are no examples"),
        (lambda run: run.interpolate(np.zeros((2, 8, 8)), np.zeros((8, 8))), "a is not one"),
    ],
)
def test_mistakes_with_images_are_sentences(digits, act, words):
    with pytest.raises(UserError, match=words):
        act(digits)


def test_three_rows_are_enough(tmp_path):
    run = im.train(
        "vae", FRAME[["age", "income"]][:3].assign(c=1.0), steps=2, out=tmp_path / "run", **QUIET
    )
    assert (run.path / "report.html").is_file()


def test_settings_of_another_type(tmp_path):
    given = {"seed": np.int64(3), "learning_rate": np.float32(0.5**10), "latent_dim": np.int32(2)}
    run = im.train("vae", FRAME, steps=np.int64(2), out=tmp_path / "run", **given, **QUIET)
    assert (run.record.step, run.record.settings["latent_dim"]) == (2, 2)
    for name, value in (("steps", "5"), ("steps", 5.5), ("latent_dim", "2"), ("steps", True)):
        with pytest.raises(UserError, match=f"{name} has the wrong type"):
            im.train("vae", FRAME, out=tmp_path / "other", **{name: value}, **QUIET)
    assert not (tmp_path / "other").exists()
