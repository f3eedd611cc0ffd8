"""Image to image: encode a picture, decode something that is derived from it."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from immersion.imaging.thumbnail import shrunk, spread
from immersion.likelihoods import Likelihood
from immersion.likelihoods.classes import Classes
from immersion.likelihoods.gaussian import Gaussian
from immersion.models.picture_code import PictureCode
from immersion.models.tiles import tiled
from immersion.nn.translation import PictureNetwork
from immersion.precision import widened
from immersion.random import seeded
from immersion.tasks import Task


class Translator(nn.Module):
    """p(target | input), or p(target | input, z): a network's output, made a distribution.

    The first C_out channels of the network's output, the mean, are added to what the task starts
    from: a denoiser's network says what to take away, not what to keep.

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
        network: PictureNetwork,
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
        h = widened(self.network(seen))
        base = self.task.base(given)
        if base is None:
            return h
        mean, rest = h.split([base.shape[1], h.shape[1] - base.shape[1]], dim=1)
        return torch.cat([mean + base, rest], dim=1)

    @property
    def several(self) -> bool:
        """Return whether it has several answers to one input, to be drawn."""
        return self.code is not None or self.task.several

    def numbers(self, given: Tensor, draw: int | None = None) -> tuple[Tensor, Tensor | None]:
        """Return the answer and the standard deviation of each value of p(target | input).

        Of classes, the probability of each, and None.

        Args:
            given: (B, C_in, H, W).
            draw: Which of several answers, 0, 1, ...; None for the usual one.
        """
        if draw is not None:
            with seeded(0, "code", draw):
                p = self(given, self.code_for(given))
                return self.task.drawn(p), p.stddev
        p = self(given)
        if isinstance(self.likelihood, Classes):
            return p.base_dist.probs, None
        return self.task.answer(p), p.stddev

    def code_for(self, given: Tensor) -> Tensor | None:
        """Return z ~ p(z) for each input, (B, d), from the global generator; None without one."""
        return None if self.code is None else self.code.prior().sample((len(given),))

    def whole(self, given: Tensor, z: Tensor | None = None, drawn: bool = False) -> Distribution:
        """Return p(target | input, z) of pictures of any size, worked out tile by tile.

        Tiles are worked on where the network is; what is returned is where the inputs are. Where
        the task's network sees large pictures shrunk, it is a Gaussian about the answer, enlarged.

        Args:
            given: (B, C_in, H, W).
            z: As `raw` takes it.
            drawn: Whether the answer that is enlarged is one of several.
        """
        device = next(self.parameters(), given).device

        def work(tile: Tensor) -> Tensor:
            return self.raw(tile.to(device), z).to(given.device)

        network, seen = self.network, shrunk(given, self.task.shortest)
        raw = tiled(
            work, seen, halo=network.halo, multiple=network.multiple, scale=self.task.scale
        )
        p = self.likelihood(raw)
        if seen is given:
            return p
        answer = self.task.drawn(p) if drawn else self.task.answer(p)
        mean, deviation = (spread(x, given.shape[-2:]) for x in (answer, p.stddev))
        return Independent(Normal(mean, deviation, validate_args=False), 3)

    @torch.no_grad()
    def draw(self, given: Tensor, count: int, seed: int) -> Tensor:
        """Return several answers, (count, B, C_out, s H, s W): E[target | input, z], z ~ p(z).

        Each z is drawn once and given to every tile of a large picture; draw k is the same
        whatever `count` is. Without a code it is the task that draws, if it can; else all answers
        are equal.

        Args:
            given: (B, C_in, H, W), of any size.
            count: How many.
            seed: Of the draws.
        """
        answers = []
        for number in range(count):
            with seeded(seed, "code", number):
                p = self.whole(given, self.code_for(given), drawn=True)
                answers.append(self.task.drawn(p))
        return torch.stack(answers)

    @torch.no_grad()
    def draws(self, given: Tensor, count: int, seed: int) -> Iterator[Distribution]:
        """Yield p(target | input, z) for several z ~ p(z): those of `draw`.

        `pooled` makes one distribution of them, which stands for p(target | input).

        Args:
            given: (B, C_in, H, W), of any size.
            count: How many.
            seed: Of the draws.
        """
        for number in range(count):
            with seeded(seed, "code", number):
                z = self.code_for(given)
            yield self.whole(given, z)
