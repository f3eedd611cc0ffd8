"""A feature extractor in the user's own TorchScript file, verified by its hash."""

import hashlib
import io
import warnings
from pathlib import Path

import torch
from torch import Tensor

from immersion.batch import Split
from immersion.check import UserError
from immersion.metrics.extractors.base import Data, Extractor, repeat_grey


class TorchScript(Extractor):
    """phi from a TorchScript file, such as an Inception network's for a Frechet distance on it.

    A TorchScript archive is a program with pickled constants: loading one means trusting it. And
    a distance is only comparable if the extractor is the same to the byte. So the user gives the
    file's SHA-256, and no byte of another file is interpreted.

    The program is called with (B, 3, H, W) float32 levels 0 to 255, grey images repeated to three
    channels, and resizes them itself; with (B, D) for rows of a table. It returns (B, F). Where
    it has an argument `return_features`, that is set to true.

    Args:
        path: The file.
        sha256: SHA-256 of the file, in hexadecimal.
        data: Description of the data.
        train: Training examples, to count the features.

    Raises:
        UserError: The hash is another, or the file is not TorchScript, or does not take the data.
    """

    def __init__(self, path: Path, sha256: str, data: Data, train: Split) -> None:
        content = path.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != sha256.lower().removeprefix("sha256:"):
            if sha256:
                remedy = "get the file again, or ask its author for the right hash"
                what = f"'{path}' is not the extractor that was meant"
                raise UserError(what, f"a file of SHA-256 {sha256}", found, remedy)
            raise UserError(
                f"'{path}' is an extractor whose hash is unknown",
                "--extractor-hash with the SHA-256 of the file",
                remedy=f"if you trust where the file comes from, pass --extractor-hash {found}",
            )
        try:
            with warnings.catch_warnings():
                # PyTorch recommends another export; the files in circulation are these.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.program = torch.jit.load(io.BytesIO(content), map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"'{path}' is not a TorchScript file",
                "a file that torch.jit.save wrote",
                remedy="trace or script the network and save that",
            ) from error
        arguments = self.program.forward.schema.arguments
        named = any(argument.name == "return_features" for argument in arguments)
        self.options = {"return_features": True} if named else {}
        self.image = len(data.shape) == 3
        shown = train.batch(torch.arange(min(2, len(train))))[0]
        super().__init__(path.name, self._count(path, shown), sha256=found)
        if self.image:
            self.protocol |= {"input": "levels 0 to 255, 3 channels", "resize": "by the file"}

    def __call__(self, x: Tensor) -> Tensor:
        """Return the features, (B, F), of x, (B, *shape)."""
        x = 255 * repeat_grey(x) if self.image else x
        with torch.no_grad():
            return torch.cat([self.program(part, **self.options) for part in x.split(64)]).float()

    def _count(self, path: Path, x: Tensor) -> int:
        try:
            features = self(x)
            received: object = tuple(features.shape)
        except (RuntimeError, TypeError) as error:
            last = str(error).strip().splitlines()[-1]
            features = None
            received = f"an error on examples of shape {tuple(x.shape)}: {last}"
        if features is None or features.ndim != 2 or len(features) != len(x):
            raise UserError(
                f"the extractor '{path}' gives no features of these data",
                f"({len(x)}, F) numbers from {len(x)} examples",
                received,
            )
        return features.shape[1]
