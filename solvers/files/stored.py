"""What an entry of a file must be, before anything is done with it: of its type, its shape, and in a range that means something.

A file may have been made by anybody, or by a program that went wrong. The messages say what of it is none; whoever reads the file adds
its name and what to do.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["finite_parts", "floats", "integers", "number"]

Array = np.ndarray

LARGEST = float(np.finfo(float).max)


def floats(name: str, value: Any, shape: tuple[int | None, ...], *, least: float = -math.inf, finite: bool = True) -> Array:
    """An array of floats of that shape, None standing for any length; every entry ``>= least``, and NaN only where not ``finite``."""
    array = _array(name, value, "f", shape)
    if array.dtype.itemsize not in (4, 8):
        raise ValueError(f"{name} is of dtype {array.dtype}")
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
    if (array < least).any():
        raise ValueError(f"{name} is below {least:g}")
    return array


def integers(name: str, value: Any, shape: tuple[int | None, ...], *, least: int = 0) -> Array:
    """An array of integers ``>= least`` of that shape."""
    array = _array(name, value, "i", shape)
    if array.dtype.itemsize != 8:
        raise ValueError(f"{name} is of dtype {array.dtype}")
    if (array < least).any():
        raise ValueError(f"{name} is below {least}")
    return array


def _array(name: str, value: Any, kind: str, shape: tuple[int | None, ...]) -> Array:
    if not isinstance(value, np.ndarray) or value.dtype.kind != kind or not value.dtype.isnative:
        found = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise ValueError(f"{name} is {found}")
    if value.ndim != len(shape) or any(wanted not in (None, length) for wanted, length in zip(shape, value.shape, strict=True)):
        wanted_shape = ", ".join("any" if wanted is None else str(wanted) for wanted in shape)
        raise ValueError(f"{name} has the shape {value.shape} in place of ({wanted_shape})")
    return value


def number(name: str, value: Any, *, above: float = -math.inf, most: float = LARGEST) -> float:
    """A Python or numpy float, ``> above`` and ``<= most``."""
    if not isinstance(value, float | np.floating) or not above < value <= most:
        raise ValueError(f"{name} is {value!r:.40}")
    return float(value)


def finite_parts(name: str, value: Any) -> None:
    """ValueError where an array anywhere in nested dicts, lists and tuples is none of finite real numbers."""
    if isinstance(value, dict):
        for key, item in value.items():
            finite_parts(f"{name}[{key!r}]", item)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            finite_parts(f"{name}[{i}]", item)
    elif isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf" or not value.dtype.isnative or value.dtype == np.float16:
            raise ValueError(f"{name} is an array of {value.dtype}")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} is not finite")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is {value}")
