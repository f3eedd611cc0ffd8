"""Failures of image-to-image networks, detected in the measures of their outputs."""

import re

from immersion.diagnostics.evidence import Evidence, Finding
from immersion.diagnostics.game import LOWER_RATE
from immersion.diagnostics.samples import LOWER_BETA, MORE_STEPS

BEFORE = re.compile(r"(psnr|psnr_y|psnr_hole)_before_(.+)")
"""PSNR of the network's starting point: measure and setting."""

GAINS = {
    "psnr_chroma_gain_over_grey_": "grey is",
    "psnr_chroma_gain_over_mean_": "one mean colour for everything is",
}
"""Gain in dB over a baseline that does not guess -> the baseline, in words."""

OFF = 0.1
"""Tolerance of a 90 % interval's share: those of networks that went well hold 0.87 to 0.93 of
other photographs' values."""


def find_no_improvement(evidence: Evidence) -> Finding | None:
    """Find outputs whose PSNR is below that of the input: by PSNR, not by eye."""
    e = evidence.estimates
    worse = [
        f"{after:.2f} dB after and {e[name]:.2f} before ({match[2].replace('_', ' ')})"
        for name in e
        if (match := BEFORE.fullmatch(name)) and (after := e[f"{match[1]}_{match[2]}"]) < e[name]
    ]
    if not worse:
        return None
    sentence = f"Pictures are no better after than before: PSNR is {'; '.join(worse)}."
    advice = evidence.advise(MORE_STEPS, LOWER_RATE)
    return Finding("no better than its input", sentence, "failure", advice)


def find_wrong_colours(evidence: Evidence) -> Finding | None:
    """Find colours that are further from the true ones than a baseline that does not guess."""
    nearer = [
        f"{words} (PSNR {value:.2f} dB)"
        for name, value in evidence.estimates.items()
        for start, words in GAINS.items()
        if name.startswith(start) and value < 0
    ]
    if not nearer:
        return None
    sentence = (
        f"Colours are further from the true ones than {' and '.join(nearer)}: the price of bold "
        "colours, or the network has not learnt yet."
    )
    return Finding("worse than grey", sentence, "note", evidence.advise(MORE_STEPS))


def find_miscalibration(evidence: Evidence) -> Finding | None:
    """Find 90 % intervals that hold much less, or much more, than 90 % of the values."""
    shares = {
        name: share["value"]  # of few pictures too: each has thousands of values
        for name, share in evidence.evaluation.get("estimates", {}).items()
        if name.startswith("interval_90_") and abs(share["value"] - 0.9) > OFF
    }
    if not shares:
        return None
    worst = max(shares.values(), key=lambda value: abs(value - 0.9))
    sentence = (
        f"Intervals that should hold 90 % of the values hold {100 * worst:.0f} %: do not trust "
        "uncertainty maps."
    )
    advice = evidence.advise(MORE_STEPS, LOWER_BETA)
    return Finding("miscalibrated uncertainty", sentence, "warning", advice)
