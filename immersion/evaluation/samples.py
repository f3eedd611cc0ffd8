"""How good samples are: the part of `immersion evaluate` for every model that draws some."""

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
from immersion.models.sampling import draws
from immersion.random import make_generator, use_seed
from immersion.runs.generative import generative
from immersion.runs.load import Run

MIXTURES = {"ring": RING, "grid": GRID}
"""Sets whose modes are known Gaussians."""

STACKED = "stacked-mnist"
"""The set whose modes are the 1,000 triples of digits."""

NEIGHBOURS = 2000
"""Draws, and held-out examples, whose nearest training examples are looked for at the most."""

LARGEST = 2**26
"""Values of a training split up to which neighbours are looked for among values; of a larger one,
among principal components."""

WINDOWED = 1000
"""Validation examples that choose the Parzen windows' width, as in the published protocol."""

WARNING = (
    "a Parzen window's number orders models of images wrongly and is for comparison with "
    "published tables alone; parzen_of_real_data is that of as many training examples"
)

BATCH = 500


@dataclass(frozen=True)
class SampleProtocol:
    """How samples are measured.

    Args:
        samples: How many are drawn, and the most test examples that they are compared with.
        extractor: A name, auto, or a TorchScript file.
        extractor_hash: The file's SHA-256.
        parzen: Whether the Parzen-window log-likelihood is measured too.
        quick: Whether this is the look at the end of a training: the extractor is a cheap one,
            and what cannot be estimated is left out.
    """

    samples: int = 10_000
    extractor: str = "auto"
    extractor_hash: str = ""
    parzen: bool = False
    quick: bool = False


QUICK = SampleProtocol(samples=2000, quick=True)


@dataclass
class SampleEvaluation:
    """What was measured of a model's samples.

    Args:
        estimates: By name.
        protocol: Everything that they depend on besides model and data.
    """

    estimates: dict[str, Estimate] = field(default_factory=dict)
    protocol: dict[str, object] = field(default_factory=dict)


def evaluate_samples(run: Run, protocol: SampleProtocol, seed: int) -> SampleEvaluation:
    """Draw from a run's model and compare the draws with test examples.

    Like is compared with like: draws x ~ p(x|z) with test examples as the model is shown them,
    binary where they were made so. A mean E[x|z] is no sample; it stands for one only where the
    noise of p(x|z) was not learned, in an autoencoder.

    Raises:
        UserError: The extractor does not suit, or there are too few examples for its features.
    """
    test = run.data.test
    name = _extractor_name(run, protocol)
    extractor = build_extractor(name, run.spec, run.data.train, protocol.extractor_hash)
    count = min(protocol.samples, len(test))
    if not protocol.quick:
        _refuse(run, protocol, extractor)
        _say(f"{extractor.name} features of {count:,} test examples and as many draws")
    real = extract_features(extractor, _batches(test, _chosen(test, count, seed), seed))
    drawn, kept = _drawn(run, protocol, extractor, count, seed)
    result = SampleEvaluation(protocol=_protocol(run, extractor, count, seed))
    try:
        result.estimates |= compute_quality(real, drawn, seed)
        result.protocol |= describe_quality(real, drawn)
    except UserError as error:
        if not protocol.quick and protocol.extractor != "auto":
            raise
        result.protocol["left_out"] = str(error)
    counted = count_modes(run, kept)
    if counted:
        result.estimates |= counted
        result.protocol["modes"] = f"of {len(kept):,} draws"
    _add_memorisation(result, run, kept, protocol, seed)
    if isinstance(run.model, GAN):
        _add_overfitting(result, run, run.model, _neighbours(protocol), seed)
    if protocol.parzen:
        _add_parzen(result, run, kept, seed)
    return result


def _drawn(
    run: Run, protocol: SampleProtocol, extractor: Extractor, count: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return the features of `count` draws, and the draws that are asked for again.

    Those are all `protocol.samples` where modes are counted or windows laid on them, else few.
    """
    every = protocol.parzen or run.spec.name in (*MIXTURES, STACKED)
    total = protocol.samples if every else count
    keep = total if every else min(count, _neighbours(protocol))
    rows, kept, done = [], [], 0
    for mean, x, _ in draws(generative(run), total, seed):
        chunk = x if _draws_noise(run) else mean
        if done < count:
            rows.append(extractor(chunk[: count - done]))
        if done < keep:
            kept.append(chunk[: keep - done])
        done += len(chunk)
    return torch.cat(rows), torch.cat(kept)


def _draws_noise(run: Run) -> bool:
    return isinstance(run.model, LatentVariableModel) or run.spec.values == "binary"


def _extractor_name(run: Run, protocol: SampleProtocol) -> str:
    if protocol.extractor != "auto":
        return protocol.extractor
    name = choose_extractor(run.spec, min(protocol.samples, len(run.data.test)))
    return "pca" if protocol.quick and name == "squeezenet" else name


def _refuse(run: Run, protocol: SampleProtocol, extractor: Extractor) -> None:
    """Say what cannot be measured before the work begins."""
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


def count_modes(run: Run, drawn: Tensor) -> dict[str, Estimate]:
    """Count the modes among draws, (N, *shape), where the data's are known; else return nothing.

    Rows of a table are taken in its own units; triples of digits are told apart by the package's
    own network.
    """
    if run.spec.name in MIXTURES:
        mixture = MIXTURES[run.spec.name]
        return count_mixture_modes(
            to_original_units(drawn, run.spec), mixture.means, mixture.sigma
        )
    if run.spec.name != STACKED:
        return {}
    network = Digits(run.spec, None)
    parts = [
        network.classify(x.flatten(0, 1).unsqueeze(1)).argmax(1).reshape(-1, 3)
        for x in drawn.split(BATCH)
    ]
    return count_class_modes(torch.cat(parts) @ torch.tensor([100, 10, 1]), 1000)


def _neighbours(protocol: SampleProtocol) -> int:
    return min(NEIGHBOURS, max(1, protocol.samples // 5))


def _add_memorisation(
    result: SampleEvaluation, run: Run, drawn: Tensor, protocol: SampleProtocol, seed: int
) -> None:
    """Compare how near draws and test examples lie to the training split."""
    train, test = run.data.train, run.data.test
    count = min(_neighbours(protocol), len(test))
    large = len(train) * run.spec.dimensions > LARGEST
    if protocol.quick and (large or not train.resident):
        return
    space = build_extractor("pca" if large else "pixels", run.spec, train)
    whole = extract_features(space, _batches(train, torch.arange(len(train)), seed))
    held_out = extract_features(space, _batches(test, _chosen(test, count, seed), seed))
    result.estimates |= compute_memorisation(space(drawn[:count]), held_out, whole)
    where = f"{space.features} principal components" if large else "the values"
    result.protocol["neighbours"] = (
        f"{min(count, len(drawn)):,} draws and {count:,} test examples among all {len(train):,} "
        f"training examples, by the Euclidean distance of {where}"
    )


def _add_overfitting(
    result: SampleEvaluation, run: Run, model: GAN, count: int, seed: int
) -> None:
    """Ask a GAN's discriminator about training examples, test examples and draws."""
    train, test = (
        _logits(model, split, _chosen(split, count, seed), seed, part)
        for part, split in (("train", run.data.train), ("test", run.data.test))
    )
    drawn = torch.cat([train[1], test[1]])
    found = compute_discriminator_overfitting(train[0], test[0], drawn)
    if found is not None:
        result.estimates["discriminator_overfitting"] = found
    result.protocol["discriminator"] = (
        f"asked about {min(count, len(run.data.train)):,} training and "
        f"{min(count, len(run.data.test)):,} test examples and as many draws"
        + (", which it cannot tell apart" if found is None else "")
    )


@torch.no_grad()
def _logits(
    model: GAN, split: Split, indices: Tensor, seed: int, part: str
) -> tuple[Tensor, Tensor]:
    """Return the discriminator's logits of examples, and of as many draws of their classes.

    The draws are the part's own: those beside the training split are not those beside the test's.
    """
    device = next(model.parameters()).device
    real, drawn = [], []
    for number, few in enumerate(indices.split(BATCH)):
        with use_seed(seed, f"discriminator of {part}", number):
            x, y = split.batch(few)
            y = None if y is None else y.to(device)
            real.append(model.discriminator(x.to(device), y).cpu())
            made = model.generate(model.codes(len(few), y))
            drawn.append(model.discriminator(made, y).cpu())
    return torch.cat(real), torch.cat(drawn)


def _add_parzen(result: SampleEvaluation, run: Run, drawn: Tensor, seed: int) -> None:
    """Measure the Parzen-window log-likelihood, and that of as many real training examples."""
    train, validation, test = run.data.train, run.data.validation, run.data.test
    few = torch.arange(min(WINDOWED, len(validation)))
    held, asked = (
        torch.cat(list(_batches(split, indices, seed)))
        for split, indices in ((validation, few), (test, torch.arange(len(test))))
    )
    real = torch.cat(list(_batches(train, _chosen(train, len(drawn), seed), seed)))
    for name, windows in (("parzen_log_likelihood", drawn), ("parzen_of_real_data", real)):
        _say(f"Parzen windows on {len(windows):,} examples")
        result.estimates[name], sigma = compute_parzen(windows, held, asked)
        result.protocol[name] = (
            f"windows on {len(windows):,} examples, sigma {sigma:.3g} chosen on {len(held):,} "
            f"validation examples, all {len(asked):,} test examples"
        )
    result.protocol["parzen_warning"] = WARNING


def _protocol(run: Run, extractor: Extractor, count: int, seed: int) -> dict[str, object]:
    what = "draws x ~ p(x|z)" if _draws_noise(run) else "means E[x|z]"
    if isinstance(run.model, GAN):
        what = "images g(z)" if run.spec.image else "points g(z)"
    binary = run.experiment.binarize != "none"
    return {
        "compared": f"{count:,} {what}",
        "reference": f"{count:,} of {len(run.data.test):,} test examples"
        + (", made binary as in training" if binary else ""),
        "extractor": extractor.protocol,
        "seed": seed,
    }


def _chosen(split: Split, count: int, seed: int) -> Tensor:
    """Return the indices of all examples, or of `count` that the seed chooses, in order."""
    if count >= len(split):
        return torch.arange(len(split))
    return (
        torch.randperm(len(split), generator=make_generator(seed, "reference"))[:count]
        .sort()
        .values
    )


def _batches(split: Split, indices: Tensor, seed: int) -> Iterator[Tensor]:
    """Yield the examples asked for; dynamic binarization is drawn from the seed."""
    for number, part in enumerate(indices.split(BATCH)):
        with use_seed(seed, "reference", number):
            x, _ = split.batch(part)
        yield x


def _say(what: str) -> None:
    """Tell a person at a terminal what takes its time."""
    if sys.stderr.isatty():
        print(f"{what} ...", file=sys.stderr, flush=True)
