"""Fingerprints: whether a file belongs to the run that asks for it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

__all__ = ["fingerprint"]


def fingerprint(value: Any) -> str:
    """A digest of a specification: equal for equal dataclasses, arrays, numbers, strings and functions of one name and code."""
    digest = hashlib.sha256()
    _feed(value, digest)
    return digest.hexdigest()[:32]


def _feed(value: Any, digest: Any) -> None:
    digest.update(f"<{type(value).__qualname__}>".encode())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for item in dataclasses.fields(value):
            digest.update(item.name.encode())
            _feed(getattr(value, item.name), digest)
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value))
    elif isinstance(value, dict):
        for key in sorted(value):
            digest.update(repr(key).encode())
            _feed(value[key], digest)
    elif isinstance(value, list | tuple):
        for item in value:
            _feed(item, digest)
    elif isinstance(value, np.random.Generator):
        _feed(value.bit_generator.state, digest)
    elif isinstance(value, np.random.SeedSequence):
        _feed(value.state, digest)
    elif isinstance(value, functools.partial):
        _feed([value.func, value.args, value.keywords], digest)
    elif isinstance(value, MethodType):
        _feed(value.__func__, digest)
        _feed_attributes(value.__self__, digest)
    elif isinstance(value, FunctionType):
        digest.update(value.__qualname__.encode())
        _feed_code(value.__code__, digest)
        _feed([value.__defaults__, value.__kwdefaults__], digest)
        for cell in value.__closure__ or ():  # what a lambda captured
            _feed_plain(cell.cell_contents, digest)
    elif isinstance(value, type | np.ufunc | BuiltinFunctionType):
        digest.update(value.__name__.encode())
    elif " at 0x" in repr(value):  # an address: the plain attributes stand for the object
        _feed_attributes(value, digest)
    else:
        digest.update(repr(value).encode())


PLAIN = (str, int, float, tuple, list, dict, np.ndarray, np.generic, FunctionType, functools.partial, type(None))


def _feed_plain(value: Any, digest: Any) -> None:
    """Feed a plain value or a function; of anything else the type alone, for it may refer to half the program, and to itself."""
    if isinstance(value, PLAIN) or dataclasses.is_dataclass(value):
        _feed(value, digest)
    else:
        digest.update(type(value).__qualname__.encode())


def _feed_attributes(value: Any, digest: Any) -> None:
    digest.update(type(value).__qualname__.encode())
    for name, item in sorted(vars(value).items() if hasattr(value, "__dict__") else ()):
        if name == "stats":  # of a Solution whose method is used: seconds differ from run to run
            continue
        digest.update(name.encode())
        _feed_plain(item, digest)


def _feed_code(code: CodeType, digest: Any) -> None:
    digest.update(code.co_code)
    digest.update(repr(code.co_names).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _feed_code(constant, digest)
        else:
            digest.update(repr(constant).encode())
