"""Recipes: programs that make the data shipped with the package; not part of it."""
