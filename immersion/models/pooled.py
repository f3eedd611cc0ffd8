"""What a translator with a code says of a target whatever the code is: its draws, pooled."""

from collections.abc import Iterable

from torch.distributions import Distribution, Independent, Normal


def pooled(draws: Iterable[Distribution]) -> Independent:
    r"""Return the Gaussian with the mean and the variance of each value over equal draws.

    The mixture (1 / K) sum_k p(target | input, z_k), z_k ~ p(z), stands for p(target | input). By
    the law of total variance its values have

    E = (1 / K) sum_k mean_k,  Var = (1 / K) sum_k sigma_k^2 + (1 / K) sum_k (mean_k - E)^2:

    what is unsure given the code, and what the code leaves open. As the K draws are all that is
    looked at, the second part falls short of the prior's own by the factor 1 - 1 / K on average.
    The two moments are the mixture's; its shape is not, where answers fall into several groups.

    Args:
        draws: p(target | input, z_k), of one shape, one after another; two are held at a time.

    Returns:
        Batch shape (B,), event shape (C, H, W), as each of the draws has.

    Example:
        >>> import torch
        >>> ends = torch.tensor([-0.8]), torch.tensor([0.8])
        >>> p = pooled(Independent(Normal(end, 0.6), 1) for end in ends)
        >>> p.mean, p.stddev
        (tensor([0.]), tensor([1.]))
    """
    drawn = iter(draws)
    first = next(drawn)
    mean, variance = first.mean, first.variance
    for number, p in enumerate(drawn, start=2):
        step = p.mean - mean
        mean = mean + step / number
        # Welford's running mean: no difference of large squares.
        variance = variance + (p.variance + step * (p.mean - mean) - variance) / number
    values = Normal(mean, variance.sqrt(), validate_args=False)
    return Independent(values, len(first.event_shape), validate_args=False)
