"""A trained model: the model, a description of its data, and its origin."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from torch import nn

from immersion.models.translator import Translator
from immersion.spec import Spec

if TYPE_CHECKING:
    from immersion.data import Dataset

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Origin:
    """The origin of a trained model.

    Args:
        kind: run, bundled (with the package) or published (by its authors).
        name: The run's folder, the bundled name, or the file's name.
        recipe: The recipe that trained it; empty for a published model.
        arguments: The recipe's, as `run.json` holds them.
        data_source: Name or path of the training data; empty if unknown.
    """

    kind: Literal["run", "bundled", "published"]
    name: str
    recipe: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    data_source: str = ""


@dataclass(frozen=True, eq=False)
class TrainedModel(Generic[Model]):
    """A trained model, whatever its origin.

    Args:
        model: In evaluation mode.
        spec: The description of the training data.
        origin: The origin.
        read_data: Reads the training data.
    """

    model: Model
    spec: Spec
    origin: Origin
    read_data: "Callable[[], Dataset]"

    @property
    def channels(self) -> int:
        """Return the channels of the training pictures."""
        return self.spec.shape[0]


ImageModel = TrainedModel[Translator]
"""An image-to-image model."""
