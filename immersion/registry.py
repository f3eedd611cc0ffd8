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

from immersion.check import check_choice

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """The members of one family by name.

    Args:
        what: The kind of member, in the singular, for errors.
        package: The module that registers the members, or the package of such modules.

    Example:
        >>> from immersion.likelihoods import LIKELIHOODS
        >>> LIKELIHOODS["bernoulli"].__name__
        'Bernoulli'
    """

    def __init__(self, what: str, package: str) -> None:
        self.what, self.package = what, package
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

    def _import(self, module: str) -> None:
        """Import one module of the package, if there is one of that name."""
        package = importlib.import_module(self.package)
        modules = pkgutil.iter_modules(getattr(package, "__path__", ()))
        if module in {each.name for each in modules}:
            importlib.import_module(f"{self.package}.{module}")
