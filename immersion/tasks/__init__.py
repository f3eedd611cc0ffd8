"""Tasks: what is derived from a picture, as pairs of input and target made from clean pictures."""

from immersion.tasks.base import TASKS, Pair, Task

__all__ = ["TASKS", "Pair", "Task"]
