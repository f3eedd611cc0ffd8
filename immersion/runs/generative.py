"""Make a run's model generative: fit a density to the codes of an autoencoder."""

import torch

from immersion.models import Generative
from immersion.models.latent_density import MixturePrior, WithLatentDensity
from immersion.random import make_generator, use_seed
from immersion.runs.load import Run

CODES = 10_000
"""Largest number of training examples whose codes the density is fitted to."""

BATCH = 250
"""Batch size for encoding."""


def make_generative(run: Run) -> Generative:
    """Return the run's model if it has a prior, or an autoencoder with a density of its codes.

    The density is a mixture of 10 Gaussians with full covariances, fewer for few codes, fitted to
    the codes of at most 10,000 training examples.

    Raises:
        UserError: The model has no codes.
    """
    model = run.decoder
    if isinstance(model, Generative):
        return model
    split = run.data.train
    selected = torch.randperm(len(split), generator=make_generator(0, "latent density"))[:CODES]
    device = next(model.parameters()).device
    codes = []
    with torch.no_grad(), use_seed(0, "latent density"):
        for indices in selected.split(BATCH):
            x, _ = split.batch(indices)
            codes.append(model.encode(x.to(device)).mean)
    return WithLatentDensity(model, MixturePrior.fit(torch.cat(codes))).eval()
