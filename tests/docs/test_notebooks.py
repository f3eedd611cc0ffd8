"""The notebooks run from top to bottom, as they stand, only shorter."""

import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbclient")
nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
pytest.importorskip("ipykernel", reason="needs ipykernel")

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs"), "outputs are not stored: they would age"
        cell.source = re.sub(r"steps=\d+", "steps=10", cell.source)
    client = nbclient.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    kinds = {kind for output in shown for kind in output.get("data", {})}
    assert {"image/png", "text/html"} <= kinds
    pages = [output.data["text/html"] for output in shown if "text/html" in output.get("data", {})]
    bars = [page for page in pages if page.startswith("<progress")]
    assert len(bars) == 5 and all("value=10 max=10" in bar for bar in bars)
    assert len(list(tmp_path.glob("runs/*/report.html"))) == 5


def test_there_is_a_notebook():
    assert [path.stem for path in NOTEBOOKS] == ["own-data"]
