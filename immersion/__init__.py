"""Learn the manifold that data lie on, measure how good the model is, and walk on it.

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
    "Options": "immersion.engine:Options",
    "evaluate": "immersion.commands.evaluate:evaluate",
    "interpolate": "immersion.commands.draw:interpolate",
    "invert": "immersion.commands.invert:invert",
    "load": "immersion.runs.load:load_model",
    "manifold": "immersion.commands.draw:manifold",
    "reconstruct": "immersion.commands.draw:reconstruct",
    "sample": "immersion.commands.draw:sample",
    "train": "immersion.commands.train:train",
}
"""Public name -> module:attribute, imported when first used: help must not wait for PyTorch."""

__all__ = sorted(_HOMES)


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'immersion' has no attribute {name!r}")
    module, attribute = _HOMES[name].split(":")
    return getattr(importlib.import_module(module), attribute)
