"""Adversarial games: what two players minimise, given the discriminator's logits."""

from immersion.games.base import GAMES, Game

__all__ = ["GAMES", "Game"]
