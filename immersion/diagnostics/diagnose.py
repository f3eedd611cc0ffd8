"""What went wrong in a training, read off its metrics and its evaluation, and what to try."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from immersion.diagnostics import game, samples, translation
from immersion.diagnostics.evidence import LINES, Evidence, Finding, gathered
from immersion.diagnostics.game import ALL

__all__ = ["Finding", "diagnose"]

RULES = (
    game.divergence,
    samples.mode_collapse,
    game.discriminator_too_weak,
    samples.posterior_collapse,
    samples.copies,
    game.memorising_discriminator,
    game.discriminator_won,
    game.oscillation,
    samples.unlike_the_data,
    translation.no_better_than_its_input,
    translation.further_than_grey,
    translation.wrong_about_itself,
)
"""In the order in which findings of one severity are told."""

GRAVE = ("failure", "warning", "note", "fine")


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
    """Return what can be said about a run's health, the gravest first; never nothing.

    ======================== ============================================== ===================
    finding                  where                                          read off
    ======================== ============================================== ===================
    diverged                 a number was not finite, or logits and         training
                             gradients keep growing far beyond use
    mode collapse            good samples of few kinds                      evaluation
    copies                   samples lie nearer to training examples than   evaluation
                             held-out examples do
    the discriminator has    it tells everything apart, surely              training
    won
    the discriminator is     it is worse than one that says 1/2 to          training
    too weak                 everything, or has never told anything apart
    the discriminator        held-out examples look generated to it         evaluation
    memorises
    oscillation              who wins changes again and again               training
    samples unlike the data  hardly any sample is like the data             evaluation
    posterior collapse       no latent unit says anything about x (VAE)     evaluation
    no better than its input pictures were better before than after         evaluation
    further than grey        grey or one colour is nearer the truth         evaluation
    wrong about itself       90 % intervals hold another share (image to    evaluation
                             image)
    ======================== ============================================== ===================

    Variety, copying and learning by heart cannot be read off a game's curves: they need an
    evaluation. Remedies name no flag that the run's command does not take, nor what it was given.

    Args:
        metrics: The lines of `metrics.jsonl`.
        evaluation: The contents of `evaluation.json`, or None.
        flags: What the run's command takes: flag, without its dashes -> the words that it may be
            given, none where it takes any.
        game: Which adversarial game was played; None where there was none.
        diverged: Where the number was that ended training by not being finite; empty if none did.
        settings: What the run was given: flag, without its dashes -> its value.
        usual_penalty: The weight of R1 that suits such data.
    """
    evidence = gathered(metrics, evaluation or {}, flags, game, diverged, settings, usual_penalty)
    found = [rule(evidence) for rule in RULES]
    findings = [finding for finding in found if finding is not None]
    return sorted(findings, key=lambda f: GRAVE.index(f.severity)) or [_nothing_amiss(evidence)]


def _nothing_amiss(evidence: Evidence) -> Finding:
    if "discriminator/accuracy" not in evidence.train:
        sentence = (
            "Nothing was found. Runs without a discriminator are not looked into further than "
            "for numbers that are not finite, and for what their evaluation says."
        )
        if evidence.few:
            sentence += f" Of samples it says nothing: {evidence.few} test examples are too few."
        return Finding("nothing amiss", sentence, "", "fine")
    if not evidence.judged:
        sentence = f"The metrics have fewer than {LINES} lines: too few to say anything."
        remedy = "train for longer, or lower --log-every"
        return Finding("too short to tell", sentence, remedy, "note")
    accuracy = evidence.third("discriminator/accuracy", 2)
    sentence = f"The game is in balance: neither player has won (accuracy {accuracy:.2f})."
    if accuracy >= ALL:
        sentence = (
            f"The discriminator tells {100 * accuracy:.0f} % of pairs apart, but is not so sure "
            "of it that the generator could not learn from it."
        )
    if evidence.few:
        sentence += f" Whether samples vary enough cannot be told by {evidence.few} test examples."
    elif "coverage" not in evidence.estimates:
        sentence += " Whether samples vary enough is not measured yet."
        return Finding("healthy", sentence, "see immersion evaluate RUN for variety", "fine")
    return Finding("healthy", sentence, "", "fine")
