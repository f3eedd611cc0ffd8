"""DCGAN: the generator and the discriminator with the published constants."""

import math
from itertools import pairwise

from torch import nn

from immersion.check import UserError
from immersion.nn.base import NETWORKS, Shape, halve_sides, note_size, select_image_shape
from immersion.nn.conv import Crop

USUAL_WIDTH = 64
SLOPE = 0.2
SPREAD = 0.02
"""Standard deviation of the initial weights, and of the initial gains about 1."""


@NETWORKS.register("dcgan")
def dcgan(
    in_shape: Shape, out_shape: Shape, width: int, depth: int, activation: type[nn.Module]
) -> nn.Sequential:
    """Return the generator (image out) or the discriminator (image in) of DCGAN.

    The generator is linear -> 4x4, then transposed 4x4 convolutions of stride 2, with batch
    normalisation and ReLU after all but the last, which has no activation: a recipe adds the
    sigmoid. The discriminator is 4x4 convolutions of stride 2 with LeakyReLU(0.2), batch
    normalisation in all but the first, then linear. Weights start N(0, 0.02^2), gains
    N(1, 0.02^2), and everything else at 0.

    With batch normalisation an example's output depends on the other examples of the batch in
    training; in evaluation, with running averages, it does not.

    Args:
        in_shape: (C, H, W) with sides of 8 to 128, or (d,) for the generator.
        out_shape: (F,), or (C, H, W) for the generator.
        width: Channels after the first halving; they double at each further one, up to eight
            times. 0 means 64.
        depth: -1 or 0: all convolutions are strided.
        activation: Not used: activations are the paper's.

    Returns:
        A network (B, *in_shape) -> (B, *out_shape).

    Raises:
        UserError: Neither shape is an image, its sides are not within 8 to 128, or `depth` is
            above 0.

    Reference:
        Radford, Metz & Chintala 2016, sections 3 and 4, https://arxiv.org/abs/1511.06434

    Example:
        >>> import torch
        >>> generator = dcgan((100,), (3, 32, 32), 8, -1, nn.ReLU)
        >>> generator(torch.zeros(5, 100)).shape
        torch.Size([5, 3, 32, 32])
    """
    if depth > 0:
        raise UserError(
            "a dcgan network has only strided layers",
            "depth -1 or 0",
            depth,
            "leave --depth out, or pass --network conv",
        )
    channels, height, image_width = select_image_shape(in_shape, out_shape, "dcgan")
    sizes = halve_sides(height, image_width)
    base = width or USUAL_WIDTH
    widths = [channels] + [base * min(2**level, 8) for level in range(len(sizes) - 1)]
    if len(in_shape) == 3:
        network = _discriminator(sizes, widths, math.prod(out_shape))
    else:
        network = _generator(sizes, widths, math.prod(in_shape))
    return note_size(network.apply(_initialize), base, 0)


def _discriminator(
    sizes: list[tuple[int, int]], widths: list[int], features: int
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for (before, after), size in zip(pairwise(widths), sizes, strict=False):
        if size[0] % 2 or size[1] % 2:
            # An odd side has one more pixel of padding, so that it is halved upwards: 7 -> 4.
            layers += [nn.ZeroPad2d((0, size[1] % 2, 0, size[0] % 2))]
        normed = size != sizes[0]
        layers += [nn.Conv2d(before, after, 4, 2, padding=1, bias=not normed)]
        layers += [nn.BatchNorm2d(after)] if normed else []
        layers += [nn.LeakyReLU(SLOPE)]
    smallest = widths[-1] * math.prod(sizes[-1])
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(smallest, features))


def _generator(sizes: list[tuple[int, int]], widths: list[int], latent_dim: int) -> nn.Sequential:
    smallest = (widths[-1], *sizes[-1])
    layers: list[nn.Module] = [
        nn.Linear(latent_dim, math.prod(smallest), bias=False),
        nn.Unflatten(1, smallest),
    ]
    for (after, before), size in zip(
        reversed(list(pairwise(widths))), reversed(sizes[:-1]), strict=True
    ):
        last = size == sizes[0]
        layers += [nn.BatchNorm2d(before), nn.ReLU()]
        layers += [nn.ConvTranspose2d(before, after, 4, 2, padding=1, bias=last)]
        if size[0] % 2 or size[1] % 2:
            layers += [Crop(*size)]
    return nn.Sequential(*layers)


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, SPREAD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, SPREAD)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
