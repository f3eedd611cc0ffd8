"""DnCNN, a plain denoising network: convolutions and rectifiers at full resolution."""

from itertools import pairwise

from torch import Tensor, nn

from immersion.check import check_at_least
from immersion.nn.base import note_size
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageNetwork, check_scale


class DnCNN(ImageToImageNetwork):
    """3x3 convolutions with rectifiers between them.

    The published network has batch normalisation after each inner convolution, which is merged
    into the convolution's weights after training; here there is none.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        width: Channels of the inner layers.
        depth: Number of convolutions.

    Reference:
        Zhang et al. 2017, Beyond a Gaussian denoiser, figure 1, https://arxiv.org/abs/1608.03981
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, depth: int) -> None:
        super().__init__()
        widths = [in_channels, *[width] * (depth - 1), out_channels]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            convolution = nn.Conv2d(before, after, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
            layers += [convolution, nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])

    @property
    def halo(self) -> int:
        """One pixel a convolution."""
        return (len(self.layers) + 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, C_out, H, W), of x, (B, C_in, H, W)."""
        return self.layers(x)


@IMAGE_TO_IMAGE_NETWORKS.register("dncnn")
def dncnn(in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> DnCNN:
    """Return a `DnCNN`, by default as published: 64 channels, 17 convolutions."""
    check_scale("dncnn", scale)
    if depth >= 0:
        check_at_least(2, depth=depth)
    width, depth = width or 64, 17 if depth < 0 else depth
    return note_size(DnCNN(in_channels, out_channels, width, depth), width, depth)
