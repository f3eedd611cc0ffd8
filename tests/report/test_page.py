import base64
import re
from html.parser import HTMLParser

import pytest
import torch

from immersion.likelihoods import LIKELIHOODS
from immersion.models import VAE, Autoencoder
from immersion.models.codes import encode_means, sample_means
from immersion.nn import Architecture
from immersion.report import contents, figures, image_grid, labels, text
from immersion.report.markup import VOID
from immersion.report.page import write_report
from immersion.run_folder import RunFolder
from immersion.run_record import RunRecord
from immersion.runs import decoded_images

SHAPE = (1, 8, 8)
HOSTILE = '<script>alert("1")</script>&<img src=http://evil.example/x.png>'


def record(recipe="vae", name="digits", **more):
    return {
        "recipe": recipe,
        "model": {"generative": recipe == "vae"},
        "arguments": {"latent_dim": 2, "architecture": {"kind": "dense", "width": 16}},
        "data": {
            "source": name,
            "size": None,
            "spec": {"name": name, "shape": SHAPE, "values": "unit", "classes": ["0", "1"]},
            "checksums": {"train.gz": "sha256:0123"},
            "note": "as the files hold them",
        },
        "options": {"steps": 300, "batch_size": 10},
        "precision": "float32",
        "device": "cpu",
        "versions": {"torch": "2.13.0"},
        "machine": "a processor",
        "created": "2026-01-01T00:00:00+00:00",
        "command": "immersion train vae --data 'my data'",
        "outcome": {"step": 300, "reason": "finished", "seconds": 250.0},
        **more,
    }


EVALUATION = {
    "protocol": {"split": "test", "codes": 1},
    "estimates": {
        "elbo": {"value": -101.23, "standard_error": 0.31, "examples": 1000, "unit": "nats"},
        "new_one": {"value": 2.0, "standard_error": 0.2, "examples": 7, "unit": "parsec"},
    },
    "kl_per_unit": [3.0, 0.0],
    "active_units": 1,
}


def write_run(path, kind=VAE, **more):
    """Write a whole run of a tiny model."""
    recipe = "vae" if kind is VAE else "ae"
    folder = RunFolder(path)
    folder.write_record(RunRecord.from_json(record(recipe, **more)))
    for step in range(1, 30):
        terms = {"loss": 100 / step, "elbo": -100 / step, "kl": 3.0}
        folder.append_metrics({"step": step, "split": "train", "seconds": 0.1, **terms})
    folder.write_json("evaluation.json", EVALUATION)
    torch.manual_seed(0)
    model = kind.build(SHAPE, 2, LIKELIHOODS["bernoulli"](SHAPE), Architecture("dense", 16)).eval()
    x = torch.rand(6, *SHAPE)
    for name, image in (
        ("samples.png", image_grid.make_grid(sample_means(model, 4, 0), 2)),
        ("reconstructions.png", decoded_images.draw_reconstructions(model, x, 3)),
        ("my own.png", image_grid.make_grid(x, 3)),
    ):
        folder.write(f"samples/{name}", lambda file, image=image: image.save(file, format="PNG"))
    scatter = figures.latent_scatter(encode_means(model, x), None, ()).svg
    folder.write("samples/latent.svg", lambda file: file.write_text(scatter))
    return folder


class Page(HTMLParser):
    """What a page holds: its tags with attributes, its text, and the headings."""

    def __init__(self, folder, *others):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.source = write_report(folder, others).read_text()
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("kind", [VAE, Autoencoder])
def test_nothing_is_loaded_and_every_element_is_closed(tmp_path, kind):
    page = Page(write_run(tmp_path / "a", kind), write_run(tmp_path / "b"))
    assert page.open == []
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "poster", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), value
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    styles = " ".join(re.findall(r"<style.*?</style>", page.source, re.S))
    assert "@import" not in styles
    assert not re.search(r"url\(\s*['\"]?(?!#)", page.source)
    policy = next(meta for meta in page.all("meta") if "http-equiv" in meta)["content"]
    assert "default-src 'none'" in policy


def test_pictures_are_in_the_file_with_what_they_show_in_words(tmp_path):
    folder = write_run(tmp_path)
    page = Page(folder)
    images = page.all("img")
    assert len(images) == 4
    assert all(image["alt"] for image in images)
    bytes_ = {base64.b64decode(image["src"].split(",")[1]) for image in images}
    assert bytes_ == {file.read_bytes() for file in folder.samples.iterdir()}
    for name in ("reconstructions", "samples", "latent"):
        assert labels.CAPTIONS[name][1] in page.text
    assert "my own" in page.text  # a name without a caption


def test_a_hostile_name_stays_text(tmp_path):
    folder = write_run(tmp_path, name=HOSTILE, command=HOSTILE, machine=HOSTILE)
    page = Page(folder)
    assert page.text.count(HOSTILE) >= 3
    assert not page.all("script")
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert page.open == []


def test_the_numbers_have_errors_units_and_counts(tmp_path):
    text = Page(write_run(tmp_path)).text
    assert "A VAE with 2 latents, trained for 300 steps on digits in 4 min 10 s; " in text
    assert "test ELBO −101.2 ± 0.3 nats." in text
    for expected in ("1,000", "new_one", "2.0 ± 0.2", "parsec", "split test, codes 1", "of 2"):
        assert expected in text
    for expected in ("architecture.width", "sha256:0123", "2.13.0", "a processor", "batch_size"):
        assert expected in text
    assert "immersion train vae --data 'my data'" in text


@pytest.mark.parametrize("folder", ["pictures", "evaluation", "metrics", "all"])
def test_what_is_missing_is_left_out(tmp_path, folder):
    run = write_run(tmp_path)
    if folder in ("pictures", "all"):
        for file in run.samples.iterdir():
            file.unlink()
    if folder in ("evaluation", "all"):
        (run.path / "evaluation.json").unlink()
    if folder in ("metrics", "all"):
        run.metrics_file.unlink()
    page = Page(run)
    assert page.open == []
    assert ("not evaluated yet" in page.text) == (folder in ("evaluation", "all"))
    assert bool(page.all("img")) == (folder not in ("pictures", "all"))


def test_a_half_written_picture_is_not_shown(tmp_path):
    run = write_run(tmp_path)
    (run.samples / ".123.samples.png").write_bytes(b"half")
    assert len(Page(run).all("img")) == 4


def test_a_record_of_the_least_is_enough(tmp_path):
    run = RunFolder(tmp_path)
    data = {"spec": {"name": "x", "shape": [3]}}
    run.write_record(RunRecord.from_json({"recipe": "something", "data": data}))
    run.write_json("evaluation.json", {"estimates": {"elbo": {"value": 1.0}}})
    assert "A something, in training, step 0 on x; test ELBO 1.0000." in Page(run).text


def test_an_autoencoder_is_said_not_to_be_generative(tmp_path):
    page = Page(write_run(tmp_path, Autoencoder))
    assert "Not a generative model" in page.text
    assert labels.NOT_GENERATIVE in page.text
    assert len(page.all("img")) == 4
    assert labels.CAPTIONS["samples"][1] not in page.text
    assert "Not a generative model" not in Page(write_run(tmp_path / "vae")).text


def test_beside_shows_the_other_runs_pictures_and_numbers(tmp_path):
    ae, vae = write_run(tmp_path / "first", Autoencoder), write_run(tmp_path / "second")
    better = {"value": -90.0, "standard_error": 0.2, "unit": "nats"}
    vae.write_json("evaluation.json", {"estimates": {"elbo": better}})
    page = Page(ae, vae)
    assert len(page.all("img")) == 8
    assert "−101.2 ± 0.3" in page.text
    assert "−90.0 ± 0.2" in page.text
    assert "The same from second (VAE)" in page.text
    assert (tmp_path / "first" / "report.html").is_file()
    assert not (tmp_path / "second" / "report.html").exists()
    other = Page(ae, write_run(tmp_path / "third", Autoencoder))
    assert "The same from" not in other.text  # it has no prior either


def test_any_number_of_runs_are_compared(tmp_path):
    runs = [write_run(tmp_path / name / "run") for name in "abcd"]
    for i, run in enumerate(runs):
        value = {"value": -100.0 - i, "standard_error": 0.2, "unit": "nats", "examples": 9}
        run.write_json("evaluation.json", {"estimates": {"elbo": value}})
        options = {"steps": 300, "batch_size": 10 + i}
        run.write_record(RunRecord.from_json(record(options=options)))
    page = Page(*runs)
    assert page.open == [] and len(page.all("img")) == 16
    columns = [cell["data-column"] for cell in page.all("td") if "data-column" in cell]
    labels = [f"{name}/run (VAE)" for name in "abcd"]  # the names of the folders are the same
    assert columns[:6] == [*labels, "unit", "n"]
    for i in range(4):
        assert f"−{100 + i}.0 ± 0.2" in page.text
    settings = page.text.partition("Settings")[2]
    different, _, same = settings.partition("The same in all")
    assert "batch_size10111213" in different and "steps" not in different
    assert "batch_size" not in same and "recipevae" in same and "steps300" in same
    legend = page.source.partition('class="legend"')[2].partition("</ul>")[0]
    assert re.findall(r"</svg>([^<]+)<", legend) == labels
    assert page.source.count("ELBO, nats</text>") == 1  # one panel with all runs


def test_a_run_that_is_compared_with_itself_has_two_names(tmp_path):
    run = write_run(tmp_path / "run")
    assert "run (2) (VAE)" in Page(run, run).text


def test_the_page_of_a_run_in_training_says_how_far_it_is_and_reloads(tmp_path):
    run = write_run(tmp_path, outcome=None)
    (run.path / "evaluation.json").unlink()
    page = Page(run)
    assert "A VAE with 2 latents, in training, step 29 of 300 on digits." in page.text
    assert {"http-equiv": "refresh", "content": "15"} in page.all("meta")
    run.write_record(RunRecord.from_json(record()))
    page = Page(run)
    assert "in training" not in page.text and "not evaluated yet" in page.text
    assert not [meta for meta in page.all("meta") if meta.get("http-equiv") == "refresh"]


def test_the_page_of_a_run_that_has_just_begun(tmp_path):
    """The record is written before the first step: there are no metrics and no pictures."""
    run = RunFolder(tmp_path)
    run.write_record(RunRecord.from_json(record(outcome=None)))
    page = Page(run)
    assert page.open == [] and "in training, step 0 of 300" in page.text
    run.append_metrics({"step": 100, "split": "train", "seconds": 2.5, "loss": 1.0})
    page = Page(run)
    assert "step 100 of 300" in page.text and "2.5 s" in page.text
    assert "<svg" not in page.source and labels.FEW_VALUES.format(step="100") in page.text


def test_a_run_of_one_line_has_a_table_of_its_values_and_no_empty_panel(tmp_path):
    run = write_run(tmp_path)
    run.truncate_metrics(1)
    look = {"loss": 101.5, "elbo": -101.5}
    run.append_metrics({"step": 1, "split": "validation", "seconds": 0.1, **look})
    page = Page(run)
    assert page.source.count("<svg") == 1  # the KL of each unit
    assert labels.FEW_VALUES.format(step=1) in page.text
    assert "ELBO, nats−100−101.5" in page.text and "KL(q(z|x) || p(z)), nats3" in page.text


def test_a_drawing_cannot_run_scripts(tmp_path):
    run = write_run(tmp_path)
    bad = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    run.write("samples/bad.svg", lambda file: file.write_text(bad))
    page = Page(run)
    assert not page.all("script")  # it is an image, in which browsers run nothing
    assert len(page.all("img")) == 5


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (-101.234, 0.3456, "−101.2 ± 0.3"),
        (-119.94, 1.44, "−119.9 ± 1.4"),
        (12345.6, 31.0, "12,346 ± 31"),
        (0.20871, 0.0021, "0.209 ± 0.002"),
        (2.0, 0.0, "2.0000"),
        (2.0, None, "2.0000"),
        (2.0, 0.0996, "2.00 ± 0.10"),
        (24.59962475, 1.4e-9, "24.599625 ± 1e−9"),
    ],
)
def test_numbers_are_rounded_to_their_error(value, error, expected):
    estimate = {"value": value, "standard_error": error, "unit": "nats"}
    assert text.format_estimate(estimate) == expected + " nats"
    assert text.format_estimate(estimate, unit=False) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(59.99, "1 min 0 s"), (3599.9, "1 h 0 min"), (0.04, "0.0 s"), (86_400, "24 h 0 min")],
)
def test_durations_carry_over(seconds, expected):
    assert text.format_duration(seconds) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"step": 1200, "reason": "early", "seconds": 5}, "stopped early after 1,200 steps"),
        ({"step": 10, "reason": "interrupted", "seconds": 5}, "interrupted after 10 steps"),
        (None, "in training on digits."),
    ],
)
def test_the_sentence_says_how_training_ended(outcome, expected):
    assert expected in text.summarise_run(RunRecord.from_json(record(outcome=outcome)), None)


def test_a_path_is_named_by_its_last_part():
    assert text.name_data(RunRecord.from_json(record(name="/home/someone/photos"))) == "photos"


def test_estimates_are_named_by_measure_and_setting(tmp_path):
    """Those of earlier versions too, whose names hold both."""
    run = write_run(tmp_path)
    psnr = {"value": 29.82, "standard_error": 0.38, "examples": 12, "unit": "dB"}
    nested = {"sigma_25": {"psnr": psnr, "psnr_before": psnr | {"value": 20.17}}}
    earlier = {"psnr_sigma_25": psnr, "psnr_before_sigma_25": psnr | {"value": 20.17}}
    pages = []
    for estimates in (nested, earlier):
        run.write_json("evaluation.json", {"estimates": estimates})
        pages.append(Page(run).text)
    assert pages[0] == pages[1]
    assert "test PSNR, sigma 25 29.8 ± 0.4 dB" in pages[0]
    assert "PSNR before, sigma 25" in pages[0] and "20.2 ± 0.4" in pages[0]


def test_the_film_of_a_training_is_shown_or_its_last_picture(tmp_path, monkeypatch):
    run = write_run(tmp_path)
    grids = [image_grid.make_grid(torch.full((1, *SHAPE), level), 1) for level in (0.1, 0.5, 0.9)]
    for step, grid in enumerate(grids):
        name = f"samples/progress/{100 * step:08d}.png"
        run.write(name, lambda file, grid=grid: grid.save(file, format="PNG"))

    def shown():
        images = Page(run).all("img")
        (found,) = [
            i["src"] for i in images if i["alt"].startswith(labels.CAPTIONS["progress"][0])
        ]
        return base64.b64decode(found.partition(",")[2])

    last = run.samples / "progress" / "00000200.png"
    assert shown() == last.read_bytes()
    film = run.samples / "progress.gif"
    grids[0].save(film, save_all=True, append_images=grids[1:])
    assert shown() == film.read_bytes()
    monkeypatch.setattr(contents, "FILM_BYTES", film.stat().st_size - 1)
    assert shown() == last.read_bytes()
