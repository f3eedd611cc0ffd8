"""The Parzen-window log-likelihood, as in the paper that introduced adversarial nets."""

import math

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.metrics.estimate import Estimate
from immersion.metrics.samples.neighbours import compute_squared_distances
from immersion.metrics.samples.validation import validate_features

SIGMAS = torch.logspace(-1, 0, 10, dtype=torch.float64)
"""The widths of the authors' code."""


def compute_parzen(drawn: Tensor, validation: Tensor, test: Tensor) -> tuple[Estimate, float]:
    r"""Return the mean log density of the test set under windows on the drawn examples.

    p(x) = 1/n sum_i N(x; y_i, sigma^2 I), y the n drawn examples; sigma is the one of `SIGMAS`
    with the highest mean log density of the validation set.

    WARNING: for comparison with published tables alone. The number ranks models wrongly: the
    windows are far too few for images, so that it rewards centres, not samples. On MNIST 10,000
    real training images score about 243 nats, and means found by k-means can beat them
    (Theis et al. 2016, section 3.2). Report the score of real data with it.

    Args:
        drawn: (n, *shape) in [0, 1]; 10,000 in the protocol.
        validation: (v, *shape); for MNIST the protocol's are the training images 50,000 to 50,999.
        test: (m, *shape), the whole test set.

    Returns:
        The estimate in nats with standard error s / sqrt(m), conditional on the drawn examples, as
        is published; and sigma.

    Reference:
        Goodfellow et al. 2014, section 5, https://arxiv.org/abs/1406.2661; on the warning
        Theis et al. 2016, https://arxiv.org/abs/1511.01844

    Example:
        >>> y = torch.zeros(1, 2)  # one window: the log density of one Gaussian at its centre
        >>> estimate, sigma = compute_parzen(y, y, torch.zeros(3, 2))
        >>> round(sigma, 3), round(estimate.value + math.log(2 * math.pi * 0.1**2), 9)
        (0.1, 0.0)
    """
    shapes = {tuple(side.shape[1:]) for side in (drawn, validation, test)}
    if len(shapes) > 1:
        raise UserError("the sets differ in shape", "one shape", sorted(shapes))
    drawn, validation, test = (
        validate_features(name, side.flatten(1))
        for name, side in (("drawn", drawn), ("validation", validation), ("test", test))
    )
    tried = log_density(validation, drawn, SIGMAS).mean(1)
    best = int(tried.argmax())
    return Estimate.of(log_density(test, drawn, SIGMAS[best : best + 1])[0], "nats"), float(
        SIGMAS[best]
    )


def log_density(x: Tensor, centres: Tensor, sigmas: Tensor) -> Tensor:
    r"""Return log 1/n sum_i N(x; y_i, sigma^2 I) for every sigma, in float64 and nats.

    Args:
        x: (m, D).
        centres: y, (n, D).
        sigmas: (S,).

    Returns:
        (S, m).

    Example:
        >>> round(log_density(torch.zeros(1, 1), torch.zeros(4, 1), torch.ones(1)).item(), 12)
        -0.918938533205
    """
    n, dimensions = centres.shape
    densities = torch.empty(len(sigmas), len(x), dtype=torch.float64)
    for rows, block in compute_squared_distances(x, centres):
        for s, sigma in enumerate(sigmas.tolist()):
            densities[s, rows] = (block / (-2 * sigma**2)).logsumexp(1)
    constants = math.log(n) + dimensions * (sigmas.double() * math.sqrt(2 * math.pi)).log()
    return densities - constants[:, None]
