"""Denoising: a picture with noise in, the clean picture out."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from immersion.check import UserError, at_least
from immersion.tasks.base import TASKS, Pair, Task

LEVELS = 255
"""Strengths of noise are told in grey levels, of which a picture has 255 from black to white."""


@TASKS.register("denoise")
@dataclass(frozen=True)
class Denoise(Task):
    """y = x + sigma e, e ~ N(0, I), unclipped; sigma is drawn evenly for each picture.

    Args:
        sigma: Smallest and largest standard deviation of the noise, in levels of 255.

    Reference:
        Zhang, Zuo & Zhang 2018, FFDNet, section III, https://arxiv.org/abs/1710.04026

    Example:
        >>> pair = Denoise((25, 25)).pair(torch.full((2, 1, 64, 64), 0.5), None)
        >>> bool(abs((pair.input - pair.target).std() * 255 - 25) < 1)
        True
    """

    sigma: tuple[float, float] = (0.0, 75.0)

    def __post_init__(self) -> None:
        """Refuse strengths that mean nothing."""
        object.__setattr__(self, "sigma", tuple(self.sigma))  # JSON makes lists of tuples
        at_least(0, sigma=self.sigma[0])
        if self.sigma[1] < self.sigma[0]:
            raise UserError("the range of noise is empty", "--sigma LOW HIGH", self.sigma)

    def channels(self, colours: int) -> tuple[int, int]:
        """Return the picture's channels, in and out."""
        return colours, colours

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (noisy, clean)."""
        low, high = self.sigma
        sigma = (low + (high - low) * torch.rand(len(x), device=x.device)) / LEVELS
        return Pair(x + sigma[:, None, None, None] * torch.randn_like(x), x)

    def base(self, given: Tensor) -> Tensor:
        """Return the noisy picture: the network says what to take away."""
        return given

    def protocols(self) -> dict[str, Task]:
        """Return the published strengths that lie in the range, or its middle."""
        low, high = self.sigma
        usual = [level for level in (15, 25, 50) if low <= level <= high]
        levels = usual or [(low + high) / 2]
        return {f"sigma_{level:g}": replace(self, sigma=(level, level)) for level in levels}
