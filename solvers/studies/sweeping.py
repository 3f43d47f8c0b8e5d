"""One function over a grid of parameters, on any executor, resumable."""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import instance, listed, shown
from ..machine.memory import refuse_above_available
from ..running.fingerprint import fingerprint
from .points import compute
from .result_folder import ResultFolder

__all__ = ["Sweep", "sweep"]

Array = np.ndarray
Parameters = dict[str, Any]


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        grid, names = " x ".join(map(str, self.shape)), [str(name) for name in self.results[0]] if self.results else []
        shown = names if len(names) <= 8 else [*names[:8], "..."]
        return f"Sweep({grid} points of {', '.join(self.points[0]) if self.points else 'nothing'}; results {', '.join(shown)})"

    def __getitem__(self, name: str) -> Array:
        """One entry of all results as an array of shape ``(*shape, ...)``.

        KeyError where a result has it not, ValueError where it has not one shape at all points: then take it from ``results``.
        """
        if not isinstance(name, Hashable) or not self.results or name not in self.results[0]:
            known = sorted(self.results[0], key=str) if self.results else []
            raise KeyError(f"{shown(name)} is not in the results; they have {known}")
        if lacking := [point for point, result in self if name not in result]:
            raise KeyError(f"{name!r} is not in the result at {shown(lacking[0])}; take it from the results that have it")
        found = [result[name] for result in self.results]
        if len({np.shape(value) for value in found if not isinstance(value, Mapping)}) > 1:
            raise ValueError(f"name: {name!r} has not one shape at all points; take its values from .results")
        values = np.array(found)
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
        A folder with one file per finished point, written atomically. Points found there are not computed again, and come back as they
        were. Several sweeps may share it, also at the same time. A function has files of its own: it is known by its code, by its
        defaults, bound arguments and captured values, and by the globals, the functions and the modules of yours that it reads, so that an
        edited function is computed anew. What installed packages do, files and the environment are not seen, nor are globals that it
        assigns to, and lists and dicts that it only writes into or counts.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        Where the grid is empty or its points are not distinct, where the executor has been shut down, where ``resume`` holds a damaged
        file, or where the function or a point holds something whose content cannot be told (an open file, a generator, a call of ``eval``).
    TypeError
        Where a result would not come back from a file as it was.
    BaseException
        What the function raised, with the point in a note. Points that have finished are kept in ``resume``, and in the attribute
        ``sweep`` of the error; those that have not started are cancelled.
    KeyboardInterrupt
        After Ctrl-C. The point that it cut short is not kept: inside a sweep, ``solve`` raises instead of returning a part. Points on an
        executor that have started may end (pressed again, it does not wait for them).
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
    if not callable(function):
        raise TypeError(f"function: need a function of the names of the grid, got {shown(function)}")
    points, shape = _points(grid)
    if executor is not None:
        instance("executor", executor, Executor, "concurrent.futures.ProcessPoolExecutor(4)")
    folder = None if resume is None else ResultFolder(resume, function)
    results: dict[int, dict[str, Any]] = {} if folder is None else folder.find(points)

    def keep(i: int, value: Any) -> None:
        results[i] = {name: _own(item) for name, item in (value.items() if isinstance(value, Mapping) else [("value", value)])}
        if folder is not None:
            folder.write(points[i], results[i])

    try:
        compute(function, {i: point for i, point in enumerate(points) if i not in results}, executor, keep)
    except BaseException as error:
        finished = sorted(results)
        error.sweep = Sweep([points[i] for i in finished], [results[i] for i in finished], (len(finished),))  # type: ignore[attr-defined]
        error.add_note(f"infwidth: {len(finished)} of {len(points)} points have finished; they are in the attribute `sweep` of this error")
        raise
    if folder is not None:
        folder.check_function()
    return Sweep(points, [results[i] for i in range(len(points))], shape)


def _own(value: Any) -> Any:
    """With arrays of its own: a function may fill the same one again at the next point."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(_own(item) for item in value)
    return {key: _own(item) for key, item in value.items()} if type(value) is dict else value


def _points(grid: Any) -> tuple[list[Parameters], tuple[int, ...]]:
    if isinstance(grid, type | str | bytes) or not np.iterable(grid):
        raise TypeError(f"grid: need a dict of sequences or a sequence of dicts, got {shown(grid)}")
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if not isinstance(name, str) or isinstance(values, str | bytes | type) or not np.iterable(values):
                raise TypeError(f"grid: need a sequence of values for each name, got {shown(values)} for {shown(name)}")
        for values in filter(lambda values: isinstance(values, Sized), grid.values()):
            refuse_above_available("grid", "all its points", 500.0 * len(values), "sweep over fewer values at once")
        axes = {name: listed("grid", values) for name, values in grid.items()}
        refuse_above_available("grid", "all its points", 500.0 * math.prod(map(len, axes.values())), "sweep over fewer values at once")
        points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        shape = tuple(len(values) for values in axes.values())
    else:
        given = listed("grid", grid)
        if not all(isinstance(point, Mapping) for point in given):
            raise TypeError(f"grid: need a dict of sequences or a sequence of dicts, got {shown(grid)}")
        points = [dict(point) for point in given]
        shape = (len(points),)
    if not points or not points[0]:
        raise ValueError("grid: is empty; give at least one value for every parameter, and at least one parameter")
    prints = [fingerprint(point, "grid") for point in points]
    if len(set(prints)) < len(prints):
        counts = Counter(prints)
        twice = next(point for point, print_ in zip(points, prints, strict=True) if counts[print_] > 1)
        raise ValueError(f"grid: the point {twice} occurs twice; give another seed to repeat it")
    return points, shape
