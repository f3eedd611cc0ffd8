"""A discriminator of the patches of an image."""

from torch import Tensor, nn

from immersion.nn.discriminator_layers import apply_spectral_norm


class PatchDiscriminator(nn.Module):
    """Convolutions that halve an image twice: a logit for each patch of 26 x 26, every 4 pixels.

    The likelihood or distance term fixes the image at large, so that patches suffice. Spectral
    normalisation holds each layer at a Lipschitz constant of 1, so that no game needs a penalty
    (Miyato et al. 2018, https://arxiv.org/abs/1802.05957).

    Args:
        channels: Channels of input and output together.
        width: Channels after the first halving.

    Reference:
        Isola et al. 2017, section 3.2.2, https://arxiv.org/abs/1611.07004

    Example:
        >>> import torch
        >>> PatchDiscriminator(3)(torch.zeros(2, 3, 40, 48)).shape
        torch.Size([2, 120])
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 3, padding=1),
        )
        self.layers = apply_spectral_norm(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of all patches, (B, n), of x, (B, C, H, W)."""
        return self.layers(x).flatten(1)
