"""The model card: what the model is, on which data, how good, and how to use and repeat it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from immersion.evaluation_record import read_estimates
from immersion.report import labels, text
from immersion.run_record import RunRecord, flatten

PIPELINES = {"segment": "image-segmentation"} | dict.fromkeys(
    ("denoise", "enlarge", "colourise", "inpaint"), "image-to-image"
)
"""Recipe -> its task in the hub's terms."""

GENERATION = "unconditional-image-generation"
"""The hub's term for a model of images that is sampled from."""


@dataclass(frozen=True)
class Card:
    """The contents of a model card.

    Args:
        record: The published record.
        evaluation: The contents of evaluation.json, or None.
        data: The row of the catalogue that describes the data, or None for the user's own.
        pictures: Name of a figure -> its path in the shared folder.
        licence: Licence of the weights, an identifier such as mit; empty if it is not stated.
        commands: Commands that use the model.
        example: The Python program that uses the model.
    """

    record: RunRecord
    evaluation: dict[str, Any] | None
    data: Mapping[str, Any] | None
    pictures: Mapping[str, str]
    licence: str
    commands: tuple[str, ...]
    example: str

    @property
    def title(self) -> str:
        """Return the title: the model and its data."""
        name = f"{text.name_model(self.record)} of {text.name_data(self.record)}"
        return name[0].upper() + name[1:]

    def write(self) -> str:
        """Return the card as Markdown, with the front matter that the hub reads."""
        sections = (
            self._front_matter(),
            f"# {self.title}",
            text.summarise_run(self.record, self.evaluation),
            self._use(),
            self._pictures(),
            self._numbers(),
            self._data(),
            self._training(),
            self._licence(),
        )
        return "\n\n".join(section for section in sections if section) + "\n"

    def _front_matter(self) -> str:
        record = self.record
        image = len(record.data.spec["shape"]) == 3
        task = PIPELINES.get(record.recipe) or (GENERATION if image and record.generative else "")
        tags = ["immersion", record.recipe, *([record.data.source] if self.data else [])]
        lines = [
            "---",
            "library_name: immersion",
            f"license: {self.licence or 'unknown'}",
            *([f"pipeline_tag: {task}"] if task else []),
            "tags:",
            *(f"- {json.dumps(tag)}" for tag in tags),
            "---",
        ]
        return "\n".join(lines)

    def _use(self) -> str:
        version = self.record.versions.get("immersion", "")
        needs = "It needs the package `immersion`" + (
            f", as of version {version}." if version else "."
        )
        commands = "\n".join(self.commands)
        return (
            f"## Use\n\n{needs} The file holds weights and JSON alone; loading it runs no code of "
            f"others.\n\n```\n{commands}\n```\n\n```python\n{self.example.strip()}\n```"
        )

    def _pictures(self) -> str:
        if not self.pictures:
            return ""
        own = labels.CAPTIONS_OF_A_GAN if self.record.recipe in labels.GANS else {}
        parts = ["## Pictures"]
        for name, path in self.pictures.items():
            title, caption = own.get(name) or labels.CAPTIONS.get(name, (name, ""))
            parts.append(f"![{title}]({path})\n\n**{title}.** {caption}")
        return "\n\n".join(parts)

    def _numbers(self) -> str:
        estimates = read_estimates(self.evaluation)
        if self.evaluation is None or not estimates:
            return "## Numbers\n\nThe model has not been evaluated."
        rows = [
            (
                text.explain(measure, setting)[0],
                text.format_estimate(estimate, unit=False),
                estimate.get("unit", ""),
                f"{estimate['examples']:,}" if estimate.get("examples") else "",
            )
            for setting, measures in estimates.items()
            for measure, estimate in measures.items()
        ]
        parts = [
            "## Numbers",
            "Estimates ± standard error, on the test split unless the protocol says otherwise.",
            _format_table(("measure", "estimate", "unit", "examples"), rows),
        ]
        for name, title in (("protocol", "Protocol"), ("sample_protocol", "Samples")):
            if protocol := self.evaluation.get(name):
                entries = flatten(protocol, dotted=True).items()
                words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in entries)
                parts.append(f"{title}: {words}.")
        if self.evaluation.get("step") != self.record.step:
            parts.append("The estimates are those of an earlier training step.")
        return "\n\n".join(parts)

    def _data(self) -> str:
        data, spec = self.record.data, self.record.data.spec
        known = self.data or {}
        rows = [
            ("name", data.source),
            ("description", known.get("description", "the author's own data")),
            ("licence", known.get("licence", "not stated")),
            ("source", known.get("url", "")),
            ("shape", " × ".join(str(side) for side in spec["shape"])),
            ("values", spec.get("values", "")),
            ("classes", ", ".join(spec.get("classes", ()))),
            ("training, validation, test", ", ".join(f"{count:,}" for count in data.examples)),
            *((f"checksum of {name}", f"`{value}`") for name, value in data.checksums.items()),
        ]
        return "## Data\n\n" + _format_table(("", ""), [row for row in rows if row[1]])

    def _training(self) -> str:
        record = self.record
        settings = flatten(record.arguments | record.model) | flatten(record.options)
        rows = [(name, value) for name, value in settings.items() if value not in (None, "", {})]
        versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
        command = f"```\n{record.command}\n```\n\n" if record.command else ""
        made = f"Trained {record.created[:10]} with {versions}." if record.created else ""
        table = _format_table(("setting", "value"), rows)
        return f"## Training\n\n{command}{made}\n\n{table}"

    def _licence(self) -> str:
        licence = self.licence or "not stated: ask the author before you use them"
        return f"## Licence\n\nOf the weights: {licence}. That of the data is listed above."


def _format_table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_format_cell, line)) + " |" for line in lines)


def _format_cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
