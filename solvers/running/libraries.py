"""Whose code something is: Python's and that of installed packages is known by name, the user's by its content."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import sysconfig
from types import ModuleType
from typing import Any

__all__ = ["is_library", "is_library_name"]

OURS = ("infwidth", "numpy", "scipy", "numba")


def is_library(value: Any) -> bool:
    """Whether a function, class or module belongs to Python or to an installed package."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(name, str) and is_library_name(name.split(".")[0])


@functools.cache
def is_library_name(top: str) -> bool:
    """Whether the module of that name, which has no dot in it, does."""
    if top == "__main__":
        return False
    if top in OURS or top in sys.builtin_module_names:
        return True
    file = _file(top)
    if file is None:
        return top in sys.stdlib_module_names
    if "site-packages" in file or "dist-packages" in file:
        return True
    places = {sysconfig.get_path(place) for place in ("purelib", "platlib", "stdlib", "platstdlib")}
    return any(file.startswith(place + os.sep) for place in places)


def _file(top: str) -> str | None:
    module = sys.modules.get(top)
    if module is not None:
        return getattr(module, "__file__", None)
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    return None if spec is None or not spec.has_location else spec.origin
