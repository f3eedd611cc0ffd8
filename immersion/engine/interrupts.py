"""Ctrl-C and SIGTERM during a training: deferred until its checkpoint is written."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def defer_interrupts() -> Iterator[Callable[[], int | None]]:
    """Yield a function that returns the signal to end, if any; a second signal ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore_handlers() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, frame: object) -> None:
        received.append(int(number))
        restore_handlers()

    for number in before:
        signal.signal(number, handle)
    try:
        yield lambda: received[0] if received else None
    finally:
        restore_handlers()


def repeat_signal(number: int | None) -> None:
    """Send the signal that interrupted a training once more, now that its checkpoint is written.

    It means what it means outside a training: Ctrl-C raises KeyboardInterrupt, and SIGTERM ends
    the process, unless the caller has set another handler.

    Args:
        number: Number of the signal, `Outcome.signal`, or None: nothing happens.
    """
    if number is not None:
        signal.raise_signal(number)
