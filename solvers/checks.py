"""Arguments checked at the boundary: each error names the argument, what it was, and what to do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["array", "integer", "real"]

Array = np.ndarray


def real(name: str, value: Any, *, above: float = -math.inf, least: float = -math.inf, way_out: str = "") -> float:
    """A finite number, ``> above`` and ``>= least``."""
    good = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not (good and math.isfinite(value) and value > above and value >= least):
        bound = f" > {above:g}" if above > -math.inf else f" >= {least:g}" if least > -math.inf else ""
        raise ValueError(f"{name}: need a finite number{bound}, got {value!r}{'; ' + way_out if way_out else ''}")
    return float(value)


def integer(name: str, value: Any, *, least: int, way_out: str = "") -> int:
    """An integer ``>= least``; a float of integer value such as ``1e5`` counts as one."""
    good = isinstance(value, int | np.integer) and not isinstance(value, bool)
    good = good or (isinstance(value, float | np.floating) and math.isfinite(value) and float(value).is_integer())
    if not (good and value >= least):
        raise ValueError(f"{name}: need an integer >= {least}, got {value!r}{'; ' + way_out if way_out else ''}")
    return int(value)


def array(name: str, value: Any, *, dtype: np.dtype | None = None, columns: int | None = None) -> Array:
    """A finite, non-empty, C-contiguous matrix of floats; a vector becomes one column.

    Without ``dtype``, float32 stays float32 and everything else becomes float64.
    """
    try:
        a = np.asarray(value)
        if a.dtype.kind not in "biuf":
            raise TypeError(f"dtype {a.dtype}")
        a = np.asarray(a, dtype or (np.float32 if a.dtype == np.float32 else np.float64), order="C")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: need an array of real numbers, got {type(value).__name__} ({error})") from None
    if a.ndim == 1:
        a = a[:, None]
    if a.ndim != 2:
        raise ValueError(f"{name}: need a matrix with one row per sample, got shape {np.shape(value)}; reshape it")
    if a.size == 0:
        raise ValueError(f"{name}: is empty (shape {np.shape(value)}); give at least one sample and one column")
    if columns is not None and a.shape[1] != columns:
        raise ValueError(f"{name}: need {columns} columns, one row per sample, got shape {np.shape(value)}")
    if not np.isfinite(a).all():
        bad = int(np.argmin(np.isfinite(a).all(axis=1)))
        raise ValueError(f"{name}: row {bad} holds NaN or infinity; remove or impute it")
    return a
