"""How long a request takes at least, asked before it is begun: as of memory, more than anybody waits for is refused, with the number.

The estimates are below what any machine needs, so that nothing that could be done is refused.
"""

from __future__ import annotations

import os
import warnings

__all__ = ["least_seconds", "refuse_above_patience", "span"]

PRODUCTS = 2e10  # multiplications with additions that a core makes in a second
ELEMENTS = 1e9  # values of an exponential, or random numbers
CALLS = 1e5  # steps of a loop in Python
DAY = 86_400.0
LONG = 3600.0  # seconds that are worth a warning
LONGEST = 30 * DAY


def least_seconds(*, products: float = 0.0, elements: float = 0.0, calls: float = 0.0) -> float:
    """Of that many multiplications and function values on all cores, and calls one after the other.

    >>> least_seconds(calls=1e12) / 86400  # days
    115.74074074074075
    """
    return (products / PRODUCTS + elements / ELEMENTS) / _cores() + calls / CALLS


def refuse_above_patience(argument: str, what: str, seconds: float, way_out: str) -> None:
    """ValueError naming the argument where that takes more than thirty days, a RuntimeWarning where it takes more than an hour."""
    if seconds <= LONG:
        return
    message = f"{argument}: {what} would take {span(seconds)} or more on {_cores()} cores; {way_out}"
    if seconds > LONGEST:
        raise ValueError(message)
    warnings.warn(message, RuntimeWarning, stacklevel=3)


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
