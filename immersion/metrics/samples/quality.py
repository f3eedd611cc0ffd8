"""All measures of sample quality on one pair of feature sets."""

from torch import Tensor

from immersion.metrics.estimate import Estimate
from immersion.metrics.samples.coverage import NEIGHBOUR, compute_coverage
from immersion.metrics.samples.frechet import (
    SIZES,
    compute_frechet,
    compute_smallest_share,
    compute_unbiased_frechet,
)
from immersion.metrics.samples.kernel_distance import compute_kernel_distance, count_subsets
from immersion.metrics.samples.two_sample import compute_two_sample_accuracy


def compute_quality(real: Tensor, drawn: Tensor, seed: int = 0) -> dict[str, Estimate]:
    """Return every measure that compares real with drawn features, by name.

    The names: frechet, frechet_unbiased, kernel_distance, precision, recall, density, coverage,
    two_sample_accuracy. Each has a docstring with its meaning and what its error bar covers.
    All depend on the features: report their name and protocol with the numbers.

    Args:
        real: (N, F), of examples that neither trained nor selected the model; N > F and N >= 20.
        drawn: (M, F), M > F and M >= 20; M = N is usual.
        seed: Seed of the subsets and the halves.

    Raises:
        UserError: The sets do not agree in shape, or are too small.

    Example:
        >>> import torch
        >>> x = torch.randn(200, 2, generator=torch.manual_seed(0))
        >>> found = compute_quality(x[:100], x[100:])
        >>> list(found)[:4]
        ['frechet', 'frechet_unbiased', 'kernel_distance', 'precision']
    """
    return {
        "frechet": compute_frechet(real, drawn),
        "frechet_unbiased": compute_unbiased_frechet(real, drawn, seed),
        "kernel_distance": compute_kernel_distance(real, drawn, seed),
        **compute_coverage(real, drawn),
        "two_sample_accuracy": compute_two_sample_accuracy(real, drawn, seed),
    }


def describe_quality(real: Tensor, drawn: Tensor) -> dict[str, str]:
    """Return in words what `compute_quality` depends on besides the features.

    Example:
        >>> import torch
        >>> words = describe_quality(torch.zeros(2000, 50), torch.zeros(2000, 50))
        >>> words["kernel_distance"]
        '10 disjoint subsets of 200 real and 200 drawn examples'
    """
    subsets = count_subsets(len(real), len(drawn))
    share = compute_smallest_share(min(len(real), len(drawn)), real.shape[1])
    return {
        "neighbourhoods": f"precision, recall, density, coverage with k = {NEIGHBOUR} "
        "(precision and recall were published with 3)",
        "kernel_distance": f"{subsets} disjoint subsets of {len(real) // subsets:,} real and "
        f"{len(drawn) // subsets:,} drawn examples",
        "frechet_unbiased": f"a line through {SIZES} random subsets, of {share * len(drawn):,.0f} "
        f"to {len(drawn):,} drawn examples and as large a share of the real",
    }
