"""The gaps of a comparison, network by network: computed, kept in files, gathered in one array."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np

from ..model_abilities import FiniteModel, RandomStart
from ..solution import Solution
from ..solving import solve
from .points import compute
from .result_folder import ResultFolder

__all__ = ["Compared", "Points", "compute_gaps", "gap", "gathered", "not_run", "seed_of_method", "width_of"]

Array = np.ndarray

Points = dict[int, dict[str, int]]  # number of a run -> its network and its seed


class Compared(NamedTuple):
    """What of a solution is compared."""

    outputs: Array
    test_outputs: Array | None

    @classmethod
    def of(cls, sol: Solution) -> Compared:
        return cls(sol.outputs, sol.test_outputs)


def width_of(network: FiniteModel) -> int:
    """The width, or the smallest of several."""
    return min(network.width) if isinstance(network.width, tuple) else network.width


def seed_of_method(label: int) -> np.random.SeedSequence:
    """Seed of the batches and the noise that the limit and all networks of one label see."""
    return np.random.SeedSequence([label])


def gap(
    limit: Any, networks: Sequence[Any], references: dict[int, Compared], options: dict[str, Any], *, network: int, seed: int
) -> dict[str, Any]:
    """Root mean square gap of one network at each time, or why there is none. Where the limit's start is random, it is held against the
    limit from the network's own start."""
    model = networks[network]
    sol = solve(model, rng=(np.random.SeedSequence([seed, width_of(model)]), seed_of_method(seed)), **options)
    reference, message = references.get(seed, next(iter(references.values()))), "" if sol.success else f": {sol.message}"
    if sol.success and isinstance(limit, RandomStart) and limit.random_start:
        problem = sol.problem
        own = solve(limit.started_at(lambda Z: problem.predict(problem.start(), Z)), rng=(0, seed_of_method(seed)), **options)
        reference, message = Compared.of(own), "" if own.success else f" (its limit): {own.message}"
    return {"path": np.zeros(0) if message else _rms_gap(Compared.of(sol), reference), "message": message}


def compute_gaps(
    one: Callable[..., dict[str, Any]], points: Points, executor: Executor | None, resume: str | os.PathLike[str] | None
) -> tuple[dict[int, dict[str, Any]], dict[int, Exception], bool]:
    """What the runs gave, those of the folder included, what others raised, and whether Ctrl-C ended it."""
    folder = None if resume is None else ResultFolder(resume, one)
    found: dict[int, dict[str, Any]] = {} if folder is None else folder.find(list(points.values()))

    def keep(i: int, value: dict[str, Any]) -> None:
        found[i] = value
        if folder is not None:
            folder.write(points[i], value)

    try:
        return found, compute(one, {i: point for i, point in points.items() if i not in found}, executor, keep, go_on=True), False
    except KeyboardInterrupt:
        return found, {}, True


def gathered(
    points: Points, found: dict[int, dict[str, Any]], failures: dict[int, Exception], widths: list[int], shape: tuple[int, int, int]
) -> tuple[Array, list[str]]:
    """The gaps at each time (W, S, T), NaN where a run gave none, and which those are."""
    paths, failed = np.full(shape, np.nan), []
    for i, point in points.items():
        name = f"width {widths[point['network']]}, seed {point['seed']}"
        if i in failures:
            failed.append(f"{name}: {type(failures[i]).__name__}: {failures[i]}")
        elif i in found and found[i]["message"]:
            failed.append(name + found[i]["message"])
        elif i in found:
            paths.reshape(len(points), -1)[i] = found[i]["path"]
    return paths, failed


def not_run(points: Points, found: dict[int, dict[str, Any]], widths: list[int], executor: Executor | None) -> str:
    """What Ctrl-C has kept from running."""
    at = points[min(set(points) - set(found))]
    from_here = f"the networks from width {widths[at['network']]}, seed {at['seed']} on were not run"
    return "interrupted by Ctrl-C: " + (from_here if executor is None else f"{len(points) - len(found)} networks were not run")


def _rms_gap(sol: Compared, reference: Compared) -> Array:
    """Root mean square over samples (test samples too) and outputs at each time, shape (T,)."""
    difference = sol.outputs - reference.outputs
    if sol.test_outputs is not None and reference.test_outputs is not None:
        difference = np.concatenate([difference, sol.test_outputs - reference.test_outputs], axis=1)
    return np.sqrt((difference.astype(float) ** 2).mean(axis=(1, 2)))
