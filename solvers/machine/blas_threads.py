"""One BLAS thread while somebody needs it."""

from __future__ import annotations

import threading
import weakref
from types import TracebackType
from typing import Any

__all__ = ["one_blas_thread"]

_lock = threading.RLock()  # a holder may be collected, and so released, while this thread acquires
_holders: set[object] = set()
_limits: Any = None


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
    global _limits
    from threadpoolctl import threadpool_limits

    with _lock:
        _holders.add(token)
        if _limits is None:
            _limits = threadpool_limits(1, "blas")


def _release(token: object) -> None:
    global _limits
    with _lock:
        _holders.discard(token)
        if not _holders and _limits is not None:
            _limits.restore_original_limits()
            _limits = None
