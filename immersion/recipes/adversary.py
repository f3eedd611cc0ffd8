"""An adversarial loss for image-to-image recipes, from a discriminator of patches."""

from dataclasses import dataclass

from immersion.check import check_at_least
from immersion.engine import OptimizerSettings, Player
from immersion.models import Translator
from immersion.nn.patch_discriminator import PatchDiscriminator
from immersion.objectives import (
    AdversarialTranslation,
    ConditionalELBO,
    NeighbourLoss,
    PatchDiscriminatorLoss,
    TranslationLoss,
)
from immersion.objectives.games import GAMES


@dataclass(frozen=True)
class Adversary:
    """An adversarial loss that is added to the objective.

    Args:
        adversarial: Weight of the game relative to half the squared error of one value,
            independent of --beta and --latent-dim; 0 leaves it out. A large weight makes outputs
            sharper and less accurate: start with 0.001.
        game: non-saturating (pix2pix's), least-squares, hinge, relativistic, ...
    """

    adversarial: float = 0.0
    game: str = "non-saturating"

    def __post_init__(self) -> None:
        """Validate the weight."""
        check_at_least(0, adversarial=self.adversarial)

    def players(
        self,
        model: Translator,
        likeness: TranslationLoss | NeighbourLoss | ConditionalELBO,
        optimizer: OptimizerSettings,
        channels: int,
    ) -> tuple[Player, ...]:
        """Return the translator alone, or with a discriminator, which is added to the model.

        Args:
            model: A model without a discriminator.
            likeness: The translator's loss without the game.
            optimizer: Settings of the translator's optimizer.
            channels: Channels of input and output together.
        """
        rules = GAMES[self.game]()
        own = list(model.parameters())
        if not self.adversarial:
            return (Player("translator", own, likeness, optimizer),)
        if isinstance(likeness, NeighbourLoss):
            raise ValueError("learning from noisy pictures has no game")
        model.discriminator = PatchDiscriminator(channels)
        objective = AdversarialTranslation(likeness, rules, self.adversarial)
        # Adam as in section 3.3 of the pix2pix paper.
        slow = OptimizerSettings(learning_rate=2e-4, momentum=0.5, schedule=optimizer.schedule)
        theirs = list(model.discriminator.parameters())
        return (
            Player("translator", own, objective, optimizer),
            Player("discriminator", theirs, PatchDiscriminatorLoss(rules), slow),
        )
