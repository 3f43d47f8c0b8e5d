"""A folder of results, one file per point."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import checkpoint
from ..files.replacing import check_folder, remove_leftovers
from ..running.fingerprint import fingerprint

__all__ = ["ResultFolder"]

Parameters = dict[str, Any]


class ResultFolder:
    """Results of one function, each under the fingerprint of the function and its point."""

    def __init__(self, path: str | os.PathLike[str], function: Callable[..., Any]) -> None:
        self.path = check_folder("resume", path)
        self.function = function
        self.print = fingerprint(function, "function")
        self.writable = True
        remove_leftovers(self.path)

    def file(self, point: Parameters) -> Path:
        """Where the result at this point is."""
        return self.path / f"{fingerprint([_name(self.function), self.print, point], 'grid')}.npz"

    def find(self, points: Sequence[Parameters], check: Callable[[dict[str, Any]], None] | None = None) -> dict[int, dict[str, Any]]:
        """The results that are there, by the number of their point; ``check`` raises where one of them means nothing."""
        found = {}
        for i, point in enumerate(points):
            if (result := self._read(self.file(point), check)) is not None:
                found[i] = result
        return found

    def _read(self, file: Path, check: Callable[[dict[str, Any]], None] | None) -> dict[str, Any] | None:
        way_out = "delete it to compute that point anew, or give another folder"
        try:
            stored = checkpoint.read(file, "sweep", name="resume", way_out=way_out)
        except FileNotFoundError:
            return None
        if stored.get("function") != _name(self.function):
            raise ValueError(f"resume: {str(file)!r} is not a result of {_name(self.function)}; {way_out}")
        if stored.get("point", file.stem) != file.stem:
            raise ValueError(f"resume: {str(file)!r} holds the result of another point (a file that was renamed?); {way_out}")
        if not isinstance(stored.get("result"), dict):
            raise ValueError(f"resume: {str(file)!r} is damaged (it has no result); {way_out}")
        try:
            if check is not None:
                check(stored["result"])
        except ValueError as error:
            raise ValueError(f"resume: {str(file)!r} is damaged ({error!s:.120}); {way_out}") from error
        return stored["result"]

    def write(self, point: Parameters, result: dict[str, Any]) -> None:
        """Keep a result. A disk that is full does not end the sweep."""
        try:
            file = self.file(point)
            checkpoint.write(file, {"kind": "sweep", "function": _name(self.function), "point": file.stem, "result": result})
        except OSError as error:
            if self.writable:
                warnings.warn(f"resume: results cannot be written ({error}); the sweep goes on without", RuntimeWarning, stacklevel=5)
            self.writable = False

    def check_function(self) -> None:
        """Say so where the function has become another one by being called: nobody will find its results."""
        if fingerprint(self.function, "function") != self.print:
            warnings.warn(
                f"resume: {_name(self.function)} changes a global, captured or default value that it reads, so its results will not be "
                "found again; make that value a parameter",
                RuntimeWarning,
                stacklevel=3,
            )


def _name(function: Callable[..., Any]) -> str:
    """For people and messages; callable objects and partials have no name of their own."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"
