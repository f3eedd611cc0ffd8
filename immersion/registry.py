"""Registries: the members of a family by name.

A family (likelihoods, games, recipes, ...) is a package or a module; a member is a function or a
class in it with a `register` decorator. To add a member changes that one file: the registry
imports the package's modules when it is first used. Names are resolved once, where the user's
input enters; an unknown name is answered with the known ones.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from immersion.check import UserError, check_choice

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """The members of one family by name.

    Args:
        what: The kind of member, in the singular, for errors.
        package: The module that registers the members, or the package of such modules.
        entry_points: Group of entry points by which installed packages add members; empty for
            none.

    Example:
        >>> from immersion.likelihoods import LIKELIHOODS
        >>> LIKELIHOODS["bernoulli"].__name__
        'Bernoulli'
    """

    def __init__(self, what: str, package: str, entry_points: str = "") -> None:
        self.what, self.package, self.entry_points = what, package, entry_points
        self.members: dict[str, T] = {}
        self.loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers a member under `name` and returns it unchanged."""

        def enter(member: T) -> T:
            if name in self.members:
                raise ValueError(f"two {self.what}s are called {name!r}")
            self.members[name] = member
            return member

        return enter

    def __getitem__(self, name: str) -> T:
        if name not in self.members:  # the module of that name first, and all others only then
            self._import(name.replace("-", "_"))
        if name in self.members:
            return self.members[name]
        self.load()
        return self.members[check_choice(self.what, name, self.members)]

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str) and name not in self.members:
            self._import(name.replace("-", "_"))
        if name in self.members:
            return True
        self.load()
        return name in self.members

    def __iter__(self) -> Iterator[str]:
        self.load()
        return iter(self.members)

    def __len__(self) -> int:
        self.load()
        return len(self.members)

    def load(self) -> None:
        """Import all modules of the package, once, so that all members are registered."""
        if not self.loaded:
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
                importlib.import_module(f"{self.package}.{module.name}")
            self.loaded = True
            if self.entry_points:
                self._load_entry_points()

    def _load_entry_points(self) -> None:
        """Add the members of installed packages; the package's own have precedence."""
        from importlib.metadata import entry_points  # slow to import

        for point in entry_points(group=self.entry_points):
            if point.name in self.members:
                continue
            try:
                self.members[point.name] = point.load()
            except Exception as error:
                raise UserError(
                    f"the {self.what} '{point.name}' of another package cannot be imported",
                    received=f"{type(error).__name__}: {error}, of {point.value}",
                    remedy="repair or remove that package",
                ) from error

    def _import(self, module: str) -> None:
        """Import one module of the package, if there is one of that name."""
        package = importlib.import_module(self.package)
        modules = pkgutil.iter_modules(getattr(package, "__path__", ()))
        if module in {each.name for each in modules}:
            importlib.import_module(f"{self.package}.{module}")
