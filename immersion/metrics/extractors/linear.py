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

    Suitable for tables and points; in images a shift by one pixel is a large change.

    Args:
        data: Any.
        train: Not used.
    """

    def __init__(self, data: Data, train: Split) -> None:
        super().__init__("pixels", math.prod(data.shape))

    def __call__(self, x: Tensor) -> Tensor:
        """Return x, (B, *shape), as (B, D)."""
        return x.flatten(1).float()


COMPONENTS = 50
FITTED = 5000
"""Most training examples, evenly spaced in the split, that the components are fitted to."""

EXAMPLES_A_COMPONENT = 20
"""Small data get fewer components, so that a covariance of them can be estimated."""


@EXTRACTORS.register("pca")
class PrincipalComponents(Extractor):
    """phi(x) = V' (x - mean): the 50 leading principal components of training examples.

    Args:
        data: Any.
        train: Training examples, up to 5,000 of which the components are fitted to.
    """

    def __init__(self, data: Data, train: Split) -> None:
        indices = torch.linspace(0, len(train) - 1, min(len(train), FITTED)).round().long()
        with use_seed(0, "pca"):
            x = train.batch(indices)[0].flatten(1)
        most = max(1, len(indices) // EXAMPLES_A_COMPONENT)
        components = min(COMPONENTS, x.shape[1], most)
        super().__init__("pca", components, fitted_to=f"{len(indices):,} training examples")
        solver = "randomized" if components < min(x.shape) / 2 else "full"
        pca = PCA(components, svd_solver=solver, random_state=0).fit(x.double().numpy())
        self.mean = torch.from_numpy(pca.mean_)
        self.axes = torch.from_numpy(pca.components_)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the components, (B, F), of x, (B, *shape)."""
        return ((x.flatten(1).double() - self.mean) @ self.axes.T).float()
