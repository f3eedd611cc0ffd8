"""Denoising: a picture with noise in, the clean picture out."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.tasks.base import TASKS, Pair, Task
from immersion.tasks.neighbours import neighbours
from immersion.tasks.noises import NOISES


@TASKS.register("denoise")
@dataclass(frozen=True)
class Denoise(Task):
    """y = x with noise, its strength drawn evenly for each picture.

    Args:
        noise: gaussian (unclipped, as published tables have it), poisson-gaussian, salt-and-pepper
            or jpeg.
        strength: Smallest and largest: sigma in levels of 255, photons of a white pixel, per cent
            of the pixels, or JPEG's quality; by default what is usual for the noise.
        told: Whether the network is told the strength, as one more channel; otherwise it is blind
            and works it out.
        learn: from clean pictures, to which noise is added, or from noisy ones of one's own: of
            two neighbouring pixels one is in the input and the other is the target.

    Raises:
        UserError: A noise that is not known, or strengths that mean nothing.

    Reference:
        Zhang, Zuo & Zhang 2018, FFDNet, section III, https://arxiv.org/abs/1710.04026; Huang et
        al. 2021, Neighbor2Neighbor, https://arxiv.org/abs/2101.02824

    Example:
        >>> pair = Denoise(strength=(25, 25)).pair(torch.full((2, 1, 64, 64), 0.5), None)
        >>> bool(abs((pair.input - pair.target).std() * 255 - 25) < 1)
        True
    """

    title: ClassVar[str] = "Noise taken out"
    noisy: ClassVar[bool] = True

    noise: Literal["gaussian", "poisson-gaussian", "salt-and-pepper", "jpeg"] = "gaussian"
    strength: tuple[float, float] | None = None
    told: bool = False
    learn: Literal["clean", "noisy"] = "clean"

    def __post_init__(self) -> None:
        """Refuse strengths that mean nothing."""
        if self.told and self.learn == "noisy":
            raise UserError("the noise of one's own pictures is not known", remedy="drop --told")
        if self.strength is None:
            return
        object.__setattr__(self, "strength", tuple(self.strength))  # JSON makes lists of tuples
        (low, high), (least, most) = self.strength, NOISES[self.noise].allowed
        if not least <= low <= high <= most:
            raise UserError(
                f"the strength of {self.noise} noise does not fit",
                f"--strength LOW HIGH, {NOISES[self.noise].unit} from {least:g} to {most:g}",
                f"{low:g} {high:g}",
            )

    @property
    def strengths(self) -> tuple[float, float]:
        """Return the smallest and the largest strength."""
        return NOISES[self.noise].usual if self.strength is None else self.strength

    def channels(self, colours: int) -> tuple[int, int]:
        """Return the picture's channels, in and out; a strength that is told is one more."""
        return colours + self.told, colours

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (noisy, clean), or of noisy pictures two that differ by their noise."""
        if self.learn == "noisy":
            return Pair(*neighbours(x))
        low, high = self.strengths
        strength = low + (high - low) * torch.rand(len(x), device=x.device)
        noisy = NOISES[self.noise].add(x, strength)
        return Pair(self._with(noisy, strength), x)

    def _with(self, noisy: Tensor, strength: Tensor) -> Tensor:
        """Return the pictures with a channel that tells their strength, if it is told."""
        if not self.told:
            return noisy
        share = strength / NOISES[self.noise].usual[1]
        told = share.view(-1, 1, 1, 1).expand(-1, 1, *noisy.shape[2:])
        return torch.cat([noisy, told], dim=1)

    def prepare(
        self, picture: Tensor, strength: float | None = None, hole: Tensor | None = None
    ) -> Tensor:
        """Return the picture; with its strength, or the middle one, where that is told."""
        middle = sum(self.strengths) / 2
        value = middle if strength is None else strength
        return self._with(picture, picture.new_full((len(picture),), value))

    def base(self, given: Tensor) -> Tensor:
        """Return the noisy picture: the network says what to take away."""
        return given[:, :-1] if self.told else given

    def protocols(self) -> dict[str, Task]:
        """Return the published strengths that lie in the range, or its middle."""
        if self.learn == "noisy":
            return {"neighbours": self}
        noise, (low, high) = NOISES[self.noise], self.strengths
        levels = [level for level in noise.reported if low <= level <= high]
        fixed = levels or [(low + high) / 2]
        return {f"{noise.unit}_{n:g}": replace(self, strength=(n, n)) for n in fixed}

    def clean(self) -> Task:
        """Return the task on clean pictures, to which noise is added."""
        return replace(self, learn="clean")
