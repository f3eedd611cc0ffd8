"""Work on many small items at once, in threads."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")
PORTIONS = 64


def map_in_threads(function: Callable[[S], T], items: list[S]) -> list[T]:
    """Return the function of every item, in order.

    For functions that let go of the interpreter's lock, as Pillow does while it decodes.

    Example:
        >>> map_in_threads(len, ["a", "bc"])
        [1, 2]
    """
    # A task is a portion of the items: one an item would cost as much as a small image.
    step = 1 + len(items) // PORTIONS
    portions = [items[i : i + step] for i in range(0, len(items), step)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        done = pool.map(lambda portion: [function(item) for item in portion], portions)
        return [result for results in done for result in results]
