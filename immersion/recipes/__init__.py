"""Recipes: each function builds one complete experiment from a description of the data.

A run records its recipe's name and arguments; the call is repeated to load the model.
"""

from immersion.recipes.base import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe"]
