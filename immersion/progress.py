"""Progress of what takes long: a live bar in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

QUIET_SECONDS = 5.0
"""Plain lines come at most this often."""

OF_A_GAME = {"value": "V(D, G)", "accuracy": "accuracy"}
"""Terms of a game of several players that are shown, and what they are called."""

MetricsCallback = Callable[[dict[str, Any]], None]

Item = TypeVar("Item")

_SHOWN: ContextVar[bool] = ContextVar("shown", default=False)


@contextmanager
def show_progress() -> Iterator[None]:
    """Let `track` show what it counts: a command line does, a library keeps quiet."""
    token = _SHOWN.set(True)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def track(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yield items, and show how many of them are done, on standard error, where that is wanted.

    Of what is counted within a count of several, nothing is shown.

    Args:
        items: What is worked through.
        total: How many there are.
        what: They are, such as "set12, sigma 25: pictures".
    """
    if not _SHOWN.get():
        yield from items
        return
    token = _SHOWN.set(total < 2)
    try:
        yield from _counted(items, total, what) if total > 1 else items
    finally:
        _SHOWN.reset(token)


def _counted(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(items, what, total, transient=True, console=Console(stderr=True))
    else:
        yield from _counted_plainly(items, total, what)


def _counted_plainly(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    last = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - last > QUIET_SECONDS:
            last = time.monotonic()
            print(f"{what}: {done:,} of {total:,} done", file=sys.stderr, flush=True)
        yield item


@contextmanager
def track_training(steps: int) -> Iterator[MetricsCallback]:
    """Yield a listener for the engine that shows step, throughput, time left and the terms.

    Args:
        steps: Steps of the run in all.
    """
    if not sys.stderr.isatty():
        yield _plain(steps)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.completed:,.0f} / {task.total:,.0f} steps"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=steps)
        state = {"validation": ""}

        def on_metrics(row: dict[str, Any]) -> None:
            if row["split"] == "validation":
                state["validation"] = f"validation {_looked(row)}"
                return
            words = f"{_words(row, 1 if bar.console.width < 120 else None)}  {state['validation']}"
            bar.update(task, completed=row["step"], description=words)

        yield on_metrics


def _plain(steps: int) -> MetricsCallback:
    last = [0.0]

    def on_metrics(row: dict[str, Any]) -> None:
        due = time.monotonic() - last[0] > QUIET_SECONDS or row["step"] == steps
        if row["split"] == "train" and due:
            last[0] = time.monotonic()
            left = _clock(row["seconds"] / row["step"] * (steps - row["step"]))
            line = f"step {row['step']:,} / {steps:,}  {left} left  {_words(row)}"
            print(line, file=sys.stderr, flush=True)

    return on_metrics


def _words(row: dict[str, Any], most: int | None = None) -> str:
    hidden = ("step", "split", "seconds", "examples_per_second")
    named = {name: value for name, value in row.items() if name not in hidden}
    several = any("/" in name for name in named)
    terms = _several(named) if several else [f"{n} {value:.4g}" for n, value in named.items()]
    return "  ".join([f"{row['examples_per_second']:,.0f} examples/s", *terms[:most]])


def _several(named: dict[str, float]) -> list[str]:
    """Return what says most of a game of several players: its value, who wins, and the losses."""
    terms = [
        f"{words} {value:.3g}"
        for term, words in OF_A_GAME.items()
        for name, value in named.items()
        if name.endswith("/" + term)
    ]
    losses = [
        f"{name.removesuffix('/loss')} {value:.3g}"
        for name, value in named.items()
        if name.endswith("/loss")
    ]
    return [*terms, "loss: " + ", ".join(losses)]


def _looked(row: dict[str, Any]) -> str:
    """Return what a look at the validation split found: V(D, G) of a game, else the loss."""
    name = "value" if "value" in row else "loss"
    return f"{OF_A_GAME.get(name, name)} {row[name]:.4g}"


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
