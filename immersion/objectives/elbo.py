r"""The evidence lower bound, log p(x) = KL(q(z|x) || p(z|x)) + ELBO, in its forms."""

from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

import torch
from torch import Tensor
from torch.distributions import Distribution

from immersion.batch import Batch
from immersion.check import UserError, check_at_least, check_choice
from immersion.models import LatentVariableModel
from immersion.objectives.gradients import Baseline, score_function
from immersion.posteriors import compute_kl_per_unit, estimate_kl, has_entropy


@dataclass(frozen=True)
class ELBO:
    r"""Minus the evidence lower bound as a loss, one number an example, in nats.

    ========  ==========================================================  ==================
    form      ELBO(x)                                                     by Monte Carlo
    ========  ==========================================================  ==================
    kl        E_q[log p(x|z)] - KL(q(z|x) || p(z))                        the first term
    joint     E_q[log p(x|z) + log p(z) - log q(z|x)]                     all, the KL too
    entropy   E_q[log p(x|z) + log p(z)] + H(q(z|x))                      all but the entropy
    ========  ==========================================================  ==================

    The three have the same mean; `kl` usually has the least variance. Where q and p have no KL
    divergence in closed form, as a flow has none, `kl` estimates it from the samples of z and is
    `joint`. (The fourth form, log p(x) minus the KL to the true posterior, cannot be computed; the
    tests check it where p(x) is known.) With `beta` other than 1 or `free_bits` above 0 the loss
    is not the bound, but the term `elbo` is.

    Args:
        form: kl (joint where the KL has no closed form), joint or entropy.
        samples: Samples of z per example.
        beta: Weight of the KL term (Higgins et al. 2017, equation (4),
            https://openreview.net/forum?id=Sy2fzU9gl).
        warmup: Steps over which the weight of the KL term grows linearly from 0 to `beta` (Bowman
            et al. 2016, section 3.1, https://arxiv.org/abs/1511.06349).
        free_bits: Nats of KL for each latent unit, on average over the batch, that cost nothing
            (Kingma et al. 2016, equation (15), https://arxiv.org/abs/1606.04934); only with a KL
            in closed form.
        keep: both, reconstruction or kl: the terms of the loss, to see the effect of each.
        gradient: reparameterised, or score-function for the Monte-Carlo gradient of section 2.2.
        baseline: For score-function: a constant in nats, or leave-one-out.

    Example:
        >>> from immersion.batch import Batch
        >>> from immersion.models import VAE
        >>> from immersion.likelihoods import LIKELIHOODS
        >>> from immersion.nn import Architecture
        >>> model = VAE.build((4,), 2, LIKELIHOODS["bernoulli"]((4,)), Architecture())
        >>> batch = Batch(torch.ones(3, 4), None, torch.tensor(0))
        >>> sorted(ELBO()(model, batch))
        ['elbo', 'kl', 'log_likelihood', 'loss']
    """

    form: Literal["kl", "joint", "entropy"] = "kl"
    samples: int = 1
    beta: float = 1.0
    warmup: int = 0
    free_bits: float = 0.0
    keep: Literal["both", "reconstruction", "kl"] = "both"
    gradient: Literal["reparameterised", "score-function"] = "reparameterised"
    baseline: Baseline = 0.0

    def __post_init__(self) -> None:
        """Validate."""
        hints = get_type_hints(type(self))
        for name in ("form", "keep", "gradient"):
            check_choice(name, getattr(self, name), get_args(hints[name]))
        check_at_least(1, samples=self.samples)
        check_at_least(0, beta=self.beta, warmup=self.warmup, free_bits=self.free_bits)
        self._check_baseline()
        if self.free_bits and self.form != "kl":
            remedy = "pass --form kl"
            raise UserError("free bits need each unit's KL", "--form kl", self.form, remedy)

    def _check_baseline(self) -> None:
        if isinstance(self.baseline, str):
            check_choice(
                "baseline (a number in nats, or a name)", self.baseline, ["leave-one-out"]
            )
            if self.samples < 2:
                remedy = "pass --samples 2 or more"
                raise UserError(
                    "leave-one-out compares samples", "2 or more", self.samples, remedy
                )
        if self.baseline and self.gradient != "score-function":
            remedy = "pass --gradient score-function, or no --baseline"
            raise UserError("a baseline belongs to the score function", remedy=remedy)

    def check(self, q: Distribution, prior: Distribution) -> None:
        """Raise UserError if the settings need what q(z|x) or p(z) do not have.

        Args:
            q: q(z|x).
            prior: p(z).

        Raises:
            UserError: `form` is entropy and q has none in closed form, or `free_bits` is above 0
                and the KL has no closed form.
        """
        if self.form == "entropy" and not has_entropy(q):
            raise UserError(
                "this posterior has no entropy in closed form",
                "a Gaussian posterior",
                "--form entropy",
                "pass --form joint",
            )
        if self.free_bits and compute_kl_per_unit(q, prior) is None:
            raise UserError(
                "free bits need the KL of each unit in closed form",
                "--prior standard-normal and --posterior diagonal-gaussian",
                f"--free-bits {self.free_bits:g}",
                "leave --free-bits out",
            )

    def __call__(self, model: LatentVariableModel, batch: Batch) -> dict[str, Tensor]:
        """Return the terms `loss`, `elbo`, `log_likelihood` and `kl`, each (B,), in nats."""
        q, prior = model.encode(batch.x), model.prior()
        if self.form == "entropy" or self.free_bits:
            self.check(q, prior)
        pathwise = self.gradient == "reparameterised"
        z = q.rsample((self.samples,))
        if not pathwise:
            z = z.detach()  # q.sample would wait for the device, which a captured step must not

        log_likelihood = model.decode(z).log_prob(batch.x)
        units = compute_kl_per_unit(q, prior) if self.form == "kl" else None
        if units is not None:
            kl, penalty = units.sum(-1), self._free(units).sum(-1)
        elif self.form == "entropy":
            kl = penalty = -q.entropy() - prior.log_prob(z)
        else:
            kl = penalty = estimate_kl(q, prior, z)

        inside = log_likelihood if self.keep != "kl" else torch.zeros_like(log_likelihood)
        outside: Tensor | float = -self._kl_weight(batch) * penalty
        if units is None:  # then the KL term depends on the samples too
            inside, outside = inside + outside, 0.0
        if not pathwise:
            inside = score_function(inside, q.log_prob(z), self.baseline)
        return {
            "loss": -(inside.mean(0) + outside),
            "elbo": (log_likelihood - kl).mean(0),
            "log_likelihood": log_likelihood.mean(0),
            "kl": kl.expand_as(log_likelihood).mean(0),
        }

    def _kl_weight(self, batch: Batch) -> Tensor | float:
        if self.keep == "reconstruction":
            return 0.0
        if not self.warmup:
            return self.beta
        return self.beta * (batch.step / self.warmup).clamp(max=1)

    def _free(self, units: Tensor) -> Tensor:
        # The threshold is on the batch's mean, so a single example may be below it.
        if not self.free_bits:
            return units
        return torch.where(units.mean(0) > self.free_bits, units, self.free_bits)
