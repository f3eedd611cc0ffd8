"""The words that flags may take, where they are known: those of types and of registries."""

import importlib
from collections.abc import Iterable, Sequence
from typing import Literal, get_origin

from immersion.cli.command import Command
from immersion.cli.flags import Flag
from immersion.cli.values import list_alternatives, list_words

PICTURES = ("immersion.data.restoration_sets:PICTURE_SETS",)
MASKED = ("immersion.data.segmentation_sets:SEGMENTATION_SETS",)
SETS = ("immersion.data:DATASETS",)

CLOSED: dict[str, tuple[str, ...]] = {
    "likelihood": ("immersion.likelihoods:LIKELIHOODS",),
    "prior": ("immersion.priors:PRIORS",),
    "posterior": ("immersion.posteriors:POSTERIORS",),
    "game": ("immersion.objectives.games:GAMES",),
    "activation": ("immersion.nn.base:ACTIVATIONS",),
    "Architecture.network": ("immersion.nn.base:NETWORKS",),
    "ImageToImageArchitecture.network": ("immersion.nn.image_to_image:IMAGE_TO_IMAGE_NETWORKS",),
    "study": ("immersion.papers.study:STUDIES",),
}
"""Parameter, or dataclass and field where others have its name, -> the registries of its words."""

OPEN: dict[str, tuple[str, ...]] = {
    "extractor": ("immersion.metrics.extractors:EXTRACTORS",),
    "network": ("immersion.pretrained.bundled:list_names",),
    "evaluate.on": PICTURES + MASKED,
    "data.name": SETS + PICTURES + MASKED,
}
"""Parameter -> the registries of the names that it takes, as well as paths."""


def list_choices(flag: Flag, command: Command) -> tuple[tuple[str, ...], bool]:
    """Return the words that a flag may take, as far as they are known, and whether they are all.

    Args:
        flag: The flag.
        command: The command that has it.
    """
    if words := list_words(flag.kind):
        return words, all(get_origin(part) is Literal for part in list_alternatives(flag.kind))
    places, closed = _find_places(flag, command)
    usual = [flag.default] if places and isinstance(flag.default, str) and flag.default else []
    return tuple(dict.fromkeys([*usual, *_collect(places)])), closed and bool(places)


def _find_places(flag: Flag, command: Command) -> tuple[Sequence[str], bool]:
    """Return the registries of a flag's words, and whether it takes no others."""
    owner = next((p.annotation for p in command.parameters if p.name == flag.group), None)
    names = [f"{owner.__name__ if owner else command.name}.{flag.name}"]
    if owner or ":" not in command.name:  # your own recipe may give a name another meaning
        names.append(flag.name)
    if command.name.startswith("train ") and flag.name == "data":
        return _find_sets(command.name.removeprefix("train ")), False
    for table in (CLOSED, OPEN):
        for name in table.keys() & set(names):
            return table[name], table is CLOSED
    return (), False


def _find_sets(recipe: str) -> Sequence[str]:
    """Return the registries of the data that a recipe trains on."""
    if ":" in recipe:
        return SETS
    from immersion.recipes.call import RecipeCall
    from immersion.recipes.image_to_image import get_patches

    patches = get_patches(RecipeCall(recipe).recipe)
    if patches is None:
        return SETS
    return MASKED if patches.masked else PICTURES


def _collect(places: Iterable[str]) -> list[str]:
    """Return the names in registries, or of functions that list names."""
    names: list[str] = []
    for place in places:
        module, _, name = place.partition(":")
        members = getattr(importlib.import_module(module), name)
        names += sorted(members() if callable(members) else members)
    return names
