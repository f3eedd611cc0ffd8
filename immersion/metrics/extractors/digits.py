"""Features of handwritten digits, from this project's small network, trained on MNIST."""

import hashlib
from importlib import resources

import torch
from safetensors.torch import load
from torch import Tensor, nn

from immersion.batch import Split
from immersion.check import UserError
from immersion.metrics.extractors.base import EXTRACTORS, Data, Extractor

WEIGHTS = "digits.safetensors"
SHA256 = "69a3194a30f3301b4329e9efa7c82663144910bc23f61ca5f247e70ccd1a2d0f"
SIZE = (28, 28)
FEATURES = 64


def build_network() -> nn.Sequential:
    """Return the network with initial weights: (B, 1, 28, 28) -> (B, 10) logits.

    Three convolutions, each followed by max pooling, and a layer of 64 units whose outputs are the
    features; 96,000 parameters.
    """
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 3 * 3, FEATURES), nn.ReLU()),
        nn.Linear(FEATURES, 10),
    )


@EXTRACTORS.register("digits")
class Digits(Extractor):
    """The last hidden layer, 64 units, of a network with 99 % accuracy on MNIST's test images.

    It was trained on MNIST's training images, as they are and made binary, by the script
    `scripts/train_digits_network.py`. Images of several channels, such as stacked MNIST, are
    processed channel by channel: 64 features each.

    Args:
        data: Images of 28x28 pixels with values in [0, 1].
        train: Not used.

    Raises:
        UserError: The data are of another shape.

    Example:
        >>> from immersion.data import DATASETS
        >>> digits = Digits(DATASETS["mnist"].spec, None)
        >>> x = torch.zeros(5, 1, 28, 28)
        >>> digits(x).shape, digits.classify(x).shape
        (torch.Size([5, 64]), torch.Size([5, 10]))
    """

    def __init__(self, data: Data, train: Split | None) -> None:
        if data.shape[1:] != SIZE or data.values not in ("unit", "binary"):
            raise UserError(
                "the extractor digits is for handwritten digits",
                "(C, 28, 28) values from 0 to 1",
                f"{data.values} values of shape {tuple(data.shape)}",
                "pass --extractor pca",
            )
        channels = data.shape[0]
        super().__init__("digits", channels * FEATURES, sha256=SHA256, input="28x28, a channel")
        self.network = load_network()

    def __call__(self, x: Tensor) -> Tensor:
        """Return the features, (B, 64 C), of x, (B, C, 28, 28) in [0, 1]."""
        with torch.no_grad():
            return self.network[:-1](x.reshape(-1, 1, *SIZE)).reshape(len(x), -1)

    def classify(self, x: Tensor) -> Tensor:
        """Return the logits of the digits 0 to 9, (B, 10), of x, (B, 1, 28, 28) in [0, 1]."""
        with torch.no_grad():
            return self.network(x)


def load_network() -> nn.Sequential:
    """Return the trained network, its file checked by its hash.

    Raises:
        RuntimeError: The package's file is damaged.
    """
    content = resources.files(__package__).joinpath(WEIGHTS).read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise RuntimeError(f"the package's file {WEIGHTS} is damaged; install immersion again")
    net = build_network()
    net.load_state_dict({name: weight.float() for name, weight in load(content).items()})
    return net.eval()
