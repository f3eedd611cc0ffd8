"""How an image-to-image network goes wrong, read off what was measured of its outputs."""

import re

from immersion.diagnostics.evidence import Evidence, Finding

BEFORE = re.compile(r"(psnr|psnr_y|psnr_hole)_before_(.+)")
"""PSNR of what a network starts from: measure and setting."""

GAINS = {
    "psnr_chroma_gain_over_grey_": "grey is",
    "psnr_chroma_gain_over_mean_": "one mean colour for everything is",
}
"""What colouring gains in dB, over what is no guess at all."""

OFF = 0.1
"""By which a 90 % interval may miss its share: those of networks that went well hold 0.87 to 0.93
of other photographs' values."""


def no_better_than_its_input(evidence: Evidence) -> Finding | None:
    """Tell whether pictures were better before than after: by PSNR, not by the eye."""
    e = evidence.estimates
    worse = [
        f"{after:.2f} dB after and {e[name]:.2f} before ({match[2].replace('_', ' ')})"
        for name in e
        if (match := BEFORE.fullmatch(name)) and (after := e[f"{match[1]}_{match[2]}"]) < e[name]
    ]
    if not worse:
        return None
    remedy = evidence.advice("train for more --steps", "lower --learning-rate")
    sentence = f"Pictures are no better after than before: PSNR is {'; '.join(worse)}."
    return Finding("no better than its input", sentence, remedy, "failure")


def further_than_grey(evidence: Evidence) -> Finding | None:
    """Tell whether what is no guess at all is nearer to the true colours."""
    nearer = [
        f"{words} (PSNR {value:.2f} dB)"
        for name, value in evidence.estimates.items()
        for start, words in GAINS.items()
        if name.startswith(start) and value < 0
    ]
    if not nearer:
        return None
    sentence = (
        f"Colours are further from the true ones than {' and '.join(nearer)}: what a network pays "
        "for bold colours, or one that has not learnt yet."
    )
    return Finding(
        "further than grey", sentence, evidence.advice("train for more --steps"), "note"
    )


def wrong_about_itself(evidence: Evidence) -> Finding | None:
    """Tell whether 90 % intervals hold much less, or much more, than 90 % of the values."""
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
    remedy = evidence.advice("train for more --steps", "lower --beta")
    return Finding("wrong about itself", sentence, remedy, "warning")
