"""Values of one shape, appended one by one, and seen as one array without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Column"]

Array = np.ndarray


class Column:
    """A growing array of shape (T, ...).

    Where a run stops for want of memory, what it has recorded must not need twice its memory to be handed over.

    Parameters
    ----------
    rows : int, optional
        How many there will be; they are allocated with the first. Otherwise memory doubles when it is full.
    """

    def __init__(self, rows: int | None = None) -> None:
        self._rows = rows
        self._values: Array | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def last(self) -> Any:
        """The newest value."""
        assert self._values is not None
        return self._values[self._length - 1]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of the values; None before the first."""
        return None if self._values is None else self._values.shape[1:]

    def reserve(self, value: Any) -> None:
        """Make room for this value; all that can fail fails here."""
        value = np.asarray(value)
        if self._values is None:
            self._values = np.empty((self._rows or 8, *value.shape), value.dtype)
        dtype = np.result_type(self._values.dtype, value.dtype)
        rows = len(self._values)
        if self._length == rows:
            rows = max(2 * rows, 8)
        if rows > len(self._values) or dtype != self._values.dtype:
            grown = np.empty((rows, *self._values.shape[1:]), dtype)
            grown[: self._length] = self.array()
            self._values = grown

    def append(self, value: Any) -> None:
        """Keep this value, which :meth:`reserve` has seen."""
        assert self._values is not None
        self._values[self._length] = value
        self._length += 1

    def array(self) -> Array:
        """All values, shape (T, ...); a view."""
        return np.zeros(0) if self._values is None else self._values[: self._length]

    def take_over(self, values: Array) -> None:
        """Start from values of an earlier run."""
        self._values, self._length = (values, len(values)) if len(values) else (None, 0)
