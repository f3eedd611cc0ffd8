"""The adversarial autoencoder."""

from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.likelihoods import build_likelihood
from immersion.models import AdversarialAutoencoder, Discriminator
from immersion.nn import Architecture
from immersion.objectives import CodeDiscriminatorLoss, CodeEncoderLoss, Reconstruction
from immersion.objectives.games import GAMES
from immersion.priors import StandardNormal
from immersion.recipes.base import RECIPES, resolve_latent_dim
from immersion.spec import Spec


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
    """Train an adversarial autoencoder (Makhzani et al. 2016): its codes match a prior.

    A game of three players: the decoder minimises the reconstruction error; the encoder this and
    the adversarial loss of its codes; the discriminator separates codes from samples of N(0, I).

    Args:
        spec: The data.
        latent_dim: Dimension of the code; by default 20, or half of the data's below 40.
        likelihood: p(x|z), whose mean is the reconstruction; auto selects by the type of data.
        architecture: Networks of the encoder and, in reverse order, of the decoder.
        game: Losses of discriminator and encoder, as in `gan`.
        discriminator_width: Units in each of the discriminator's two hidden layers.
        adversarial_weight: Weight of the adversarial loss relative to the reconstruction error.
        objective: Reconstruction error that decoder and encoder minimise.
        optimizer: Optimizer settings of all players.
    """
    latent_dim = resolve_latent_dim(spec, latent_dim)
    p = build_likelihood(likelihood, spec.shape, spec.values)
    classifier = Architecture("dense", discriminator_width).build((latent_dim,), (1,))
    model = AdversarialAutoencoder(
        architecture.build(spec.shape, (latent_dim,)),
        architecture.build((latent_dim,), p.parameter_shape),
        p,
        Discriminator(classifier),
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
