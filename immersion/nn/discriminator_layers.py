"""Layers to add to any discriminator or remove: minibatch deviation, spectral and batch norm."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

from immersion.check import UserError

GROUP = 4
"""Examples in a group of `MinibatchDeviation`."""

ITERATIONS = 15
"""Steps of the power method at the start; later one at each use is enough."""


def add_minibatch_std(network: nn.Sequential) -> nn.Sequential:
    """Return the network with the batch's standard deviation as one more input of its last layer.

    The last linear layer keeps its weights, and the weight of the new input starts at 0, so that
    the output does not change at first. Spectral normalisation is applied after this, not before.

    Args:
        network: Discriminator, (B, ...) -> (B, F), whose last layer with weights is linear.

    Raises:
        UserError: The network does not end in a linear layer.

    Reference:
        Karras et al. 2018, section 3, https://arxiv.org/abs/1710.10196

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
        >>> add_minibatch_std(network)(torch.zeros(8, 1, 2, 2)).shape
        torch.Size([8, 1])
    """
    layers = list(network)
    weighted = [place for place, layer in enumerate(layers) if list(layer.parameters())]
    old = layers[weighted[-1]] if weighted else None
    if not isinstance(old, nn.Linear):
        raise UserError(
            "this discriminator cannot have the minibatch standard deviation",
            "a network that ends in a linear layer",
            [type(layer).__name__ for layer in layers],
            "leave the option out, or take another network",
        )
    new = nn.Linear(old.in_features + 1, old.out_features).to(old.weight)
    with torch.no_grad():
        new.weight[:, :-1].copy_(old.weight)
        new.weight[:, -1].zero_()
        new.bias.zero_()
        if old.bias is not None:
            new.bias.copy_(old.bias)
    layers[weighted[-1] : weighted[-1] + 1] = [MinibatchDeviation(), new]
    return nn.Sequential(*layers)


class MinibatchDeviation(nn.Module):
    """The input with the standard deviation over a group of examples, averaged over features.

    A group has four examples: i, i + B / 4, i + B / 2, i + 3 B / 4. A batch not divisible by four
    is filled up from its beginning, so that a small batch does not have the deviation of 0 of a
    mode collapse.

    Reference:
        Karras et al. 2018, section 3, https://arxiv.org/abs/1710.10196
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, n + 1): x, (B, n), and the deviation."""
        filled = torch.arange(len(x) + -len(x) % GROUP, device=x.device) % len(x)
        groups = x[filled].float().unflatten(0, (GROUP, -1))
        variance = groups.var(dim=0, correction=0)
        deviation = (variance + 1e-8).sqrt().mean(dim=1).repeat(GROUP)[: len(x)]
        return torch.cat([x, deviation.unsqueeze(1).to(x.dtype)], dim=1)


def remove_batch_norm(network: nn.Sequential) -> nn.Sequential:
    """Return the network with a bias in the place of every batch normalisation.

    An example's logit then depends on no other example, as a gradient penalty or spectral
    normalisation, which hold its slope in x at 1, require. (R1 and R2 only reduce slopes, and are
    used with batch normalisation too, where a slope is that of all logits of the batch.) The
    layers before are initialized by He's rule for LeakyReLU(0.2), since no layer rescales their
    outputs.

    Args:
        network: Discriminator; returned unchanged if it has no batch normalisation.

    Reference:
        Gulrajani et al. 2017, section 4, https://arxiv.org/abs/1704.00028

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 2, 4, bias=False), nn.BatchNorm2d(2), nn.ReLU())
        >>> [type(layer).__name__ for layer in remove_batch_norm(network)]
        ['Conv2d', 'ReLU']
    """
    layers: list[nn.Module] = []
    for layer in network:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.kaiming_normal_(layers[-1].get_parameter("weight"), 0.2)
            layers[-1].bias = nn.Parameter(torch.zeros_like(layer.bias))
        else:
            layers.append(layer)
    return network if len(layers) == len(network) else nn.Sequential(*layers)


def apply_spectral_norm(network: nn.Module) -> nn.Module:
    """Divide the weights of every convolution and linear layer by their largest singular value.

    Weights that are all 0 (a residual block's last) are sampled again, since zero cannot be scaled
    to norm 1: such a network no longer starts as the identity.

    Args:
        network: Network to change in place.

    Returns:
        The same network.

    Reference:
        Miyato et al. 2018, equation (8), https://arxiv.org/abs/1802.05957

    Example:
        >>> network = apply_spectral_norm(nn.Sequential(nn.Linear(3, 3)))
        >>> _ = [network(torch.zeros(1, 3)) for _ in range(100)]
        >>> torch.linalg.matrix_norm(network[0].weight, 2).item() < 1.01
        True
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear):
            if not module.weight.any():
                nn.init.normal_(module.weight, 0, 1 / math.sqrt(module.weight[0].numel()))
            parametrize.register_parametrization(module, "weight", SpectralNorm(module.weight))
    return network


class SpectralNorm(nn.Module):
    """W / sigma(W), with sigma by one step of the power method at each use in training.

    The two singular vectors are buffers, so that a resumed run has them, and are updated in place:
    PyTorch's version replaces them by new tensors, which a moving average or a CUDA graph that
    holds the old ones does not see.

    Args:
        weight: Weight, (out, ...); all but the first dimension count as one.

    Reference:
        Miyato et al. 2018, equation (8), https://arxiv.org/abs/1802.05957
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        self.register_buffer("u", normalize(matrix.new_empty(len(matrix)).normal_(), dim=0))
        self.register_buffer("v", normalize(matrix.T @ self.u, dim=0))
        for _ in range(ITERATIONS):
            self._iterate(matrix)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight, (out, ...), divided by its largest singular value."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            if self.training:
                self._iterate(matrix)
            # Copies: the next use changes the buffers, and the backward pass needs these values.
            u, v = self.u.clone(), self.v.clone()
            return weight / (u @ matrix @ v)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        self.v.copy_(normalize(matrix.T @ self.u, dim=0))
        self.u.copy_(normalize(matrix @ self.v, dim=0))
