"""Several plausible answers to one picture: sampled reproducibly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from immersion.check import UserError
from immersion.commands.apply import apply
from immersion.commands.train import train
from immersion.engine import Options
from immersion.inference.backends import open_backend
from immersion.inference.settings import ComputeOptions, FileOptions, PredictionOptions
from immersion.likelihoods.levels import Categorical
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.recipes.call import RecipeCall
from immersion.spec import Spec
from immersion.tasks.colourise import TEMPERATURE, Colourise, quantile, sharpen

SHORT = Options(steps=1, batch_size=2, device="cpu")


def colouriser(**arguments):
    """Return a small colouriser without zero weights."""
    settings = {"translation": ImageToImageArchitecture("unet", width=4), **arguments}
    torch.manual_seed(0)
    model = (
        RecipeCall("colourise", settings).build(Spec("photos", (3, 32, 32), "unit")).model.eval()
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model


@pytest.mark.parametrize("arguments", [{"task": Colourise(discretised=True)}, {"latent_dim": 3}])
def test_answers_are_reproducible_and_differ_by_number(arguments):
    model = colouriser(**arguments)
    inputs = 2 * torch.rand(1, 1, 32, 40) - 1
    first, again, second = (model.predict_whole(inputs, draw).mean for draw in (0, 0, 1))
    assert model.multimodal and torch.equal(first, again)
    assert (first - second).abs().max() > 1e-3
    assert not torch.equal(first, model.predict_whole(inputs).mean)
    assert torch.allclose(model.predict(inputs, 1).mean, second, atol=1e-5)
    large = 2 * torch.rand(1, 1, 80, 90) - 1
    one, other = (model.predict(large, draw).mean for draw in (0, 1))
    assert one.shape == (1, 2, 80, 90) and (one - other).abs().max() > 1e-3


def test_levels_are_sampled_by_their_probabilities():
    torch.manual_seed(0)
    shares = torch.tensor([0.2, 0.5, 0.3])
    logits = TEMPERATURE * shares.log().repeat(2).view(1, 2, 3, 1, 1)
    p = Categorical((2, 1, 1), 3)(logits.transpose(1, 2).reshape(1, 6, 1, 1))
    assert torch.allclose(sharpen(p.base_dist)[0, 0, 0, 0], shares)
    task = Colourise(discretised=True)
    samples = torch.cat([task.presentation.sample(p) for _ in range(5000)])
    assert abs(samples.mean() - task.presentation.estimate(p).mean()) < 0.02
    for edge, share in ((0.25, 0.2), (0.75, 0.7)):  # where the bins of the levels touch
        assert abs((samples < edge).float().mean() - share) < 0.03


def test_a_certain_level_is_sampled_within_its_bin():
    sure = torch.zeros(33).scatter(0, torch.tensor(20), 1.0)
    for share in (0.01, 0.5, 0.99):
        assert abs(quantile(sure, torch.tensor(share)).item() - 20 / 32) <= 0.5 / 32
    assert quantile(sure, torch.tensor(0.5)).item() == pytest.approx(20 / 32)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Train a colouriser of levels and one with one answer; return their folder."""
    folder = tmp_path_factory.mktemp("colour")
    for number in range(6):
        levels = np.random.default_rng(number).integers(0, 255, (40, 50, 3)).astype(np.uint8)
        Image.fromarray(levels).save(folder / f"{number}.png")
    for name, task in (("levels", Colourise(discretised=True)), ("one", Colourise())):
        arguments = {
            "translation": ImageToImageArchitecture("unet", width=4, depth=1),
            "task": task,
        }
        out = folder / "runs" / name
        train("colourise", data=str(folder), out=out, options=SHORT, arguments=arguments)
    return folder / "runs"


def test_several_colourings_of_a_picture_are_written(runs, tmp_path):
    photo, out = tmp_path / "photo.png", tmp_path / "out"
    levels = np.random.default_rng(9).integers(0, 255, (70, 90)).astype(np.uint8)
    Image.fromarray(levels).save(photo)
    made = apply(
        str(runs / "levels"),
        (photo,),
        out=out,
        prediction=PredictionOptions(draws=3),
        files=FileOptions(page=True),
    )
    names = ["photo-1.png", "photo-2.png", "photo-3.png"]
    assert [done["output"] for done in made["done"]] == [str(out / name) for name in names]
    page = Path(made["page"]).read_text()
    assert all(name in page for name in names)
    first, second, third = (np.asarray(Image.open(out / name)).astype(int) for name in names)
    assert first.shape == (70, 90, 3)
    assert (first != second).any() and (second != third).any()
    once, small = PredictionOptions(draws=1), ComputeOptions(tile=16)
    again = apply(
        str(runs / "levels"), (photo,), out=tmp_path / "again", prediction=once, compute=small
    )
    assert np.abs(np.asarray(Image.open(again["done"][0]["output"])) - first).max() <= 1


def test_a_grey_profile_is_left_out_of_coloured_pictures_and_reported(runs, tmp_path):
    photo, profile = tmp_path / "photo.jpg", bytearray(132)
    profile[3], profile[16:20], profile[36:40] = 132, b"GRAY", b"acsp"
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(photo, icc_profile=bytes(profile))
    (entry,) = apply(str(runs / "levels"), (photo,), out=tmp_path / "out")["done"]
    assert entry["profile"] == "not for these channels, and left out"


@pytest.mark.parametrize(
    ("name", "out", "sentence"),
    [
        ("one", "out", "gives one answer: expected one that was trained with --latent-dim"),
        ("levels", "a.png", "--draws makes several pictures of one: expected a folder"),
    ],
)
def test_samples_that_are_not_available_are_errors(runs, tmp_path, name, out, sentence):
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(photo)
    with pytest.raises(UserError, match=sentence):
        apply(
            str(runs / name), (photo,), out=tmp_path / out, prediction=PredictionOptions(draws=2)
        )
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ensemble": True, "draws": 2}, "--ensemble and --draws exclude each other"),
        ({"draws": -1}, "--draws is too small"),
    ],
)
def test_invalid_options_are_errors(options, sentence):
    with pytest.raises(UserError, match=sentence):
        PredictionOptions(**options)


def test_an_autoencoder_depends_on_its_code_alone():
    denoise = {"translation": ImageToImageArchitecture("autoencoder", width=4)}
    model = RecipeCall("denoise", denoise).build(Spec("photos", (1, 16, 16), "unit")).model.eval()
    model.network.encode = lambda x: (torch.zeros(1, 16, 4, 4), [None, None])
    first, second = (model(torch.rand(1, 1, 16, 16)).mean for _ in "ab")
    assert torch.equal(first, second)


def test_openvino_has_no_samples():
    with pytest.raises(UserError, match="OpenVINO's graph gives the point estimate alone"):
        open_backend("openvino", colouriser(latent_dim=2), 3, 0)
