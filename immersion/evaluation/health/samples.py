"""How a generative model goes wrong, read off what was measured of its samples and codes."""

from immersion.evaluation.health.evidence import Evidence, Finding

LIKE_DATA = 0.3
"""Precision from which samples are good enough to speak of their variety."""

FEW_KINDS, HARDLY_ANY = 0.5, 0.25
"""Coverage and recall, each in units of precision, that both must be undercut: 0.1 to 0.4 and 0.0
in collapsed games on digits; 0.6 and above, and 0.14 and above, in those that went well."""

UNEVEN = 0.4
"""Nats of KL from the modes drawn to the data's: a third of the modes lost costs log 3/2 = 0.41.
0.01 in games that went well."""


def mode_collapse(evidence: Evidence) -> Finding | None:
    """Tell whether samples are of a few kinds only."""
    e = evidence.estimates
    remedy = (
        "show the discriminator how much samples vary (--pack 2 or --minibatch-std), take "
        "--game relativistic with penalties (--r1 1 --r2 1), and lower --learning-rate"
    )
    if e.get("reverse_kl", 0.0) > UNEVEN:
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


UNLIKE = 0.05
"""Precision below which samples are not like the data: 0.00 to 0.03 in games that failed, 0.18
in the one of those that went well which had the fewest steps for its data."""


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
    remedy = (
        "get more data, augment it (--augmentation adaptive), stop earlier, or take a smaller "
        "model; look at samples beside their nearest training examples"
    )
    return Finding("copies", sentence, remedy, "warning")


def posterior_collapse(evidence: Evidence) -> Finding | None:
    """Tell whether no latent unit of a VAE says anything about its example."""
    if evidence.evaluation.get("active_units") != 0 or not evidence.evaluation.get("kl_per_unit"):
        return None
    sentence = "No latent unit is active: codes say nothing about their examples."
    remedy = "warm the KL up (--warmup 5000), lower --beta, or weaken the decoder"
    return Finding("posterior collapse", sentence, remedy, "failure")
