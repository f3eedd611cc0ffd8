"""Failures of adversarial games, detected in the metrics; thresholds come from small real runs.

The runs are those of tests/diagnostics/health_runs.py: each fails on purpose, or goes well.
"""

import math

import numpy as np

from immersion.diagnostics.evidence import Evidence, Finding
from immersion.diagnostics.remedy import Advice, Change, Remedy
from immersion.objectives.games import GAMES

NOTHING = -math.log(4)
"""V(D, G), nats, of a discriminator that outputs 1/2 everywhere: one that is worse is too weak."""

LARGE = 50.0
"""A logit whose probability float32 cannot distinguish from 0 or 1. Healthy games stay below 10 on
digits, a Wasserstein critic with gradient penalty below 30; without penalty it passed 1,000."""

GROWING = 1.4
"""Growth factor from the second to the last third that counts as growing: 1.8 to 2.4 in a
Wasserstein game without penalty; 0.4 to 1.1 in games that went well."""

BEYOND = 1e4
"""A logit from which no game recovers, growing or not."""

LOWER_RATE = Remedy("lower {}", (Change("learning-rate", "lower"),))
LOWER_RATE_BY_TEN = Remedy("lower {} (by 10)", (Change("learning-rate", "lower"),))
FEWER_STEPS = Remedy("train for fewer {}", (Change("steps", "lower"),))


def augment(text: str, evidence: Evidence) -> Remedy:
    """Return a remedy by augmentation: adaptive where a logit's sign predicts what is real."""
    adaptive = evidence.game is not None and GAMES[evidence.game].signed
    mode = "adaptive" if adaptive else "differentiable"
    return Remedy(text, (Change("augmentation", "set", mode),))


def _penalise(evidence: Evidence, verb: str = "add ") -> Remedy:
    """Return the penalty on the discriminator's slope that suits the game and the data."""
    flag, least = "r1", evidence.usual_penalty
    if evidence.game == "wasserstein":
        flag, least = "gradient-penalty", 10.0
    given = evidence.settings.get(flag) or 0.0
    # A penalty that did not suffice becomes ten times as large.
    weight = float(f"{10 * given if given >= least else least:.2g}")
    text = f"{verb}a penalty on the discriminator's slope ({{}})"
    return Remedy(text, (Change(flag, "raise", weight),))


def find_divergence(evidence: Evidence) -> Finding | None:
    """Find numbers that were not finite, and logits and gradients that keep growing."""
    if evidence.diverged:
        sentence = f"Training met a number that is not finite: {evidence.diverged}."
        return Finding("diverged", sentence, "failure", _stabilise(evidence))
    if not evidence.has_game:
        return None
    sizes = [
        max(abs(evidence.median(f"discriminator/{side}", third)) for side in ("real", "fake"))
        for third in (1, 2)
    ]
    norms = [evidence.median("discriminator/gradient_norm", third) for third in (1, 2)]
    growing = sizes[1] > GROWING * sizes[0] and norms[1] > GROWING * norms[0]
    if sizes[1] > BEYOND or (sizes[1] > LARGE and growing):
        sentence = (
            f"The discriminator's logits have reached {sizes[1]:,.3g} (in the middle of training "
            f"{sizes[0]:,.3g}) and its gradient a norm of {norms[1]:,.3g} ({norms[0]:,.3g}): far "
            "beyond what any probability needs."
        )
        return Finding("diverging", sentence, "failure", _stabilise(evidence))
    return None


def _stabilise(evidence: Evidence) -> Advice:
    if evidence.game is None:
        clip = Remedy("clip the gradient ({})", (Change("clip", "raise", 1.0),))
        return evidence.advise(LOWER_RATE_BY_TEN, clip)
    momentum = Remedy("lower {}", (Change("momentum", "lower"),))
    return evidence.advise(LOWER_RATE_BY_TEN, _penalise(evidence), momentum)


ALL = 0.98
"""Accuracy at which nearly all pairs are distinguished. Alone it is no failure: 8x8 digits are
distinguished at 0.97 to 0.99 while the samples still improve."""

SURE, SURE_ELSEWHERE = 0.25, 0.03
"""Discriminator's own loss below which it is certain as well. In games of probabilities, nats:
D(x) and 1 - D(G(z)) are 0.88 or above; 0.005 with 20 moves a step, 0.12 at 50 times the learning
rate, 0.67 and above in games that went well. Elsewhere it is 0.25 (least squares) to 2 (hinge)
where nothing can be distinguished, and was 0.060 to 0.57 in games that went well."""

HOLD_BACK = (
    Remedy("a lower {}", (Change("discriminator-rate", "lower"),)),
    Remedy("a lower {}", (Change("discriminator-steps", "lower"),)),
    Remedy("a narrower network"),
)


def find_winning_discriminator(evidence: Evidence) -> Finding | None:
    """Find a discriminator that distinguishes everything with certainty."""
    if not evidence.has_game:
        return None
    accuracy, loss = evidence.median("discriminator/accuracy", 2), evidence.unpenalised_loss
    # A Wasserstein critic has no most certain answer: its loss is negative and it should lead far.
    sure = SURE if evidence.of_probabilities else SURE_ELSEWHERE
    if accuracy < ALL or not 0 <= loss < sure:
        return None
    fake = evidence.median("discriminator/fake", 2)
    sentence = (
        f"The discriminator distinguishes {100 * accuracy:.0f} % of pairs and is certain: its "
        f"loss is {loss:.2g}, and its logit of a generated example is {fake:.1f}, so that "
        "the generator learns little from it."
    )
    other_game = Remedy("take {}", (Change("game", "set", "non-saturating"),))
    advice = evidence.advise(
        _penalise(evidence, verb=""),
        *HOLD_BACK,
        aim="hold the discriminator back",
        also=(other_game,) if evidence.game == "minimax" else (),
    )
    return Finding("the discriminator has won", sentence, "warning", advice)


BEHIND = 0.45
"""Accuracy below which samples look more real than the data do: the discriminator does not
follow. It was 0.00 with a learning rate of a ten-thousandth; no game that went well ended so."""

WORSE = 0.2
"""Nats by which V(D, G) must be below -log 4."""

NEVER = 0.58
"""An accuracy that is always below this has never distinguished anything; untrained generators are
distinguished from data at 0.9 within 20 steps. A generator that samples from p itself kept it at
0.57."""

STRENGTHEN = (
    Remedy("a higher {} (1 or more)", (Change("discriminator-rate", "raise"),)),
    Remedy(
        "two moves a step ({} with {})",
        (Change("discriminator-steps", "raise", 2.0), Change("updates", "set", "alternating")),
    ),
    Remedy(
        "a smaller penalty ({}, {})",
        (Change("r1", "lower"), Change("gradient-penalty", "lower")),
    ),
    Remedy("a wider network"),
)


def find_weak_discriminator(evidence: Evidence) -> Finding | None:
    """Find a discriminator that is too weak to train the generator."""
    if not evidence.has_game:
        return None
    accuracy, value = (evidence.median(f"discriminator/{n}", 2) for n in ("accuracy", "value"))
    worse = evidence.of_probabilities and value < NOTHING - WORSE
    never = evidence.train["discriminator/accuracy"].max() < NEVER
    if accuracy < BEHIND or worse:
        observed = "The discriminator does worse than one that outputs 1/2 everywhere"
    elif never:
        observed = "The discriminator has never distinguished samples from data"
    else:
        return None
    game_value = f", V(D, G) {value:.2f} (−log 4 is −1.39)" if evidence.of_probabilities else ""
    sentence = f"{observed}: accuracy {accuracy:.2f}{game_value}. It cannot guide the generator."
    advice = evidence.advise(*STRENGTHEN, aim="make the discriminator stronger")
    return Finding("the discriminator is too weak", sentence, "failure", advice)


SWINGING = 0.07
"""Standard deviation of the accuracy about its trend in the later half of training: 0.17 to 0.31
in games that ran in circles, 0.002 to 0.024 in those that went well."""


def find_oscillation(evidence: Evidence) -> Finding | None:
    """Find players that run in circles: who wins changes again and again."""
    if not evidence.has_game:
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
    advice = evidence.advise(
        _penalise(evidence),
        LOWER_RATE,
        Remedy("lower {} (0 to 0.5)", (Change("momentum", "lower"),)),
        Remedy("average the generator's weights ({})", (Change("ema", "raise", 0.999),)),
    )
    return Finding("oscillation", sentence, "warning", advice)


MEMORISED = 0.5
"""Share of the gap between training examples and samples that the discriminator loses on held-out
examples: the r_v of Karras et al. 2020, equation (1), https://arxiv.org/abs/2006.06676, who hold
a like share at 0.6 while training. The evaluation takes all three means of one discriminator, the
trained one (averaged where weights were), in evaluation mode; so nothing differs but the
examples. 1.02 with 32 training examples and a generator that samples from p itself; -0.06 to 0.06
in games that went well. The curves do not show it: training's are of the live players in training
mode, validation's of the averaged ones in evaluation mode."""


def find_memorising_discriminator(evidence: Evidence) -> Finding | None:
    """Find a discriminator that has memorised its training examples."""
    share = evidence.values.get("discriminator_overfitting", 0.0)
    if share < MEMORISED:
        return None
    sentence = (
        f"The discriminator loses {100 * share:.0f} % of the gap between training examples and "
        "samples on held-out examples: it has memorised, and teaches the generator to do the same."
    )
    advice = evidence.advise(
        Remedy("get more data"),
        augment("show it augmented images ({})", evidence),
        _penalise(evidence),
        Remedy("take a narrower network"),
        FEWER_STEPS,
    )
    return Finding("the discriminator memorises", sentence, "warning", advice)
