"""The colouriser's recipe and its study, on pictures of which the colours are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import pad

from immersion.check import UserError
from immersion.data.patches import PatchSplit
from immersion.image_io import Picture, to_levels
from immersion.imaging.thumbnail import shrink, upsample_window
from immersion.inference.predict import predict_picture
from immersion.inference.settings import InferenceOptions
from immersion.likelihoods.gaussian import GaussianFixed
from immersion.likelihoods.levels import Categorical
from immersion.models import Translator
from immersion.models.prediction import Prediction
from immersion.nn.image_to_image import ImageToImageArchitecture, ImageToImageNetwork
from immersion.objectives import TranslationLoss
from immersion.papers import STUDIES, Measurement
from immersion.papers import colourise as study
from immersion.papers.colourise import measure_samples
from immersion.recipes.call import RecipeCall
from immersion.recipes.colourise import check_colours
from immersion.runs.load import read_data
from immersion.spec import Spec
from immersion.tasks.colourise import Colourise


class Says(ImageToImageNetwork):
    """The same chroma at every pixel, whatever the picture."""

    def __init__(self, a, b):
        super().__init__()
        self.chroma = torch.tensor([a, b]).view(1, 2, 1, 1)

    @property
    def halo(self):
        return 0

    def forward(self, x):
        return self.chroma.expand(len(x), 2, *x.shape[2:])


class Draws(Translator):
    """Says grey in all draws but the fourth of five, which is right."""

    def predict(self, inputs, draw=None):
        right = draw is None or draw % 5 == 3
        return Prediction((1 if right else 0) * self.network(inputs))


@pytest.fixture
def orange():
    flat = torch.tensor([200, 140, 90], dtype=torch.uint8).view(3, 1, 1).expand(3, 16, 16)
    return flat, Colourise().pair(flat[None] / 255, None).target[0, :, 0, 0].tolist()


def test_the_best_of_several_draws_is_held_against_the_one_answer(orange):
    flat, chroma = orange
    p = GaussianFixed((2, 16, 16))
    split = PatchSplit((flat, flat), side=8)
    grey, right = Translator(Colourise(), Says(0.0, 0.0), p), Draws(Colourise(), Says(*chroma), p)
    found = measure_samples(grey, right, split, count=5)
    distance = (110 * torch.tensor(chroma)).square().mean().sqrt()
    expected = 60 - 20 * torch.log10(255 / distance)
    assert found["best-of-draws"].value == pytest.approx(expected.item(), abs=0.1)
    assert found["colourfulness-of-draws"].value == 1  # the first draw is grey
    assert measure_samples(right, right, split, count=2)["best-of-draws"].value < 0


def test_pictures_in_three_equal_channels_are_refused(orange):
    grey = torch.randint(0, 256, (1, 16, 16)).byte().expand(3, 16, 16)
    with pytest.raises(UserError, match="all training pictures are grey"):
        check_colours(PatchSplit((grey, grey), side=8))
    check_colours(PatchSplit((grey, orange[0]), side=8))
    with pytest.raises(UserError, match="learned from colour pictures"):
        RecipeCall("colourise").build(Spec("grey", (1, 96, 96), "unit"))


def test_training_pictures_are_small_and_evaluated_ones_are_whole(tmp_path):
    for number in range(10):
        levels = np.full((70, 100, 3), 20 * number, np.uint8)
        Image.fromarray(levels).save(tmp_path / f"{number}.png")
    data = read_data(RecipeCall("colourise").recipe, str(tmp_path), None)
    assert data.spec.shape == (3, 32, 32)
    assert data.train.upright
    with pytest.raises(UserError, match="a shorter side of 32 pixels, and learns from parts"):
        read_data(RecipeCall("colourise").recipe, str(tmp_path), 48)
    for split, size in (
        (data.train, (32, 46)),
        (data.validation, (32, 46)),
        (data.test, (70, 100)),
    ):
        assert {picture.shape[1:] for picture in split.pictures} == {size}
    x, _ = data.train.batch(torch.arange(len(data.train)))
    assert x.shape[1:] == (3, 32, 32) and {*(255 * x).unique().round().int().tolist()} <= {
        *range(0, 200, 20)
    }


def test_a_large_picture_is_coloured_from_its_thumbnail():
    """In an evaluation, and in tiles of a user's picture."""
    torch.manual_seed(0)
    given = 2 * torch.rand(1, 1, 90, 70) - 1
    for discretised in (False, True):
        task = {
            "task": Colourise(discretised),
            "translation": ImageToImageArchitecture("unet", width=4),
        }
        model = (
            RecipeCall("colourise", task).build(Spec("photos", (3, 32, 32), "unit")).model.eval()
        )
        for parameter in model.network.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        prediction = model.predict(given)
        answer, deviation = prediction.mean, prediction.uncertainty
        seen = shrink(given, 32)
        assert seen.shape[2:] == (42, 32)
        small = model.task.presentation.estimate(model(pad(seen, (0, 0, 0, 6), "reflect")))[
            ..., :42, :
        ]
        assert torch.allclose(
            answer, upsample_window(small, 32 / 70, range(90), range(70)), atol=1e-5
        )
        assert deviation.shape == answer.shape and (deviation > 0).all()

        grey = Picture(to_levels(model.task.presentation.show_input(given)[0], 16))
        asked = model.task.presentation.prepare(grey.to_float(slice(None), slice(None))[None])
        expected = model.task.presentation.to_picture(given, model.predict(asked).mean)
        for side in (16, 128):
            made = predict_picture(model, 3, grey, InferenceOptions(side=side)).picture
            assert (made.levels / 65535 - expected[0]).abs().max() < 1e-3
        assert expected.std(1).mean() > 1e-3  # there are colours to be compared


def test_patches_that_cannot_be_halved_are_refused():
    with pytest.raises(UserError, match="sides that 8 divides, received 50; pass --size 48"):
        RecipeCall("colourise").build(Spec("photos", (3, 50, 50), "unit"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [({"objective": TranslationLoss(beta=1.0)}, "--beta"), ({"latent_dim": 4}, "--latent-dim")],
)
def test_levels_are_learnt_by_their_likelihood_alone(arguments, sentence):
    levels = {"task": Colourise(discretised=True)}
    spec = Spec("photos", (3, 48, 48), "unit")
    with pytest.raises(UserError, match=f"leave {sentence} or --discretised out"):
        RecipeCall("colourise", levels | arguments).build(spec)
    assert isinstance(RecipeCall("colourise", levels).build(spec).model.likelihood, Categorical)


def test_what_is_above_stays_above(tmp_path):
    """The top half is red: a patch may be mirrored, and is never turned."""
    for number in range(4):
        levels = np.zeros((24, 24, 3), np.uint8)
        levels[:12, :, 0] = 200 + number
        Image.fromarray(levels).save(tmp_path / f"{number}.png")
    split = read_data(RecipeCall("colourise").recipe, str(tmp_path), 24).train
    x = torch.cat([split.batch(torch.zeros(1, dtype=torch.int64))[0] for _ in range(30)])
    assert (x[:, 0, :12] > 0.7).all() and (x[:, 0, 12:] == 0).all()
    turned = read_data(RecipeCall("enlarge").recipe, str(tmp_path), 24).train
    y = torch.cat([turned.batch(torch.zeros(1, dtype=torch.int64))[0] for _ in range(30)])
    assert not (y[:, 0, 12:] == 0).all()


def test_every_claim_of_both_studies_is_measured(monkeypatch, tmp_path):
    """Training and evaluation are replaced; their arguments are checked."""
    calls = []

    def train(out, recipe, data, options, device, **arguments):
        calls.append((out.name, recipe, data, arguments.get("task"), arguments.get("latent_dim")))
        return SimpleNamespace(model=None)

    numbers = {"psnr_chroma_gain_over_grey": 1.0, "psnr_chroma_gain_over_mean": 0.5}
    numbers |= {"colourfulness_error": 3.0, "colourfulness_error_mean": 4.0}
    found = {name: {"value": value, "standard_error": 0.1} for name, value in numbers.items()}
    drawn = {claim.name: Measurement(1.0) for claim in study.DRAWN}
    picture = SimpleNamespace(save=lambda path: path.write_text(""))
    monkeypatch.setattr(study, "train_run", train)
    monkeypatch.setattr(study, "draw_translations", lambda run: picture)
    monkeypatch.setattr(study, "image_model_of", lambda run: run)
    monkeypatch.setattr(
        study, "evaluate_translator", lambda run, name: {"estimates": {"lab": found}}
    )
    monkeypatch.setattr(study, "load_pictures", lambda name: SimpleNamespace(test=None))
    monkeypatch.setattr(study, "get_model", lambda run, kind: None)
    monkeypatch.setattr(study, "measure_samples", lambda *arguments: drawn)
    for name in ("colourise/short", "colourise"):
        measured = STUDIES[name].run(tmp_path, "cpu")
        assert set(measured) == {claim.name for claim in STUDIES[name].claims}
        assert measured["cifar10-grey"].value == 1.0
        assert measured["bsds500-colourfulness"].value == 0.75
    levels = Colourise(discretised=True)
    kinds = [("levels", levels, None), ("one", None, None), ("several", None, study.LATENT)]
    assert [(name, task, latent_dim) for name, _, _, task, latent_dim in calls] == [
        kinds[0],
        *kinds,
    ]
    assert {each[1:3] for each in calls} == {("colourise", "cifar10")}
