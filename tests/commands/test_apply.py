"""Applying a model to files: tiles, names, options and errors."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

import immersion as im
from immersion.check import UserError
from immersion.commands.apply import apply
from immersion.commands.train import train
from immersion.image_io import Metadata, Picture, read
from immersion.image_io.transform import UPRIGHT, map_pixels
from immersion.imaging.orientation import rotate_and_flip
from immersion.inference.backends import Backend, TorchBackend
from immersion.inference.comparison import compare_centres
from immersion.inference.predict import predict_inputs, predict_picture, select_precision
from immersion.inference.settings import FileOptions, InferenceOptions, PredictionOptions
from immersion.likelihoods.gaussian import Gaussian
from immersion.likelihoods.pixel_classes import PixelClasses
from immersion.models import Translator
from immersion.models.prediction import Prediction
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageArchitecture
from immersion.tasks.denoise import Denoise
from immersion.tasks.enlarge import Enlarge
from immersion.tasks.inpaint import Inpaint
from immersion.tasks.segment import Segment


def model(
    colours: int, task=None, network: str = "restorer", in_channels: int | None = None
) -> Translator:
    """Return a small network without zero weights."""
    task = Denoise() if task is None else task
    torch.manual_seed(0)
    built = ImageToImageArchitecture(network, 6, 2).build(
        in_channels or colours, 2 * colours, task.presentation.scale
    )
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return Translator(task, built, Gaussian((colours, 8, 8))).eval()


def picture(channels: int, height: int = 45, width: int = 70, dtype=np.uint16) -> Picture:
    """Return a picture of random levels."""
    top = np.iinfo(dtype).max
    levels = np.random.default_rng(0).integers(0, top, (channels, height, width)).astype(dtype)
    return Picture(torch.from_numpy(levels))


@pytest.mark.parametrize("network", IMAGE_TO_IMAGE_NETWORKS)
def test_tiles_are_equal_to_the_whole_picture(network):
    denoiser, noisy = model(3, network=network), picture(3)
    whole = predict_picture(denoiser, 3, noisy, InferenceOptions(side=128))
    parts = predict_picture(denoiser, 3, noisy, InferenceOptions(side=16))
    for a, b in ((whole.picture, parts.picture), (whole.uncertainty, parts.uncertainty)):
        # One level of 65,535 is 1.5e-5 of the range: rounding may go either way.
        assert (a.levels.int() - b.levels.int()).abs().max() <= 1
        assert a.levels.int().float().std() > 0


@pytest.mark.parametrize("ensemble", [False, True])
def test_classes_are_the_most_likely_and_never_averaged(ensemble):
    network = ImageToImageArchitecture("unet", 6, 2).build(1, 4, 1)
    segmenter = Translator(Segment(4), network, PixelClasses((1, 8, 8), 4)).eval()
    made = predict_picture(
        segmenter, 1, picture(1, dtype=np.uint8), InferenceOptions(ensemble, side=16)
    )
    whole = predict_picture(
        segmenter, 1, picture(1, dtype=np.uint8), InferenceOptions(ensemble, side=128)
    )
    assert made.uncertainty is None and made.picture.levels.shape == (3, 45, 70)
    assert (made.picture.levels == whole.picture.levels).float().mean() > 0.999
    colours = {tuple(pixel) for pixel in made.picture.levels.flatten(1).T.tolist()}
    assert colours <= {(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)}


@pytest.mark.parametrize("factor", [2, 3])
def test_enlarged_pictures_and_alpha_have_the_scaled_size(factor):
    small = picture(3, dtype=np.uint8)
    alpha = torch.full((1, small.height, small.width), 200, dtype=torch.uint8)
    small = Picture(small.levels, alpha)
    large = predict_picture(model(3, Enlarge(factor)), 3, small, InferenceOptions(side=16)).picture
    assert large.levels.shape == (3, 45 * factor, 70 * factor)
    assert large.alpha.shape == (1, 45 * factor, 70 * factor)
    assert (large.alpha == 200).all() and large.depth == 8


@pytest.mark.parametrize("task", [Denoise(), Enlarge(2)])
def test_openvino_agrees_with_pytorch(task):
    small, network = picture(1), model(1, task)
    ours, theirs = (
        predict_picture(
            network, 1, small, InferenceOptions(side=16, backend=backend)
        ).picture.levels.int()
        for backend in ("torch", "openvino")
    )
    assert (ours - theirs).abs().max() <= 4  # of 65,535


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu():
    small, network = picture(1), model(1)
    here = predict_picture(network, 1, small, InferenceOptions(side=16)).picture.levels.int()
    there = predict_picture(
        network.cuda(), 1, small, InferenceOptions(side=16)
    ).picture.levels.int()
    assert (here - there).abs().max() <= 66  # of 65,535: convolutions may be in TF32


def test_grey_pictures_stay_grey_in_a_network_of_colours():
    assert predict_picture(model(3), 3, picture(1)).picture.channels == 1


def test_colours_are_an_error_for_a_grey_network():
    with pytest.raises(UserError, match=r"grey pictures.*received 3 channels"):
        predict_picture(model(1), 1, picture(3))


def test_an_ensemble_is_equivariant_to_rotations():
    denoiser, x = model(1), torch.rand(1, 1, 24, 24)
    ensemble = InferenceOptions(ensemble=True)
    backend = TorchBackend(denoiser)
    mean = predict_inputs(denoiser, backend, x, ensemble).mean
    rotated = predict_inputs(denoiser, backend, x.rot90(1, (-2, -1)), ensemble).mean
    assert torch.allclose(mean.rot90(1, (-2, -1)), rotated, atol=1e-6)
    alone = predict_inputs(denoiser, backend, x, InferenceOptions()).mean
    assert not torch.allclose(alone, mean, atol=1e-4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train a grey denoiser for two steps."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(4):
        levels = np.random.default_rng(number).integers(0, 256, (30, 40), dtype=np.uint8)
        Image.fromarray(levels).save(folder / f"{number}.png")
    return train(
        "denoise",
        data=str(folder),
        out=tmp_path_factory.mktemp("run") / "run",
        size=16,
        options=im.Options(steps=2, batch_size=2, validate_every=0, device="cpu"),
        arguments={"translation": ImageToImageArchitecture("restorer", width=4, depth=1)},
    )["run"]


@pytest.fixture
def photos(tmp_path):
    """Write two valid pictures, one in a subfolder, and a truncated one."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    levels = np.random.default_rng(9).integers(0, 65536, (33, 21)).astype(np.uint16)
    Image.fromarray(levels).save(folder / "deep.png")
    Image.fromarray((levels >> 8).astype(np.uint8)).save(folder / "sub" / "flat.jpg")
    whole = (folder / "deep.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder


def test_a_folder_is_processed_and_damaged_files_are_reported(run, photos, tmp_path):
    out = tmp_path / "out"
    result = apply(run, (photos,), out=out, prediction=PredictionOptions(uncertainty=True))
    assert [entry["input"] for entry in result["failed"]] == [str(photos / "cut.png")]
    assert len(result["done"]) == 2 and not (out / "cut.png").exists()
    deep = read(out / "deep.png")
    assert deep.depth == 16 and (deep.height, deep.width) == (33, 21)
    assert read(out / "sub" / "flat.jpg").depth == 8
    assert read(out / "deep-uncertainty.png").depth == 16
    assert not list(out.rglob("*.partial"))


def test_files_are_overwritten_only_on_request(run, photos, tmp_path):
    out = tmp_path / "out"
    apply(run, (photos / "deep.png",), out=out)
    before = (out / "deep.png").read_bytes()
    with pytest.raises(UserError, match="exists already"):
        apply(run, (photos / "deep.png",), out=out)
    assert (out / "deep.png").read_bytes() == before
    assert apply(run, (photos / "deep.png",), out=out, files=FileOptions(overwrite=True))["done"]


def test_a_run_of_another_model_is_an_error(tmp_path, photos):
    run = train(
        "linear-ae", data="digits", out=tmp_path / "run", options=im.Options(steps=2, device="cpu")
    )["run"]
    with pytest.raises(UserError, match="not an image-to-image model"):
        apply(run, (photos / "deep.png",), out=tmp_path / "out")


def test_the_noise_is_estimated_and_reported(run, tmp_path):
    levels = 128 + 20 * np.random.default_rng(1).normal(size=(128, 128))
    Image.fromarray(np.rint(levels).astype(np.uint8)).save(tmp_path / "noisy.png")
    result = apply(run, (tmp_path / "noisy.png",), out=tmp_path / "out")
    words = result["done"][0]["noise"]
    assert words.startswith("about sigma ") and 18 < float(words.split()[2]) < 22


def test_a_level_map_changes_the_result():
    network = model(1, Denoise(level_map=True), in_channels=2)
    quiet, loud = (
        predict_picture(
            network, 1, picture(1), InferenceOptions(strength=strength)
        ).picture.levels.int()
        for strength in (5.0, 60.0)
    )
    assert (quiet - loud).abs().max() > 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_are_processed_upright_and_written_in_their_orientation(orientation, dtype):
    stored = picture(3, 24, 36, dtype)
    exif = Image.Exif()
    exif[0x0112] = orientation
    metadata = Metadata(exif=exif.tobytes().removeprefix(b"Exif\0\0"))
    assert metadata.orientation == orientation
    levels = (stored.levels.int() * 255 // np.iinfo(dtype).max).byte()
    seen = Image.fromarray(levels.permute(1, 2, 0).numpy())
    seen.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(seen)).transpose(2, 0, 1)
    assert np.array_equal(rotate_and_flip(levels, UPRIGHT[orientation]), upright)
    denoiser = model(3)
    found = predict_picture(denoiser, 3, Picture(stored.levels, None, metadata)).picture
    whole = Picture(map_pixels(stored, lambda x: rotate_and_flip(x, UPRIGHT[orientation])).levels)
    expected = predict_picture(denoiser, 3, whole).picture
    back = map_pixels(found, lambda x: rotate_and_flip(x, UPRIGHT[orientation]))
    assert found.levels.shape == stored.levels.shape
    assert (back.levels.int() - expected.levels.int()).abs().max() <= 1


@pytest.mark.parametrize("task", [Denoise(level_map=True), Inpaint()])
def test_grey_pictures_stay_grey_with_further_input_channels(task):
    grey = picture(1)
    alpha = torch.full((1, grey.height, grey.width), 65535).to(torch.uint16)
    alpha.view(torch.int16)[:, 4:9, 4:9] = 0
    made = predict_picture(model(3, task, "unet", in_channels=4), 3, Picture(grey.levels, alpha))
    assert made.picture.channels == 1


def test_only_holes_become_opaque_and_have_uncertainty():
    whole = picture(3, dtype=np.uint8)
    alpha = torch.full((1, whole.height, whole.width), 255, dtype=torch.uint8)
    alpha[:, :5] = 128
    alpha[:, 10:20, 30:50] = 0
    made = predict_picture(
        model(3, Inpaint(), "unet", in_channels=4), 3, Picture(whole.levels, alpha)
    )
    assert (made.picture.alpha[:, :5] == 128).all()
    assert (made.picture.alpha[:, 5:] == 255).all()
    uncertainty = made.uncertainty.levels.int()
    assert (uncertainty[alpha != 0] == 0).all() and (uncertainty[alpha == 0] > 0).all()


def test_only_holes_are_filled():
    whole = picture(3, dtype=np.uint8)
    alpha = torch.full((1, whole.height, whole.width), 255, dtype=torch.uint8)
    alpha[:, 10:20, 30:50] = 0
    filled = predict_picture(
        model(3, Inpaint(), "unet", in_channels=4),
        3,
        Picture(whole.levels, alpha),
        InferenceOptions(side=16),
    ).picture
    same = (filled.levels == whole.levels).all(0)
    assert filled.alpha is None
    assert same[alpha[0] == 255].all() and not same[alpha[0] == 0].all()
    with pytest.raises(UserError, match="nothing is missing"):
        predict_picture(model(3, Inpaint(), "unet", in_channels=4), 3, whole)


@pytest.mark.parametrize(("error", "accepted"), [(1e-3, True), (0.5, False)])
def test_bfloat16_is_used_only_if_its_error_is_small(error, accepted):
    class Stub(Backend):
        def predict(self, inputs, precision):
            off = 0.0 if precision == torch.float32 else error
            return Prediction(inputs + off, torch.full_like(inputs, 0.1))

    rounded = InferenceOptions(precision=torch.bfloat16)
    selected = select_precision(model(1), Stub(), 1, picture(1), rounded)
    assert (selected == torch.bfloat16) is accepted


def test_a_strength_that_is_not_used_is_an_error(run, photos, tmp_path):
    with pytest.raises(UserError, match="leave --strength out"):
        apply(
            run,
            (photos / "deep.png",),
            out=tmp_path / "out",
            prediction=PredictionOptions(strength=25),
        )


def test_a_page_shows_pictures_before_and_after(run, photos, tmp_path):
    out = tmp_path / "out"
    result = apply(
        run, (photos / "deep.png", photos / "sub"), out=out, files=FileOptions(page=True)
    )
    html = (out / "before-after.html").read_text()
    assert result["page"] == str(out / "before-after.html")
    assert html.count("data:image/png") == 4 and html.count('type="range"') == 2
    assert "http" not in html.replace("http-equiv", "") and "sigma" in html
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "before-after.html").write_text("mine")
    with pytest.raises(UserError, match=r"before-after\.html exists already"):
        apply(run, (photos / "sub",), out=tmp_path / "other", files=FileOptions(page=True))


@pytest.mark.parametrize("factor", [1, 3])
def test_the_page_shows_the_same_place_before_and_after(factor):
    small = picture(1, 800, 1100, np.uint8)
    large = Picture(small.levels.repeat_interleave(factor, 1).repeat_interleave(factor, 2))
    pair = compare_centres("name", "words", small, large)
    assert np.array_equal(np.asarray(pair.before), np.asarray(pair.after))
    assert pair.before.size == (960, 720)


def test_other_files_are_reported_and_the_rest_are_processed(run, photos, tmp_path):
    (photos / "moving.gif").write_bytes(b"GIF89a")
    result = apply(run, (photos / "moving.gif", photos / "deep.png"), out=tmp_path / "out")
    assert [Path(entry["input"]).name for entry in result["done"]] == ["deep.png"]
    assert "moving.gif is not a picture" in result["failed"][0]["reason"]


def test_existing_results_are_skipped_on_request(run, photos, tmp_path):
    out = tmp_path / "out"
    apply(run, (photos / "deep.png",), out=out)
    before = (out / "deep.png").read_bytes()
    with pytest.raises(UserError, match="exists already"):
        apply(run, (photos / "deep.png",), out=out)
    assert (
        apply(run, (photos / "deep.png",), out=out, files=FileOptions(skip_existing=True))["done"]
        == []
    )
    assert (out / "deep.png").read_bytes() == before
    with pytest.raises(UserError, match="exclude each other"):
        FileOptions(skip_existing=True, overwrite=True)


def test_an_ensemble_of_classes_keeps_the_sky_above():
    """The network sees the picture and its mirror image, none upside down."""
    seen = []

    class Stub(Backend):
        def predict(self, inputs, precision):
            seen.append(inputs)
            return Prediction(inputs.repeat(1, 2, 1, 1).softmax(1))

    x = torch.rand(1, 1, 8, 8)
    network = ImageToImageArchitecture("unet", 6, 2).build(1, 2, 1)
    segmenter = Translator(Segment(2), network, PixelClasses((1, 8, 8), 2)).eval()
    predict_inputs(segmenter, Stub(), x, InferenceOptions(ensemble=True))
    assert len(seen) == 2 and torch.equal(seen[0], x) and torch.equal(seen[1], x.flip(-1))


def test_a_map_replaces_no_picture(run, photos, tmp_path):
    """One input has the name of another's map."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "a-uncertainty.png"):
        (folder / name).write_bytes((photos / "deep.png").read_bytes())
    inputs = (folder / "a.png", folder / "a-uncertainty.png")
    for place in (folder, tmp_path / "out"):
        files = FileOptions(overwrite=True, ending=".tif" if place == folder else None)
        with pytest.raises(UserError, match=r"a picture's name too|itself an input"):
            apply(
                run, inputs, out=place, prediction=PredictionOptions(uncertainty=True), files=files
            )
    assert (folder / "a-uncertainty.png").read_bytes() == (photos / "deep.png").read_bytes()


def test_a_picture_without_its_map_is_processed_again(run, photos, tmp_path):
    out = tmp_path / "out"
    apply(run, (photos / "deep.png",), out=out, prediction=PredictionOptions(uncertainty=True))
    (out / "deep-uncertainty.png").unlink()
    files = FileOptions(skip_existing=True, page=True)
    arguments = {"out": out, "prediction": PredictionOptions(uncertainty=True), "files": files}
    assert len(apply(run, (photos / "deep.png",), **arguments)["done"]) == 1
    again = apply(run, (photos / "deep.png",), **arguments)
    assert again["done"] == [] and again["there_already"] == 1
    assert (out / "deep-uncertainty.png").exists() and Path(again["page"]).exists()


def test_equal_channels_use_the_grey_network(run, photos, tmp_path):
    grey = np.random.default_rng(3).integers(0, 256, (20, 24), dtype=np.uint8)
    Image.fromarray(grey).save(photos / "one.png")
    Image.fromarray(np.stack([grey] * 3, -1)).save(photos / "three.png")
    apply(run, (photos / "one.png", photos / "three.png"), out=tmp_path / "out")
    one, three = (read(tmp_path / "out" / name).levels for name in ("one.png", "three.png"))
    assert torch.equal(three, one.expand(3, -1, -1))


def test_resuming_replaces_nothing(run, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "deep.png").write_bytes(b"mine")
    maps, resume = PredictionOptions(uncertainty=True), FileOptions(skip_existing=True)
    apply(run, (photos / "deep.png",), out=out, prediction=maps, files=resume)
    assert (out / "deep.png").read_bytes() == b"mine" and (out / "deep-uncertainty.png").exists()
    (out / "before-after.html").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        apply(
            run, (photos / "deep.png",), out=out, files=FileOptions(skip_existing=True, page=True)
        )


def test_classes_are_not_blended_by_jpeg(tmp_path):
    from immersion.inference.plan import check_lossless

    with pytest.raises(UserError, match=r"JPEG would blend.*pass --ending \.png"):
        check_lossless([tmp_path / "a.png", tmp_path / "b.JPG"])


def test_undecodable_names_are_reported_and_the_rest_are_processed(run, photos, tmp_path):
    bad = os.fsencode(photos) + b"/bad\xff.png"
    with open(bad, "wb") as file:
        file.write((photos / "deep.png").read_bytes())
    result = apply(run, (photos,), out=tmp_path / "out")
    assert len(result["done"]) == 2
    assert any("is not valid text" in entry["reason"] for entry in result["failed"])
    json.dumps(result, ensure_ascii=False).encode()


def test_pictures_with_equal_stems_have_a_map_each(run, photos, tmp_path):
    Image.open(photos / "sub" / "flat.jpg").save(photos / "flat.png")
    inputs = (photos / "sub" / "flat.jpg", photos / "flat.png", photos / "deep.png")
    apply(run, inputs, out=tmp_path / "out", prediction=PredictionOptions(uncertainty=True))
    names = {path.name for path in (tmp_path / "out").glob("*uncertainty.png")}
    assert names == {f"{name}-uncertainty.png" for name in ("flat.jpg", "flat.png", "deep")}
