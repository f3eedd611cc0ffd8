"""How a notebook shows a run: what was trained, its estimates, and a picture of samples."""

import base64
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from immersion.runs.run import Run

SAMPLES = "samples.png"


def describe_html(run: "Run") -> str:
    """Return a run as HTML: a table of its record and its estimates, and its samples."""
    record = run.record
    rows = [
        ("model", record.model_name),
        ("data", f"{record.data.source}: {record.data.note}" if record.data.note else ""),
        ("steps", "" if record.step is None else f"{record.step:,}"),
        ("folder", str(run.path)),
    ]
    for name, estimate in (run.evaluation or {}).get("estimates", {}).items():
        if isinstance(estimate.get("value"), float):
            error = estimate.get("standard_error")
            plus = "" if error is None else f" ± {error:.2g}"
            rows.append((name, f"{estimate['value']:.5g}{plus} {estimate.get('unit', '')}"))
    body = "".join(f"<tr><th>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in rows if v)
    return f"<table>{body}</table>{_embed_samples(run)}"


def _embed_samples(run: "Run") -> str:
    file = run.folder.samples / SAMPLES
    if not file.is_file():
        return ""
    content = base64.b64encode(file.read_bytes()).decode()
    return f'<img alt="samples" src="data:image/png;base64,{content}">'
