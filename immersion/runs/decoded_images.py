"""Images that a model decodes: reconstructions, its manifold, walks between codes."""

import math

from PIL.Image import Image
from torch import Tensor

from immersion.models import Decoder
from immersion.models.codes import (
    decode_means,
    encode_means,
    manifold_codes,
    quantile,
    with_class,
)
from immersion.report.image_grid import make_alternating_rows, make_grid
from immersion.runs.walks import walk


def draw_reconstructions(model: Decoder, x: Tensor, columns: int = 10) -> Image:
    """Return rows that alternate originals and their reconstructions E[x|z], z = E q(z|x).

    Args:
        model: Any model that encodes and decodes images.
        x: (N, C, H, W).
        columns: Images in a row.
    """
    return make_alternating_rows(x, decode_means(model, encode_means(model, x)), columns)


def draw_manifold(model: Decoder, side: int = 20, units: tuple[int, int] = (0, 1)) -> Image:
    """Return the learned manifold: E[x|z] over a regular grid of codes (see `manifold_codes`).

    The first unit grows to the right and the second upwards; a model with one latent is a row. Of
    a class-conditional model it is the manifold of the first class.

    Args:
        model: A decoder of images.
        side: Grid points along each unit.
        units: Which two latent units span the picture; the others are 0.
    """
    z = manifold_codes(model.noise_dim, side, units, quantile(model))
    return make_grid(decode_means(model, with_class(model, z, 0)), side, gap=0)


def draw_walks(
    model: Decoder, a: Tensor, b: Tensor, steps: int = 10, path: str = "linear", label: int = 0
) -> Image:
    """Return a row for each pair of codes, from a's image to b's.

    Args:
        model: A decoder of images.
        a: (N, d), where the walks begin; of a class-conditional model the noise alone will do.
        b: (N, d), where they end.
        steps: Images in a row, both ends included.
        path: linear, spherical or geodesic; see `immersion.runs.walks`.
        label: Class of walks that begin and end with noise alone.

    Raises:
        UserError: An unknown path, or fewer than two steps.
    """
    return make_grid(decode_walks(model, a, b, steps, path, label).flatten(0, 1), steps)


def film_walks(
    model: Decoder, a: Tensor, b: Tensor, steps: int = 10, path: str = "linear", label: int = 0
) -> list[Image]:
    """Return the pictures of a film of all walks, to b's images and back; see `draw_walks`.

    Args:
        model, a, b, steps, path, label: As in `draw_walks`; `steps` is the number of pictures from
            one end to the other.
    """
    frames = decode_walks(model, a, b, steps, path, label).transpose(0, 1)
    columns = math.ceil(math.sqrt(len(a)))
    there = [make_grid(frame, columns) for frame in frames]
    return there + there[-2:0:-1]


def decode_walks(
    model: Decoder, a: Tensor, b: Tensor, steps: int, path: str, label: int
) -> Tensor:
    """Return the images of walks, (N, steps, C, H, W); see `draw_walks`."""
    z = walk(model, a, b, steps, path, label)
    images = decode_means(model, with_class(model, z.flatten(0, 1), label))
    return images.unflatten(0, (len(a), steps))
