"""Failures of image-to-image networks, detected in the measures of their outputs."""

from immersion.diagnostics.evidence import Evidence, Finding
from immersion.diagnostics.game import LOWER_RATE
from immersion.diagnostics.samples import LOWER_BETA, MORE_STEPS

BEFORE = {"psnr": "psnr_before", "psnr_y": "psnr_y_before", "psnr_hole": "psnr_hole_before"}
"""PSNR of the output -> PSNR of the network's starting point."""

GAINS = {
    "psnr_chroma_gain_over_grey": "grey is",
    "psnr_chroma_gain_over_mean": "one mean colour for everything is",
}
"""Gain in dB over a baseline that does not guess -> the baseline, in words."""

OFF = 0.1
"""Tolerance of a 90 % interval's share: those of networks that went well hold 0.87 to 0.93 of
other photographs' values."""


def find_no_improvement(evidence: Evidence) -> Finding | None:
    """Find outputs whose PSNR is below that of the input: by PSNR, not by eye."""
    worse = [
        f"{e[after]['value']:.2f} dB after and {e[before]['value']:.2f} before "
        f"({setting.replace('_', ' ')})"
        for setting, e in evidence.estimates.items()
        for after, before in BEFORE.items()
        if after in e and e[after]["value"] < e[before]["value"]
    ]
    if not worse:
        return None
    sentence = f"Pictures are no better after than before: PSNR is {'; '.join(worse)}."
    advice = evidence.advise(MORE_STEPS, LOWER_RATE)
    return Finding("no better than its input", sentence, "failure", advice)


def find_wrong_colours(evidence: Evidence) -> Finding | None:
    """Find colours that are further from the true ones than a baseline that does not guess."""
    nearer = [
        f"{words} (PSNR {e[gain]['value']:.2f} dB)"
        for e in evidence.estimates.values()
        for gain, words in GAINS.items()
        if gain in e and e[gain]["value"] < 0
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
    # Shares of few pictures count too: each picture has thousands of values.
    shares = [e["interval_90"]["value"] for e in evidence.estimates.values() if "interval_90" in e]
    worst = max(shares, key=lambda share: abs(share - 0.9), default=0.9)
    if abs(worst - 0.9) <= OFF:
        return None
    sentence = (
        f"Intervals that should hold 90 % of the values hold {100 * worst:.0f} %: do not trust "
        "uncertainty maps."
    )
    advice = evidence.advise(MORE_STEPS, LOWER_BETA)
    return Finding("miscalibrated uncertainty", sentence, "warning", advice)
