"""Pictures of what a model makes: reconstructions, draws, its manifold, walks between examples.

A picture takes the model as it stands: call `model.eval()` first where training differs.
"""

import itertools
import math
from collections.abc import Callable, Iterable

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import one_hot

from immersion.check import UserError, choice
from immersion.models import GAN, Decoder, Generative
from immersion.priors import Labelled, UniformCube
from immersion.random import seeded
from immersion.report.paths import PATHS

BACKGROUND = 128
"""Mid-grey, which sets off both black and white images on light and on dark pages."""

SMALLEST = 56
"""An image whose longer side is below this many pixels is enlarged."""

CHUNK = 500
"""Examples that go through a network at once."""


def grid(x: Tensor, columns: int, gap: int = 2) -> Image.Image:
    """Return images as one picture, row by row.

    Args:
        x: (N, C, H, W) in [0, 1], clipped to it; C is 1 or 3.
        columns: Images in a row.
        gap: Pixels between images and around them.

    Returns:
        A picture in mode L (C = 1) or RGB (C = 3). Images below 56 pixels are enlarged by an
        integer factor, nearest neighbour, so that every value stays a sharp square.

    Raises:
        UserError: C is neither 1 nor 3.

    Example:
        >>> grid(torch.rand(6, 1, 28, 28), columns=3).size  # 3 x 56 and 4 gaps, 2 x 56 and 3
        (176, 118)
    """
    return mosaic(x.split(columns), gap)


def mosaic(rows: Iterable[Tensor], gap: int = 2) -> Image.Image:
    """Return rows of images as one picture; a short row or a small image leaves its end empty.

    Args:
        rows: Each (n, C, H, W) in [0, 1], clipped to it; C is 1 or 3, H and W the row's own.
        gap: Pixels between images and around them.
    """
    rows = list(rows)
    channels = rows[0].shape[1]
    height, width = (max(row.shape[axis] for row in rows) for axis in (2, 3))
    if channels not in (1, 3):
        raise UserError("the images cannot be shown", "1 channel or 3", channels)
    scale = -(-SMALLEST // max(height, width))
    height, width = scale * height, scale * width
    columns = max(len(row) for row in rows)
    canvas = torch.full(
        (channels, len(rows) * (height + gap) + gap, columns * (width + gap) + gap),
        BACKGROUND,
        dtype=torch.uint8,
    )
    for i, row in enumerate(rows):
        images = row.detach().float().cpu().clamp(0, 1).mul(255).round().byte()
        images = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        for j, image in enumerate(images):
            top, left = gap + i * (height + gap), gap + j * (width + gap)
            tall, wide = image.shape[1:]
            canvas[:, top : top + tall, left : left + wide] = image
    return Image.fromarray((canvas[0] if channels == 1 else canvas.permute(1, 2, 0)).numpy())


def reconstructions(model: Decoder, x: Tensor, columns: int = 10) -> Image.Image:
    """Return rows that alternate originals and their reconstructions E[x|z], z = E q(z|x).

    Args:
        model: Any model that encodes and decodes images.
        x: (N, C, H, W).
        columns: Images in a row.
    """
    return alternating(x, decoded(model, codes(model, x)), columns)


def alternating(a: Tensor, b: Tensor, columns: int = 10) -> Image.Image:
    """Return rows of images of a, below each the images of b, both (N, C, H, W)."""
    pairs = zip(a.split(columns), b.split(columns), strict=True)
    return mosaic(itertools.chain.from_iterable(pairs))


def draws(model: Decoder, count: int, seed: int) -> Tensor:
    """Return E[x|z] of codes drawn from the prior, (count, *shape), on the CPU.

    An autoencoder has no prior: its codes are drawn from N(0, I), which shows that it is not a
    generative model.

    Args:
        model: A decoder, with or without a prior.
        count: How many.
        seed: The same seed gives the same codes.
    """
    with torch.no_grad(), seeded(seed, "draws"):
        if isinstance(model, Generative):
            z = model.prior().sample((count,))
        else:
            z = torch.randn(count, model.latent)
    return decoded(model, z)


def manifold(model: Decoder, side: int = 20, units: tuple[int, int] = (0, 1)) -> Image.Image:
    """Return the learned manifold: E[x|z] over a regular grid of codes (see `manifold_codes`).

    The first unit grows to the right and the second upwards; a model with one latent is a row. Of
    a class-conditional model it is the manifold of the first class.

    Args:
        model: A decoder of images.
        side: Grid points along each unit.
        units: Which two latent units span the picture; the others are 0.
    """
    z = manifold_codes(noise_dimensions(model), side, units, _quantile(model))
    return grid(decoded(model, of_class(model, z, 0)), side, gap=0)


def manifold_codes(
    latent: int,
    side: int,
    units: tuple[int, int] = (0, 1),
    quantile: Callable[[Tensor], Tensor] = torch.special.ndtri,
) -> Tensor:
    """Return the unit square's grid through the inverse Gaussian CDF, row by row from the top.

    Each coordinate is Phi^-1((i + 1/2) / side), i = 0, ..., side - 1: equal steps of probability
    under N(0, 1) (Kingma & Welling 2014, figure 4, https://arxiv.org/abs/1312.6114).

    Args:
        latent: Dimension of the codes.
        side: Grid points along each unit.
        units: Which two latent units span the grid; the others are 0.
        quantile: The inverse CDF of another prior.

    Returns:
        (side^2, latent); for one latent (side, 1).

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
    if latent == 1:
        return points.unsqueeze(1)
    across, up = units
    if across == up or not all(0 <= unit < latent for unit in units):
        raise UserError(
            "the manifold's plane needs two units",
            f"two different numbers from 0 to {latent - 1}",
            f"{across} and {up}",
        )
    z = torch.zeros(side, side, latent)
    z[..., across] = points
    z[..., up] = points.flip(0).unsqueeze(1)
    return z.flatten(0, 1)


def walks(
    model: Decoder, a: Tensor, b: Tensor, steps: int = 10, path: str = "linear", label: int = 0
) -> Image.Image:
    """Return a row for each pair of codes, from a's image to b's.

    Args:
        model: A decoder of images.
        a: (N, d), where the walks begin; of a class-conditional model the noise alone will do.
        b: (N, d), where they end.
        steps: Images in a row, both ends included.
        path: linear or spherical; see `immersion.report.paths`.
        label: Class of walks that begin and end with noise alone.

    Raises:
        UserError: An unknown path, or fewer than two steps.
    """
    if steps < 2:
        raise UserError("an interpolation has two ends", "at least 2 steps", steps)
    walk = PATHS[choice("path", path, PATHS)]
    z = walk(a, b, torch.linspace(0, 1, steps)).flatten(0, 1)
    return grid(decoded(model, of_class(model, z, label)), steps)


def noise_dimensions(model: Decoder) -> int:
    """Return how many of a code's dimensions tell no class."""
    return model.latent - (model.classes if isinstance(model, GAN) else 0)


def of_class(model: Decoder, z: Tensor, label: int) -> Tensor:
    """Return codes, (N, d), of the noise that they begin with; whole codes stay as they are."""
    if z.shape[1] == model.latent:
        return z
    y = one_hot(torch.full((len(z),), label), model.latent - z.shape[1])
    return torch.cat([z, y.to(z)], dim=1)


def _quantile(model: Decoder) -> Callable[[Tensor], Tensor]:
    """Return the inverse CDF of each unit of the noise; without a prior, that of N(0, 1)."""
    if in_a_cube(model):
        return lambda probability: math.sqrt(3) * (2 * probability - 1)
    return torch.special.ndtri


def in_a_cube(model: Decoder) -> bool:
    """Return whether codes, or the noise in them, are drawn evenly from a cube."""
    prior = model.prior if isinstance(model, Generative) else None
    return isinstance(prior.prior if isinstance(prior, Labelled) else prior, UniformCube)


@torch.no_grad()
def codes(model: Decoder, x: Tensor) -> Tensor:
    """Return the posterior means E q(z|x), (N, d), on the CPU; x is (N, *shape)."""
    chunks = x.to(_device(model)).split(CHUNK)
    return torch.cat([model.encode(chunk).mean.cpu() for chunk in chunks])


@torch.no_grad()
def decoded(model: Decoder, z: Tensor) -> Tensor:
    """Return the means E[x|z], (N, *shape), on the CPU; z is (N, d)."""
    chunks = z.to(_device(model)).split(CHUNK)
    return torch.cat([model.decode(chunk).mean.cpu() for chunk in chunks])


def _device(model: Decoder) -> torch.device:
    return next(itertools.chain(model.parameters(), model.buffers())).device
