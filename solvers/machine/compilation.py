"""The one way this library compiles loops: numba with IEEE division and a fastmath that keeps NaN and infinity."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import numba

__all__ = ["jit"]

F = TypeVar("F", bound=Callable[..., Any])

SAFE_FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}  # never nnan, ninf: divergence must show


def jit(function: F | None = None, *, parallel: bool = False, inline: bool = False, nogil: bool = False) -> Any:
    """Compile on first call, keep on disk where it can be written. The cache does not see changes across files: a file whose compiled
    functions use others' names holds the checksum of those files, ``PARTS``, and a test fails until it is theirs.

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

    def compiled(function: Any) -> Any:
        options: dict[str, Any] = dict(error_model="numpy", fastmath=SAFE_FASTMATH, parallel=parallel, forceinline=inline, nogil=nogil)
        options["no_cfunc_wrapper"] = True  # nobody passes compiled functions on, and it would be compiled too
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            _say_that_nothing_is_kept()
            return numba.njit(**options)(function)

    return compiled if function is None else compiled(function)


@cache
def _say_that_nothing_is_kept() -> None:
    """One warning for all compiled functions."""
    warnings.warn(
        "numba's cache cannot be written, neither beside the package nor below HOME: every process compiles anew, which takes seconds. "
        "Set the environment variable NUMBA_CACHE_DIR to a folder that can be written, before the first import",
        RuntimeWarning,
        stacklevel=3,
    )
