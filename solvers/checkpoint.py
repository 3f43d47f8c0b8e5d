"""Checkpoints and saved solutions: nested dicts of arrays, numbers and strings in one .npz file, without pickle.

A file is written beside its place, flushed to disk, and renamed over the old one: whoever reads it, whenever the writer was killed,
finds the old file or the new one, whole.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["read", "write"]


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
