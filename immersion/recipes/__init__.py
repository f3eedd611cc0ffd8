"""Recipes: one function is one complete experiment, read from top to bottom.

A run's record is its recipe's name and arguments, so a recipe is called again to load a model.
"""

from immersion.recipes.base import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe"]
