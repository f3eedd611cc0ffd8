"""Sentences of the report: what a run is, numbers with their errors, durations."""

import math
from pathlib import PurePath
from typing import Any

from immersion.evaluation_record import read_estimates
from immersion.report.labels import MEASURES, RECIPES, SUMMARY_MEASURES
from immersion.run_record import Outcome, RunRecord

DECIMALS = 6
"""Decimals of an estimate, at most."""


def name_model(record: RunRecord) -> str:
    """Return the name of the recipe's model: VAE, autoencoder, ..., or its class."""
    return RECIPES.get(record.recipe, record.model_name.rpartition(":")[2])


def name_data(record: RunRecord) -> str:
    """Return the data's name; of a path, its last part."""
    return PurePath(str(record.data.spec["name"])).name


def summarise_run(
    record: RunRecord, evaluation: dict[str, Any] | None, step: int | None = None
) -> str:
    """Return one sentence about the run: what, how long, on what, and how good.

    Args:
        record: The contents of `run.json`.
        evaluation: The contents of `evaluation.json`, or None.
        step: Number of steps made, for a run in training.
    """
    name = name_model(record)
    text = f"{'An' if name[0] in 'aeiou' else 'A'} {name}"
    latent_dim = (record.arguments | record.model).get("latent_dim")
    if latent_dim:
        text += f" with {latent_dim} latent{'s' if latent_dim > 1 else ''}"
    data, outcome = name_data(record), record.outcome
    if outcome is None:
        text += f", {_describe_progress(step, record.options.get('steps'))} on {data}"
    else:
        text += f", {_describe_training(outcome, data)}"
    estimates = read_estimates(evaluation)
    for setting, measures in estimates.items():
        for measure in SUMMARY_MEASURES:
            if measure in measures:
                label = lower_first(explain(measure, setting)[0])
                return f"{text}; test {label} {format_estimate(measures[measure])}."
    if outcome is None:
        return f"{text}."
    return f"{text}; {'its samples are not evaluated' if estimates else 'not evaluated yet'}."


def explain(measure: str, setting: str = "") -> tuple[str, str]:
    """Return the label and the meaning of a measure; an unknown measure keeps its name.

    Example:
        >>> explain("psnr_before", "sigma_25")
        ('PSNR before, sigma 25', "Of the network's input: the baseline to beat.")
    """
    label, meaning = MEASURES.get(measure, (measure, ""))
    return f"{label}, {setting.replace('_', ' ')}" if setting else label, meaning


def lower_first(label: str) -> str:
    """Return a label as it is written inside a sentence: ELBO, but squared error."""
    return label[0].lower() + label[1:] if label[1].islower() else label


def _describe_progress(step: int | None, steps: int | None) -> str:
    if step is None:
        return "in training"
    return f"in training, step {step:,}" + (f" of {steps:,}" if steps else "")


def _describe_training(outcome: Outcome, data: str) -> str:
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

    Two digits if the first is a 1, which alone would be too coarse. Of an error below a millionth
    the value has six decimals.

    Example:
        >>> format_estimate({"value": -101.234, "standard_error": 0.3456, "unit": "nats"})
        '−101.2 ± 0.3 nats'
        >>> format_estimate({"value": 0.20871, "standard_error": 0.0014}, unit=False)
        '0.2087 ± 0.0014'
    """
    error = estimate.get("standard_error") or 0.0
    known = math.isfinite(error) and error > 0
    decimals = 4
    if known:
        exponent = math.floor(math.log10(error))
        decimals = max(0, (1 if error < 1.95 * 10**exponent else 0) - exponent)
    shown = (
        f"{error:,.{decimals}f}" if decimals <= DECIMALS else f"{error:.0e}".replace("e-0", "e-")
    )
    text = f"{estimate['value']:,.{min(decimals, DECIMALS)}f}"
    text += f" ± {shown}" if known else ""
    after = f" {estimate.get('unit', '')}".rstrip() if unit else ""
    return text.replace("-", "−") + after


def format_number(value: float) -> str:
    """Return a number without an error, of at most five digits.

    Example:
        >>> format_number(-24.45912)
        '−24.459'
    """
    return f"{value:.5g}".replace("-", "−")


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
