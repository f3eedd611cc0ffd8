"""Print docs/networks.md, the model cards of the bundled networks.

python scripts/networks_page.py > docs/networks.md
"""

from immersion.pretrained.bundled import FOLDER, ModelCard, list_names, read_card

HEAD = """# Networks that come with the package

`immersion apply NAME INPUT... -o OUT` uses them. They were trained by this project, on data that
are licensed for research: see each card before you use one for anything else. The weights are
float16; the numbers are those of the weights as they are shipped, with standard errors over
pictures. This page is generated from the cards (`make results`).
"""


def format_page() -> str:
    """Return the whole page as Markdown."""
    return HEAD + "".join(_format_section(read_card(name)) for name in list_names())


def _format_section(card: ModelCard) -> str:
    size = (FOLDER / f"{card.name}.safetensors").stat().st_size
    protocol = "; ".join(f"{key}: {value}" for key, value in card.protocol.items())
    rows = [
        f"| {pictures} | {measure.replace('_', ' ')} {setting.replace('_', ' ')} "
        f"| {entry['value']:.4g} ± {round(entry['standard_error'] or 0, 6):.2g} {entry['unit']} |"
        for pictures, settings in card.estimates.items()
        for setting, measures in settings.items()
        for measure, entry in measures.items()
    ]
    lines = [
        f"\n## {card.name}\n",
        f"{card.summary}\n",
        f"Trained on {card.data}. Licence of the data: {card.licence}.\n",
        f"`{card.command}` · {card.made['steps']:,} steps in "
        f"{card.made['seconds'] / 60:.0f} min · {card.made['machine']} · "
        f"{card.made['created'][:10]}\n",
        f"Protocol: {protocol}.\n",
        "| pictures | measure | value |",
        "|---|---|---|",
        *rows,
        f"\n{size / 1e6:.1f} MB, sha256 `{card.sha256}`\n",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(format_page(), end="")
