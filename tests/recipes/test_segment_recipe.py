"""Segmentation from end to end on a tiny folder: train, evaluate, report, load."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import immersion as im
from immersion.check import UserError
from immersion.commands.apply import apply
from immersion.commands.evaluate import evaluate_run
from immersion.commands.train import train
from immersion.engine import OptimizerSettings, Options
from immersion.evaluation.segmentation import compute_class_metrics
from immersion.evaluation.translators import evaluate_translator
from immersion.inference.settings import PredictionOptions
from immersion.likelihoods.pixel_classes import PixelClasses
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.pretrained.resolve import image_model_of
from immersion.runs import figures
from immersion.runs.load import load_run
from immersion.tasks import Pair
from immersion.tasks.segment import Segment

SMALL = {
    "translation": ImageToImageArchitecture("unet", width=8, depth=1),
    "optimizer": OptimizerSettings(learning_rate=1e-2, schedule="cosine"),
}
OPTIONS = Options(steps=80, batch_size=4, validate_every=30, precision="float32", ema=0.9)


def folder(path, count=6, binary=False):
    """Write bright discs (2) and bars (1) on a dark ground (0), partly void."""
    rows, columns = np.mgrid[:40, :56]
    source = np.random.default_rng(0)
    (path / "images").mkdir(parents=True)
    (path / "masks").mkdir()
    for number in range(count):
        top, left = source.integers(8, 30), source.integers(8, 44)
        mask = np.zeros((40, 56), dtype=np.uint8)
        mask[:, left // 2 : left // 2 + 5] = 1
        mask[(rows - top) ** 2 + (columns - left) ** 2 < 50] = 2
        picture = 40 + 80 * mask + source.integers(0, 20, mask.shape)
        shown = (mask > 0) * np.uint8(255) if binary else mask
        if not binary:
            shown[:2] = 255
        Image.fromarray(picture.astype(np.uint8)).save(path / "images" / f"{number}.png")
        Image.fromarray(shown).save(path / "masks" / f"{number}.png")
    return path


def run(data, out, options=OPTIONS, **arguments):
    return train(
        "segment", data=str(data), out=out, options=options, size=32, arguments=SMALL | arguments
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("segment")
    return run(folder(path / "data"), path / "run", balance="median"), path


def test_classes_of_brightness_are_learnt(trained):
    result, path = trained
    assert result["estimates"]["argmax"]["mean_iou"]["value"] > 0.9
    assert result["estimates"]["argmax"]["pixel_accuracy"]["value"] > 0.95
    assert result["estimates"]["argmax"]["mean_iou"]["unit"] == "share"
    rows = [json.loads(line) for line in (path / "run" / "metrics.jsonl").read_text().splitlines()]
    looks = [row for row in rows if row["split"] == "validation"]
    assert looks[-1]["loss"] < looks[0]["loss"] and 0 < looks[-1]["accuracy"] <= 1


def test_arrays_in_memory_are_kept_for_a_later_evaluation(tmp_path):
    folder(tmp_path / "data")
    x, masks = (
        np.stack(
            [np.asarray(Image.open(file)) for file in sorted((tmp_path / "data" / part).iterdir())]
        )
        for part in ("images", "masks")
    )
    options = dict(SMALL, steps=3, batch_size=4, size=32, progress=False)
    run = im.train("segment", (x, masks), out=tmp_path / "run", **options)
    again = im.load(tmp_path / "run")
    assert again.has_data and again.data.train.upright
    with pytest.raises(UserError, match="two arrays"):
        im.train("segment", x, out=tmp_path / "other", **options)
    assert evaluate_run(again, importance_samples=0)["estimates"] == run.evaluation["estimates"]


def test_a_loaded_run_has_the_same_estimates(trained):
    result, path = trained
    opened = load_run(path / "run")
    assert opened.model.task.classes == 3 and len(set(opened.model.task.weights)) == 3
    again = evaluate_run(opened, importance_samples=0)
    assert again["estimates"] == result["estimates"]
    assert again["protocol"]["void"] == "pixels without a class count nowhere"
    assert again["protocol"]["count"] == 1


def test_it_is_evaluated_on_other_pictures_of_the_same_classes(trained, tmp_path):
    _, path = trained
    opened = load_run(path / "run")
    found = evaluate_translator(image_model_of(opened), str(folder(tmp_path / "other", count=4)))
    assert found["estimates"]["argmax"]["mean_iou"]["value"] > 0.8
    Image.fromarray(np.eye(40, 56, dtype=np.uint8) * 3).save(tmp_path / "other/masks/0.png")
    with pytest.raises(UserError, match="other classes: expected 3 of them, received 4 in"):
        evaluate_translator(image_model_of(opened), str(tmp_path / "other"))


def test_the_run_is_applied_to_a_picture(trained, tmp_path):
    _, path = trained
    picture = tmp_path / "3.jpg"
    Image.open(path / "data" / "images" / "3.png").save(picture, quality=95)
    apply(str(path / "run"), (picture,), out=tmp_path / "predicted")
    # A PNG: JPEG would blend the colours.
    predicted = np.array(Image.open(tmp_path / "predicted" / "3.png"))
    mask = np.array(Image.open(path / "data" / "masks" / "3.png"))
    colours = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0]])[np.minimum(mask, 2)]
    assert (predicted == colours).all(-1)[mask != 255].mean() > 0.9
    with pytest.raises(UserError, match="leave --uncertainty out"):
        apply(
            str(path / "run"),
            (picture,),
            out=tmp_path / "sure",
            prediction=PredictionOptions(uncertainty=True),
        )
    assert not (tmp_path / "sure").exists()


def test_the_report_shows_inputs_predictions_and_targets(trained):
    _, path = trained
    shown = np.array(Image.open(path / "run" / "samples" / "translations.png"))
    assert shown.shape[2] == 3  # a grey picture next to colours
    columns = np.split(shown[2:-2, 2:], 3, axis=1)
    inputs, predicted, right = (column[:, :-2].reshape(-1, 3) for column in columns)
    assert (inputs[:, 0] == inputs[:, 1]).all()
    void = (right == [224, 224, 192]).all(1)
    assert void.any() and not (predicted == [224, 224, 192]).all(1).any()
    assert {tuple(c) for c in predicted.tolist()} == {(0, 0, 0), (128, 0, 0), (0, 128, 0)}
    assert (predicted == right).all(1)[~void].mean() > 0.9


def test_the_centre_of_large_pictures_is_shown_with_its_mask(trained, monkeypatch):
    opened = load_run(trained[1] / "run")
    monkeypatch.setattr(figures, "SHOWN_SIDE", 24)
    shown = np.array(figures.draw_translations(opened))
    (right,) = opened.data.test.masks
    colours = torch.tensor([[0, 0, 0], [128, 0, 0], [0, 128, 0], [224, 224, 192]])
    scale = shown.shape[0] // 24
    last = shown[2:-2, -2 - 24 * scale : -2][::scale, ::scale]
    assert np.array_equal(last, colours[right[8:32, 16:40].long()].numpy())


def test_two_classes_have_metrics_of_objects(tmp_path):
    data = folder(tmp_path / "data", binary=True)
    result = run(data, tmp_path / "run", Options(steps=2, batch_size=2, validate_every=0))
    names = {"pixel_error", "rand_error", "warping_error", "mean_iou", "pixel_accuracy"}
    estimates = result["estimates"]["argmax"]
    assert names <= set(estimates)
    assert load_run(tmp_path / "run").model.task.weights == ()  # none were asked for
    share = estimates["pixel_accuracy"]["value"]
    assert estimates["pixel_error"]["value"] == pytest.approx(1 - share)


def evaluate_one_by_one(logits, y):
    """Return the metrics of pictures of two classes, one at a time."""
    task, p = Segment(2), PixelClasses((1, 2, 3), 2)
    results = [
        (Pair(torch.zeros(1, 1, 2, 3), each.reshape(1, 1, 2, 3)), p(h.unsqueeze(0)))
        for h, each in zip(logits, y, strict=True)
    ]
    return compute_class_metrics(task, iter(results), None)


def test_scores_are_pooled_and_errors_are_per_picture():
    y = torch.tensor([[1, 0, 1, 1, 0, 1], [1, 1, 1, 1, 1, 0]])
    logits = torch.stack([1.0 - y, y.float()], 1).reshape(2, 2, 2, 3)
    right = evaluate_one_by_one(logits, y)
    assert right["mean_iou"].value == 1 and right["rand_error"].value == 0
    logits[0, :, 0, 0] = torch.tensor([3.0, 0.0])  # one pixel of a cell is called border
    wrong = evaluate_one_by_one(logits, y)
    assert wrong["pixel_accuracy"].value == pytest.approx(11 / 12)
    assert wrong["mean_iou"].value == pytest.approx((8 / 9 + 3 / 4) / 2)
    assert wrong["pixel_error"].value == pytest.approx((1 / 6 + 0) / 2)
    assert wrong["pixel_error"].examples == 2 and 0 < wrong["rand_error"].value < 1


@pytest.mark.parametrize("spoilt", [-1, 0])
def test_metrics_of_objects_are_left_out_without_objects_or_with_void(spoilt):
    y = torch.tensor([[1, 0, 1, 1, 0, 1], [0, 0, spoilt, 0, 0, 0]])
    assert set(evaluate_one_by_one(torch.zeros(2, 2, 2, 3), y)) == {
        "mean_iou",
        "pixel_accuracy",
        "mean_class_accuracy",
    }


def test_patches_that_cannot_be_halved_are_errors_and_nothing_is_written(tmp_path):
    data = folder(tmp_path / "data")
    with pytest.raises(UserError, match="sides that 8 divides, received 36; pass --size 32"):
        train("segment", data=str(data), out=tmp_path / "run", size=36, options=OPTIONS)
    assert not (tmp_path / "run").exists()
    with pytest.raises(UserError, match="unknown set of pictures with masks"):
        train("segment", data="mnist", out=tmp_path / "run", options=OPTIONS)
