"""The page of results, from the recorded values: `python -m immersion.papers.markdown`."""

from typing import Any

from immersion.papers.study import STUDIES, Study, list_claims

HEAD = """# Results

Every number below was measured and recorded by the command that is named with it (`immersion
reproduce STUDY --record`); this page is generated from the records (`make results`). The standard
error of an estimate is over test examples. *met* means that the measured value supports the claim
within its tolerance, *missed* that it does not, *pending* that it has not been measured;
*measured* marks a number for comparison, not a claim.
"""


def render_page() -> str:
    """Return the whole page as Markdown."""
    return HEAD + "".join(render_section(STUDIES[name]) for name in sorted(STUDIES))


def render_section(study: Study) -> str:
    """Return the section of a study: its claims and their measured values."""
    claims = list_claims(study)
    lines = [
        f"\n## {study.name}: {study.title}\n",
        f"{study.citation}\n",
        f"Protocol: {study.protocol}\n",
        "| claim | published | measured | training | status |",
        "|---|---|---|---|---|",
        *(_render_row(row) for row in claims),
        "",
    ]
    measured = next((row for row in claims if row["measured"] is not None), None)
    if measured:
        lines.append(f"`{measured['command']}` · {measured['machine']} · {measured['date']}\n")
        if measured["protocol"] != study.protocol:
            lines.append(f"Measured under an earlier protocol: {measured['protocol']}\n")
    return "\n".join(lines)


def _render_row(row: dict[str, Any]) -> str:
    tolerance = f" (tolerance {row['tolerance']:g})" if row["tolerance"] else ""
    published = f"{row['sense']} {row['published']:g} {row['unit']}{tolerance}; {row['source']}"
    if row["measured"] is None:
        measured = minutes = ""
    else:
        error = "" if row["standard_error"] is None else f" ± {row['standard_error']:.2g}"
        measured = f"{row['measured']:.4g}{error} {row['unit']}"
        minutes = f"{row['seconds'] / 60:.0f} min"
    statement = row["statement"].replace("|", "\\|")  # a bar would end the cell
    return f"| {statement} | {published} | {measured} | {minutes} | {row['status']} |"


if __name__ == "__main__":
    print(render_page(), end="")
