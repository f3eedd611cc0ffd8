"""Immersion learns the manifold that data lie on, says how good the model is, and walks on it.

A network outputs numbers; a likelihood turns them into a distribution; an objective compares
distributions, one number an example; training is a game between players; everything else reads
the run folder.

Example:
    >>> import tempfile
    >>> import immersion as im
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     options = im.Options(steps=20, batch_size=50)
    ...     run = im.train("vae", data="digits", out=f"{folder}/run", options=options)
    ...     model = im.load(run["run"])
    >>> model.latent_dim
    20
"""

import importlib
from typing import Any

_HOMES = {
    "Options": "immersion.engine",
    "evaluate": "immersion.commands.evaluate",
    "interpolate": "immersion.commands.draw",
    "invert": "immersion.commands.invert",
    "load": "immersion.runs.load",
    "manifold": "immersion.commands.draw",
    "reconstruct": "immersion.commands.draw",
    "sample": "immersion.commands.draw",
    "train": "immersion.commands.train",
}
"""Public name -> module: imported when first used, so that `immersion --help` is quick."""

__all__ = sorted(_HOMES)


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'immersion' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
