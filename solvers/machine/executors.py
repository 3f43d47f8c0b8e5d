"""A task handed to an executor, which may have been shut down."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

__all__ = ["submit"]


def submit(executor: Executor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    """``executor.submit``; ValueError where it has been shut down."""
    try:
        return executor.submit(function, *args, **kwargs)
    except RuntimeError as error:
        if isinstance(error, BrokenExecutor) or "shutdown" not in str(error):
            raise
        raise ValueError(
            f"executor: has been shut down and takes no more tasks ({error}); give one that is open, inside its with block"
        ) from None
