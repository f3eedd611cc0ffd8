"""What can be done to any discriminator: see a batch's variety, or not; be no steeper than 1."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

from immersion.check import UserError

GROUP = 4
ITERATIONS = 15
"""Of the power method before the first step; then one a step is enough."""


def add_minibatch_std(network: nn.Sequential) -> nn.Sequential:
    """Return the network with the batch's standard deviation as one more input of its last layer.

    The last linear layer keeps its weights and starts without the new input, so that at first the
    network computes what it did. Normalise spectrally after this, not before.

    Args:
        network: A discriminator whose last layer with weights is linear.

    Raises:
        UserError: The network has no linear layer at its end.

    Reference:
        Karras et al. 2018, section 3, https://arxiv.org/abs/1710.10196

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
        >>> add_minibatch_std(network)(torch.zeros(8, 1, 2, 2)).shape
        torch.Size([8, 1])
    """
    layers = list(network)
    places = [place for place, layer in enumerate(layers) if isinstance(layer, nn.Linear)]
    if not places or any(True for layer in layers[places[-1] + 1 :] for _ in layer.parameters()):
        raise UserError(
            "the minibatch standard deviation has no place in this discriminator",
            "a network that ends in a linear layer",
            [type(layer).__name__ for layer in layers],
            "leave the option out, or take another network",
        )
    old = layers[places[-1]]
    new = nn.Linear(old.in_features + 1, old.out_features).to(old.weight)
    with torch.no_grad():
        new.weight[:, :-1].copy_(old.weight)
        new.weight[:, -1].zero_()
        new.bias.zero_()
        if old.bias is not None:
            new.bias.copy_(old.bias)
    layers[places[-1] : places[-1] + 1] = [MinibatchDeviation(), new]
    return nn.Sequential(*layers)


class MinibatchDeviation(nn.Module):
    """Append the standard deviation over a group of examples, averaged over the features.

    A group has four examples: i, i + B / 4, i + B / 2, i + 3 B / 4. A batch that four does not
    divide is filled up from its beginning, so that a short one is not taken for a collapse: what
    is the same everywhere has a deviation of 0, and shows.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (B, n), with one more feature, (B, n + 1)."""
        filled = torch.arange(len(x) + -len(x) % GROUP, device=x.device) % len(x)
        groups = x[filled].float().unflatten(0, (GROUP, -1))
        variance = groups.var(dim=0, correction=0)
        deviation = (variance + 1e-8).sqrt().mean(dim=1).repeat(GROUP)[: len(x)]
        return torch.cat([x, deviation.unsqueeze(1).to(x.dtype)], dim=1)


def remove_batch_norm(network: nn.Sequential) -> nn.Sequential:
    """Return the network with a bias in the place of every batch normalisation.

    An example's logit is then its own: what holds its slope in x at 1, a gradient penalty or
    spectral normalisation, would mean nothing else. (R1 and R2 only pull slopes down, and are
    used with batch normalisation too, where a slope is that of all logits of the batch.) The
    layers before start from He's rule for
    LeakyReLU(0.2), since nothing rescales what comes out of them any more.

    Args:
        network: A discriminator; one without batch normalisation is returned as it is.

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
            nn.init.kaiming_normal_(layers[-1].weight, 0.2)
            layers[-1].bias = nn.Parameter(torch.zeros_like(layer.bias))
        else:
            layers.append(layer)
    return network if len(layers) == len(network) else nn.Sequential(*layers)


def apply_spectral_norm(network: nn.Module) -> nn.Module:
    """Divide the weights of every convolution and linear layer by their largest singular value.

    Weights that are all 0 (a residual block's last) are drawn anew: nothing times zero has norm 1,
    so such a network no longer starts as the identity.

    Args:
        network: Changed in place.

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
    """W / sigma(W), sigma by one step of the power method at each use in training.

    The two singular vectors are buffers, so that a run that is resumed goes on with them, and they
    are filled in place: PyTorch's own puts new tensors there, which whoever holds the old ones, a
    moving average or a CUDA graph, does not see.

    Args:
        weight: (out, ...); all but the first dimension count as one.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        self.register_buffer("u", normalize(matrix.new_empty(len(matrix)).normal_(), dim=0))
        self.register_buffer("v", normalize(matrix.T @ self.u, dim=0))
        for _ in range(ITERATIONS):
            self._step(matrix)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight over its largest singular value."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            if self.training:
                self._step(matrix)
            # Copies: the next use changes the buffers, and backpropagation still needs these.
            u, v = self.u.clone(), self.v.clone()
            return weight / (u @ matrix @ v)

    @torch.no_grad()
    def _step(self, matrix: Tensor) -> None:
        self.v.copy_(normalize(matrix.T @ self.u, dim=0))
        self.u.copy_(normalize(matrix @ self.v, dim=0))
