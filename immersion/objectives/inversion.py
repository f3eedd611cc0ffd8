"""The objective of an encoder that is trained for a fixed generator."""

from dataclasses import dataclass

from torch import Tensor, nn

from immersion.batch import Batch
from immersion.check import check_at_least
from immersion.models import GAN


@dataclass(frozen=True)
class Inversion:
    """Recover the codes of generated examples, and reconstruct training examples.

    The terms, each (B,):

    - `loss`: code_error + weight reconstruction_error;
    - `code_error`: ||E(g(z)) - z||^2 / d, z ~ p(z). The smallest possible is the variance of the
      code given its image, over d: the part of z that does not show in g(z). Noise has variance
      1, the error of an encoder that ignores its input; one-hot values of a class of frequency
      p have p (1 - p) each;
    - `reconstruction_error`: ||g(E(x)) - x||^2 / D of training examples x, which need not be on
      the generator's manifold.

    Args:
        generator: The model whose generator it is: in evaluation mode and on the encoder's
            device. The model that is trained is the encoder alone.
        weight: Weight of the reconstruction error.

    Reference:
        Donahue, Krahenbuhl & Darrell 2017, section 4.1 (latent regressor),
        https://arxiv.org/abs/1605.09782; Zhu et al. 2016, equation (5),
        https://arxiv.org/abs/1609.03552
    """

    generator: GAN
    weight: float = 10.0

    def __post_init__(self) -> None:
        """Validate."""
        check_at_least(0, weight=self.weight)

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return the terms of an encoder (B, *shape) -> (B, d)."""
        z = self.generator.sample_codes(len(batch.x), None)
        code_error = (model(self.generator.generate(z)) - z).square().mean(1)
        remade = self.generator.generate(model(batch.x))
        error = (remade - batch.x).square().flatten(1).mean(1)
        loss = code_error + self.weight * error
        return {"loss": loss, "code_error": code_error, "reconstruction_error": error}
