"""The classifier two-sample test: can a classifier distinguish real from drawn examples?"""

import math
import warnings

import numpy as np
import torch
from torch import Tensor

from immersion.metrics.estimate import Estimate
from immersion.metrics.samples.validation import validate_pair
from immersion.random import make_generator

FEWEST = 4


def compute_two_sample_accuracy(real: Tensor, drawn: Tensor, seed: int = 0) -> Estimate:
    r"""Return the held-out accuracy of a logistic regression on real against drawn features.

    1/2: it cannot distinguish them; 1: it always can. Each set is shuffled and cut in halves; the
    classifier sees every feature and its square, standardised, so that it detects differences of
    means and of spreads (it is blind to others: 1/2 is no proof of equality). Its accuracy on the
    other halves is the mean of the shares that are right among the real and among the drawn, so
    that sets of unequal size still have 1/2 as their chance level.

    Args:
        real: Features, (N, F), N >= 4.
        drawn: (M, F), M >= 4.
        seed: Seed of the halves.

    Returns:
        The estimate; its standard error is that of held-out examples for the classifier given,
        1/2 (s_r^2 / n + s_d^2 / m)^(1/2), which is 1/2 (n + m)^(-1/2) at chance level.

    Reference:
        Lopez-Paz & Oquab 2017, Revisiting classifier two-sample tests, section 3 (theorem 1),
        https://arxiv.org/abs/1610.06545

    Example:
        >>> x = torch.randn(400, 3, generator=torch.manual_seed(0))
        >>> compute_two_sample_accuracy(x[:200], x[200:] + 10).value
        1.0
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    real, drawn = validate_pair(real, drawn, more_than=FEWEST - 1)
    random = make_generator(seed, "two-sample")
    (real_fit, real_held), (drawn_fit, drawn_held) = (
        side[torch.randperm(len(side), generator=random)].tensor_split(2) for side in (real, drawn)
    )
    fit = torch.cat([real_fit, drawn_fit])
    mean, scale = fit.mean(0), fit.std(0)
    scale = torch.where(scale > 0, scale, 1)

    def expand(x: Tensor) -> np.ndarray:
        z = (x - mean) / scale
        return torch.cat([z, (z.square() - 1) / math.sqrt(2)], 1).numpy()

    classifier = LogisticRegression(class_weight="balanced", max_iter=200)
    with warnings.catch_warnings():  # a fit that stops early is still a classifier
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(expand(fit), np.repeat([0, 1], [len(real_fit), len(drawn_fit)]))
    right = [
        Estimate.of(torch.from_numpy(classifier.predict(expand(held)) == label), "share")
        for held, label in ((real_held, 0), (drawn_held, 1))
    ]
    error = math.hypot(*(part.standard_error or 0.0 for part in right)) / 2
    return Estimate(
        (right[0].value + right[1].value) / 2, error, len(real_held) + len(drawn_held), "share"
    )
