"""Going back in a march, storing what it has come to, and taking that up again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...solvers.problem import Snapshot
from .march import March
from .rows import Rows, Table

__all__ = ["cut", "restore", "snapshot"]

Array = np.ndarray

KEPT = 5  # tables of a layer: noise from below and above, features, gradients, and what is beyond


def _kept(march: March, times: int) -> list[tuple[Rows, int]]:
    """All that grows with the directions, and how long it was after that many times."""
    sizes = march.sizes[times] if times < len(march.sizes) else [[len(rows) for rows in layer.kept] for layer in march.layers]
    return [(rows, number) for layer, own in zip(march.layers, sizes, strict=True) for rows, number in zip(layer.kept, own, strict=True)]


def _tables(march: March, times: int) -> Iterator[tuple[Table, int]]:
    """All coordinates, and their number of columns after that many times."""
    numbers = [number for _, number in _kept(march, times)]
    features, gradients = [march.inputs.shape[1], *numbers[2::KEPT]], [*numbers[3::KEPT], march.k]
    yield from zip((*march.features, *march.gradients), (*features, *gradients), strict=True)


def cut(march: March, times: int) -> None:
    """Forget all but the first ``times`` times; an interrupted time, too. ``extend`` goes on from there."""
    tables, kept = list(_tables(march, times)), _kept(march, times)
    for table, columns in tables:
        table.cut(times * len(march.inputs), columns if times else 0)
    for rows, number in kept:
        rows.cut(number)
    for layer in march.layers:
        layer.noise.cut(times)
    march.drive, march.sizes = march.drive[:times], march.sizes[:times]


def snapshot(march: March, times: int) -> Snapshot:
    """What :func:`restore` needs to go on after the first ``times`` times."""
    return {
        "sizes": np.array(march.sizes[:times], dtype=np.int64).reshape(times, len(march.layers), KEPT),
        "drive": march.drive[:times].copy(),
        "kept": [rows.values[:number].copy() for rows, number in _kept(march, times)],
        "tables": [table.values[: times * len(march.inputs), :, :columns].copy() for table, columns in _tables(march, times)],
        "drawn": [np.array(layer.noise.drawn_before(times), dtype=np.int64).reshape(-1, 3) for layer in march.layers],
    }


def restore(march: March, stored: Snapshot) -> None:
    """Take over a snapshot, into a march that is new.

    Raises
    ------
    ValueError
        Where it is not one of such a march.
    """
    times, n, S = len(stored["sizes"]), len(march.inputs), march.theory.samples
    march.sizes = stored["sizes"].tolist()
    march.drive = _shaped(stored["drive"], (times, n, march.k)).copy()
    for (rows, first), values in zip(_kept(march, len(march.sizes)), stored["kept"], strict=True):
        rows.append(_shaped(values, (len(values), S))[first:])
    if times == 0:
        return
    for (table, columns), values in zip(_tables(march, times), stored["tables"], strict=True):
        table.append(_shaped(values, (times * n, table.shape[1], columns)))
    for layer, keys in zip(march.layers, stored["drawn"], strict=True):
        layer.noise.take_over(_shaped(keys, (len(keys), 3)))


def _shaped(values: Array, shape: tuple[int, ...]) -> Array:
    if values.shape != shape:
        raise ValueError(f"history: has an array of shape {values.shape}, not {shape}")
    return values
