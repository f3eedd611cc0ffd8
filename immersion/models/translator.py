"""Image-to-image models: encode a picture, decode something that is derived from it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from immersion.imaging.thumbnail import shrink, shrink_factor
from immersion.likelihoods import Likelihood
from immersion.models.prediction import DownscaledPrediction, Prediction
from immersion.models.tiles import apply_in_tiles
from immersion.nn.image_to_image import ImageToImageNetwork
from immersion.precision import widen
from immersion.random import use_seed
from immersion.tasks import Presentation, Task

if TYPE_CHECKING:
    from immersion.models.latent_code import PictureCode


class Translator(nn.Module):
    """p(target | input), or p(target | input, z): a network's output, made a distribution.

    The first C_out channels of the network's output, the mean, are added to the task's baseline
    if the network is residual: a denoiser outputs what to subtract. An autoencoder outputs all.

    Args:
        task: Makes training pairs, and presents outputs as pictures.
        network: (B, C_in + d, H, W) -> (B, numbers * C_out, s H, s W).
        likelihood: p(target | h), for a target of C_out channels and any size.
        code: z, which selects one of several answers; None and d = 0 for one answer.
        discriminator: (input, output) -> logits of patches; used in training only.
    """

    def __init__(
        self,
        task: Task,
        network: ImageToImageNetwork,
        likelihood: Likelihood,
        code: "PictureCode | None" = None,
        discriminator: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.task, self.network, self.likelihood = task, network, likelihood
        self.code, self.discriminator = code, discriminator

    @property
    def presentation(self) -> Presentation:
        """Return the presentation of the task's inputs and outputs."""
        return self.task.presentation

    @property
    def has_uncertainty(self) -> bool:
        """Return whether the model predicts the standard deviation of each value."""
        return self.likelihood.predicts_scale

    @property
    def multimodal(self) -> bool:
        """Return whether several answers to one input can be sampled."""
        return self.code is not None or self.presentation.levels > 0

    def require_code(self) -> "PictureCode":
        """Return the code.

        Raises:
            ValueError: The model has none.
        """
        if self.code is None:
            raise ValueError("the model has no code")
        return self.code

    def forward(self, inputs: Tensor, z: Tensor | None = None) -> Distribution:
        """Return p(target | input, z): batch shape (B,), event shape (C_out, s H, s W)."""
        return self.likelihood(self.parameters_of(inputs, z))

    def parameters_of(self, inputs: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the parameters h of the likelihood, in float32 or wider.

        Args:
            inputs: (B, C_in, H, W).
            z: (B, d), or (1, d) for all; by default the prior's mean, if there is a code.
        """
        with_code = inputs if self.code is None else self.code.append(inputs, z)
        h = widen(self.network(with_code))
        baseline = self.presentation.baseline(inputs) if self.network.residual else None
        if baseline is None:
            return h
        mean, rest = h.split([baseline.shape[1], h.shape[1] - baseline.shape[1]], dim=1)
        return torch.cat([mean + baseline, rest], dim=1)

    def predict_whole(self, inputs: Tensor, draw: int | None = None) -> Prediction:
        """Return the prediction for inputs that the network takes as a whole.

        Args:
            inputs: (B, C_in, H, W).
            draw: Which of several answers, 0, 1, ...; None for the point estimate.
        """
        return self._predict(inputs, draw, self.forward)

    def predict(self, inputs: Tensor, draw: int | None = None) -> Prediction:
        """Return the prediction for pictures of any size; for classes, the most likely ones.

        Args:
            inputs: (B, C_in, H, W).
            draw: Which of several answers, 0, 1, ..., the same one for every tile; None for the
                point estimate.
        """
        if self.presentation.shorter_side:
            return self._predict_downscaled(inputs, draw)
        return self._predict(inputs, draw, self.distribution).select_classes()

    def distribution(self, inputs: Tensor, z: Tensor | None = None) -> Distribution:
        """Return p(target | input, z) of pictures of any size, computed tile by tile.

        Tiles are computed on the network's device; the result is on the device of the inputs.

        Args:
            inputs: (B, C_in, H, W).
            z: As in `parameters_of`.
        """
        device = next(self.parameters(), inputs).device

        def compute(tile: Tensor) -> Tensor:
            return self.parameters_of(tile.to(device), z).to(inputs.device)

        network, scale = self.network, self.presentation.scale
        h = apply_in_tiles(
            compute, inputs, halo=network.halo, multiple=network.multiple, scale=scale
        )
        return self.likelihood(h)

    def sample_code(self, inputs: Tensor) -> Tensor | None:
        """Return z ~ p(z) for each input, (B, d), by the global generator; None without a code."""
        return None if self.code is None else self.code.prior().sample((len(inputs),))

    def _predict(
        self, inputs: Tensor, draw: int | None, condition: Callable[..., Distribution]
    ) -> Prediction:
        if draw is not None:
            with use_seed(0, "code", draw):
                p = condition(inputs, self.sample_code(inputs))
                return Prediction(self.presentation.sample(p), p.stddev)
        p = condition(inputs)
        if self.presentation.classes:
            return Prediction(cast(Independent, p).base_dist.probs)
        return Prediction(self.presentation.estimate(p), p.stddev)

    def _predict_downscaled(self, inputs: Tensor, draw: int | None) -> Prediction:
        device = next(self.parameters(), inputs).device
        shorter_side = self.presentation.shorter_side
        height, width = inputs.shape[-2:]
        downscaled = DownscaledPrediction(
            lambda x: self.predict_whole(x, draw),
            shrink(inputs, shorter_side).to(device),
            shrink_factor((height, width), shorter_side),
            self.network.multiple,
        )
        prediction = downscaled.window(range(height), range(width))
        return prediction.map(lambda x: x.to(inputs.device))
