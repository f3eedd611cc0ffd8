"""Evaluation of samples, for every model that has them."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from immersion.batch import Split
from immersion.check import UserError
from immersion.data import to_original_units
from immersion.data.synthetic import GRID, RING
from immersion.metrics import Estimate
from immersion.metrics.extractors import (
    Extractor,
    build_extractor,
    choose_extractor,
    extract_features,
)
from immersion.metrics.extractors.digits import Digits
from immersion.metrics.likelihood.parzen import compute_parzen
from immersion.metrics.samples.memorisation import (
    compute_discriminator_overfitting,
    compute_memorisation,
)
from immersion.metrics.samples.modes import count_class_modes, count_mixture_modes
from immersion.metrics.samples.quality import compute_quality, describe_quality
from immersion.models import GAN, LatentVariableModel
from immersion.models.sampling import iterate_samples
from immersion.random import make_generator, use_seed
from immersion.runs.generative import make_generative
from immersion.runs.load import Run

MIXTURES = {"ring": RING, "grid": GRID}
"""Data sets whose modes are known Gaussians."""

STACKED = "stacked-mnist"
"""The data set whose modes are the 1,000 triples of digits."""

NEIGHBOURS = 2000
"""The most samples, and held-out examples, whose nearest training examples are searched."""

LARGEST = 2**26
"""Values of a training split up to which neighbours are searched among values; in a larger one,
among principal components."""

WINDOWED = 1000
"""Validation examples that select the Parzen windows' width, as in the published protocol."""

WARNING = (
    "a Parzen window's number orders models of images wrongly and is for comparison with "
    "published tables alone; parzen_of_real_data is that of as many training examples"
)

BATCH = 500


@dataclass(frozen=True)
class SampleProtocol:
    """Settings of the evaluation of samples.

    Args:
        samples: Number of samples, and the most test examples that they are compared with.
        extractor: A name, auto, or a TorchScript file.
        extractor_hash: The file's SHA-256.
        parzen: If True, measure the Parzen-window log-likelihood too.
        quick: If True, as at the end of a training, auto chooses a cheap extractor, and what
            cannot be estimated is left out instead of an error.
    """

    samples: int = 10_000
    extractor: str = "auto"
    extractor_hash: str = ""
    parzen: bool = False
    quick: bool = False

    @property
    def neighbours(self) -> int:
        """Return the most samples whose nearest training examples are searched."""
        return min(NEIGHBOURS, max(1, self.samples // 5))


QUICK = SampleProtocol(samples=2000, quick=True)


@dataclass(frozen=True)
class SampleEvaluation:
    """Estimates of a model's samples.

    Args:
        estimates: Measure -> estimate.
        protocol: Everything that they depend on besides model and data.
    """

    estimates: dict[str, Estimate] = field(default_factory=dict)
    protocol: dict[str, object] = field(default_factory=dict)

    def __or__(self, other: "SampleEvaluation") -> "SampleEvaluation":
        """Return both evaluations as one."""
        return SampleEvaluation(self.estimates | other.estimates, self.protocol | other.protocol)


def evaluate_samples(run: Run, protocol: SampleProtocol, seed: int) -> SampleEvaluation:
    """Sample from a run's model and compare the samples with test examples.

    Like is compared with like: samples x ~ p(x|z) with test examples as the model sees them,
    binary where they were made so. A mean E[x|z] is no sample; it replaces one only where the
    noise of p(x|z) was not learned, in an autoencoder.

    Args:
        run: The run.
        protocol: Settings of the evaluation.
        seed: Seed of samples, subsets and binarization.

    Raises:
        UserError: The extractor does not suit, or there are too few examples for its features.
    """
    test = run.data.test
    name = select_extractor(run, protocol)
    extractor = build_extractor(name, run.spec, run.data.train, protocol.extractor_hash)
    count = min(protocol.samples, len(test))
    if not protocol.quick:
        check_feasible(run, protocol, extractor)
        _report(f"{extractor.name} features of {count:,} test examples and as many samples")
    real = extract_features(extractor, iterate_examples(test, subsample(test, count, seed), seed))
    drawn, kept = draw_samples(run, protocol, extractor, count, seed)
    result = SampleEvaluation(protocol=describe_comparison(run, extractor, count, seed))
    result |= compare_features(real, drawn, protocol, seed)
    if modes := count_modes(run, kept):
        result |= SampleEvaluation(modes, {"modes": f"of {len(kept):,} draws"})
    result |= measure_memorisation(run, kept, protocol, seed)
    if isinstance(run.model, GAN):
        result |= measure_overfitting(run, run.model, protocol.neighbours, seed)
    if protocol.parzen:
        result |= measure_parzen(run, kept, seed)
    return result


def select_extractor(run: Run, protocol: SampleProtocol) -> str:
    """Return the extractor that the protocol names, or the one that suits the data."""
    if protocol.extractor != "auto":
        return protocol.extractor
    name = choose_extractor(run.spec, min(protocol.samples, len(run.data.test)))
    return "pca" if protocol.quick and name == "squeezenet" else name


def check_feasible(run: Run, protocol: SampleProtocol, extractor: Extractor) -> None:
    """Raise UserError if something cannot be measured, before the work begins."""
    if protocol.parzen and run.spec.values not in ("unit", "binary"):
        raise UserError(
            "Parzen windows of the published widths are for values from 0 to 1",
            "grey or colour images",
            f"{run.spec.values} values",
            "leave --parzen out",
        )
    if protocol.extractor != "auto" and len(run.data.test) <= extractor.features:
        raise UserError(
            f"there are fewer test examples than the {extractor.name} extractor has features",
            f"more than {extractor.features}",
            len(run.data.test),
            "pass another --extractor, such as pca",
        )
    if protocol.samples <= extractor.features:
        raise UserError(
            f"there are fewer samples than the {extractor.name} extractor has features",
            f"--samples {extractor.features + 1} or more",
            protocol.samples,
            "or pass another --extractor",
        )


def draw_samples(
    run: Run, protocol: SampleProtocol, extractor: Extractor, count: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return the features of `count` samples, and the samples that further measures need.

    Those are all `protocol.samples` for modes and Parzen windows, else those for neighbours.
    """
    every = protocol.parzen or run.spec.name in (*MIXTURES, STACKED)
    total = protocol.samples if every else count
    keep = total if every else min(count, protocol.neighbours)
    rows, kept, done = [], [], 0
    for mean, x, _ in iterate_samples(make_generative(run), total, seed):
        chunk = x if _has_noise(run) else mean
        if done < count:
            rows.append(extractor(chunk[: count - done]))
        if done < keep:
            kept.append(chunk[: keep - done])
        done += len(chunk)
    return torch.cat(rows), torch.cat(kept)


def _has_noise(run: Run) -> bool:
    """Return whether samples x ~ p(x|z) are compared, rather than means."""
    return isinstance(run.model, LatentVariableModel) or run.spec.values == "binary"


def describe_comparison(
    run: Run, extractor: Extractor, count: int, seed: int
) -> dict[str, object]:
    """Return in words what is compared with what."""
    compared = "draws x ~ p(x|z)" if _has_noise(run) else "means E[x|z]"
    if isinstance(run.model, GAN):
        compared = "images g(z)" if run.spec.is_image else "points g(z)"
    binary = run.experiment.binarize != "none"
    return {
        "compared": f"{count:,} {compared}",
        "reference": f"{count:,} of {len(run.data.test):,} test examples"
        + (", made binary as in training" if binary else ""),
        "extractor": extractor.protocol,
        "seed": seed,
    }


def compare_features(
    real: Tensor, drawn: Tensor, protocol: SampleProtocol, seed: int
) -> SampleEvaluation:
    """Compare the features of samples with those of test examples.

    Raises:
        UserError: There are too few examples for the extractor that the user named.
    """
    try:
        return SampleEvaluation(
            compute_quality(real, drawn, seed), dict(describe_quality(real, drawn))
        )
    except UserError as error:
        if not protocol.quick and protocol.extractor != "auto":
            raise
        return SampleEvaluation(protocol={"left_out": str(error)})


def count_modes(run: Run, drawn: Tensor) -> dict[str, Estimate]:
    """Count the modes among samples, (N, *shape), where the data's are known; else return nothing.

    Rows of a table are taken in their original units; triples of digits are classified by the
    package's network of digits.
    """
    if run.spec.name in MIXTURES:
        mixture = MIXTURES[run.spec.name]
        points = to_original_units(drawn, run.spec)
        return count_mixture_modes(points, mixture.means, mixture.sigma)
    if run.spec.name != STACKED:
        return {}
    network = Digits(run.spec, None)
    parts = [
        network.classify(x.flatten(0, 1).unsqueeze(1)).argmax(1).reshape(-1, 3)
        for x in drawn.split(BATCH)
    ]
    return count_class_modes(torch.cat(parts) @ torch.tensor([100, 10, 1]), 1000)


def measure_memorisation(
    run: Run, drawn: Tensor, protocol: SampleProtocol, seed: int
) -> SampleEvaluation:
    """Compare how near samples and test examples are to the training split."""
    train, test = run.data.train, run.data.test
    count = min(protocol.neighbours, len(test))
    large = len(train) * run.spec.dimensions > LARGEST
    if protocol.quick and (large or not train.resident):
        return SampleEvaluation()
    space = build_extractor("pca" if large else "pixels", run.spec, train)
    known = extract_features(space, iterate_examples(train, torch.arange(len(train)), seed))
    chosen = iterate_examples(test, subsample(test, count, seed), seed)
    estimates = compute_memorisation(space(drawn[:count]), extract_features(space, chosen), known)
    where = f"{space.features} principal components" if large else "the values"
    neighbours = (
        f"{min(count, len(drawn)):,} draws and {count:,} test examples among all {len(train):,} "
        f"training examples, by the Euclidean distance of {where}"
    )
    return SampleEvaluation(estimates, {"neighbours": neighbours})


def measure_overfitting(run: Run, model: GAN, count: int, seed: int) -> SampleEvaluation:
    """Compare a GAN's discriminator on training examples, test examples and samples."""
    train, test = (
        compute_logits(model, split, subsample(split, count, seed), seed, part)
        for part, split in (("train", run.data.train), ("test", run.data.test))
    )
    drawn = torch.cat([train[1], test[1]])
    found = compute_discriminator_overfitting(train[0], test[0], drawn)
    protocol = (
        f"compared on {min(count, len(run.data.train)):,} training and "
        f"{min(count, len(run.data.test)):,} test examples and as many samples"
        + (", which it cannot distinguish" if found is None else "")
    )
    estimates = {} if found is None else {"discriminator_overfitting": found}
    return SampleEvaluation(estimates, {"discriminator": protocol})


@torch.no_grad()
def compute_logits(
    model: GAN, split: Split, indices: Tensor, seed: int, part: str
) -> tuple[Tensor, Tensor]:
    """Return the discriminator's logits of examples, and of as many samples of their classes.

    Args:
        model: The GAN.
        split: The split of the examples.
        indices: Indices of the examples.
        seed: Seed of the samples.
        part: Name of the split, so that each split gets other samples.
    """
    device = next(model.parameters()).device
    real, drawn = [], []
    for number, few in enumerate(indices.split(BATCH)):
        with use_seed(seed, f"discriminator of {part}", number):
            x, y = split.batch(few)
            y = None if y is None else y.to(device)
            real.append(model.discriminator(x.to(device), y).cpu())
            made = model.generate(model.sample_codes(len(few), y))
            drawn.append(model.discriminator(made, y).cpu())
    return torch.cat(real), torch.cat(drawn)


def measure_parzen(run: Run, drawn: Tensor, seed: int) -> SampleEvaluation:
    """Measure the Parzen-window log-likelihood, and that of as many real training examples."""
    train, validation, test = run.data.train, run.data.validation, run.data.test
    few = torch.arange(min(WINDOWED, len(validation)))
    held_out, tested = (
        torch.cat(list(iterate_examples(split, indices, seed)))
        for split, indices in ((validation, few), (test, torch.arange(len(test))))
    )
    real = torch.cat(list(iterate_examples(train, subsample(train, len(drawn), seed), seed)))
    estimates: dict[str, Estimate] = {}
    protocol: dict[str, object] = {}
    for name, windows in (("parzen_log_likelihood", drawn), ("parzen_of_real_data", real)):
        _report(f"Parzen windows on {len(windows):,} examples")
        estimates[name], sigma = compute_parzen(windows, held_out, tested)
        protocol[name] = (
            f"windows on {len(windows):,} examples, sigma {sigma:.3g} chosen on "
            f"{len(held_out):,} validation examples, all {len(tested):,} test examples"
        )
    return SampleEvaluation(estimates, protocol | {"parzen_warning": WARNING})


def subsample(split: Split, count: int, seed: int) -> Tensor:
    """Return the indices of all examples, or of a random subset of `count`, in order."""
    if count >= len(split):
        return torch.arange(len(split))
    order = torch.randperm(len(split), generator=make_generator(seed, "reference"))
    return order[:count].sort().values


def iterate_examples(split: Split, indices: Tensor, seed: int) -> Iterator[Tensor]:
    """Yield batches of examples; the seed determines dynamic binarization."""
    for number, part in enumerate(indices.split(BATCH)):
        with use_seed(seed, "reference", number):
            x, _ = split.batch(part)
        yield x


def _report(message: str) -> None:
    """Print what takes time, in a terminal."""
    if sys.stderr.isatty():
        print(f"{message} ...", file=sys.stderr, flush=True)
