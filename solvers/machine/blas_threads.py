"""One BLAS thread while somebody needs it."""

from __future__ import annotations

import sys
import threading
import weakref
from types import TracebackType
from typing import Any

__all__ = ["one_blas_thread"]

_lock = threading.RLock()  # a holder may be collected, and so released, while this thread acquires
_holders: set[object] = set()
_limits: Any = None
_libraries: tuple[int, Any] = 0, None  # number of modules when they were looked for, and what was found


class one_blas_thread:
    """Limit BLAS to one thread. The limit is one of the whole process: solves side by side hold it together, and the last one to end
    gives back what the first one found.

    It is given back on leaving, or, where an exception out of nowhere (Ctrl-C, an alarm) struck just before the block was entered or
    while it was left, when the holder is forgotten.
    """

    def __enter__(self) -> None:
        import scipy.linalg.cython_blas  # noqa: F401  loaded before the limit, or it escapes it

        token = object()
        self._release = weakref.finalize(self, _release, token)
        _acquire(token)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._release()


def _acquire(token: object) -> None:
    global _limits, _libraries
    from threadpoolctl import ThreadpoolController

    with _lock:
        _holders.add(token)
        if _limits is None:
            if _libraries[0] != len(sys.modules):  # looking takes milliseconds, and a library comes with a module
                _libraries = len(sys.modules), ThreadpoolController()
            _limits = _libraries[1].limit(limits=1, user_api="blas")


def _release(token: object) -> None:
    global _limits
    with _lock:
        _holders.discard(token)
        if not _holders and _limits is not None:
            _limits.restore_original_limits()
            _limits = None
