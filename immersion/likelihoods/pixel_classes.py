"""A likelihood for the classes of pixels."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent

from immersion.batch import VOID
from immersion.check import UserError
from immersion.likelihoods.base import Likelihood, SampleShape
from immersion.precision import widen


class PixelClasses(Likelihood):
    r"""p(y|h) = prod_i softmax(h_i)_{y_i} over the pixels i of an image that have a class.

    h has K logits a pixel, class 0 first, (..., K, H, W); y has class numbers from 0 to K - 1, or
    -1 (void) for pixels without a class, which add 0. `mode` is the most likely classes; there
    is no mean, since class numbers are arbitrary.

    It has no registered name: a recipe builds it from K.

    Args:
        event_shape: Shape of one map of classes, (1, H, W); h may have any H and W.
        classes: K, at least 2.

    Raises:
        UserError: There are fewer than two classes.

    Reference:
        Long, Shelhamer & Darrell 2015, Fully convolutional networks for semantic segmentation,
        section 3, https://arxiv.org/abs/1411.4038

    Example:
        >>> p = PixelClasses((1, 2, 2), classes=4)(torch.zeros(5, 4, 2, 2))
        >>> p.log_prob(torch.tensor([[[[0, 3], [-1, -1]]]]))[0].exp().item() == 4**-2
        True
        >>> p.base_dist.probs.shape, p.mode.shape
        (torch.Size([5, 4, 2, 2]), torch.Size([5, 1, 2, 2]))
    """

    values: frozenset[str] = frozenset()
    discrete = True

    def __init__(self, event_shape: tuple[int, ...], classes: int) -> None:
        super().__init__(event_shape)
        if classes < 2:
            raise UserError("there are too few classes", "at least 2", classes)
        self.classes = self.parameters_per_value = classes

    def forward(self, h: Tensor) -> Independent:
        """Return p(y|h) from logits, (..., K, H, W)."""
        return self.make_independent(ClassMap(widen(h)))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is a class number or void."""
        if not ((x == x.round()) & (x >= VOID) & (x < self.classes)).all():
            raise UserError(
                "the masks have values that are not classes",
                f"class numbers from 0 to {self.classes - 1}, or {VOID} for none",
                f"values between {x.min():g} and {x.max():g}",
            )


class ClassMap(Distribution):
    """A categorical distribution at every pixel, with samples (..., 1, H, W).

    Args:
        logits: (..., K, H, W).
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, logits: Tensor) -> None:
        *batch, _, height, width = logits.shape
        super().__init__(torch.Size((*batch, 1, height, width)), validate_args=False)
        self.logits = logits

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p of the class of each pixel, in nats; 0 for void pixels."""
        y = x.long()
        batch = torch.broadcast_shapes(y.shape[:-3], self.logits.shape[:-3])
        logs = self.logits.log_softmax(-3).expand(*batch, *self.logits.shape[-3:])
        classes = y.clamp(min=0).expand(*batch, *y.shape[-3:])
        return torch.where(y == VOID, 0, logs.gather(-3, classes))

    @property
    def probs(self) -> Tensor:
        """The probability of each class, (..., K, H, W)."""
        return self.logits.softmax(-3)

    @property
    def mode(self) -> Tensor:
        """The most likely class of each pixel, (..., 1, H, W), int64."""
        return self.logits.argmax(-3, keepdim=True)

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample classes, (*sample_shape, ..., 1, H, W), int64; no pixel is void."""
        with torch.no_grad():
            pixels = Categorical(logits=self.logits.movedim(-3, -1), validate_args=False)
            return pixels.sample(torch.Size(sample_shape)).unsqueeze(-3)
