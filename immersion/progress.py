"""Progress of long computations: a live bar in a terminal or notebook, plain lines elsewhere."""

import html
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

QUIET_SECONDS = 5.0
"""Least time between plain lines."""

REDRAWN_SECONDS = 0.2
"""Least time between two states of a notebook's bar."""

GAME_TERMS = {"value": "V(D, G)", "accuracy": "accuracy"}
"""Displayed terms of a game of several players, and their labels."""

MetricsCallback = Callable[[dict[str, Any]], None]

Item = TypeVar("Item")

_SHOWN: ContextVar[bool] = ContextVar("shown", default=False)

_HIDDEN: ContextVar[bool] = ContextVar("hidden", default=False)


@contextmanager
def hide_progress() -> Iterator[None]:
    """Display nothing within a block, as `--quiet` requests."""
    token = _HIDDEN.set(True)
    try:
        yield
    finally:
        _HIDDEN.reset(token)


@contextmanager
def show_progress() -> Iterator[None]:
    """Display the progress of `track` within a block, as a command does and a library does not."""
    token = _SHOWN.set(True)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def track(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yield items, and display the number processed on standard error within `show_progress`.

    A count within the count of several items is not displayed.

    Args:
        items: The items.
        total: Number of items.
        what: Label of the items, such as "set12, sigma 25: pictures".
    """
    if not _SHOWN.get():
        yield from items
        return
    token = _SHOWN.set(total < 2)
    try:
        yield from _display_counts(items, total, what) if total > 1 else items
    finally:
        _SHOWN.reset(token)


def _display_counts(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(items, what, total, transient=True, console=Console(stderr=True))
    else:
        yield from _print_counts(items, total, what)


def _print_counts(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    last = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - last > QUIET_SECONDS:
            last = time.monotonic()
            print(f"{what}: {done:,} of {total:,} done", file=sys.stderr, flush=True)
        yield item


@dataclass
class _Training:
    """The display of the training under way.

    Args:
        steps: Total number of steps of the run, once it is known.
        write: Function that displays a line of text.
        set_total: Function that displays the number of steps when it becomes known.
    """

    steps: int | None = None
    write: Callable[[str], None] = lambda text: None
    set_total: Callable[[int], None] = lambda steps: None


_TRAINING: ContextVar[_Training | None] = ContextVar("training", default=None)


def announce(text: str) -> None:
    """Display a line about the training, within `track_training`."""
    if training := _TRAINING.get():
        training.write(text)


def set_total_steps(steps: int) -> None:
    """Set the number of steps in all that the display shows, within `track_training`."""
    if training := _TRAINING.get():
        training.steps = steps
        training.set_total(steps)


@contextmanager
def track_training(steps: int | None = None) -> Iterator[MetricsCallback]:
    """Yield a callback for the engine that displays step, throughput, time left and terms.

    Args:
        steps: Total number of steps of the run, or None if it is set later.
    """
    if _HIDDEN.get():
        yield lambda row: None
        return
    training = _Training(steps)
    token = _TRAINING.set(training)
    try:
        if sys.stderr.isatty():
            with _show_bar(training) as on_metrics:
                yield on_metrics
        elif is_notebook():
            yield _show_notebook_bar(training)
        else:
            training.write = lambda text: print(text, file=sys.stderr, flush=True)
            yield _print_steps(training)
    finally:
        _TRAINING.reset(token)


@contextmanager
def _show_bar(training: _Training) -> Iterator[MetricsCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.completed:,.0f} / {task.fields[total_text]} steps"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=training.steps, total_text=_format_steps(training.steps))
        state = {"validation": ""}
        training.write = lambda text: bar.console.print(text, highlight=False)
        training.set_total = lambda steps: bar.update(
            task, total=steps, total_text=_format_steps(steps)
        )

        def on_metrics(row: dict[str, Any]) -> None:
            if row["split"] == "validation":
                state["validation"] = f"validation {_format_validation(row)}"
                return
            terms = _format_row(row, 1 if bar.console.width < 120 else None)
            description = f"{terms}  {state['validation']}"
            bar.update(task, completed=row["step"], description=description)

        yield on_metrics


def is_notebook() -> bool:
    """Return whether the caller is a cell of a notebook, whose output may hold HTML.

    Example:
        >>> is_notebook()
        False
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def _show_notebook_bar(training: _Training) -> MetricsCallback:
    """Return a callback that redraws one bar below a notebook's cell."""
    from IPython.display import HTML, display

    bar = display(HTML(""), display_id=True)
    training.write = lambda text: print(text, flush=True)
    last = [0.0]

    def on_metrics(row: dict[str, Any]) -> None:
        final = row["step"] == training.steps
        if row["split"] == "train" and (final or time.monotonic() - last[0] > REDRAWN_SECONDS):
            last[0] = time.monotonic()
            bar.update(HTML(_draw_notebook_bar(row, training.steps)))

    return on_metrics


def _draw_notebook_bar(row: dict[str, Any], steps: int | None) -> str:
    filled = "" if steps is None else f" value={row['step']} max={steps}"
    text = f"{row['step']:,} / {_format_steps(steps)} steps  {_format_left(row, steps)}"
    return f"<progress{filled}></progress> <code>{html.escape(text + _format_row(row))}</code>"


def _print_steps(training: _Training) -> MetricsCallback:
    last = [0.0]

    def on_metrics(row: dict[str, Any]) -> None:
        due = time.monotonic() - last[0] > QUIET_SECONDS or row["step"] == training.steps
        if row["split"] == "train" and due:
            last[0] = time.monotonic()
            left = _format_left(row, training.steps)
            of = f"step {row['step']:,} / {_format_steps(training.steps)}"
            print(f"{of}  {left}{_format_row(row)}", file=sys.stderr, flush=True)

    return on_metrics


def _format_steps(steps: int | None) -> str:
    return "?" if steps is None else f"{steps:,}"


def _format_left(row: dict[str, Any], steps: int | None) -> str:
    if steps is None:
        return ""
    return f"{_format_time(row['seconds'] / row['step'] * (steps - row['step']))} left  "


def _format_row(row: dict[str, Any], most: int | None = None) -> str:
    hidden = ("step", "split", "seconds", "examples_per_second")
    named = {name: value for name, value in row.items() if name not in hidden}
    several = any("/" in name for name in named)
    terms = _format_game(named) if several else [f"{n} {value:.4g}" for n, value in named.items()]
    return "  ".join([f"{row['examples_per_second']:,.0f} examples/s", *terms[:most]])


def _format_game(named: dict[str, float]) -> list[str]:
    """Return the main terms of a game of several players: value, accuracy and losses."""
    terms = [
        f"{words} {value:.3g}"
        for term, words in GAME_TERMS.items()
        for name, value in named.items()
        if name.endswith("/" + term)
    ]
    losses = [
        f"{name.removesuffix('/loss')} {value:.3g}"
        for name, value in named.items()
        if name.endswith("/loss")
    ]
    return [*terms, "loss: " + ", ".join(losses)]


def _format_validation(row: dict[str, Any]) -> str:
    """Return the result of a validation pass: V(D, G) of a game, otherwise the loss."""
    name = "value" if "value" in row else "loss"
    return f"{GAME_TERMS.get(name, name)} {row[name]:.4g}"


def _format_time(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
