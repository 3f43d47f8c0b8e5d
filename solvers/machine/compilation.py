"""The one way this library compiles loops: numba with IEEE division and a fastmath that keeps NaN and infinity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["jit"]

F = TypeVar("F", bound=Callable[..., Any])

SAFE_FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}  # never nnan, ninf: divergence must show


def jit(function: F | None = None, *, parallel: bool = False, inline: bool = False, nogil: bool = False) -> Any:
    """Compile on first call, keep on disk. A compiled function calls compiled helpers of its own file only: the cache does not see changes
    across files.

    Parameters
    ----------
    function : callable, optional
        Without it, a decorator of these options.
    parallel : bool
        Whether ``prange`` runs on threads.
    inline : bool
        Copies a helper into its callers. A sum in an order that the compiler chooses needs it: of a helper that is called, there is one
        copy of its own and one with each caller, and which one runs, and rounds, depends on whether this process compiled it or found it
        on disk.
    nogil : bool
        Releases the interpreter lock while it runs.
    """
    compile_ = numba.njit(error_model="numpy", cache=True, fastmath=SAFE_FASTMATH, parallel=parallel, forceinline=inline, nogil=nogil)
    return compile_ if function is None else compile_(function)
