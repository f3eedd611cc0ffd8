"""How an adversarial game goes wrong, read off its metrics; thresholds are of small real runs.

The runs are those of tests/evaluation/health/health_runs.py: each goes wrong on purpose, or well.
"""

import math

import numpy as np

from immersion.diagnostics.evidence import Evidence, Finding
from immersion.objectives.games import GAMES

NOTHING = -math.log(4)
"""V(D, G), nats, of a discriminator that says 1/2 to everything: any that is worse is too weak."""

LARGE = 50.0
"""A logit whose probability no float32 tells from 0 or 1. Healthy games stay below 10 on digits,
a Wasserstein critic with gradient penalty below 30; without penalty it passed 1,000."""

GROWING = 1.4
"""Factor from the second to the last third by which what still grows has grown: 1.8 to 2.4 in a
Wasserstein game without penalty; 0.4 to 1.1 in games that went well."""

BEYOND = 1e4
"""A logit that no game comes back from, growing or not."""


def augmented(evidence: Evidence) -> str:
    """Return how images can be augmented: adaptively where a logit's sign says what is real."""
    adaptive = evidence.game is not None and GAMES[evidence.game].signed
    return f"--augmentation {'adaptive' if adaptive else 'differentiable'}"


def _penalty(evidence: Evidence) -> str:
    """Return the penalty on the discriminator's slope that suits the game and the data."""
    flag, least = "r1", evidence.usual_penalty
    if evidence.game == "wasserstein":
        flag, least = "gradient-penalty", 10.0
    given = evidence.settings.get(flag) or 0.0
    # What is there and did not suffice is to be ten times what it was.
    weight = 10 * given if given >= least else least
    return f"a penalty on the discriminator's slope (--{flag} {float(f'{weight:.2g}'):g})"


def divergence(evidence: Evidence) -> Finding | None:
    """Numbers that were not finite, or logits and gradients that keep growing."""
    remedy = _steadier(evidence)
    if evidence.diverged:
        sentence = f"Training met a number that is not finite: {evidence.diverged}."
        return Finding("diverged", sentence, remedy, "failure")
    if not evidence.judged:
        return None
    sizes = [
        max(abs(evidence.third(f"discriminator/{kind}", n)) for kind in ("real", "fake"))
        for n in (1, 2)
    ]
    norms = [evidence.third("discriminator/gradient_norm", n) for n in (1, 2)]
    growing = sizes[1] > GROWING * sizes[0] and norms[1] > GROWING * norms[0]
    if sizes[1] > BEYOND or (sizes[1] > LARGE and growing):
        sentence = (
            f"The discriminator's logits have reached {sizes[1]:,.3g} (in the middle of training "
            f"{sizes[0]:,.3g}) and its gradient a norm of {norms[1]:,.3g} ({norms[0]:,.3g}): far "
            "beyond what any probability needs."
        )
        return Finding("diverging", sentence, remedy, "failure")
    return None


def _steadier(evidence: Evidence) -> str:
    slower = "lower --learning-rate (by 10)"
    if evidence.game is None:
        return evidence.advice(slower, "clip the gradient (--clip 1)")
    return evidence.advice(slower, f"add {_penalty(evidence)}", "lower --momentum")


ALL = 0.98
"""Accuracy at which nearly all pairs are told apart. Alone it says little: 8x8 digits are told
apart at 0.97 to 0.99 while the samples still improve."""

SURE, SURE_ELSEWHERE = 0.25, 0.03
"""Discriminator's own loss below which it is sure as well. In games of probabilities, nats: D(x)
and 1 - D(G(z)) are 0.88 or above; 0.005 with 20 moves a step, 0.12 at 50 times the learning rate,
0.67 and above in games that went well. Elsewhere it is 0.25 (least squares) to 2 (hinge) where
nothing can be told apart, and was 0.060 to 0.57 in games that went well."""


def discriminator_won(evidence: Evidence) -> Finding | None:
    """Tell whether the discriminator tells everything apart, and is sure."""
    if not evidence.judged:
        return None
    accuracy, loss = evidence.third("discriminator/accuracy", 2), evidence.own_loss
    # A Wasserstein critic has no surest answer: its loss is negative and it should be far ahead.
    sure = SURE if evidence.of_probabilities else SURE_ELSEWHERE
    if accuracy < ALL or not 0 <= loss < sure:
        return None
    fake = evidence.third("discriminator/fake", 2)
    sentence = (
        f"The discriminator tells {100 * accuracy:.0f} % of pairs apart and is sure of it: its "
        f"loss is {loss:.2g}, and to a generated example it gives a logit of {fake:.1f}, so that "
        "the generator learns little from it."
    )
    remedy = "hold the discriminator back: " + evidence.advice(
        _penalty(evidence),
        "a lower --discriminator-rate",
        "a lower --discriminator-steps",
        "a narrower network",
    )
    if evidence.game == "minimax":
        remedy += "; " + evidence.advice("take --game non-saturating")
    return Finding("the discriminator has won", sentence, remedy, "warning")


BEHIND = 0.45
"""Accuracy below which samples look more real than the data do: the discriminator does not
follow. It was 0.00 with a learning rate of a ten-thousandth; no game that went well ended so."""

WORSE = 0.2
"""Nats by which V(D, G) must lie below -log 4."""

NEVER = 0.58
"""An accuracy that is always below this has never told anything apart; untrained generators are
told from data at 0.9 within 20 steps. A generator that draws from p itself kept it at 0.57."""


def discriminator_too_weak(evidence: Evidence) -> Finding | None:
    """Tell whether the discriminator is too weak to judge the generator."""
    if not evidence.judged:
        return None
    accuracy, value = (evidence.third(f"discriminator/{n}", 2) for n in ("accuracy", "value"))
    worse = evidence.of_probabilities and value < NOTHING - WORSE
    never = evidence.train["discriminator/accuracy"].max() < NEVER
    if accuracy < BEHIND or worse:
        said = "The discriminator does worse than one that says 1/2 to everything"
    elif never:
        said = "The discriminator has never told anything apart, from the first samples on"
    else:
        return None
    beside = f", V(D, G) {value:.2f} (−log 4 is −1.39)" if evidence.of_probabilities else ""
    sentence = (
        f"{said}: accuracy {accuracy:.2f}{beside}. What it says of the generator means nothing."
    )
    remedy = "make the discriminator stronger: " + evidence.advice(
        "a higher --discriminator-rate (1 or more)",
        "two moves a step (--discriminator-steps 2 with --updates alternating)",
        "a smaller penalty (--r1, --gradient-penalty)",
        "a wider network",
    )
    return Finding("the discriminator is too weak", sentence, remedy, "failure")


SWINGING = 0.07
"""Standard deviation of the accuracy about its trend in the later half of training: 0.17 to 0.31
in games that ran in circles, 0.002 to 0.024 in those that went well."""


def oscillation(evidence: Evidence) -> Finding | None:
    """Tell whether the players run in circles: who wins changes again and again."""
    if not evidence.judged:
        return None
    half = len(evidence.steps) // 2
    steps, accuracy = evidence.steps[half:], evidence.train["discriminator/accuracy"][half:]
    swing = float((accuracy - np.polyval(np.polyfit(steps, accuracy, 1), steps)).std())
    if swing < SWINGING:
        return None
    sentence = (
        "In the later half of training the discriminator's accuracy swings between "
        f"{accuracy.min():.2f} and {accuracy.max():.2f}: the players run in circles."
    )
    remedy = evidence.advice(
        f"add {_penalty(evidence)}",
        "lower --learning-rate",
        "lower --momentum (0 to 0.5)",
        "average the generator's weights (--ema 0.999)",
    )
    return Finding("oscillation", sentence, remedy, "warning")


BY_HEART = 0.5
"""Share of the gap between training examples and draws that the discriminator loses on held-out
examples: the r_v of Karras et al. 2020, equation (1), https://arxiv.org/abs/2006.06676, who hold
a like share at 0.6 while training. The evaluation takes all three means of one discriminator, the
trained one (averaged where weights were), in evaluation mode; so nothing differs but the
examples. 1.02 with 32 training examples and a generator that draws from p itself; -0.06 to 0.06
in games that went well. The curves do not tell: training's are of the live players in training
mode, validation's of the judged ones."""


def memorising_discriminator(evidence: Evidence) -> Finding | None:
    """Tell whether the discriminator knows its training examples by heart."""
    share = evidence.estimates.get("discriminator_overfitting", 0.0)
    if share < BY_HEART:
        return None
    sentence = (
        f"The discriminator loses {100 * share:.0f} % of the gap between training examples and "
        "draws on held-out examples: it has learnt by heart, and teaches the generator to do the "
        "same."
    )
    remedy = evidence.advice(
        "get more data",
        f"show it augmented images ({augmented(evidence)})",
        f"add {_penalty(evidence)}",
        "take a narrower network",
        "train for fewer --steps",
    )
    return Finding("the discriminator memorises", sentence, remedy, "warning")
