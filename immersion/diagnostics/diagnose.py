"""Diagnose a training from its metrics and its evaluation, and advise what to try."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from immersion.diagnostics import game as games
from immersion.diagnostics import samples, translation
from immersion.diagnostics.evidence import (
    LINES,
    Evidence,
    Finding,
    read_terms,
)
from immersion.diagnostics.remedy import Advice, Change, Remedy
from immersion.evaluation_record import read_estimates

__all__ = ["Finding", "diagnose"]

RULES = (
    games.find_divergence,
    samples.find_mode_collapse,
    games.find_weak_discriminator,
    samples.find_posterior_collapse,
    samples.find_copies,
    games.find_memorising_discriminator,
    games.find_winning_discriminator,
    games.find_oscillation,
    samples.find_samples_unlike_data,
    translation.find_no_improvement,
    translation.find_wrong_colours,
    translation.find_miscalibration,
)
"""The rules, in the order in which findings of equal severity are reported."""

SEVEREST_FIRST = ("failure", "warning", "note", "fine")


def diagnose(
    metrics: list[dict[str, Any]],
    evaluation: dict[str, Any] | None,
    *,
    flags: Mapping[str, Collection[str]],
    game: str | None = None,
    diverged: str = "",
    settings: Mapping[str, Any] = MappingProxyType({}),
    usual_penalty: float = 1.0,
) -> list[Finding]:
    """Return the findings about a run, the most severe first; at least one.

    ========================== ============================================== ===========
    finding                    condition                                      read from
    ========================== ============================================== ===========
    diverged                   a number was not finite                        training
    diverging                  logits and gradients keep growing far beyond   training
                               use
    mode collapse              good samples that cover few modes              evaluation
    copies                     samples are nearer to training examples than   evaluation
                               held-out examples are
    the discriminator has won  it distinguishes everything with certainty     training
    the discriminator is       it is worse than one that outputs 1/2          training
    too weak                   everywhere, or never distinguished anything
    the discriminator          held-out examples look generated to it         evaluation
    memorises
    oscillation                who wins changes again and again               training
    samples unlike the data    hardly any sample is like the data             evaluation
    posterior collapse         no latent unit carries information (VAE)       evaluation
    no better than its input   PSNR is lower after than before                evaluation
    worse than grey            grey or one colour is nearer the truth         evaluation
    miscalibrated uncertainty  90 % intervals hold another share (image to    evaluation
                               image)
    too short to diagnose      a game's metrics have fewer than 6 lines       training
    healthy                    a game, and none of the above                  both
    no problem found           no game, and none of the above                 both
    ========================== ============================================== ===========

    Variety, copying and memorisation do not show in a game's curves: they need an evaluation.
    Remedies name no flag that the run's command does not take, and no setting that it has already.

    Args:
        metrics: The lines of `metrics.jsonl`.
        evaluation: The contents of `evaluation.json`, or None.
        flags: Flag that the run's command takes, without its dashes -> the words it accepts;
            none where it accepts any.
        game: The adversarial game; None where there was none.
        diverged: Location of the non-finite number that ended training; empty if none did.
        settings: Flag, without its dashes -> the run's value.
        usual_penalty: The weight of R1 that suits such data.
    """
    train, steps = read_terms(metrics)
    evidence = Evidence(
        train,
        steps,
        estimates=read_estimates(evaluation),
        evaluation=evaluation or {},
        flags=flags,
        game=game,
        diverged=diverged,
        settings=settings,
        usual_penalty=usual_penalty,
    )
    found = [rule(evidence) for rule in RULES]
    findings = [finding for finding in found if finding is not None]
    findings.sort(key=lambda finding: SEVEREST_FIRST.index(finding.severity))
    return findings or [_report_no_failure(evidence)]


LONGER = Advice(
    (
        Remedy("train for longer", (Change("steps", "raise"),)),
        Remedy("lower {}", (Change("log-every", "lower"),)),
    )
)


def _report_no_failure(evidence: Evidence) -> Finding:
    if "discriminator/accuracy" not in evidence.train:
        sentence = (
            "A run without a discriminator is checked only for numbers that are not finite, and "
            "by its evaluation."
        )
        if evidence.too_few_examples:
            few = evidence.too_few_examples
            sentence += f" It does not cover samples: {few} test examples are too few."
        return Finding("no problem found", sentence, "fine")
    if not evidence.has_game:
        sentence = f"The metrics have fewer than {LINES} lines: too few for a diagnosis."
        return Finding("too short to diagnose", sentence, "note", LONGER)
    accuracy = evidence.median("discriminator/accuracy", 2)
    sentence = f"The game is in balance: neither player has won (accuracy {accuracy:.2f})."
    if accuracy >= games.ALL:
        sentence = (
            f"The discriminator distinguishes {100 * accuracy:.0f} % of pairs, but not with such "
            "certainty that the generator could not learn from it."
        )
    if evidence.too_few_examples:
        sentence += f" {evidence.too_few_examples} test examples are too few to measure variety."
    elif "coverage" not in evidence.values:
        sentence += " Whether samples vary enough is not measured yet."
        variety = Advice((Remedy("see immersion evaluate RUN for variety"),))
        return Finding("healthy", sentence, "fine", variety)
    return Finding("healthy", sentence, "fine")
