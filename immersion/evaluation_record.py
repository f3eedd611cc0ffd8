"""The estimates of `evaluation.json`, keyed by setting and measure; reads earlier versions too."""

from collections.abc import Mapping
from typing import Any

Estimates = dict[str, dict[str, dict[str, Any]]]
"""Setting -> measure -> value, standard_error, examples and unit. A setting is a degradation that
an image-to-image network is measured under, such as sigma_25; other models have one, the empty
name."""

EARLIER_MEASURES = (
    *("psnr", "psnr_before", "ssim", "interval_90", "psnr_y", "psnr_y_before", "ssim_y"),
    *("psnr_hole", "psnr_hole_before", "psnr_chroma", "psnr_chroma_grey", "psnr_chroma_mean"),
    *("psnr_chroma_gain_over_grey", "psnr_chroma_gain_over_mean", "colourfulness"),
    *("colourfulness_truth", "colourfulness_grey", "colourfulness_mean", "colourfulness_error"),
    *("colourfulness_error_grey", "colourfulness_error_mean", "mean_iou", "pixel_accuracy"),
    *("mean_class_accuracy", "pixel_error", "rand_error", "warping_error"),
)
"""Measures that earlier versions wrote as `measure_setting`; new measures do not belong here."""


def read_estimates(evaluation: Mapping[str, Any] | None) -> Estimates:
    """Return the estimates of an evaluation.

    evaluation.json holds measure -> estimate, and setting -> measure -> estimate for
    image-to-image networks; earlier versions wrote `measure_setting` -> estimate for them.

    Args:
        evaluation: The contents of evaluation.json, or None.

    Example:
        >>> read_estimates({"estimates": {"elbo": {"value": -90.0}}})
        {'': {'elbo': {'value': -90.0}}}
        >>> read_estimates({"estimates": {"sigma_25": {"psnr": {"value": 29.8}}}})
        {'sigma_25': {'psnr': {'value': 29.8}}}
        >>> read_estimates({"estimates": {"psnr_sigma_25": {"value": 29.8}}})
        {'sigma_25': {'psnr': {'value': 29.8}}}
    """
    estimates: Estimates = {}
    for name, entry in (evaluation or {}).get("estimates", {}).items():
        if "value" in entry:
            measure, setting = _split_earlier_name(name)
            estimates.setdefault(setting, {})[measure] = entry
        else:
            estimates[name] = dict(entry)
    return estimates


def _split_earlier_name(name: str) -> tuple[str, str]:
    """Return the measure and the setting of an estimate's name; the longest measure that fits."""
    fitting = [measure for measure in EARLIER_MEASURES if name.startswith(f"{measure}_")]
    if not fitting or name in EARLIER_MEASURES:
        return name, ""
    measure = max(fitting, key=len)
    return measure, name[len(measure) + 1 :]
