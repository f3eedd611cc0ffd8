"""Codes of a model: to encode, sample, lay on a grid and decode them.

Call `model.eval()` first if the model differs in training.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from immersion.check import UserError
from immersion.models.base import Decoder
from immersion.posteriors import compute_mean
from immersion.random import use_seed

CHUNK = 500
"""Batch size for encoding and decoding."""


@torch.no_grad()
def encode_means(model: Decoder, x: Tensor) -> Tensor:
    """Return the posterior means E_q[z], (N, d), on the CPU; x is (N, *shape).

    Means without a closed form are estimated from samples, always the same.
    """
    chunks = x.to(_device(model)).split(CHUNK)
    with use_seed(0, "means"):
        return torch.cat([compute_mean(model.encode(chunk)).cpu() for chunk in chunks])


@torch.no_grad()
def decode_means(model: Decoder, z: Tensor) -> Tensor:
    """Return the means E[x|z], (N, *shape), on the CPU; z is (N, d)."""
    chunks = z.to(_device(model)).split(CHUNK)
    return torch.cat([model.decode(chunk).mean.cpu() for chunk in chunks])


def sample_means(model: Decoder, count: int, seed: int) -> Tensor:
    """Return E[x|z] of codes sampled from the prior, (count, *shape), on the CPU.

    An autoencoder has no prior: its codes are sampled from N(0, I), which shows that it is not a
    generative model.

    Args:
        model: A decoder, with or without a prior.
        count: Number of codes.
        seed: Seed of the codes.
    """
    with torch.no_grad(), use_seed(seed, "draws"):
        if model.prior is None:
            z = torch.randn(count, model.latent_dim)
        else:
            z = model.prior().sample(torch.Size([count]))
    return decode_means(model, z)


def manifold_codes(
    latent_dim: int,
    side: int,
    units: tuple[int, int] = (0, 1),
    quantile: Callable[[Tensor], Tensor] = torch.special.ndtri,
) -> Tensor:
    """Return the unit square's grid through the inverse Gaussian CDF, row by row from the top.

    Each coordinate is Phi^-1((i + 1/2) / side), i = 0, ..., side - 1: equal steps of probability
    under N(0, 1) (Kingma & Welling 2014, figure 4, https://arxiv.org/abs/1312.6114).

    Args:
        latent_dim: Dimension of the codes.
        side: Grid points along each unit.
        units: The two latent units that span the grid; the others are 0.
        quantile: The inverse CDF of another prior.

    Returns:
        (side^2, latent_dim); for one latent (side, 1).

    Raises:
        UserError: `units` are not two different units of the model.

    Example:
        >>> manifold_codes(3, side=2, units=(2, 0))[:, [2, 0]]
        tensor([[-0.6745,  0.6745],
                [ 0.6745,  0.6745],
                [-0.6745, -0.6745],
                [ 0.6745, -0.6745]])
    """
    probability = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    points = quantile(probability).float()
    if latent_dim == 1:
        return points.unsqueeze(1)
    across, up = units
    if across == up or not all(0 <= unit < latent_dim for unit in units):
        raise UserError(
            "the manifold's plane needs two units",
            f"two different numbers from 0 to {latent_dim - 1}",
            f"{across} and {up}",
        )
    z = torch.zeros(side, side, latent_dim)
    z[..., across] = points
    z[..., up] = points.flip(0).unsqueeze(1)
    return z.flatten(0, 1)


def with_class(model: Decoder, z: Tensor, label: int) -> Tensor:
    """Return codes, (N, d), of the noise that they begin with; whole codes stay as they are."""
    if z.shape[1] == model.latent_dim:
        return z
    y = one_hot(torch.full((len(z),), label), model.latent_dim - z.shape[1])
    return torch.cat([z, y.to(z)], dim=1)


def quantile(model: Decoder) -> Callable[[Tensor], Tensor]:
    """Return the inverse CDF of each unit of the noise; without a prior, that of N(0, 1)."""
    return torch.special.ndtri if model.prior is None else model.prior.quantile


def _device(model: Decoder) -> torch.device:
    return next(itertools.chain(model.parameters(), model.buffers())).device
