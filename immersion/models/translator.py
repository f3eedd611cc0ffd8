"""Image to image: encode a picture, decode something that is derived from it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.imaging.thumbnail import shrink, shrink_factor
from immersion.likelihoods import Likelihood
from immersion.likelihoods.gaussian import Gaussian
from immersion.likelihoods.pixel_classes import PixelClasses
from immersion.models.latent_code import PictureCode
from immersion.models.seen_small import Numbers, SeenSmall
from immersion.models.tiles import tiled
from immersion.nn.image_to_image import ImageToImageNetwork
from immersion.precision import widen
from immersion.random import use_seed
from immersion.tasks import Task


class Translator(nn.Module):
    """p(target | input), or p(target | input, z): a network's output, made a distribution.

    The first C_out channels of the network's output, the mean, are added to what the task starts
    from: a denoiser's network says what to take away, not what to keep; an autoencoder's says all.

    Args:
        task: Makes the pairs that it learns from, and pictures of what it says.
        network: (B, C_in + d, H, W) -> (B, numbers * C_out, s H, s W).
        likelihood: p(target | h), for a target of C_out channels and any size.
        code: z, which says which of several answers is meant; None where there is one, and d = 0.
        discriminator: (input, output) -> logits of patches; only training needs it.
    """

    def __init__(
        self,
        task: Task,
        network: ImageToImageNetwork,
        likelihood: Likelihood,
        code: PictureCode | None = None,
        discriminator: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.task, self.network, self.likelihood = task, network, likelihood
        self.code, self.discriminator = code, discriminator

    @property
    def doubts(self) -> bool:
        """Return whether it says how sure it is of each value: of a Gaussian that was learnt."""
        return isinstance(self.likelihood, Gaussian)

    def forward(self, given: Tensor, z: Tensor | None = None) -> Distribution:
        """Return p(target | input, z): batch shape (B,), event shape (C_out, s H, s W)."""
        return self.likelihood(self.raw(given, z))

    def raw(self, given: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the numbers that the likelihood makes a distribution of, in float32 or wider.

        Args:
            given: (B, C_in, H, W).
            z: (B, d), or (1, d) for all; by default the prior's mean, if there is a code.
        """
        seen = given if self.code is None else self.code.beside(given, z)
        h = widen(self.network(seen))
        base = self.task.base(given) if self.network.residual else None
        if base is None:
            return h
        mean, rest = h.split([base.shape[1], h.shape[1] - base.shape[1]], dim=1)
        return torch.cat([mean + base, rest], dim=1)

    @property
    def several(self) -> bool:
        """Return whether it has several answers to one input, to be drawn."""
        return self.code is not None or self.task.several

    def numbers(self, given: Tensor, draw: int | None = None) -> Numbers:
        """Return the answer and the standard deviation of each value of p(target | input).

        Of classes, the probability of each, and None.

        Args:
            given: What the network sees, (B, C_in, H, W), all of it at once.
            draw: Which of several answers, 0, 1, ...; None for the usual one.
        """
        return self._said(given, draw, self.forward)

    def answer(self, given: Tensor, draw: int | None = None) -> Numbers:
        """Return the same of pictures of any size: of classes, the likeliest of each pixel.

        Args:
            given: (B, C_in, H, W).
            draw: Which of several answers, 0, 1, ..., the same for every tile; None for the usual.
        """
        if self.task.shortest:
            return self._of_small(given, draw)
        answer, deviation = self._said(given, draw, self.whole)
        return (answer, deviation) if deviation is not None else (answer.argmax(1, True), None)

    def _of_small(self, given: Tensor, draw: int | None) -> Numbers:
        device = next(self.parameters(), given).device
        height, width = given.shape[-2:]
        small = SeenSmall(
            lambda x: self.numbers(x, draw),
            shrink(given, self.task.shortest).to(device),
            shrink_factor((height, width), self.task.shortest),
            self.network.multiple,
        )
        answer, deviation = small(range(height), range(width))
        return answer.to(given.device), deviation.to(given.device)

    def _said(self, given: Tensor, draw: int | None, p_of: Callable[..., Distribution]) -> Numbers:
        if draw is not None:
            with use_seed(0, "code", draw):
                p = p_of(given, self.code_for(given))
                return self.task.drawn(p), p.stddev
        p = p_of(given)
        if isinstance(self.likelihood, PixelClasses):
            return p.base_dist.probs, None
        return self.task.answer(p), p.stddev

    def code_for(self, given: Tensor) -> Tensor | None:
        """Return z ~ p(z) for each input, (B, d), from the global generator; None without one."""
        return None if self.code is None else self.code.prior().sample((len(given),))

    def whole(self, given: Tensor, z: Tensor | None = None) -> Distribution:
        """Return p(target | input, z) of pictures of any size, worked out tile by tile.

        Tiles are worked on where the network is; what is returned is where the inputs are.

        Args:
            given: (B, C_in, H, W).
            z: As `raw` takes it.
        """
        device = next(self.parameters(), given).device

        def work(tile: Tensor) -> Tensor:
            return self.raw(tile.to(device), z).to(given.device)

        network = self.network
        raw = tiled(
            work, given, halo=network.halo, multiple=network.multiple, scale=self.task.scale
        )
        return self.likelihood(raw)
