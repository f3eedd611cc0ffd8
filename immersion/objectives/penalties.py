"""Penalties on the discriminator's gradient in x, against divergence of the game."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from immersion.check import UserError, check_at_least
from immersion.precision import widen

Critic = Callable[[Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Penalties:
    """Terms that are added to a discriminator's loss; each has a weight, and they compose.

    Slopes are those in the examples before any augmentation, as in the papers: a GAN's images are
    stretched to [-1, 1]. With batch normalisation an example's slope is that of all logits of its
    batch.

    Args:
        r1: gamma / 2 ||grad C(x)||^2 at real examples (Mescheder, Geiger & Nowozin 2018, equation
            (9), https://arxiv.org/abs/1801.04406); its gamma. None leaves it to the recipe.
        r2: The same at generated examples (equation (10)); its gamma. None, likewise.
        gradient_penalty: lambda (||grad C(u)|| - 1)^2 at points u drawn evenly between a real and
            a generated example (Gulrajani et al. 2017, equation (3),
            https://arxiv.org/abs/1704.00028); its lambda.
        share: Share of each batch that r1 and r2 are computed on, with the weight raised to
            match: the same mean at a part of the cost of second derivatives.
    """

    r1: float | None = 0.0
    r2: float | None = 0.0
    gradient_penalty: float = 0.0
    share: float = 1.0

    def __post_init__(self) -> None:
        """Validate."""
        check_at_least(0, r1=self.r1 or 0, r2=self.r2 or 0, gradient_penalty=self.gradient_penalty)
        if not 0 < self.share <= 1:
            raise UserError("a share of the batch is penalised", "above 0, up to 1", self.share)

    def fill_defaults(self, usual: float) -> "Penalties":
        """Return the penalties with the usual weight for r1 and r2 where they are None."""
        r1, r2 = (usual if gamma is None else gamma for gamma in (self.r1, self.r2))
        return replace(self, r1=r1, r2=r2)

    def __call__(
        self, critic: Critic, x: Tensor, made: Tensor, y: Tensor | None, stretch: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of real and generated examples, and the penalty, each (B,).

        Args:
            critic: C: examples and labels -> logits, one for each example or each pack.
            x, made: Real and generated examples, (B, *shape).
            y: Labels, (B,), or None.
            stretch: By how much the critic stretches examples.
        """
        # A validation pass has no graph, and does not include the penalties.
        graph = torch.is_grad_enabled()
        whole = graph and self.share == 1
        x = x.detach().requires_grad_(whole and bool(self.r1))
        made = made.detach().requires_grad_(whole and bool(self.r2))
        real, fake = critic(x, y), critic(made, y)
        penalty = torch.zeros_like(real)
        for gamma, examples, logits in ((self.r1, x, real), (self.r2, made, fake)):
            if graph and gamma and whole:
                penalty = penalty + gamma / 2 * squared_slope(logits, examples, stretch)
            elif graph and gamma:
                slopes = self._of_a_share(critic, examples, y, len(logits), stretch)
                penalty = penalty + gamma / 2 * slopes
        if graph and self.gradient_penalty:
            between = torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device, dtype=x.dtype)
            u = torch.lerp(made.detach(), x.detach(), between).requires_grad_()
            slope = (squared_slope(critic(u, y), u, stretch) + 1e-12).sqrt()
            penalty = penalty + self.gradient_penalty * (slope - 1).square()
        return real, fake, penalty

    def _of_a_share(
        self, critic: Critic, x: Tensor, y: Tensor | None, logits: int, stretch: float
    ) -> Tensor:
        """Return the squared slopes at the first examples, raised, then zeros: (logits,)."""
        kept = max(1, round(self.share * logits))
        first = x[: kept * (len(x) // logits)].detach().requires_grad_()
        labels = None if y is None else y[: len(first)]
        slopes = squared_slope(critic(first, labels), first, stretch)
        return pad(slopes * (logits / kept), (0, logits - kept))


def squared_slope(logits: Tensor, x: Tensor, stretch: float = 1.0) -> Tensor:
    """Return ||dC/dx||^2 / stretch^2 of each logit, (B / pack,), over all x that it is of."""
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    squares = (widen(gradient) / stretch).square().flatten(1).sum(1)
    packs = len(x) // len(logits)
    return squares.view(packs, -1).sum(0)
