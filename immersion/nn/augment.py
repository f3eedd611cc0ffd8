"""Augmentations of the input of a discriminator, for real and generated images alike.

They are active in training only, use PyTorch's global generator, and are twice differentiable,
because penalties on the discriminator's slope need it. Images are in [0, 1] and may leave it a
little: they are not clipped, since a gradient would end there.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from immersion.check import check_at_least

SHIFT = 1 / 8
"""The largest translation, in units of a side."""

CUT = 1 / 2
"""The side of the square that is cut out, in units of a side."""

TARGET, LARGEST = 0.6, 0.8
"""The target of E[sign C(x)], and the largest probability: at 1 augmentations leak into the
samples."""


def build_augmentation(name: Literal["none", "differentiable", "adaptive"]) -> nn.Module | None:
    """Return the augmentation of that name, (B, C, H, W) -> (B, C, H, W), or None."""
    members: dict[str, type[nn.Module]] = {
        "differentiable": DifferentiableAugmentation,
        "adaptive": AdaptiveAugmentation,
    }
    return None if name == "none" else members[name]()


class DifferentiableAugmentation(nn.Module):
    """Brightness, saturation, contrast, translation and cut-out, each on every example.

    With images in [-1, 1], as in the paper: brightness +- 1/2, saturation times 0 to 2 (colour
    only), contrast times 1/2 to 3/2, whole-pixel translation by up to 1/8 of a side, and a square
    of half a side; pixels from outside and in the square are mid-grey.

    Reference:
        Zhao et al. 2020, section 4, https://arxiv.org/abs/2006.10738

    Example:
        >>> x = torch.rand(4, 3, 16, 16)
        >>> augment = DifferentiableAugmentation()
        >>> augment(x).shape, bool((augment.eval()(x) == x).all())
        (torch.Size([4, 3, 16, 16]), True)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (B, C, H, W), augmented; in evaluation x itself."""
        if not self.training:
            return x
        return (self._change_geometry(self._change_colours(2 * x - 1)) + 1) / 2

    def _change_colours(self, x: Tensor) -> Tensor:
        x = x + _uniform(x, -0.5, 0.5)
        saturation, contrast = _uniform(x, 0, 2), _uniform(x, 0.5, 1.5)
        if x.shape[1] > 1:
            x = torch.lerp(x.mean(dim=1, keepdim=True), x, saturation)
        return torch.lerp(x.mean(dim=(1, 2, 3), keepdim=True), x, contrast)

    def _change_geometry(self, x: Tensor) -> Tensor:
        rows, columns = _pixels(x)
        for places, dim in ((rows, 2), (columns, 3)):
            x = _resample(x, places - _shift(x, dim), dim)
        inside = torch.ones((), device=x.device)
        for places, dim in ((rows, 2), (columns, 3)):
            length = x.shape[dim]
            # The centre is anywhere, so that the border may cut the square.
            centre = (torch.rand(len(x), 1, device=x.device) * length).floor()
            near = (places - centre + 0.5).abs() < length * CUT / 2
            inside = inside * near.float().view(len(x), 1, *(_shape(dim, length)))
        return x * (1 - inside)


class AdaptiveAugmentation(nn.Module):
    """Each transform on an example with a probability that follows the discriminator's confidence.

    With images in [-1, 1], as in the paper, and a part of its pipeline: horizontal flips,
    whole-pixel translation by up to 1/8 of a side, isotropic scaling by 2^N(0, 0.2^2), both with
    reflection at the border, brightness + N(0, 0.2^2), contrast times 2^N(0, 0.5^2). There are no
    rotations, no filters and no noise.

    Args:
        examples: Number of real examples, or packs of them, in which the probability could rise
            from 0 to 1.

    Attributes:
        probability: A buffer, (), between 0 and 0.8.

    Reference:
        Karras et al. 2020, sections 2 and 3, appendix B, https://arxiv.org/abs/2006.06676

    Example:
        >>> augment, x = AdaptiveAugmentation(), torch.rand(2, 1, 8, 8)
        >>> torch.allclose(augment(x), x, atol=1e-6)  # the probability starts at 0
        True
        >>> augment.observe(torch.full((1000,), 3.0))
        >>> round(augment.probability.item(), 3)
        0.002
    """

    probability: Tensor

    def __init__(self, examples: int = 500_000) -> None:
        super().__init__()
        check_at_least(1, examples=examples)
        self.examples = examples
        self.register_buffer("probability", torch.zeros(()))

    @torch.no_grad()
    def observe(self, real_logits: Tensor) -> None:
        """Update the probability: up if over 80 % of real examples are classified as real.

        It changes by as many examples as there are logits, so that E[sign C(x)] tends to 0.6. In
        games whose logits have a free constant (relativistic, Wasserstein) the sign is arbitrary.

        Args:
            real_logits: C(x) of real examples, (B,).
        """
        change = (real_logits.sign().mean() - TARGET).sign() * (len(real_logits) / self.examples)
        self.probability.add_(change).clamp_(0, LARGEST)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (B, C, H, W), augmented; in evaluation x itself."""
        if not self.training:
            return x
        return (self._change_colours(self._change_geometry(2 * x - 1)) + 1) / 2

    def _change_geometry(self, x: Tensor) -> Tensor:
        flip = 1 - 2 * self._select(x, torch.randint(2, (len(x), 1), device=x.device).float())
        scale = torch.exp2(self._select(x, 0.2 * torch.randn(len(x), 1, device=x.device)))
        both = torch.rand(len(x), 1, device=x.device) < self.probability
        for places, dim in zip(_pixels(x), (2, 3), strict=True):
            last = x.shape[dim] - 1
            shift = torch.where(both, _shift(x, dim), 0.0)
            direction = flip if dim == 3 else 1.0
            source = last / 2 + (places - last / 2 - shift) * direction / scale
            reflected = (last - (last - source.abs()).abs()).clamp(min=0)
            x = _resample(x, reflected, dim)
        return x

    def _change_colours(self, x: Tensor) -> Tensor:
        brightness = self._select(x, 0.2 * torch.randn(len(x), 1, device=x.device))
        contrast = torch.exp2(self._select(x, 0.5 * torch.randn(len(x), 1, device=x.device)))
        return (x + brightness[..., None, None]) * contrast[..., None, None]

    def _select(self, x: Tensor, amount: Tensor) -> Tensor:
        """Return the amounts, (B, 1), with those of unselected examples set to 0."""
        return torch.where(torch.rand_like(amount) < self.probability, amount, 0.0)


def _uniform(x: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(len(x), 1, 1, 1, device=x.device, dtype=x.dtype)


def _shift(x: Tensor, dim: int) -> Tensor:
    """Return whole pixels, (B, 1), uniform from -1/8 to 1/8 of a side."""
    most = round(SHIFT * x.shape[dim])
    return torch.randint(-most, most + 1, (len(x), 1), device=x.device).float()


def _pixels(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the coordinates of rows, (H,), and columns, (W,)."""
    return torch.arange(x.shape[2], device=x.device), torch.arange(x.shape[3], device=x.device)


def _shape(dim: int, length: int) -> tuple[int, int]:
    return (length, 1) if dim == 2 else (1, length)


def _resample(x: Tensor, source: Tensor, dim: int) -> Tensor:
    """Return x with row (dim 2) or column (dim 3) i read at source[:, i], linearly between pixels.

    A product with a banded matrix, which, unlike `grid_sample`, is twice differentiable. Pixels
    outside x are 0.

    Args:
        x: (B, C, H, W).
        source: (B, H) or (B, W), in pixels.
        dim: 2 or 3.
    """
    pixels = torch.arange(x.shape[dim], device=x.device)
    weights = (1 - (source.unsqueeze(2) - pixels).abs()).clamp(min=0).to(x.dtype).unsqueeze(1)
    with torch.autocast(x.device.type, enabled=False):
        return weights @ x if dim == 2 else x @ weights.mT
