"""Dense networks: fully connected layers between vectors or flattened images."""

import math
from itertools import pairwise

from torch import nn

from immersion.nn.base import NETWORKS, Shape, note_size


@NETWORKS.register("dense")
def dense(
    in_shape: Shape, out_shape: Shape, width: int, depth: int, activation: type[nn.Module]
) -> nn.Sequential:
    """Return flatten -> depth x (linear, activation) -> linear -> unflatten.

    Weights are initialized uniform with variance 2 / (in + out), biases at 0.

    Args:
        in_shape: Shape of one input, with any number of dimensions.
        out_shape: Shape of one output.
        width: Hidden units a layer; 0 means 512.
        depth: Hidden layers; -1 means 2, and 0 is a linear map.
        activation: Class of the activation after each hidden layer.

    Returns:
        A network (B, *in_shape) -> (B, *out_shape).

    Reference:
        Glorot & Bengio 2010, equation (16), https://proceedings.mlr.press/v9/glorot10a.html

    Example:
        >>> import torch
        >>> dense((1, 28, 28), (40,), 500, 1, nn.Tanh)(torch.zeros(3, 1, 28, 28)).shape
        torch.Size([3, 40])
    """
    width, depth = width or 512, 2 if depth < 0 else depth
    hidden = [width] * depth
    sizes = [math.prod(in_shape), *hidden, math.prod(out_shape)]
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes):
        linear = nn.Linear(before, after)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
    layers[-1] = nn.Unflatten(1, out_shape)  # no activation after the last layer
    return note_size(nn.Sequential(*layers), width, depth)
