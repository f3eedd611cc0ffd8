"""The contract of an adversarial game and the registry of games."""

from abc import ABC, abstractmethod

from torch import Tensor

from immersion.registry import Registry


class Game(ABC):
    """Two losses, one number an example, of the logits C(x) of real and C(g(z)) of generated ones.

    In games of probabilities D(x) = sigmoid(C(x)); elsewhere C is any real number, larger where
    the discriminator takes an example for real. Example i of the one is paired with example i of
    the other. Each player minimises its own loss and sees the other's parameters as constants.
    """

    paired = False
    """Whether the generator's loss depends on the real example of its pair."""

    of_probabilities = False
    """Whether D(x) = sigmoid(C(x)) is a probability, and the discriminator ascends V(D, G)."""

    signed = True
    """Whether C > 0 means real; in games of differences alone, a constant may be added to C."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss, (B,): real is C(x), (B,), and fake is C(g(z)), (B,)."""

    @abstractmethod
    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the generator's loss, (B,), of the same logits."""


GAMES: Registry[type[Game]] = Registry("game", "immersion.games")
