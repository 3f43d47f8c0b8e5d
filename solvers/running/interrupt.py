"""Ctrl-C between steps: the first one asks the run to stop at the next point, the second one breaks into the step.

A study of many runs (a sweep, a comparison) must not take the partial Solution of an interrupted solve for a result. Inside
:func:`study`, ``solve`` therefore raises KeyboardInterrupt, with the Solution in its attribute, instead of returning.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

__all__ = ["DeferredInterrupt", "Study", "current_study", "study"]

_here = threading.local()


class Study:
    """One point of a study while it is computed: whether Ctrl-C came too late to stop it."""

    interrupted = False


@contextlib.contextmanager
def study() -> Iterator[Study]:
    """What runs in this thread is a point of a study."""
    before, _here.study = current_study(), Study()
    try:
        yield _here.study
    finally:
        _here.study = before


def current_study() -> Study | None:
    """The point of a study that this thread computes."""
    return getattr(_here, "study", None)


class DeferredInterrupt:
    """Context in which SIGINT sets ``requested``, and raises KeyboardInterrupt only the second time, and only inside :meth:`breakable`.

    So what surrounds the breakable part (giving back threads, writing a file) is never cut in two, however often somebody presses.
    Outside the main thread, or where another handler than Python's own is installed, it changes nothing.

    Parameters
    ----------
    wake : callable, optional
        Called at every SIGINT, from the signal handler, for a run that waits for something.
    """

    def __init__(self, wake: Callable[[], Any] | None = None) -> None:
        self.requested = False
        self._presses = 0
        self._breakable = False
        self._ours = False
        self._wake = wake

    def __enter__(self) -> DeferredInterrupt:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._ours = True
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextlib.contextmanager
    def breakable(self) -> Iterator[None]:
        """The part that a second Ctrl-C breaks into."""
        self._breakable = True
        try:
            yield
        finally:
            self._breakable = False

    def _handle(self, number: int, frame: FrameType | None) -> Any:
        self.requested = True
        self._presses += 1
        if self._wake is not None:
            self._wake()
        if self._presses > 1 and self._breakable:
            self._breakable = False  # what clears up after it is whole again
            raise KeyboardInterrupt
