"""The discriminator: a network, and the preparation of its examples."""

import torch
from torch import Tensor, nn

from immersion.nn.augment import AdaptiveAugmentation
from immersion.precision import widen


class Discriminator(nn.Module):
    """C(x), one logit an example, or one for `pack` examples seen together.

    A packed discriminator is shown several examples of one kind at once, so that it sees a lack
    of variety (Lin et al. 2018, PacGAN, https://arxiv.org/abs/1712.04086). A class-conditional one
    has a logit for each class and gives that of the example's: the projection discriminator of
    Miyato & Koyama 2018, equation (3), https://arxiv.org/abs/1802.05637.

    Args:
        network: (B / pack, pack * C, H, W), or (B / pack, pack * D) -> (B / pack, logits); one
            logit, or one for each class.
        levels: True if examples are in [0, 1], to be stretched to [-1, 1].
        pack: Examples seen together.
        augmentation: Transformation of real and generated examples before the network.
    """

    def __init__(
        self,
        network: nn.Module,
        levels: bool = False,
        pack: int = 1,
        augmentation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.network, self.levels, self.pack = network, levels, pack
        self.augmentation = augmentation

    @property
    def stretch(self) -> float:
        """Return the factor by which examples are stretched for the network."""
        return 2.0 if self.levels else 1.0

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Return the logits, (B / pack,) rounded up, of x, (B, *shape), and labels y, (B,)."""
        if self.augmentation is not None:
            x = self.augmentation(x)
        if self.levels:
            x = 2 * x - 1
        if self.pack > 1:
            x = self._pack(x)
        logits = widen(self.network(x))
        if logits.shape[1] == 1:
            return logits.squeeze(1)
        if y is None:
            raise ValueError("a class-conditional discriminator needs labels")
        return logits.gather(1, y.unsqueeze(1)).squeeze(1)

    def observe(self, real: Tensor) -> None:
        """Pass the logits of real examples to an adaptive augmentation, in training only."""
        if self.training and isinstance(self.augmentation, AdaptiveAugmentation):
            self.augmentation.observe(real)

    def _pack(self, x: Tensor) -> Tensor:
        left = -len(x) % self.pack
        if left:  # a split's last batch: its last pack is filled up from its beginning
            x = x[torch.arange(len(x) + left, device=x.device) % len(x)]
        return torch.cat(x.split(len(x) // self.pack), dim=1)
