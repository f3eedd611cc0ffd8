"""What an autoencoder minimises: how far the decoded code is from the example, nothing else."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from immersion.batch import Batch
from immersion.check import check_choice
from immersion.models import AdversarialAutoencoder, Autoencoder


@dataclass(frozen=True)
class Reconstruction:
    """The reconstruction error, one number an example.

    Args:
        error: `squared`, ||x - E[x|z]||^2 summed over the values, or `log-likelihood`,
            -log p(x|z) in nats.

    Reference:
        Baldi & Hornik 1989, equation (1), https://doi.org/10.1016/0893-6080(89)90014-2
    """

    error: Literal["squared", "log-likelihood"] = "squared"

    def __post_init__(self) -> None:
        """Refuse a word that means nothing."""
        check_choice("error", self.error, ("squared", "log-likelihood"))

    def __call__(self, model: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """Return the terms `loss` and, for the log-likelihood, `log_likelihood`, each (B,)."""
        return self.of_codes(model, batch.x, model.encode(batch.x).mean)

    def of_codes(
        self, model: Autoencoder | AdversarialAutoencoder, x: Tensor, codes: Tensor
    ) -> dict[str, Tensor]:
        """Return the terms, given the codes, (B, d), of x, (B, *shape)."""
        p = model.decode(codes)
        if self.error == "squared":
            return {"loss": (x - p.mean).square().flatten(1).sum(1)}
        log_likelihood = p.log_prob(x)
        return {"loss": -log_likelihood, "log_likelihood": log_likelihood}
