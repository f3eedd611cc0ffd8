"""The adversarial autoencoder."""

from immersion.data import Spec
from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.likelihoods import likelihood_for
from immersion.models import AdversarialAutoencoder, Discriminator
from immersion.nn import Architecture
from immersion.objectives import CodeDiscriminatorLoss, CodeEncoderLoss, Reconstruction
from immersion.objectives.games import GAMES
from immersion.priors import StandardNormal
from immersion.recipes.base import RECIPES, resolve_latent_dim


@RECIPES.register("aae")
def aae(
    spec: Spec,
    *,
    latent_dim: int | None = None,
    likelihood: str = "auto",
    architecture: Architecture = Architecture(),
    game: str = "non-saturating",
    discriminator_width: int = 512,
    adversarial_weight: float = 20.0,
    objective: Reconstruction = Reconstruction(),
    optimizer: OptimizerSettings = OptimizerSettings(momentum=0.5),
) -> Experiment:
    """Train an adversarial autoencoder (Makhzani et al. 2016): codes made to look like a prior's.

    A game with three players: the decoder reconstructs; the encoder helps it and makes its codes
    look like draws from N(0, I); the discriminator tells codes from draws.

    Args:
        spec: The data.
        latent_dim: Dimension of the code; by default 20, less where the data have few values.
        likelihood: p(x|z), whose mean is the reconstruction; auto chooses by the kind of data.
        architecture: The encoder's and, mirrored, the decoder's network.
        game: What discriminator and encoder minimise, as of `gan`.
        discriminator_width: Units in each of the two hidden layers of the codes' discriminator.
        adversarial_weight: How much the game counts against the reconstruction error.
        objective: The reconstruction error that decoder and encoder minimise.
        optimizer: How all players move.
    """
    latent_dim = resolve_latent_dim(spec, latent_dim)
    p = likelihood_for(likelihood, spec.shape, spec.values)
    judge = Architecture("dense", discriminator_width).build((latent_dim,), (1,))
    model = AdversarialAutoencoder(
        architecture.build(spec.shape, (latent_dim,)),
        architecture.build((latent_dim,), p.parameter_shape),
        p,
        Discriminator(judge),
        StandardNormal(latent_dim),
        latent_dim,
    )
    rules = GAMES[game]()
    decoding = [*model.decoder.parameters(), *p.parameters()]
    encoding = CodeEncoderLoss(rules, objective, adversarial_weight)
    discriminating = list(model.discriminator.parameters())
    players = (
        Player("decoder", decoding, objective, optimizer),
        Player("discriminator", discriminating, CodeDiscriminatorLoss(rules), optimizer),
        Player("encoder", list(model.encoder.parameters()), encoding, optimizer),
    )
    return Experiment(model, players, check=p.check, batch_size=100)
