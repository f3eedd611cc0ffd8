"""A run's model as one that samples: an autoencoder is given a density of its codes."""

import torch

from immersion.check import UserError
from immersion.models import Decoder, Generative
from immersion.models.latent_density import MixturePrior, WithLatentDensity
from immersion.random import make_generator, use_seed
from immersion.runs.load import Run

CODES = 10_000
"""Training examples, at most, whose codes a latent density is fitted to."""

TOGETHER = 250
"""Of them, how many are encoded at a time."""


def generative(run: Run) -> Generative:
    """Return the run's model if it has a prior, or an autoencoder with a density of its codes.

    The density is a mixture of 10 Gaussians with full covariances, fewer for few codes, fitted to
    the codes of at most 10,000 training examples.

    Raises:
        UserError: The model does not decode.
    """
    model = run.model
    if isinstance(model, Generative):
        return model
    if not isinstance(model, Decoder):
        raise UserError(
            "there is nothing to sample",
            "a model that decodes, such as a vae, a gan or an autoencoder",
            f"a run of '{run.record.recipe}'",
        )
    split = run.data.train
    chosen = torch.randperm(len(split), generator=make_generator(0, "latent density"))[:CODES]
    device = next(model.parameters()).device
    codes = []
    with torch.no_grad(), use_seed(0, "latent density"):
        for indices in chosen.split(TOGETHER):
            x, _ = split.batch(indices)
            codes.append(model.encode(x.to(device)).mean)
    return WithLatentDensity(model, MixturePrior.fit(torch.cat(codes))).eval()
