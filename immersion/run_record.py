"""The typed form of `run.json`: the recipe call, the data, the options, and how training ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

FORMAT = 1
"""Version of the record's format."""

REQUIRED = ("format", "recipe", "arguments", "data", "options")
"""Keys that every record has, empty or not; others are left out where they are empty."""

RENAMED = {
    "latent": "latent_dim",
    "optimiser": "optimizer",
    "told": "level_map",
    "learn": "targets",
}
"""Earlier names of arguments, as recorded runs and users' scripts have them."""

RENAMED_NETWORKS = {"aware": "noise-aware"}
"""Earlier names of image-to-image networks."""


@dataclass(frozen=True)
class Outcome:
    """How training ended.

    Args:
        step: Steps made in total.
        reason: finished, early (no better validation loss for `patience` validation passes),
            interrupted or diverged.
        seconds: Training time over all resumptions.
        signal: Number of the signal that interrupted training, or None.
        message: The non-finite quantity if training diverged, or empty.
        more: Keys of the record that this version does not know.
    """

    step: int = 0
    reason: str = "finished"
    seconds: float = 0.0
    signal: int | None = None
    message: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the outcome that a JSON object holds."""
        return cls(**_split_unknown(cls, values))

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON object, without a signal or a message if there is none."""
        values = _merge_unknown(self)
        return {k: v for k, v in values.items() if k not in ("signal", "message") or v}


@dataclass(frozen=True)
class DataRecord:
    """The data that a run was trained on.

    Args:
        source: A data set's name, or the name of a file or a folder (its path is in the run
            folder's `paths.json`), or what the data in memory were.
        size: Side to which images were cropped and resized, or None.
        spec: The fields of `immersion.data.Spec`.
        examples: Number of training, validation and test examples.
        checksums: File name -> `sha256:...`.
        note: One sentence on where the data came from.
        library: The library of a data frame that was given in memory: pandas, polars, ...
        more: Keys of the record that this version does not know.
    """

    source: str = ""
    size: int | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    examples: tuple[int, ...] = ()
    checksums: dict[str, str] = field(default_factory=dict)
    note: str = ""
    library: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the data record that a JSON object holds."""
        known = _split_unknown(cls, values)
        return cls(**known | {"examples": tuple(known.get("examples", ()))})

    def to_json(self) -> dict[str, Any]:
        """Return the data record as a JSON object."""
        values = _merge_unknown(self) | {"examples": list(self.examples)}
        return {name: value for name, value in values.items() if name != "library" or value}


@dataclass(frozen=True)
class RunRecord:
    """The contents of `run.json`.

    Args:
        recipe: The recipe's name.
        command: The command line that trains the same model.
        arguments: The recipe's arguments, dataclasses as objects.
        data: The training data.
        generator_step: For an encoder, the step of the generator that it was trained for.
        options: The fields of `immersion.engine.Options`.
        device: cpu or cuda.
        precision: bfloat16 or float32.
        threads: Threads of PyTorch on the CPU.
        versions: Package -> version.
        machine: Processor, cores and CUDA device.
        created: Time of the first training step, ISO 8601.
        experiment: Digests of an experiment that code outside the package built; see
            `immersion.recipes.identity`.
        model: Resolved values of `auto`: generative, likelihood, binarize, latent_dim,
            parameters, ema and, for a discriminator, penalties.
        outcome: The end of training, or None before it.
        format: Version of the format.
        more: Keys that this version does not know; they are written back as they were read.
    """

    recipe: str = ""
    command: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    data: DataRecord = field(default_factory=DataRecord)
    generator_step: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    device: str = ""
    precision: str = ""
    threads: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    created: str = ""
    experiment: dict[str, str] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None
    format: int = FORMAT
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the record that a JSON object holds; earlier names of arguments are renamed.

        Example:
            >>> RunRecord.from_json({"recipe": "vae", "arguments": {"latent": 2}}).arguments
            {'latent_dim': 2}
        """
        known = _split_unknown(cls, values)
        known["data"] = DataRecord.from_json(values.get("data", {}))
        if values.get("outcome"):
            known["outcome"] = Outcome.from_json(values["outcome"])
        for name in {"arguments", "model"} & set(known):
            known[name] = rename_legacy_keys(known[name])
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object, without the keys that are empty."""
        values = {"format": self.format} | _merge_unknown(self)
        values["data"] = self.data.to_json()
        values["outcome"] = None if self.outcome is None else self.outcome.to_json()
        return {
            name: value
            for name, value in values.items()
            if name in REQUIRED or value not in (None, "", {})
        }

    @property
    def model_name(self) -> str:
        """Return the recipe's name, or the class of a model that was built in Python."""
        built = self.model.get("class", "").rpartition(":")[2]
        return self.recipe or built or "a model built in Python"

    @property
    def generative(self) -> bool:
        """Return whether the model has a prior to sample from; True in records before the key."""
        return bool(self.model.get("generative", True))

    @property
    def step(self) -> int | None:
        """Return the number of steps made, or None while training has not ended."""
        return None if self.outcome is None else self.outcome.step

    @property
    def settings(self) -> dict[str, Any]:
        """Return all arguments and options by name, with what `auto` was resolved to."""
        settings = flatten(self.arguments) | flatten(self.options)
        resolved = {"ema": self.model["ema"]} if "ema" in self.model else {}
        return settings | self.model.get("penalties", {}) | resolved


def rename_legacy_keys(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments, nested ones too, under their present names; networks too.

    Example:
        >>> rename_legacy_keys({"latent": 2, "settings": {"latent": 3}})
        {'latent_dim': 2, 'settings': {'latent_dim': 3}}
    """
    renamed: dict[str, Any] = {
        RENAMED.get(name, name): rename_legacy_keys(value) if isinstance(value, dict) else value
        for name, value in arguments.items()
    }
    network = renamed.get("network")
    if isinstance(network, str):
        renamed["network"] = RENAMED_NETWORKS.get(network, network)
    return renamed


def flatten(values: Mapping[str, Any], dotted: bool = False) -> dict[str, Any]:
    """Return nested values in one level.

    Args:
        values: Values by name; nested mappings are flattened.
        dotted: If True, an inner name follows its outer name and a dot.

    Example:
        >>> flatten({"depth": 2, "optimizer": {"momentum": 0.9}})
        {'depth': 2, 'momentum': 0.9}
        >>> flatten({"optimizer": {"momentum": 0.9}}, dotted=True)
        {'optimizer.momentum': 0.9}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if not isinstance(value, Mapping):
            flat[name] = value
            continue
        inner = flatten(value, dotted)
        flat |= {f"{name}.{key}": v for key, v in inner.items()} if dotted else inner
    return flat


def _split_unknown(cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dataclass's arguments from a JSON object, unknown keys in `more`."""
    names = {each.name for each in fields(cls)} - {"more"}
    known = {name: value for name, value in values.items() if name in names}
    return known | {"more": {name: v for name, v in values.items() if name not in names}}


def _merge_unknown(record: Any) -> dict[str, Any]:
    """Return a dataclass's fields by name, followed by the keys in `more`."""
    names = [each.name for each in fields(record) if each.name != "more"]
    return {name: getattr(record, name) for name in names} | record.more
