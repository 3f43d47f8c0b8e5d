"""One function over a grid of parameters, on any executor, resumable."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from .. import checkpoint
from ..machine.blas_threads import one_blas_thread
from ..running.fingerprint import fingerprint

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
        other. It is not shut down. Give process pools ``mp_context=multiprocessing.get_context("spawn")``: once parallel loops have run in
        this process, forked copies of it inherit their thread pools without the threads, and die or hang in the first such loop. Points in
        threads have one BLAS thread each; with compiled limits they need numba's ``omp`` or ``tbb`` threading layer
        (``numba.threading_layer()``), since the third, ``workqueue``, ends the process when two threads enter it at once.
    resume : path, optional
        A folder with one file per finished point, written atomically. Points found there are not computed again. Several sweeps may share
        it; a function of another name, code, defaults, bound arguments or captured values has files of its own, so an edited function is
        computed anew. What it calls in turn is known by name alone.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        Where the grid is empty or its points are not distinct, or a file in ``resume`` is another function's.
    BaseException
        What the function raised, with the point in a note. Points that have finished are kept in ``resume``; those that have not started
        are cancelled.
    concurrent.futures.CancelledError
        Where somebody else cancelled points, for example by shutting the executor down.

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
        label = [_name(function), fingerprint(function)]
        files = [Path(resume) / f"{fingerprint({'function': label, 'point': point})}.npz" for point in points]
    results: list[dict[str, Any] | None] = [None if file is None or not file.exists() else _read(file, function) for file in files]
    missing = [i for i, result in enumerate(results) if result is None]

    def finish(i: int, value: Any) -> None:
        result = dict(value) if isinstance(value, Mapping) else {"value": value}
        if (file := files[i]) is not None:
            checkpoint.write(file, {"kind": "sweep", "function": _name(function), "result": result})
        results[i] = result

    if executor is None:
        for i in missing:
            try:
                value = function(**points[i])
            except BaseException as error:
                error.add_note(f"infwidth: at the point {points[i]} of the sweep")
                raise
            finish(i, value)
    else:
        with one_blas_thread():
            _distribute(function, points, missing, executor, finish)
    return Sweep(points, results, shape)  # type: ignore[arg-type]


def _distribute(
    function: Callable[..., Any], points: list[Parameters], missing: list[int], executor: Executor, finish: Callable[[int, Any], None]
) -> None:
    futures: dict[Future[Any], int] = {}
    done: SimpleQueue[Future[Any]] = SimpleQueue()  # as_completed would wait for ever for futures that a shutdown has cancelled
    failure: BaseException | None = None
    try:
        for i in missing:
            futures[future := executor.submit(function, **points[i])] = i
            future.add_done_callback(done.put)
        for _ in missing:
            future = done.get()
            if future.cancelled():
                continue
            error = future.exception()
            if error is None:
                finish(futures[future], future.result())
            elif failure is None:
                failure = error
                failure.add_note(f"infwidth: at the point {points[futures[future]]} of the sweep")
                _cancel(futures)
    except BaseException as error:  # the pool broke while points were handed to it, a result cannot be stored, Ctrl-C
        _cancel(futures)
        failure = failure or error
    if isinstance(failure, BrokenExecutor):
        failure.add_note(
            "infwidth: a worker died; if they were forked from a process that had run parallel loops, give the pool "
            'mp_context=multiprocessing.get_context("spawn")'
        )
    if failure is not None:
        raise failure
    if lost := [points[i] for future, i in futures.items() if future.cancelled()]:
        raise CancelledError(f"executor: cancelled {len(lost)} points of the sweep, the first {lost[0]}; keep it open, and resume")


def _cancel(futures: Iterable[Future[Any]]) -> None:
    for future in futures:
        future.cancel()


def _name(function: Callable[..., Any]) -> str:
    """For people and messages; callable objects and partials have no name of their own."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


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
    prints = [fingerprint(point) for point in points]
    if len(set(prints)) < len(prints):
        twice = next(point for i, point in enumerate(points) if prints[i] in prints[:i])
        raise ValueError(f"grid: the point {twice} occurs twice; give another seed to repeat it")
    return points, shape


def _read(file: Path, function: Callable[..., Any]) -> dict[str, Any]:
    stored = checkpoint.read(file)
    if stored.get("kind") != "sweep" or stored["function"] != _name(function):
        raise ValueError(f"resume: {str(file)!r} is not a result of {_name(function)}; give another folder")
    return stored["result"]
