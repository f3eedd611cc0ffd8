"""Likelihoods p(x|h): distributions over data x whose parameters h are a network's output.

A module is imported when one of its classes is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from immersion.likelihoods.base import (
    LIKELIHOODS,
    Likelihood,
    build_likelihood,
    default_likelihood,
)

if TYPE_CHECKING:
    from immersion.likelihoods.binary import Bernoulli, ContinuousBernoulli
    from immersion.likelihoods.counts import (
        NegativeBinomial,
        Poisson,
        ZeroInflatedNegativeBinomial,
        ZeroInflatedPoisson,
    )
    from immersion.likelihoods.gaussian import (
        Gaussian,
        GaussianFixed,
        GaussianOptimal,
        GaussianShared,
    )
    from immersion.likelihoods.levels import Categorical, LogisticMixture
    from immersion.likelihoods.student_t import StudentT

_MODULES = {
    "Bernoulli": "binary",
    "Categorical": "levels",
    "ContinuousBernoulli": "binary",
    "Gaussian": "gaussian",
    "GaussianFixed": "gaussian",
    "GaussianOptimal": "gaussian",
    "GaussianShared": "gaussian",
    "LogisticMixture": "levels",
    "NegativeBinomial": "counts",
    "Poisson": "counts",
    "StudentT": "student_t",
    "ZeroInflatedNegativeBinomial": "counts",
    "ZeroInflatedPoisson": "counts",
}

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Categorical",
    "ContinuousBernoulli",
    "Gaussian",
    "GaussianFixed",
    "GaussianOptimal",
    "GaussianShared",
    "Likelihood",
    "LogisticMixture",
    "NegativeBinomial",
    "Poisson",
    "StudentT",
    "ZeroInflatedNegativeBinomial",
    "ZeroInflatedPoisson",
    "build_likelihood",
    "default_likelihood",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
