"""Print docs/networks.md, the cards of the networks that come with the package.

python scripts/networks_page.py > docs/networks.md
"""

from immersion.pretrained.bundled import FOLDER, ModelCard, list_names, read_card

HEAD = """# Networks that come with the package

`immersion apply NAME INPUT... -o OUT` uses them. They were trained by this project, on data that
are licensed for research: see each card before you use one for anything else. The weights are
float16; the numbers are those of the weights as they are shipped, with standard errors over
pictures. This page is generated from the cards (`make results`).
"""


def page() -> str:
    """Return the whole page as Markdown."""
    return HEAD + "".join(_section(read_card(name)) for name in list_names())


def _section(about: ModelCard) -> str:
    size = (FOLDER / f"{about.name}.safetensors").stat().st_size
    protocol = "; ".join(f"{key}: {value}" for key, value in about.protocol.items())
    rows = [
        f"| {pictures} | {measure.replace('_', ' ')} {setting.replace('_', ' ')} "
        f"| {entry['value']:.4g} ± {round(entry['standard_error'] or 0, 6):.2g} {entry['unit']} |"
        for pictures, settings in about.estimates.items()
        for setting, measures in settings.items()
        for measure, entry in measures.items()
    ]
    lines = [
        f"\n## {about.name}\n",
        f"{about.summary}\n",
        f"Trained on {about.data}. Licence of the data: {about.licence}.\n",
        f"`{about.command}` · {about.made['steps']:,} steps in "
        f"{about.made['seconds'] / 60:.0f} min · {about.made['machine']} · "
        f"{about.made['created'][:10]}\n",
        f"Protocol: {protocol}.\n",
        "| pictures | measure | value |",
        "|---|---|---|",
        *rows,
        f"\n{size / 1e6:.1f} MB, sha256 `{about.sha256}`\n",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
