"""Checkpoints and saved solutions: nested dicts of arrays, numbers and strings in one .npz file, without pickle.

A file is written beside its place, flushed to disk, and renamed over the old one: whoever reads it, whenever the writer was killed,
finds the old file or the new one, whole.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

__all__ = ["fingerprint", "read", "write"]


def write(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Replace the file at ``path`` by one that holds ``content``, atomically."""
    arrays: dict[str, np.ndarray] = {}
    outline = _detach(content, "", arrays)
    arrays["outline"] = np.frombuffer(json.dumps(outline).encode(), np.uint8)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    try:
        with open(beside, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What :func:`write` wrote.

    Raises
    ------
    FileNotFoundError
        Where there is no file.
    ValueError
        Where the file is not one of these.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        outline = json.loads(bytes(arrays.pop("outline")).decode())
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"path: {os.fspath(path)!r} is not a file that infwidth wrote ({error}); check the path") from error
    return _attach(outline, arrays)


def _detach(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """A copy of ``value`` that JSON can hold, its arrays moved to ``arrays`` under their path."""
    if isinstance(value, dict):
        return {key: _detach(item, f"{name}/{key}", arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_detach(item, f"{name}/{i}", arrays) for i, item in enumerate(value)]
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError(f"{name}: cannot store an array of Python objects without pickle; give numbers or strings")
        arrays[name] = value
        return {"__array__": name}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{name or 'content'}: cannot store a {type(value).__name__} without pickle; give arrays, numbers or strings")


def _attach(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if "__array__" in value:
            return arrays[value["__array__"]]
        return {key: _attach(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_attach(item, arrays) for item in value]
    return value


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
