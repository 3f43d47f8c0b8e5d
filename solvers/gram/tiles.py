"""Gram matrices by tiles: memory for the outputs and a few tiles, half of a symmetric matrix, any executor, files for what is too large."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..machine.blas_threads import one_blas_thread
from ..machine.executors import submit
from ..machine.memory import refuse_above_available, refuse_above_free_disk
from .program import CODES, Program, Step
from .reference import run

__all__ = ["Gram", "allocate", "gram"]

Array = np.ndarray

WORTH_THREADS = 2_000_000  # steps of pairs, about two milliseconds
BLOCK = 1024  # points of a task of an executor, and of the order of tiles
READABLE = 256  # points of a tile in numpy


class Gram(NamedTuple):
    """Covariances and tangent kernels, each (n, n') or None where it was not asked for."""

    nngp: Array | None
    ntk: Array | None


def allocate(shape: tuple[int, int], dtype: np.dtype, get: tuple[str, ...], out: dict[str, Path] | None = None, extra: float = 0.0) -> Gram:
    """Memory for the matrices asked for, or files of the npy format mapped into memory.

    Raises
    ------
    ValueError
        Where they and ``extra`` bytes are more than the free memory, naming X1.
    """
    out = out or {}
    matrix = float(shape[0]) * shape[1] * dtype.itemsize
    what = f"{' and '.join(get)} of {shape[0]} x {shape[1]} pairs in {dtype.name}"
    way_out = "take fewer points, float32 inputs, or files that are mapped into memory: out='folder'"
    refuse_above_available("X1", what, matrix * sum(name not in out for name in get) + extra, way_out)
    made: dict[str, Array | None] = {"nngp": None, "ntk": None}
    for name in get:
        if name in out:
            refuse_above_free_disk("out", f"the {name} of {shape[0]} x {shape[1]} pairs in {dtype.name}", matrix, out[name].parent)
            made[name] = np.lib.format.open_memmap(out[name], mode="w+", dtype=dtype, shape=shape)
        else:
            made[name] = np.empty(shape, dtype)
    return Gram(**made)


def gram(left: Program, right: Program | None, into: Gram, executor: Executor | None = None) -> None:
    """Fill the matrices of ``into``.

    Parameters
    ----------
    left, right : Program
        Of one kernel, for the points of the rows and of the columns; None for the same points.
    into : Gram
        Memory, from :func:`allocate`.
    executor : concurrent.futures.Executor, optional
        Takes blocks of some million pairs as tasks. Without it, all threads of numba.
    """
    if executor is None:
        from numba import get_num_threads

        _fill(left, right, into, get_num_threads())
        return
    columns = right or left
    tasks: dict[Future[Gram], tuple[slice, slice, bool]] = {}
    for i in range(0, len(left.std), BLOCK):
        for j in range(0 if right else i, len(columns.std), BLOCK):
            rows, others = slice(i, i + BLOCK), slice(j, j + BLOCK)
            same = right is None and i == j
            want = (into.nngp is not None, into.ntk is not None)
            task = submit(executor, _task, left.of(rows), None if same else columns.of(others), want, _dtype(into))
            tasks[task] = (rows, others, right is None and not same)
    for task, (rows, others, mirrored) in tasks.items():
        for matrix, block in zip(into, task.result(), strict=True):
            if matrix is not None and block is not None:
                matrix[rows, others] = block
                if mirrored:
                    matrix[others, rows] = block.T


def _dtype(into: Gram) -> np.dtype:
    return next(matrix.dtype for matrix in into if matrix is not None)


def _task(left: Program, right: Program | None, want: tuple[bool, bool], dtype: np.dtype) -> Gram:
    shape = (len(left.std), len((right or left).std))
    into = Gram(*(np.empty(shape, dtype) if wanted else None for wanted in want))
    _fill(left, right, into, threads=1)
    return into


def _fill(left: Program, right: Program | None, into: Gram, threads: int) -> None:
    from .passes import TILE  # numba loads on first use

    readable = any(step.code == "GENERIC" for step in left.steps)
    corners = _corners(len(left.std), len((right or left).std), READABLE if readable else TILE, right is None)
    short = np.ones(len(corners), bool) if readable else _compiled(left, right or left, right is None, into, corners, threads)
    for i, j in corners[short]:
        _readable(left, right, into, int(i), int(j), READABLE if readable else TILE)


def _corners(n: int, columns: int, size: int, same: bool) -> Array:
    """First pairs of the tiles (tiles, 2), by blocks, so that what is written near in time lies near in memory."""
    i, j = (index.ravel() * size for index in np.indices((-(-n // size), -(-columns // size))))
    keep = (j >= i) if same else np.ones(len(i), bool)
    i, j = i[keep], j[keep]
    order = np.lexsort((j, i, j // BLOCK, i // BLOCK))
    return np.stack((i[order], j[order]), axis=1)


def _readable(left: Program, right: Program | None, into: Gram, i: int, j: int, size: int) -> None:
    rows, columns = slice(i, i + size), slice(j, j + size)
    blocks = run(left.of(rows), (right or left).of(columns))
    for matrix, block, scale in zip(into, blocks, (left.std, left.tangent), strict=True):
        if matrix is None:
            continue
        if right is None and i == j:
            block = np.triu(block, 1) + np.triu(block, 1).T + np.diag(scale[rows] ** 2)
        matrix[rows, columns] = block
        if right is None and i != j:
            matrix[columns, rows] = block.T


def _compiled(left: Program, right: Program, same: bool, into: Gram, corners: Array, threads: int) -> Array:
    from .passes import TILE, tiles

    arguments = (
        *(np.ascontiguousarray(side.directions) for side in (left, right)),
        *_tables(left.steps),
        *(_factors(side) for side in (left, right)),
        tuple(_series(side, name) for name in ("values", "slopes") for side in (left, right)),
        left.registers,
        left.result,
        (left.std, right.std, left.tangent, right.tangent),
    )
    out = tuple(np.asarray(matrix) if matrix is not None else np.empty((0, 0), _dtype(into)) for matrix in into)
    short = np.zeros(len(corners), bool)

    def work(part: slice) -> None:
        short[part] = tiles(*arguments, corners[part], same, out)

    number = threads if len(corners) * TILE**2 * len(left.steps) >= WORTH_THREADS else 1
    size = max(1, -(-len(corners) // (8 * number)))
    parts = [slice(i, min(i + size, len(corners))) for i in range(1, len(corners), size)]
    with one_blas_thread():
        work(slice(0, 1))  # compiles, once
        if number == 1:
            for part in parts:
                work(part)
        else:
            with ThreadPoolExecutor(number) as pool:
                list(pool.map(work, parts))
    return short


def _tables(steps: tuple[Step, ...]) -> tuple[Array, ...]:
    """Codes, sources (of a series: which one it is), targets, constants, tails and tolerances."""
    order = np.cumsum([step.code == "SERIES" for step in steps]) - 1
    longest = max((len(step.tails) for step in steps), default=0)
    tails = np.full((len(steps), longest), np.inf)
    for step, row in zip(steps, tails, strict=True):
        row[: len(step.tails)] = step.tails
    return (
        np.array([CODES.index(step.code) for step in steps], np.int64),
        np.array([number if step.code == "SERIES" else step.source for step, number in zip(steps, order, strict=True)], np.int64),
        np.array([step.target for step in steps], np.int64),
        np.array([step.constant for step in steps], np.float64),
        tails,
        np.array([step.tolerance for step in steps], np.float64),
    )


def _factors(side: Program) -> Array:
    table = np.zeros((len(side.steps), 5, len(side.std)))
    for step, rows in zip(side.steps, table, strict=True):
        rows[: len(step.factors)] = step.factors
    return table


def _series(side: Program, name: str) -> Array:
    coefficients = [step.values if name == "values" else step.slopes for step in side.steps if step.code == "SERIES"]
    table = np.zeros((len(coefficients), max(map(len, coefficients), default=0), len(side.std)))
    for series, rows in zip(coefficients, table, strict=True):
        rows[: len(series)] = series
    return table
