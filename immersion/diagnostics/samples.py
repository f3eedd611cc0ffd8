"""Failures of generative models, detected in the measures of their samples and codes."""

from immersion.diagnostics.evidence import Evidence, Finding
from immersion.diagnostics.game import FEWER_STEPS, LOWER_RATE, augment
from immersion.diagnostics.remedy import Advice, Change, Remedy

LIKE_DATA = 0.3
"""Precision from which samples are good enough for their variety to be diagnosed."""

FEW_CLASSES, HARDLY_ANY = 0.5, 0.25
"""Coverage and recall, each in units of precision, both of which a collapse falls below: 0.2 to
0.4 and 0.0 in collapsed games on digits; 0.7 and above, and 0.3 and above, in those that went
well."""

UNEVEN = 0.4
"""Nats, KL from the modes sampled to the data's, beyond that of so few samples of equal modes; a
third of the modes lost costs log 3/2 = 0.41."""

SHARP = 0.5
"""Share of points of high quality from which their modes' shares are usable: where modes are not
yet found to within 3 sigma, the histogram shows which are blurred and not which are missed
(0.15 and 0.51 nats on rings whose every mode was found, with shares of 0.36 and 0.28)."""

MORE_STEPS = Remedy("train for more {}", (Change("steps", "raise"),))
LOWER_BETA = Remedy("lower {}", (Change("beta", "lower"),))


def find_mode_collapse(evidence: Evidence) -> Finding | None:
    """Find samples that cover only a few of the data's modes."""
    e, advice = evidence.values, _add_variety(evidence)
    if _compute_unevenness(evidence) > UNEVEN and e.get("high_quality", 1.0) >= SHARP:
        sentence = (
            f"Samples fall on {e.get('modes', 0):.0f} of the data's modes, and unevenly: KL from "
            f"the modes sampled to the data's is {e['reverse_kl']:.2f} nats."
        )
        return Finding("mode collapse", sentence, "failure", advice)
    if not {"precision", "recall", "coverage"} <= set(e) or e["precision"] < LIKE_DATA:
        return None
    few = e["coverage"] < FEW_CLASSES * e["precision"]
    if not few or e["recall"] > HARDLY_ANY * e["precision"]:
        return None
    sentence = (
        f"Samples look like data (precision {e['precision']:.2f}) but vary too little: they "
        f"cover {100 * e['coverage']:.0f} % of the test examples (recall {e['recall']:.2f})."
    )
    return Finding("mode collapse", sentence, "failure", advice)


def _compute_unevenness(evidence: Evidence) -> float:
    """Return the KL from the modes sampled to the data's, less its bias (Miller 1955), in nats.

    A histogram of M samples over k modes that are hit is uneven by (k - 1) / 2M by chance: by
    0.2 where 2,000 samples hit 800 of 1,000 modes.
    """
    e = evidence.values
    if "reverse_kl" not in e:
        return 0.0
    count = evidence.estimates[""]["reverse_kl"]["examples"]
    return e["reverse_kl"] - (e.get("modes", 1.0) - 1) / (2 * max(count, 1))


def _add_variety(evidence: Evidence) -> Advice:
    if evidence.game is None:
        larger = Remedy("give it a larger {}", (Change("latent-dim", "raise"),))
        return evidence.advise(MORE_STEPS, larger, LOWER_BETA)
    penalties = Change("r1", "raise"), Change("r2", "raise")
    relativistic = Change("game", "set", "relativistic")
    return evidence.advise(
        Remedy(
            "show the discriminator how much samples vary ({} or {})",
            (Change("pack", "raise", 2.0), Change("minibatch-std", "set")),
            any_of=True,
        ),
        Remedy("raise {} and {}", penalties)
        if evidence.game == "relativistic"
        else Remedy("take {} with {} and {}", (relativistic, *penalties)),
        LOWER_RATE,
    )


UNLIKE = 0.05
"""Precision below which samples are not like the data: 0.00 in games that failed, 0.35 in
the one of those that went well which had the fewest steps for its data."""

TRAIN_ON = Advice(
    (
        Remedy("train for longer (more {})", (Change("steps", "raise"),)),
        Remedy("see the other findings"),
    )
)


def find_samples_unlike_data(evidence: Evidence) -> Finding | None:
    """Find samples of which hardly any is like the data."""
    precision = evidence.values.get("precision", 1.0)
    if precision >= UNLIKE:
        return None
    sentence = f"Hardly any sample is like the data: precision {precision:.2f}."
    return Finding("samples unlike the data", sentence, "warning", TRAIN_ON)


COPIED = 0.6
"""Share of pairs in which a sample is nearer to the training set than a held-out example; 1/2
where nothing is copied, 1 where everything is. 0.57 with 50 training digits."""


def find_copies(evidence: Evidence) -> Finding | None:
    """Find samples that are copies of training examples."""
    share = evidence.values.get("nearer_than_held_out", 0.0)
    if share < COPIED:
        return None
    sentence = (
        f"Samples are nearer to training examples than new data are (in {100 * share:.0f} % of "
        "pairs; 50 % where nothing is copied): some of them are copies."
    )
    advice = evidence.advise(
        Remedy("get more data"),
        augment("augment it ({})", evidence),
        FEWER_STEPS,
        Remedy("take a smaller model"),
        also=(Remedy("compare samples with their nearest training examples"),),
    )
    return Finding("copies", sentence, "warning", advice)


def find_posterior_collapse(evidence: Evidence) -> Finding | None:
    """Find a VAE none of whose latent units carries information about its example."""
    if evidence.evaluation.get("active_units") != 0 or not evidence.evaluation.get("kl_per_unit"):
        return None
    sentence = "No latent unit is active: codes carry no information about their examples."
    advice = evidence.advise(
        Remedy("warm the KL up ({})", (Change("warmup", "raise", 5000.0),)),
        LOWER_BETA,
        Remedy("weaken the decoder"),
    )
    return Finding("posterior collapse", sentence, "failure", advice)
