"""The report of a game: curves that can be read, captions of a GAN, its health."""

from test_figures import texts
from test_page import Page, record

from immersion.report import labels
from immersion.report.curves import draw_curves
from immersion.run_folder import RunFolder
from immersion.run_record import RunRecord


def rows(penalty=0.1):
    played = []
    for step in range(1, 41):
        terms = {
            "discriminator/loss": 1.3 + 0.01 * step,
            "discriminator/value": -1.3 - 0.001 * step,
            "discriminator/accuracy": 0.7,
            "discriminator/real": 0.2,
            "discriminator/fake": -0.2,
            "discriminator/penalty": penalty,
            "discriminator/gradient_norm": 10.0**-step,
            "generator/loss": 0.7,
            "generator/saturated": 0.0,
            "generator/gradient_norm": 0.0,
        }
        played.append({"step": step, "split": "train", "seconds": 0.1, **terms})
        if step % 10 == 0:
            look = {"loss": 1.2, "value": -1.35, "accuracy": 0.6, "real": 0.1, "fake": -0.2}
            played.append({"step": step, "split": "validation", "seconds": 0.1, **look})
    return played


def test_what_players_share_has_one_panel():
    drawn = draw_curves(rows())
    written = texts(drawn)
    assert drawn.count("<svg") == 6  # V, accuracy, logits, losses, norms, penalty
    for title in ("value of the game V(D, G), nats", "discriminator's logits C(x)"):
        assert title in written
    assert {"losses, each player's own", "norms of the gradients"} <= set(written)
    assert draw_curves(rows(penalty=0.0)).count("<svg") == 5


def test_chance_level_is_marked():
    written = texts(draw_curves(rows()))
    assert "−log 4: the discriminator is at chance" in written
    assert "½: the discriminator is at chance" in written


def test_validation_is_drawn_only_where_it_compares_with_training():
    drawn = draw_curves(rows()).split("<svg")[1:]
    assert "validation" in texts("<svg" + drawn[0])
    assert "validation" not in texts("<svg" + drawn[3])  # losses: those of looks lack penalties


def test_norms_of_many_sizes_and_of_zero_are_drawn():
    norms = next(text for text in draw_curves(rows()).split("<svg") if "norms of" in text)
    assert "mathdefault" not in norms


def gan_run(path, **more):
    folder = RunFolder(path)
    kept = {name: value for name, value in record("gan").items() if name != "model"}
    kept["model"] = {"generative": True, "latent_dim": 64}
    folder.write_record(RunRecord.from_json(kept | more))
    for row in rows():
        folder.append_metrics(row)
    share = {"standard_error": 0.01, "examples": 500, "unit": "share"}
    estimates = {
        "frechet": {"value": 3.21, "standard_error": 0.1, "examples": 500, "unit": "squared"},
        "precision": {"value": 0.91, **share},
        "recall": {"value": 0.42, **share},
    }
    protocol = {"compared": "the first 500", "extractor": {"name": "pca", "features": 64}}
    folder.write_json("evaluation.json", {"estimates": estimates, "sample_protocol": protocol})
    finding = {"name": "mode <collapse>", "sentence": "A & B.", "remedy": "pack"}
    folder.write_json("health.json", {"findings": [{**finding, "severity": "failure"}]})
    return folder


def test_the_page_of_a_gan_says_what_it_is_and_how_it_fares(tmp_path):
    page = Page(gan_run(tmp_path))
    assert page.open == [] and not page.all("script")
    assert "GAN on digits" in page.text
    assert "mode <collapse>" in page.text and "A & B." in page.text and "pack." in page.text
    for said in ("0.910 ± 0.010", "0.420 ± 0.010", "3.21 ± 0.10", "the first 500"):
        assert said in page.text
    assert labels.CURVES_OF_A_GAME in page.text


def test_a_gans_pictures_have_captions_of_their_own(tmp_path):
    folder = gan_run(tmp_path)
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    folder.write("samples/samples.svg", lambda path: path.write_text(drawing))
    text = Page(folder).text
    assert labels.CAPTIONS_OF_A_GAN["samples"][1] in text
    assert labels.CAPTIONS["samples"][1] not in text


def test_a_run_that_diverged_says_so(tmp_path):
    outcome = {"step": 7, "reason": "diverged", "message": "", "seconds": 1.0}
    assert "diverged after 7 steps" in Page(gan_run(tmp_path, outcome=outcome)).text
