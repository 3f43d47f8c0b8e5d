"""One function over a grid of parameters, on any executor, resumable."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import checkpoint

__all__ = ["Sweep", "sweep"]

Array = np.ndarray
Parameters = dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """What a sweep returns: the points in the order of the grid, each with its result.

    Attributes
    ----------
    points : list of dict
    results : list of dict
        What the function returned; a number or an array stands under the name ``"value"``.
    shape : tuple of int
        Lengths of the axes where the grid was a dict of sequences, else ``(number of points,)``.

    """

    points: list[Parameters]
    results: list[dict[str, Any]]
    shape: tuple[int, ...]

    def __getitem__(self, name: str) -> Array:
        """One entry of all results as an array of shape ``(*shape, ...)``."""
        if not self.results or name not in self.results[0]:
            raise KeyError(f"{name!r} is not in the results; they have {sorted(self.results[0]) if self.results else []}")
        values = np.array([result[name] for result in self.results])
        return values.reshape(*self.shape, *values.shape[1:])

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[tuple[Parameters, dict[str, Any]]]:
        return iter(zip(self.points, self.results, strict=True))


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Iterable[Any]] | Sequence[Mapping[str, Any]],
    executor: Executor | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Sweep:
    """Call ``function(**point)`` at every point of a grid.

    Parameters
    ----------
    function : callable
        Returns a number, an array, or a dict of numbers, arrays, strings and dicts. For a process pool it must be importable, and should
        draw its randomness from a parameter such as ``seed``.
    grid : dict of sequences, or sequence of dicts
        A dict gives all combinations, the last name varying fastest; otherwise the points themselves.
    executor : concurrent.futures.Executor, optional
        For example a ``ProcessPoolExecutor``, dask's ``Client.get_executor()`` or one of ``mpi4py.futures``. Default: here, one after the
        other. It is not shut down.
    resume : path, optional
        A folder with one file per finished point, written atomically. Points found there are not computed again. Several sweeps may share
        it, as long as they have the same function.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        Where the grid is empty or its points are not distinct, or a file in ``resume`` is another function's.
    Exception
        What the function raised, with the point in a note. Points that have finished are kept in ``resume``; those that have not started
        are cancelled.

    Examples
    --------
    >>> from infwidth.solvers import sweep
    >>> runs = sweep(lambda rate, seed: rate * 10 + seed, {"rate": [0.1, 0.2], "seed": [0, 1, 2]})
    >>> runs["value"]
    array([[1., 2., 3.],
           [2., 3., 4.]])
    """
    points, shape = _points(grid)
    files: list[Path | None] = [None] * len(points)
    if resume is not None:
        label = f"{function.__module__}.{function.__qualname__}"
        files = [Path(resume) / f"{checkpoint.fingerprint({'function': label, 'point': point})}.npz" for point in points]
    results: list[dict[str, Any] | None] = [None if file is None or not file.exists() else _read(file, function) for file in files]
    missing = [i for i, result in enumerate(results) if result is None]

    def finish(i: int, value: Any) -> None:
        result = dict(value) if isinstance(value, Mapping) else {"value": value}
        if (file := files[i]) is not None:
            checkpoint.write(file, {"kind": "sweep", "function": function.__qualname__, "result": result})
        results[i] = result

    if executor is None:
        for i in missing:
            try:
                value = function(**points[i])
            except Exception as error:
                error.add_note(f"infwidth: at the point {points[i]} of the sweep")
                raise
            finish(i, value)
    else:
        _distribute(function, points, missing, executor, finish)
    return Sweep(points, results, shape)  # type: ignore[arg-type]


def _distribute(
    function: Callable[..., Any], points: list[Parameters], missing: list[int], executor: Executor, finish: Callable[[int, Any], None]
) -> None:
    futures = {executor.submit(function, **points[i]): i for i in missing}
    failure: Exception | None = None
    for future in as_completed(futures):
        if future.cancelled():
            continue
        error = future.exception()
        if error is None:
            finish(futures[future], future.result())
        elif failure is None and isinstance(error, Exception):
            error.add_note(f"infwidth: at the point {points[futures[future]]} of the sweep")
            failure = error
            for other in futures:
                other.cancel()
    if failure is not None:
        raise failure


def _points(grid: Any) -> tuple[list[Parameters], tuple[int, ...]]:
    if isinstance(grid, Mapping):
        axes = {name: list(values) for name, values in grid.items()}
        points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        shape = tuple(len(values) for values in axes.values())
    else:
        points = [dict(point) for point in grid]
        shape = (len(points),)
    if not points or not points[0]:
        raise ValueError("grid: is empty; give at least one value for every parameter, and at least one parameter")
    prints = [checkpoint.fingerprint(point) for point in points]
    if len(set(prints)) < len(prints):
        twice = next(point for i, point in enumerate(points) if prints[i] in prints[:i])
        raise ValueError(f"grid: the point {twice} occurs twice; give another seed to repeat it")
    return points, shape


def _read(file: Path, function: Callable[..., Any]) -> dict[str, Any]:
    stored = checkpoint.read(file)
    if stored.get("kind") != "sweep" or stored["function"] != function.__qualname__:
        raise ValueError(f"resume: {str(file)!r} is not a result of {function.__qualname__}; give another folder")
    return stored["result"]
