"""Tasks of image-to-image models: training pairs from clean pictures, and outputs as pictures."""

from immersion.tasks.base import TASKS, Pair, Presentation, Task

__all__ = ["TASKS", "Pair", "Presentation", "Task"]
