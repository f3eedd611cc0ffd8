"""Denoising: from a noisy picture to the clean one."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

from immersion.check import UserError
from immersion.imaging.parameters import constant_tensor
from immersion.tasks.base import TASKS, Pair, Presentation, Task
from immersion.tasks.noises import NOISES

NEIGHBOURS = ((0, 1), (0, 2), (1, 0), (1, 3), (2, 0), (2, 3), (3, 1), (3, 2))
"""(one pixel, the other) of a square of 2 x 2, side by side or one above the other."""


@TASKS.register("denoise")
@dataclass(frozen=True)
class Denoise(Task):
    """y = x + noise, with a strength drawn uniformly for each picture.

    Args:
        noise: gaussian (unclipped, as in published tables), poisson-gaussian, salt-and-pepper or
            jpeg.
        strength: Smallest and largest strength: sigma in levels of 255, photons of a white pixel,
            percentage of the pixels, or JPEG quality; by default the usual range of the noise.
        level_map: If True, the noise level is one more input channel of the network; otherwise
            the network is blind and estimates it.
        targets: clean: clean pictures, to which noise is added; noisy: your own noisy pictures,
            where of two neighbouring pixels one is in the input and the other is the target.

    Raises:
        UserError: An unknown noise, or strengths out of range.

    Reference:
        Zhang, Zuo & Zhang 2018, FFDNet, section III, https://arxiv.org/abs/1710.04026; Huang et
        al. 2021, Neighbor2Neighbor, https://arxiv.org/abs/2101.02824

    Example:
        >>> pair = Denoise(strength=(25, 25)).pair(torch.full((2, 1, 64, 64), 0.5), None)
        >>> bool(abs((pair.input - pair.target).std() * 255 - 25) < 1)
        True
    """

    noise: Literal["gaussian", "poisson-gaussian", "salt-and-pepper", "jpeg"] = "gaussian"
    strength: tuple[float, float] | None = None
    level_map: bool = False
    targets: Literal["clean", "noisy"] = "clean"

    def __post_init__(self) -> None:
        """Validate the strengths."""
        if self.level_map and self.targets == "noisy":
            remedy = "leave --level-map out"
            raise UserError("the noise level of noisy training pictures is unknown", remedy=remedy)
        if self.strength is None:
            return
        object.__setattr__(self, "strength", tuple(self.strength))  # JSON makes lists of tuples
        (low, high), (least, most) = self.strength, NOISES[self.noise].allowed
        if not least <= low <= high <= most:
            raise UserError(
                f"the strength of {self.noise} noise is out of range",
                f"--strength LOW HIGH, {NOISES[self.noise].unit} from {least:g} to {most:g}",
                f"{low:g} {high:g}",
            )

    @property
    def strengths(self) -> tuple[float, float]:
        """Return the smallest and the largest strength."""
        return NOISES[self.noise].usual if self.strength is None else self.strength

    @property
    def presentation(self) -> "DenoisePresentation":
        """Return the presentation of noisy pictures."""
        return DenoisePresentation(self)

    def channels(self, colours: int) -> tuple[int, int]:
        """Return (C + 1, C) with a level map, otherwise (C, C)."""
        return colours + self.level_map, colours

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (noisy, clean), or two samples of neighbouring pixels of a noisy picture."""
        if self.targets == "noisy":
            return Pair(*split_neighbours(x))
        low, high = self.strengths
        strength = low + (high - low) * torch.rand(len(x), device=x.device)
        noisy = NOISES[self.noise].add(x, strength)
        return Pair(self.append_level_map(noisy, strength), x)

    def append_level_map(self, noisy: Tensor, strength: Tensor) -> Tensor:
        """Return the pictures with a channel of their noise level, if the task has a level map.

        Args:
            noisy: (B, C, H, W).
            strength: (B,).
        """
        if not self.level_map:
            return noisy
        share = strength / NOISES[self.noise].usual[1]
        level_map = share.view(-1, 1, 1, 1).expand(-1, 1, *noisy.shape[2:])
        return torch.cat([noisy, level_map], dim=1)

    def protocols(self) -> dict[str, Task]:
        """Return the published strengths that are in the range, or its middle."""
        if self.targets == "noisy":
            return {"neighbours": self}
        noise, (low, high) = NOISES[self.noise], self.strengths
        levels = [level for level in noise.reported if low <= level <= high]
        fixed = levels or [(low + high) / 2]
        return {f"{noise.unit}_{n:g}": replace(self, strength=(n, n)) for n in fixed}

    def on_clean_pictures(self) -> Task:
        """Return the task on clean pictures, to which noise is added."""
        return replace(self, targets="clean")


class DenoisePresentation(Presentation):
    """Noisy levels as input, clean levels as output.

    Args:
        task: The noise and its strengths.
    """

    title = "Noise removed"
    shows_noise = True

    def __init__(self, task: Denoise) -> None:
        self.task = task
        if task.level_map:
            noise = NOISES[task.noise]
            self.level_map = noise
            self.input_format += (
                f", then a channel of the noise's {noise.unit} / {noise.usual[1]:g}"
            )

    def prepare(
        self, picture: Tensor, strength: float | None = None, hole: Tensor | None = None
    ) -> Tensor:
        """Return the picture, with the level map of its strength or of the middle one."""
        middle = sum(self.task.strengths) / 2
        value = middle if strength is None else strength
        return self.task.append_level_map(picture, picture.new_full((len(picture),), value))

    def baseline(self, inputs: Tensor) -> Tensor:
        """Return the noisy picture: the network outputs what to subtract."""
        return inputs[:, :-1] if self.task.level_map else inputs


def split_neighbours(noisy: Tensor) -> tuple[Tensor, Tensor]:
    """Return two pictures of half the size: of each square of 2 x 2 pixels one, and another.

    The clean values of neighbours are nearly alike and their noises are independent, so a network
    that predicts one from the other predicts E[clean | noisy]: with g_1, g_2 the two pictures,
    E||f(g_1) - g_2||^2 = E||f(g_1) - x||^2 + a constant, but for how neighbours differ:
    f smooths that away, unless the objective compensates for it.

    Args:
        noisy: (B, C, H, W); a last odd row or column is left out.

    Returns:
        (input, target), (B, C, H // 2, W // 2) each, by PyTorch's global generator.

    Reference:
        Huang et al. 2021, Neighbor2Neighbor, section 3.2, https://arxiv.org/abs/2101.02824;
        Lehtinen et al. 2018, Noise2Noise, equation (6), https://arxiv.org/abs/1803.04189

    Example:
        >>> a, b = split_neighbours(torch.arange(16.0).view(1, 1, 4, 4))
        >>> a.shape, {1.0, 4.0}.issuperset((a - b).abs().flatten().tolist())
        (torch.Size([1, 1, 2, 2]), True)
    """
    return take_neighbours(noisy, sample_neighbours(noisy))


def sample_neighbours(x: Tensor) -> Tensor:
    """Return two random pixels of each square, (2, B, 1, 1, H // 2, W // 2)."""
    shape = (len(x), 1, 1, x.shape[-2] // 2, x.shape[-1] // 2)
    index = torch.randint(len(NEIGHBOURS), shape, device=x.device)
    return constant_tensor(NEIGHBOURS, torch.int64, x.device)[index].movedim(-1, 0)


def take_neighbours(x: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return g_1(x) and g_2(x), (B, C, H // 2, W // 2) each.

    Args:
        x: (B, C, H, W).
        pixels: Two pixels of each square, by `sample_neighbours`.
    """
    height, width = (length // 2 * 2 for length in x.shape[-2:])
    squares = pixel_unshuffle(x[..., :height, :width], 2).unflatten(1, (-1, 4))
    one, other = (squares.gather(2, p.expand(-1, squares.shape[1], -1, -1, -1)) for p in pixels)
    return one.squeeze(2), other.squeeze(2)
