"""The VAE-GAN."""

from immersion.data import Spec
from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.models import VAEGAN
from immersion.nn import Architecture
from immersion.objectives import DecoderLoss, FeatureELBO, VAEGANDiscriminatorLoss
from immersion.objectives.games import GAMES
from immersion.objectives.penalties import Penalties
from immersion.recipes.base import RECIPES, bound_output, check_continuous, resolve_latent_dim


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
    """Train a VAE-GAN (Larsen et al. 2016): a VAE that compares what a discriminator sees.

    A game with three players: the encoder minimises the KL divergence and the error of the
    discriminator's features; the decoder that error and what a generator does; the discriminator
    tells examples from reconstructions and from draws.

    Args:
        spec: The data.
        latent_dim: Dimension of the latent space; by default 20, or half of the data's below 40.
        architecture: The encoder's and the discriminator's network and, mirrored, the decoder's.
        game: What discriminator and decoder minimise, as of `gan`.
        beta: The encoder's weight of the KL divergence.
        gamma: The decoder's weight of likeness against realism.
        penalties: What is added to the discriminator's loss.
        optimizer: How all players move.
    """
    check_continuous(spec)
    latent_dim = resolve_latent_dim(spec, latent_dim)
    network = architecture.build((latent_dim,), spec.shape)
    encoder = architecture.build(spec.shape, (2 * latent_dim,))
    model = VAEGAN(
        encoder, bound_output(network, spec), architecture.build(spec.shape, (1,)), latent_dim
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
