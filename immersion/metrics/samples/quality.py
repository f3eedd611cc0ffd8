"""All measures of sample quality on one pair of feature sets."""

from torch import Tensor

from immersion.metrics.estimate import Estimate
from immersion.metrics.samples.coverage import NEIGHBOUR, coverage
from immersion.metrics.samples.frechet import SIZES, frechet, frechet_unbiased, smallest_share
from immersion.metrics.samples.kernel_distance import kernel_distance, subsets_of
from immersion.metrics.samples.two_sample import two_sample_accuracy


def quality(real: Tensor, drawn: Tensor, seed: int = 0) -> dict[str, Estimate]:
    """Return every measure that compares real with drawn features, by name.

    The names: frechet, frechet_unbiased, kernel_distance, precision, recall, density, coverage,
    two_sample_accuracy. Each says in its own docstring what it means and what its error bar
    covers. All depend on the features: print their name and protocol beside the numbers.

    Args:
        real: (N, F), of examples that neither trained nor chose the model; N > F and N >= 20.
        drawn: (M, F), M > F and M >= 20; M = N is usual.
        seed: Of the subsets and the halves.

    Raises:
        UserError: The sets do not agree in shape, or are too small.

    Example:
        >>> import torch
        >>> x = torch.randn(200, 2, generator=torch.manual_seed(0))
        >>> found = quality(x[:100], x[100:])
        >>> list(found)[:4]
        ['frechet', 'frechet_unbiased', 'kernel_distance', 'precision']
    """
    return {
        "frechet": frechet(real, drawn),
        "frechet_unbiased": frechet_unbiased(real, drawn, seed),
        "kernel_distance": kernel_distance(real, drawn, seed),
        **coverage(real, drawn),
        "two_sample_accuracy": two_sample_accuracy(real, drawn, seed),
    }


def quality_protocol(real: Tensor, drawn: Tensor) -> dict[str, str]:
    """Return in words what `quality` of the same features depends on besides them.

    Example:
        >>> import torch
        >>> said = quality_protocol(torch.zeros(2000, 50), torch.zeros(2000, 50))
        >>> said["kernel_distance"]
        '10 disjoint subsets of 200 real and 200 drawn examples'
    """
    subsets = subsets_of(len(real), len(drawn))
    share = smallest_share(min(len(real), len(drawn)), real.shape[1])
    return {
        "neighbourhoods": f"precision, recall, density, coverage with k = {NEIGHBOUR} "
        "(precision and recall were published with 3)",
        "kernel_distance": f"{subsets} disjoint subsets of {len(real) // subsets:,} real and "
        f"{len(drawn) // subsets:,} drawn examples",
        "frechet_unbiased": f"a line through {SIZES} random subsets, of {share * len(drawn):,.0f} "
        f"to {len(drawn):,} drawn examples and as large a share of the real",
    }
