"""Which recipes learn from patches of pictures of any size."""

from immersion.recipes.base import Recipe

_OF_PICTURES: set[Recipe] = set()


def of_pictures(recipe: Recipe) -> Recipe:
    """Say that a recipe takes patches of whole pictures: its data are read without resizing."""
    _OF_PICTURES.add(recipe)
    return recipe


def takes_pictures(recipe: Recipe) -> bool:
    """Return whether a recipe takes patches of whole pictures."""
    return recipe in _OF_PICTURES
