"""Attributes of the user's objects, also where what his classes pickle, or inherit, does not tell them."""

from __future__ import annotations

import contextlib
import copyreg
import dataclasses
import types
from typing import Any

import numpy as np

from .libraries import is_library

__all__ = ["attributes", "hides_attributes"]

SAYS = ("__reduce_ex__", "__reduce__", "__getstate__")
KNOWN_WHOLE = (type, types.FunctionType, types.ModuleType, np.ma.MaskedArray)
KNOWN_BY_PARTS = (tuple, np.vectorize)


def hides_attributes(value: Any) -> bool:
    """Whether an object of a class of the user may have attributes that its pickled form leaves out.

    That of ``object`` leaves none out. A form of its own may, and so may that which a number, a date or a tuple has.
    """
    kind = type(value)
    if is_library(kind) or isinstance(value, KNOWN_WHOLE) or dataclasses.is_dataclass(kind):
        return False
    own_form = kind in copyreg.dispatch_table or any(getattr(kind, name) is not getattr(object, name) for name in SAYS)
    return own_form or isinstance(value, KNOWN_BY_PARTS)


def attributes(value: Any) -> dict[str, Any]:
    """Those of its dictionary and of its slots; members of classes that C has made may hold addresses."""
    found = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        for name, slot in vars(kind).items() if "__slots__" in vars(kind) and not is_library(kind) else ():
            if isinstance(slot, types.MemberDescriptorType):
                with contextlib.suppress(AttributeError):  # it is empty
                    found[name] = slot.__get__(value)
    return found
