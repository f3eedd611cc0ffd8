"""Features that any data have: their values and their principal components."""

import math

import torch
from sklearn.decomposition import PCA
from torch import Tensor

from immersion.batch import Split
from immersion.metrics.extractors.base import EXTRACTORS, Data, Extractor
from immersion.random import use_seed


@EXTRACTORS.register("pixels")
class Pixels(Extractor):
    """phi(x) = x, flattened: D features.

    Honest for tables and points; for images it counts a shift by one pixel as a large change.

    Args:
        data: Any.
        train: Not needed.
    """

    def __init__(self, data: Data, train: Split) -> None:
        super().__init__("pixels", math.prod(data.shape))

    def __call__(self, x: Tensor) -> Tensor:
        """Return x, (B, *shape), as (B, D)."""
        return x.flatten(1).float()


COMPONENTS = 50
FITTED = 5000
"""Training examples, spread evenly over the split, that the components are fitted to."""

EXAMPLES_A_COMPONENT = 20
"""Small data get fewer components, so that a covariance of them can be estimated."""


@EXTRACTORS.register("pca")
class PrincipalComponents(Extractor):
    """phi(x) = V' (x - mean): the 50 leading principal components of training examples.

    Args:
        data: Any.
        train: What the components are fitted to: up to 5,000 of its examples.
    """

    def __init__(self, data: Data, train: Split) -> None:
        chosen = torch.linspace(0, len(train) - 1, min(len(train), FITTED)).round().long()
        with use_seed(0, "pca"):
            x = train.batch(chosen)[0].flatten(1)
        most = max(1, len(chosen) // EXAMPLES_A_COMPONENT)
        components = min(COMPONENTS, x.shape[1], most)
        super().__init__("pca", components, fitted_to=f"{len(chosen):,} training examples")
        solver = "randomized" if components < min(x.shape) / 2 else "full"
        pca = PCA(components, svd_solver=solver, random_state=0).fit(x.double().numpy())
        self.mean = torch.from_numpy(pca.mean_)
        self.axes = torch.from_numpy(pca.components_)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the components, (B, F), of x, (B, *shape)."""
        return ((x.flatten(1).double() - self.mean) @ self.axes.T).float()
