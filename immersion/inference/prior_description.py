"""The description of a prior as JSON, so that a program in any language can draw its codes."""

from typing import Any

from torch import Tensor

from immersion.nn.spline_flow import FullPrecision
from immersion.priors import Prior

LARGEST = 10_000
"""Most parameters of a prior that are described by their values."""


def describe_prior(prior: Prior | None) -> dict[str, Any]:
    """Return a prior's formula and its parameters.

    Returns:
        distribution: the prior's class, or `none`; meaning: its formula; dimension: of a code
        without its class; classes: K, the length of the one-hot class at the end of a code;
        parameters: values by name, or nothing where there are more than 10,000.

    Example:
        >>> from immersion.priors import Labelled, StandardNormal
        >>> described = describe_prior(Labelled(StandardNormal(2), 4))
        >>> described["meaning"], described["dimension"], described["classes"]
        ('p(z) = N(0, I) in R^d', 2, 4)
        >>> described["parameters"]
        {'shares': [0.25, 0.25, 0.25, 0.25]}
    """
    if prior is None:
        return {"distribution": "none", "meaning": "an autoencoder has no distribution of codes"}
    noise = prior.noise
    p = noise()
    described: dict[str, Any] = {
        "distribution": type(noise).__name__,
        "meaning": noise.formula,
        "dimension": p.event_shape[0],
        "classes": prior.classes,
    }
    if isinstance(p, FullPrecision) and p.has_noise:
        described["distribution"] = "flow"
        described["meaning"] += ": see immersion export --part prior"
    parameters: dict[str, Tensor] = dict(prior.state_dict())
    if sum(tensor.numel() for tensor in parameters.values()) <= LARGEST:
        described["parameters"] = {name: _to_list(t) for name, t in parameters.items()}
    return described


def _to_list(tensor: Tensor) -> Any:
    return tensor.detach().cpu().tolist()
