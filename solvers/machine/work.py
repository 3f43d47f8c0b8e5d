"""How long a request takes at least, asked before it is begun: as of memory, more than anybody waits for is refused, with the number.

The estimates are below what any machine needs, so that nothing that could be done is refused.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["DAY", "Watch", "least_seconds", "refuse_above_patience", "span", "watched"]

T = TypeVar("T")

PRODUCTS = 1e11  # multiplications with additions that a core makes in a second, at most: in single precision
CALLS = 1e5  # steps of a loop in Python
DAY = 86_400.0
LONG = 3600.0  # seconds that are worth a warning
LONGEST = 30 * DAY
WINDOW = 60.0  # seconds over which a pace is measured


def least_seconds(*, products: float = 0.0, calls: float = 0.0) -> float:
    """Of that many multiplications on all cores, and calls one after the other.

    >>> least_seconds(calls=1e12) / 86400  # days
    115.74074074074075
    """
    return products / PRODUCTS / _cores() + calls / CALLS


def refuse_above_patience(argument: str, what: str, seconds: float, way_out: str) -> None:
    """ValueError naming the argument where that takes more than thirty days, a RuntimeWarning where it takes more than an hour."""
    if seconds <= LONG:
        return
    message = f"{argument}: {what} would take {span(seconds)} or more on {_cores()} cores; {way_out}"
    if seconds > LONGEST:
        raise ValueError(message)
    warnings.warn(message, RuntimeWarning, stacklevel=4)


class Watch:
    """Warns once where something, at its pace of the last minute, needs more than a day to its end.

    Parameters
    ----------
    argument : str
        What its end is.
    end : float
    unit, way_out : str
    """

    def __init__(self, argument: str, end: float, unit: str, way_out: str) -> None:
        self.argument, self.end, self.unit, self.way_out = argument, end, unit, way_out
        self.mark: tuple[float, float] | None = None  # seconds and progress at the start of this window
        self.said = False

    def look(self, done: float) -> None:
        """To be called again and again, with how far it has come."""
        if self.said:
            return
        now = time.perf_counter()
        if self.mark is None:
            self.mark = now, done
        elapsed, gone = now - self.mark[0], done - self.mark[1]
        if elapsed < WINDOW or not gone > 0:
            return
        self.mark = now, done
        left = (self.end - done) * elapsed / gone
        if left > DAY:
            self.said = True
            pace = f"at the pace of the last {span(elapsed)} ({gone:.3g} {self.unit}) the rest takes {span(left)}"
            warnings.warn(f"{self.argument}: {pace}; {self.way_out}", RuntimeWarning, stacklevel=5)


def watched(argument: str, items: Sequence[T]) -> Iterator[T]:
    """The items of a loop whose result comes at its end only.

    >>> sum(watched("draws", range(4)))
    6
    """
    watch = Watch(argument, len(items), "of them", "give fewer")
    for i, item in enumerate(items):
        watch.look(i)
        yield item


def span(seconds: float) -> str:
    """A time in the unit that people would use.

    >>> [span(seconds) for seconds in (90.0, 3e4, 2e6, 1e10)]
    ['90 seconds', '8.3 hours', '23 days', '317 years']
    """
    for unit, length in (("years", 365.25 * DAY), ("days", DAY), ("hours", 3600.0), ("seconds", 1.0)):
        if seconds >= 2 * length or unit == "seconds":
            break
    count = seconds / length
    return f"{count:.0f} {unit}" if 10 <= count < 1e5 else f"{count:.2g} {unit}"


def _cores() -> int:
    """Of this process."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1
