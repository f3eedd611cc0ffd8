"""The page of results, from what was recorded: `python -m immersion.papers.markdown`."""

from typing import Any

from immersion.papers.study import STUDIES, Study, rows

HEAD = """# Results

Every number below was measured by the command beside it and recorded by the program itself
(`immersion reproduce STUDY --record`); this page is generated from the records (`make results`).
An estimate's standard error is over test examples. *met* means that the measured value bears out
the claim within its tolerance, *missed* that it does not, *pending* that it has not been measured;
*measured* is a number for comparison, no claim.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    return HEAD + "".join(section(STUDIES[name]) for name in sorted(STUDIES))


def section(study: Study) -> str:
    """Return what is known of a study: its claims, and what was measured, when and how."""
    claims = rows(study)
    lines = [
        f"\n## {study.name}: {study.title}\n",
        f"{study.citation}\n",
        f"Protocol: {study.protocol}\n",
        "| claim | said | measured | training | status |",
        "|---|---|---|---|---|",
        *(_line(row) for row in claims),
        "",
    ]
    measured = next((row for row in claims if row["measured"] is not None), None)
    if measured:
        lines.append(f"`{measured['command']}` · {measured['machine']} · {measured['date']}\n")
        if measured["protocol"] != study.protocol:
            lines.append(f"Measured under an earlier protocol: {measured['protocol']}\n")
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    tolerance = f" (tolerance {row['tolerance']:g})" if row["tolerance"] else ""
    said = f"{row['sense']} {row['published']:g} {row['unit']}{tolerance}; {row['source']}"
    if row["measured"] is None:
        measured = minutes = ""
    else:
        error = "" if row["standard_error"] is None else f" ± {row['standard_error']:.2g}"
        measured = f"{row['measured']:.4g}{error} {row['unit']}"
        minutes = f"{row['seconds'] / 60:.0f} min"
    statement = row["statement"].replace("|", "\\|")  # a bar would end the cell
    return f"| {statement} | {said} | {measured} | {minutes} | {row['status']} |"


if __name__ == "__main__":
    print(page(), end="")
