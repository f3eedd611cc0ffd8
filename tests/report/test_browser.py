"""Reports in a real browser: what the pointer shows is what the model decodes."""

import itertools
import json
import shutil

import numpy as np
import pytest
import torch

from immersion.models.codes import decode_means, manifold_codes
from immersion.report import page as report_page
from immersion.report.page import write_report
from immersion.run_folder import RunFolder
from immersion.runs.load import load_run

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install '.[browser]'"
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

SIDE, CELL = 40, 14
"""Images along each side of the grid, and the pixels of a cell in `pin`."""

PIXELS = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  return Array.from(context.getImageData(0, 0, copy.width, copy.height).data);
}"""

OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll("body *")].filter((each) => {
    const box = each.getBoundingClientRect();
    const scrolls = getComputedStyle(each).overflowX !== "visible";
    return box.width && (box.right > width + 1 || box.left < -1)
      || scrolls && each.scrollWidth > each.clientWidth + 1;
  });
  const found = wide.map((each) => each.outerHTML.slice(0, 80));
  return [document.documentElement.scrollWidth - width, found];
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Return a function that opens a file; fails if the page complains about anything."""
    complaints, contexts = [], []

    def open_page(path, width=1200, dark=False, **options):
        scheme = "dark" if dark else "light"
        size = {"width": width, "height": 1000}
        context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url[:80]))
        page.goto(path.as_uri())
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def decoded(trained):
    """Return what the trained model decodes on the grid, (40, 40, H, W, 3) bytes."""
    x = decode_means(load_run(trained).decoder, manifold_codes(2, SIDE))
    levels = (x.expand(-1, 3, -1, -1) * 255).round().byte().permute(0, 2, 3, 1)
    return levels.reshape(SIDE, SIDE, *levels.shape[1:]).numpy()


def pin(page, kind):
    """Return a figure, moved to the corner of the window: its cells have whole pixels."""
    figure = page.locator(f"[data-{kind}]")
    width = SIDE * CELL
    style = f"position: fixed; z-index: 9; left: 0; top: 0; width: {width}px; margin: 0"
    figure.evaluate(f"each => each.style = '{style}'")
    return figure


def read(figure):
    """Return the pixels of a figure's canvas, (H, W, 3)."""
    canvas = figure.locator("canvas")
    height, width = (canvas.evaluate(f"each => each.{side}") for side in ("height", "width"))
    return np.array(canvas.evaluate(PIXELS)).reshape(height, width, 4)[..., :3]


def centre(row, column):
    return CELL * column + CELL // 2, CELL * row + CELL // 2


def wait_until_ready(figure):
    figure.locator(".view").wait_for(state="visible")


def test_dragging_shows_the_decoded_image_at_every_point_of_the_grid(visit, trained, decoded):
    page = visit(trained / "report.html")
    figure = pin(page, "manifold")
    wait_until_ready(figure)
    assert np.array_equal(read(figure), decoded[SIDE // 2, SIDE // 2])
    page.mouse.move(*centre(30, 4))
    page.mouse.down()
    seen = []
    for row, column in ((30, 4), (3, 4), (3, 36), (39, 39), (0, 0)):
        page.mouse.move(*centre(row, column), steps=6)
        assert np.array_equal(read(figure), decoded[row, column]), (row, column)
        seen.append(read(figure))
    page.mouse.up()
    assert all((a != b).any() for a, b in itertools.pairwise(seen))
    codes = manifold_codes(2, SIDE).reshape(SIDE, SIDE, 2)
    values = [float(text.replace("−", "-")) for text in figure.locator("output").all_inner_texts()]
    assert values == pytest.approx(codes[0, 0].tolist(), abs=0.006)


def find_steepest(decoded):
    """Return the point of the grid from which the image changes most, in both directions."""
    levels = decoded[..., 0].astype(int)
    down, right = (np.abs(np.diff(levels, axis=axis)).max((2, 3)) for axis in (0, 1))
    change = np.minimum(down[:, :-1], right[:-1])
    assert change.max() > 10  # much more than the rounding of a canvas
    row, column = np.unravel_index(change.argmax(), change.shape)
    return int(row), int(column)


@pytest.mark.parametrize(("across", "down"), [(5, 0), (0, 9), (3, 11), (13, 13)])
def test_between_the_points_it_is_blended_from_four(visit, trained, decoded, across, down):
    page = visit(trained / "report.html")
    figure = pin(page, "manifold")
    wait_until_ready(figure)
    row, column = find_steepest(decoded)
    x, y = centre(row, column)
    page.mouse.move(x + across, y + down)
    a, b = across / CELL, down / CELL
    near = decoded[row : row + 2, column : column + 2].astype(float)
    weights = np.outer([1 - b, b], [1 - a, a])
    expected = np.tensordot(weights, near, axes=2)
    assert np.abs(read(figure) - expected).max() <= 3  # canvases round each time to whole levels
    codes = manifold_codes(2, SIDE).reshape(SIDE, SIDE, 2)
    z = np.tensordot(weights, codes[row : row + 2, column : column + 2].numpy(), axes=2)
    shown = [float(text.replace("−", "-")) for text in figure.locator("output").all_inner_texts()]
    assert shown == pytest.approx(z.tolist(), abs=0.006)


def test_outside_the_map_a_drag_stays_at_its_border(visit, trained, decoded):
    page = visit(trained / "report.html")
    figure = pin(page, "manifold")
    wait_until_ready(figure)
    page.mouse.move(*centre(5, 38))
    page.mouse.down()
    page.mouse.move(SIDE * CELL + 300, centre(5, 0)[1])
    assert np.array_equal(read(figure), decoded[5, SIDE - 1])


def test_keys_move_over_the_manifold(visit, trained, decoded):
    page = visit(trained / "report.html")
    figure = pin(page, "manifold")
    wait_until_ready(figure)
    across, up = figure.locator("input").all()
    across.focus()
    for _ in range(8):  # four steps to the next image
        page.keyboard.press("ArrowRight")
    assert np.array_equal(read(figure), decoded[SIDE // 2, SIDE // 2 + 2])
    up.focus()
    page.keyboard.press("End")  # the largest z₂ is at the top
    assert np.array_equal(read(figure), decoded[0, SIDE // 2 + 2])
    assert float(up.get_attribute("aria-valuetext").replace("−", "-")) > 2


def test_a_finger_moves_over_the_manifold(visit, trained, decoded):
    page = visit(trained / "report.html", has_touch=True)
    figure = pin(page, "manifold")
    wait_until_ready(figure)
    for row, column in ((33, 2), (6, 20)):
        page.touchscreen.tap(*centre(row, column))
        assert np.array_equal(read(figure), decoded[row, column])


def test_a_code_that_is_pointed_at_shows_its_example(visit, trained):
    page = visit(trained / "report.html")
    figure = pin(page, "points")
    data = json.loads(figure.get_attribute("data-points"))
    across = data["across"][0] * np.array(data["x"]) + data["across"][1]
    down = data["down"][0] * np.array(data["y"]) + data["down"][1]
    box = figure.locator(".map").bounding_box()
    places = np.stack([across * box["width"], down * box["height"]], axis=1)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(len(places))
    x, y = load_run(trained).data.test.batch(torch.arange(len(places)))
    for i in np.argsort(-apart.min(1))[:3]:  # those that stand alone
        page.mouse.move(*places[i])
        note = figure.locator(".note")
        assert note.locator("b").inner_text() == str(int(y[i]))
        coordinates = f"z₁ = {data['x'][i]:.2f}, z₂ = {data['y'][i]:.2f}".replace("-", "−")
        assert note.locator("span").inner_text() == coordinates
        assert np.array_equal(read(figure)[..., 0], (x[i, 0] * 255).round().numpy())
        inside = note.bounding_box()
        assert inside["x"] >= 0 and inside["x"] + inside["width"] <= box["width"] + 1
    page.mouse.move(1000, 900)
    assert not figure.locator(".note").is_visible()


def test_keys_go_from_example_to_example(visit, trained):
    page = visit(trained / "report.html")
    figure = pin(page, "points")
    data = json.loads(figure.get_attribute("data-points"))
    figure.locator(".map[tabindex]").focus()
    for key, i in (("ArrowRight", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", -1)):
        page.keyboard.press(key)
        expected = data["classes"][data["labels"][i]]
        assert figure.locator(".note b").inner_text() == expected
    page.keyboard.press("Escape")
    assert not figure.locator(".note").is_visible()


def test_no_other_script_runs(visit, trained):
    page = visit(trained / "report.html")
    page.evaluate(
        "() => { const s = document.createElement('script');"
        "s.textContent = 'window.smuggled = true'; document.body.append(s); }"
    )
    assert page.evaluate("window.smuggled") is None
    (complaint,) = visit.complaints
    assert "Content Security Policy" in complaint
    visit.complaints.clear()


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_cut_at_any_width(visit, trained, tmp_path, width, dark):
    """Alone and next to others, with names that have no place to break a line."""
    folders = [tmp_path / name for name in ("a" * 60, "second", "third")]
    for folder in folders:
        shutil.copytree(trained, folder)
    runs = [RunFolder(folder) for folder in folders]
    for path in (trained / "report.html", write_report(runs[0], runs[1:])):
        assert visit(path, width, dark).evaluate(OVERFLOW) == [0, []]


def test_the_page_of_a_run_in_training_follows_it(visit, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(report_page, "REFRESH", 1)
    shutil.copytree(trained, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    done = json.loads((run.path / "run.json").read_text())
    run.write_json("run.json", done | {"outcome": None})
    run.truncate_metrics(100)
    page = visit(write_report(run))
    assert "in training, step 100 of 300" in page.inner_text(".lede")
    run.append_metrics({"step": 200, "split": "train", "seconds": 1.0, "loss": 1.0})
    write_report(run)
    page.get_by_text("in training, step 200 of 300").wait_for()
    run.write_json("run.json", done)
    write_report(run)
    page.get_by_text("trained for 300 steps").wait_for()
