"""Recipes outside the package: `file.py:function` or `package.module:function`.

A run folder can name code, and code of a stranger must not run because its folder was opened. So
a name is imported only if the caller gave it in this process, or within `trust_code`.
"""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from immersion.check import UserError

_CONFIRMED: ContextVar[bool] = ContextVar("confirmed", default=False)
_GIVEN: dict["CodeLocation", Callable[..., Any]] = {}
_SOURCES: dict[str, bytes] = {}
"""Path of a file that has run -> its content then."""


@dataclass(frozen=True)
class CodeLocation:
    """The place of a function: an absolute path of a file or a module's name, and its name there.

    Example:
        >>> CodeLocation.parse("package.module:build")
        CodeLocation(module='package.module', function='build')
    """

    module: str
    function: str

    @classmethod
    def parse(cls, name: str) -> "CodeLocation":
        """Return the location that a name means: of a file if there is one, else of a module.

        Raises:
            UserError: The name has no function, or there is no such file.
        """
        module, _, function = name.rpartition(":")
        if not module or not function:
            raise UserError("the name has no function", "file.py:function", repr(name))
        file = Path(module if module.endswith(".py") else module.replace(".", "/") + ".py")
        if file.expanduser().is_file():
            return cls(str(file.expanduser().resolve()), function)
        if module.endswith(".py"):
            remedy = "give its path, as in folder/file.py:function"
            raise UserError("there is no such file", received=repr(module), remedy=remedy)
        return cls(module, function)

    @property
    def is_file(self) -> bool:
        """Return whether the module is a file."""
        return self.module.endswith(".py")

    def load(self) -> Callable[..., Any]:
        """Run the module, unless it has run already, and return the function.

        Raises:
            UserError: There is no such module or function, or the module fails.
        """
        if self in _GIVEN:
            return _GIVEN[self]
        try:
            module = _run_file(self.module) if self.is_file else _import_module(self.module)
        except (Exception, SystemExit) as error:
            received = f"{type(error).__name__}: {error}"
            raise UserError(f"'{self.module}' cannot be imported", received=received) from error
        found = getattr(module, self.function, None)
        if not callable(found):
            known = ", ".join(n for n, f in vars(module).items() if _is_own(f, module)) or "none"
            raise UserError(f"no such function in '{self.module}'", known, self.function)
        _check_signature(found, f"{self.module}:{self.function}")
        return found


def is_own(name: str) -> bool:
    """Return whether a recipe's name is that of a function outside the package."""
    return ":" in name


def trust(recipe: str | Callable[..., Any]) -> tuple[str, str]:
    """Trust a function, or the name of one, that the caller gave, and return how it is recorded.

    Returns:
        The name, `file.py:function` or `module:function`, and the file's absolute path, or an
        empty text for a module.

    Raises:
        UserError: There is no such file, module or function.

    Example:
        >>> from immersion.recipes.vae import vae
        >>> trust(vae)
        ('immersion.recipes.vae:vae', '')
    """
    if isinstance(recipe, str):
        location = CodeLocation.parse(recipe)
        _forget_edited(location)
        _GIVEN[location] = location.load()
    else:
        location = _locate(recipe)
        _GIVEN[location] = recipe
    if not location.is_file:
        return f"{location.module}:{location.function}", ""
    return f"{Path(location.module).name}:{location.function}", location.module


@contextmanager
def trust_code() -> Iterator[None]:
    """Allow run folders to import the code that they name, within a block."""
    token = _CONFIRMED.set(True)
    try:
        yield
    finally:
        _CONFIRMED.reset(token)


def find_recipe(name: str, file: str = "") -> Callable[..., Any]:
    """Return the function of a recipe outside the package.

    Args:
        name: The name in a run's record.
        file: The file's path when the run was trained; empty for a module.

    Raises:
        UserError: The caller has neither given that name nor confirmed that its code may run.
    """
    location = _find_recorded(name, file)
    if location in _GIVEN or _CONFIRMED.get():
        return location.load()
    raise UserError(
        f"the run was trained by code outside the package: its file or module "
        f"'{location.module}' would be run, for the function '{location.function}'",
        remedy="if you trust it, pass --trust-code, or in Python "
        f"im.load(run, recipe='{location.module}:{location.function}')",
    )


def _find_recorded(name: str, file: str) -> CodeLocation:
    function = name.rpartition(":")[2]
    if file and Path(file).is_file():
        return CodeLocation(str(Path(file).resolve()), function)
    location = CodeLocation.parse(name)
    if file and location not in _GIVEN:
        # A file of that name in the current folder is other code, which nobody confirmed.
        raise UserError(
            "the code that the run was trained by is not where it was",
            f"the file '{file}'",
            remedy="restore it, or in Python name another file: "
            f"im.load(run, recipe='FILE:{function}')",
        )
    return location


def _check_signature(function: Callable[..., Any], name: str) -> None:
    """Raise UserError unless a recipe can be called with a `Spec` alone."""
    try:
        inspect.signature(function).bind(object())
    except TypeError as error:
        raise UserError(
            f"'{name}' is no recipe",
            "a function (spec, *, settings), whose settings have defaults",
            error,
        ) from error


def _locate(function: Callable[..., Any]) -> CodeLocation:
    """Return a function's location: a module that can be imported by its name, else its file."""
    name, source = function.__qualname__, inspect.getsourcefile(function) or ""
    module = function.__module__
    packaged = "." in module and importlib.util.find_spec(module) is not None
    if packaged or not source.endswith(".py"):
        return CodeLocation(module, name)
    return CodeLocation(str(Path(source).resolve()), name)


def _forget_edited(location: CodeLocation) -> None:
    """Forget a file's module if the file has been edited since it ran, so that it runs again."""
    before = _SOURCES.get(location.module)
    if before is None or Path(location.module).read_bytes() == before:
        return
    for given in [each for each in _GIVEN if each.module == location.module]:
        del _GIVEN[given]
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) == location.module:
            del sys.modules[name]


def _run_file(path: str) -> ModuleType:
    """Import a file as a module; it may import its neighbours, as a script may."""
    name = Path(path).stem
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == path:
        return loaded
    spec = importlib.util.spec_from_file_location(name if loaded is None else f"own_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    source = _SOURCES[path] = Path(path).read_bytes()
    sys.modules[spec.name] = module  # dataclasses look their module up
    sys.path.insert(0, str(Path(path).parent))
    try:
        # Not by the loader, whose bytecode of an edit within the same second would be the old one.
        exec(compile(source, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[spec.name]
        raise
    finally:
        sys.path.remove(str(Path(path).parent))
    return module


def _import_module(name: str) -> ModuleType:
    return importlib.import_module(name)


def _is_own(value: object, module: ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__
