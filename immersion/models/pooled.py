"""The marginal prediction of a model with a code: the mixture over samples of the code."""

from collections.abc import Iterable

from torch.distributions import Distribution, Independent, Normal


def pool_predictions(samples: Iterable[Distribution]) -> Independent:
    r"""Return the Gaussian with the mean and the variance of each value over the samples.

    The mixture (1 / K) sum_k p(target | input, z_k), z_k ~ p(z), approximates p(target | input).
    By the law of total variance its values have

    E = (1 / K) sum_k mean_k,  Var = (1 / K) sum_k sigma_k^2 + (1 / K) sum_k (mean_k - E)^2:

    the uncertainty given the code, and that of the code. With K samples the second part is smaller
    than the prior's own by the factor 1 - 1 / K on average.
    The two moments are the mixture's; its shape is not, where answers fall into several groups.

    Args:
        samples: p(target | input, z_k), of one shape; two are held in memory at a time.

    Returns:
        Batch shape (B,), event shape (C, H, W), as each of the samples has.

    Example:
        >>> import torch
        >>> ends = torch.tensor([-0.8]), torch.tensor([0.8])
        >>> p = pool_predictions(Independent(Normal(end, 0.6), 1) for end in ends)
        >>> p.mean, p.stddev
        (tensor([0.]), tensor([1.]))
    """
    remaining = iter(samples)
    first = next(remaining)
    mean, variance = first.mean, first.variance
    for number, p in enumerate(remaining, start=2):
        step = p.mean - mean
        mean = mean + step / number
        # Welford's running mean: no difference of large squares.
        variance = variance + (p.variance + step * (p.mean - mean) - variance) / number
    values = Normal(mean, variance.sqrt(), validate_args=False)
    return Independent(values, len(first.event_shape), validate_args=False)
