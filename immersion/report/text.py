"""Sentences of the report: what a run is, numbers with their errors, durations."""

import math
from pathlib import PurePath
from typing import Any

from immersion.report.labels import ESTIMATES, KEYS, MEASURES, RECIPES
from immersion.run_record import Outcome, RunRecord


def name_model(record: RunRecord) -> str:
    """Return what the recipe makes: VAE, autoencoder, ..."""
    return RECIPES.get(record.recipe, record.recipe)


def name_data(record: RunRecord) -> str:
    """Return the data's name; of a path, its last part."""
    return PurePath(str(record.data.spec["name"])).name


def summarise_run(record: RunRecord, evaluation: dict[str, Any] | None) -> str:
    """Return one sentence about the run: what, how long, on what, and how good."""
    name = name_model(record)
    text = f"{'An' if name[0] in 'aeiou' else 'A'} {name}"
    latent_dim = (record.arguments | record.model).get("latent_dim")
    if latent_dim:
        text += f" with {latent_dim} latent{'s' if latent_dim > 1 else ''}"
    text += f", {_describe_training(record.outcome, name_data(record))}"
    estimates = (evaluation or {}).get("estimates", {})
    for name in ("elbo", "squared_error", "frechet", *filter(is_key, estimates)):
        if name in estimates:
            label = lower_first(explain_estimate(name)[0])
            return f"{text}; test {label} {format_estimate(estimates[name])}."
    return f"{text}; {'its samples are not evaluated' if estimates else 'not evaluated yet'}."


def explain_estimate(estimate: str) -> tuple[str, str]:
    """Return what an estimate is called and what it means; an unknown one keeps its name."""
    return ESTIMATES.get(estimate) or named(estimate) or (estimate, "")


def lower_first(label: str) -> str:
    """Return a label as it is written inside a sentence: ELBO, but squared error."""
    return label[0].lower() + label[1:] if label[1].islower() else label


def _describe_training(outcome: Outcome | None, data: str) -> str:
    if outcome is None:
        return f"still in training on {data}"
    how = {
        "early": "stopped early after",
        "interrupted": "interrupted after",
        "diverged": "diverged after",
    }
    begun = how.get(outcome.reason, "trained for")
    text = f"{begun} {outcome.step:,} steps on {data}"
    return text + (f" in {format_duration(outcome.seconds)}" if outcome.seconds else "")


def format_estimate(estimate: dict[str, Any], unit: bool = True) -> str:
    """Return an estimate with its standard error, rounded to the error's first digit, or two.

    Two where the first is a 1, which alone would say too little.

    Example:
        >>> format_estimate({"value": -101.234, "standard_error": 0.3456, "unit": "nats"})
        '−101.2 ± 0.3 nats'
        >>> format_estimate({"value": 0.20871, "standard_error": 0.0014}, unit=False)
        '0.2087 ± 0.0014'
    """
    error = estimate.get("standard_error")
    known = error is not None and math.isfinite(error) and error > 0
    decimals = 4
    if known:
        exponent = math.floor(math.log10(error))
        decimals = max(0, (1 if error < 1.95 * 10**exponent else 0) - exponent)
    text = f"{estimate['value']:,.{decimals}f}"
    text += f" ± {error:,.{decimals}f}" if known else ""
    after = f" {estimate.get('unit', '')}".rstrip() if unit else ""
    return text.replace("-", "−") + after


def format_duration(seconds: float) -> str:
    """Return seconds in words.

    Example:
        >>> format_duration(9.21), format_duration(250), format_duration(7530)
        ('9.2 s', '4 min 10 s', '2 h 6 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min"


def named(estimate: str) -> tuple[str, str] | None:
    """Return what an estimate is called and what it means; None where it is no such measure.

    Example:
        >>> named("psnr_before_sigma_25")
        ('PSNR before, sigma 25', 'Of what the network was given: what is to be beaten.')
    """
    measure = measure_of(estimate)
    if measure is None:
        return None
    label, meaning = MEASURES[measure]
    return f"{label}, {estimate[len(measure) + 1 :].replace('_', ' ')}", meaning


def measure_of(estimate: str) -> str | None:
    """Return the longest measure that an estimate's name begins with.

    Example:
        >>> measure_of("psnr_y_before_x2"), measure_of("frechet")
        ('psnr_y_before', None)
    """
    begins = [name for name in MEASURES if estimate.startswith(f"{name}_")]
    return max(begins, key=len, default=None)


def is_key(estimate: str) -> bool:
    """Return whether an estimate is a key number."""
    return measure_of(estimate) in KEYS
