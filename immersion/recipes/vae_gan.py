"""The VAE-GAN."""

from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.models import VAEGAN
from immersion.nn import Architecture
from immersion.objectives import DecoderLoss, FeatureELBO, VAEGANDiscriminatorLoss
from immersion.objectives.games import GAMES
from immersion.objectives.penalties import Penalties
from immersion.recipes.base import RECIPES, check_continuous, limit_output, resolve_latent_dim
from immersion.spec import Spec


@RECIPES.register("vae-gan")
def vae_gan(
    spec: Spec,
    *,
    latent_dim: int | None = None,
    architecture: Architecture = Architecture(),
    game: str = "non-saturating",
    beta: float = 0.1,
    gamma: float = 0.3,
    penalties: Penalties = Penalties(r1=1.0),
    optimizer: OptimizerSettings = OptimizerSettings(momentum=0.5),
) -> Experiment:
    """Train a VAE-GAN (Larsen et al. 2016): a VAE with an error in a discriminator's features.

    A game of three players: the encoder minimises the KL divergence and the error of the
    discriminator's features; the decoder this error and a generator's loss; the discriminator
    separates examples from reconstructions and samples.

    Args:
        spec: The data.
        latent_dim: Dimension of the latent space; by default 20, or half of the data's below 40.
        architecture: Networks of the encoder, the discriminator and, in reverse order, the
            decoder.
        game: Losses of discriminator and decoder, as in `gan`.
        beta: Weight of the KL divergence in the encoder's loss.
        gamma: Weight of the feature error, relative to the adversarial loss, in the decoder's.
        penalties: Penalties in the discriminator's loss.
        optimizer: Optimizer settings of all players.
    """
    check_continuous(spec)
    latent_dim = resolve_latent_dim(spec, latent_dim)
    network = architecture.build((latent_dim,), spec.shape)
    encoder = architecture.build(spec.shape, (2 * latent_dim,))
    model = VAEGAN(
        encoder, limit_output(network, spec), architecture.build(spec.shape, (1,)), latent_dim
    )
    rules = GAMES[game]()
    decoding, discriminating = (
        list(part.parameters()) for part in (model.generator, model.discriminator)
    )
    players = (
        Player("encoder", list(model.encoder.parameters()), FeatureELBO(beta), optimizer),
        Player("decoder", decoding, DecoderLoss(rules, gamma), optimizer),
        Player(
            "discriminator", discriminating, VAEGANDiscriminatorLoss(rules, penalties), optimizer
        ),
    )
    return Experiment(model, players, batch_size=100)
