"""The one way this library compiles loops: numba with IEEE division and a fastmath that keeps NaN and infinity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["jit"]

F = TypeVar("F", bound=Callable[..., Any])

SAFE_FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}  # never nnan, ninf: divergence must show


def jit(function: F | None = None, *, parallel: bool = False) -> Any:
    """Compile on first call, keep on disk. A compiled function calls compiled helpers of its own file only: the cache does not see
    changes across files."""
    compile_ = numba.njit(error_model="numpy", cache=True, fastmath=SAFE_FASTMATH, parallel=parallel)
    return compile_ if function is None else compile_(function)
