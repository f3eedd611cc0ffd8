"""Learn the manifold that data lie on, measure how good the model is, and walk on it.

A network outputs numbers; a likelihood turns them into a distribution; an objective compares
distributions, one number an example; training is a game between players; everything else reads
the run folder.

Example:
    >>> import tempfile
    >>> import immersion as im
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = im.train("vae", "digits", steps=20, out=f"{folder}/run", progress=False)
    >>> run.sample(4).shape, run.model.latent_dim
    ((4, 1, 8, 8), 20)
"""

import importlib
from typing import Any

_HOMES = {
    "AdversarialAutoencoder": "immersion.models:AdversarialAutoencoder",
    "Architecture": "immersion.nn:Architecture",
    "Autoencoder": "immersion.models:Autoencoder",
    "Batch": "immersion.batch:Batch",
    "ConditionalVAE": "immersion.models:ConditionalVAE",
    "Dataset": "immersion.data:Dataset",
    "Discriminator": "immersion.models:Discriminator",
    "ELBO": "immersion.objectives:ELBO",
    "Experiment": "immersion.engine:Experiment",
    "GAN": "immersion.models:GAN",
    "OptimizerSettings": "immersion.engine:OptimizerSettings",
    "Options": "immersion.engine:Options",
    "Player": "immersion.engine:Player",
    "ProbabilisticPCA": "immersion.models:ProbabilisticPCA",
    "Reconstruction": "immersion.objectives:Reconstruction",
    "Run": "immersion.runs.run:Run",
    "Spec": "immersion.spec:Spec",
    "UserError": "immersion.check:UserError",
    "VAE": "immersion.models:VAE",
    "VAEGAN": "immersion.models:VAEGAN",
    "evaluate": "immersion.commands.evaluate:evaluate",
    "export": "immersion.inference.onnx_file:write_onnx_file",
    "fit": "immersion.api:fit",
    "geometry": "immersion.geometry",
    "interpolate": "immersion.commands.draw:interpolate",
    "invert": "immersion.api:invert",
    "likelihoods": "immersion.likelihoods",
    "load": "immersion.api:load",
    "load_data": "immersion.data:load",
    "manifold": "immersion.commands.draw:manifold",
    "objectives": "immersion.objectives",
    "posteriors": "immersion.posteriors",
    "priors": "immersion.priors",
    "reconstruct": "immersion.commands.draw:reconstruct",
    "sample": "immersion.commands.sample:sample",
    "save": "immersion.runs.save:save",
    "train": "immersion.api:train",
}
"""Public name -> module:attribute, imported when first used: help must not wait for PyTorch."""

__all__ = [*sorted(_HOMES), "__version__"]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("immersion")
    if name not in _HOMES:
        raise AttributeError(f"module 'immersion' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    home = importlib.import_module(module)
    return getattr(home, attribute) if attribute else home
