"""How a generative model goes wrong, read off what was measured of its samples and codes."""

from immersion.diagnostics.evidence import Evidence, Finding
from immersion.diagnostics.game import augmented

LIKE_DATA = 0.3
"""Precision from which samples are good enough to speak of their variety."""

FEW_KINDS, HARDLY_ANY = 0.5, 0.25
"""Coverage and recall, each in units of precision, that both must be undercut: 0.2 to 0.4 and 0.0
in collapsed games on digits; 0.7 and above, and 0.3 and above, in those that went well."""

UNEVEN = 0.4
"""Nats, KL from the modes drawn to the data's, beyond what so few draws show of even ones; a third
of the modes lost costs log 3/2 = 0.41."""

SHARP = 0.5
"""Share of points of high quality from which their modes' shares mean something: where modes are
not yet found to within 3 sigma, the histogram tells which are blurred and not which are missed
(0.15 and 0.51 nats on rings whose every mode was found, with shares of 0.36 and 0.28)."""


def mode_collapse(evidence: Evidence) -> Finding | None:
    """Tell whether samples are of a few kinds only."""
    e, remedy = evidence.estimates, _more_variety(evidence)
    if _unevenness(evidence) > UNEVEN and e.get("high_quality", 1.0) >= SHARP:
        sentence = (
            f"Samples fall on {e.get('modes', 0):.0f} of the data's modes, and unevenly: KL from "
            f"the modes drawn to the data's is {e['reverse_kl']:.2f} nats."
        )
        return Finding("mode collapse", sentence, remedy, "failure")
    if not {"precision", "recall", "coverage"} <= set(e) or e["precision"] < LIKE_DATA:
        return None
    few = e["coverage"] < FEW_KINDS * e["precision"]
    if not few or e["recall"] > HARDLY_ANY * e["precision"]:
        return None
    sentence = (
        f"Samples look like data (precision {e['precision']:.2f}) but of a few kinds only: they "
        f"cover {100 * e['coverage']:.0f} % of the test examples (recall {e['recall']:.2f})."
    )
    return Finding("mode collapse", sentence, remedy, "failure")


def _unevenness(evidence: Evidence) -> float:
    """Return the KL from the modes drawn to the data's, less its bias (Miller 1955), in nats.

    A histogram of M draws over k modes that are met looks uneven by (k - 1) / 2M of itself: by
    0.2 where 2,000 draws meet 800 of 1,000 modes.
    """
    e = evidence.estimates
    if "reverse_kl" not in e:
        return 0.0
    draws = evidence.evaluation["estimates"]["reverse_kl"]["examples"]
    return e["reverse_kl"] - (e.get("modes", 1.0) - 1) / (2 * max(draws, 1))


def _more_variety(evidence: Evidence) -> str:
    if evidence.game is None:
        return evidence.advice(
            "train for more --steps", "give it a larger --latent-dim", "lower --beta"
        )
    relativistic = evidence.game == "relativistic"
    return evidence.advice(
        "show the discriminator how much samples vary (--pack 2 or --minibatch-std)",
        "raise --r1 and --r2" if relativistic else "take --game relativistic with --r1 and --r2",
        "lower --learning-rate",
    )


UNLIKE = 0.05
"""Precision below which samples are not like the data: 0.00 in games that failed, 0.35 in
the one of those that went well which had the fewest steps for its data."""


def unlike_the_data(evidence: Evidence) -> Finding | None:
    """Tell whether hardly any sample is like the data."""
    precision = evidence.estimates.get("precision", 1.0)
    if precision >= UNLIKE:
        return None
    sentence = f"Hardly any sample is like the data: precision {precision:.2f}."
    remedy = "train for longer (more --steps), or see what else is found here"
    return Finding("samples unlike the data", sentence, remedy, "warning")


COPIED = 0.6
"""Share of pairs in which a sample lies nearer to the training set than a held-out example; 1/2
where nothing is copied, 1 where everything is. 0.57 with 50 training digits."""


def copies(evidence: Evidence) -> Finding | None:
    """Tell whether samples are copies of training examples."""
    share = evidence.estimates.get("nearer_than_held_out", 0.0)
    if share < COPIED:
        return None
    sentence = (
        f"Samples lie nearer to training examples than new data do (in {100 * share:.0f} % of "
        "pairs; 50 % where nothing is copied): some of them are copies."
    )
    remedy = evidence.advice(
        "get more data",
        f"augment it ({augmented(evidence)})",
        "train for fewer --steps",
        "take a smaller model",
    )
    remedy += "; look at samples beside their nearest training examples"
    return Finding("copies", sentence, remedy, "warning")


def posterior_collapse(evidence: Evidence) -> Finding | None:
    """Tell whether no latent unit of a VAE says anything about its example."""
    if evidence.evaluation.get("active_units") != 0 or not evidence.evaluation.get("kl_per_unit"):
        return None
    sentence = "No latent unit is active: codes say nothing about their examples."
    remedy = evidence.advice(
        "warm the KL up (--warmup 5000)", "lower --beta", "weaken the decoder"
    )
    return Finding("posterior collapse", sentence, remedy, "failure")
