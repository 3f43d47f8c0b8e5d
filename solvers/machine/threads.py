"""How many of numba's threads a parallel loop gets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numba

__all__ = ["threads_for"]


@contextlib.contextmanager
def threads_for(worth_it: bool) -> Iterator[None]:
    """All threads that the caller has, or only his own: waking the others costs more than a millisecond of work where they are busy."""
    if worth_it:
        yield
        return
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
