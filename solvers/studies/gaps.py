"""The gaps of a comparison, network by network: computed, kept in files, gathered in one array."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from typing import Any, NamedTuple

import numpy as np

from ..checks import shown
from ..files.stored import floats
from ..model_abilities import FiniteModel, RandomStart
from ..running.interrupt import study
from ..solution import Solution
from ..solving import solve
from .points import compute
from .result_folder import ResultFolder

__all__ = [
    "Compared",
    "Points",
    "Runs",
    "check_stored",
    "compute_gaps",
    "gap",
    "gathered",
    "not_run",
    "other_limit",
    "own_error",
    "seed_of_method",
    "width_of",
]

Array = np.ndarray

Points = dict[int, dict[str, int]]  # number of a run -> its network and its seed


class Runs(NamedTuple):
    """What the runs of a comparison came to; ``end`` says why some were not run, and is empty where all were."""

    found: dict[int, dict[str, Any]]
    failures: dict[int, Exception]
    end: str


class Compared(NamedTuple):
    """What of a solution is compared."""

    t: Array
    outputs: Array
    test_outputs: Array | None

    @classmethod
    def of(cls, sol: Solution) -> Compared:
        return cls(sol.t, sol.outputs, sol.test_outputs)


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
    if not message and not np.array_equal(sol.t, reference.t):
        message = f": it was stopped at t = {sol.t[-1]:g}, and the limit at t = {reference.t[-1]:g}; leave callback out"
    return {"path": np.zeros(0) if message else _rms_gap(Compared.of(sol), reference), "message": message}


def compute_gaps(
    one: Callable[..., dict[str, Any]],
    points: Points,
    executor: Executor | None,
    resume: str | os.PathLike[str] | None,
    check: Callable[[dict[str, Any]], None] | None = None,
) -> Runs:
    """What the runs gave, those of the folder included, and what others raised; of those that came before the end where there was one.
    ``check`` raises where a file of the folder means nothing."""
    folder = None if resume is None else ResultFolder(resume, one)
    found: dict[int, dict[str, Any]] = {} if folder is None else folder.find(list(points.values()), check)
    failures: dict[int, Exception] = {}

    def keep(i: int, value: dict[str, Any]) -> None:
        found[i] = value
        if folder is not None:
            folder.write(points[i], value)

    end = ""
    try:
        compute(one, {i: point for i, point in points.items() if i not in found}, executor, keep, failures.__setitem__)
    except KeyboardInterrupt:
        end = "interrupted by Ctrl-C"
    except (BrokenExecutor, CancelledError) as error:
        if not found:
            raise
        end = "a worker died" if isinstance(error, BrokenExecutor) else "cancelled by the executor"
    return Runs(found, failures, end)


def check_stored(times: int, result: dict[str, Any]) -> None:
    """ValueError where this is not what :func:`gap` gives at so many times."""
    if set(result) != {"path", "message"} or not isinstance(result["message"], str):
        raise ValueError("its result is none of a comparison")
    floats("its gap", result["path"], (0 if result["message"] else times,), least=0)


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


def not_run(points: Points, runs: Runs, widths: list[int], executor: Executor | None) -> str:
    """What its end has kept from running."""
    missing = sorted(set(points) - set(runs.found) - set(runs.failures))
    at = points[missing[0]]
    from_here = f"the networks from width {widths[at['network']]}, seed {at['seed']} on were not run"
    return f"{runs.end}: " + (from_here if executor is None else f"{len(missing)} networks were not run")


def own_error(limit: Any, label: int, first: Solution, options: dict[str, Any], widest: int, gap_of_widest: float) -> str:
    """A remark where another draw of the limit is nearly as far from the first as the widest networks are: the gaps are then its own."""
    try:
        with study():
            other = solve(limit, rng=(1, seed_of_method(label)), **options)
    except (Exception, KeyboardInterrupt):  # the gaps are there, and this would only explain them
        return ""
    if not other.success or len(other.t) != len(first.t):
        return ""
    distance = float(np.sqrt((_rms_gap(Compared.of(other), Compared.of(first)) ** 2).mean()))
    if distance < gap_of_widest / 2:
        return ""
    return (
        f"limit: two draws of it are {distance:.2g} apart, networks of width {widest} {gap_of_widest:.2g} from it: "
        "part of these gaps is its own error; raise its particles, neurons or samples"
    )


def other_limit(own: Any, networks: Sequence[Any], label: int, options: dict[str, Any], widest: int, gap_of_widest: float) -> str:
    """A remark where the widest network is much nearer to the limit that it names than to the one that was given."""
    try:
        with study():
            reference = solve(own, rng=(0, seed_of_method(label)), **options)
            found = gap(own, networks, {label: Compared.of(reference)}, options, network=widest, seed=label)
    except (Exception, KeyboardInterrupt):
        return ""
    nearer = float(np.sqrt((found["path"] ** 2).mean())) if reference.success and not found["message"] else np.inf
    if not nearer < gap_of_widest / 2:
        return ""
    apart = f"{gap_of_widest:.2g} from the given one and {nearer:.2g} from the one that it names, {shown(own)}"
    return (
        f"limit: the network of width {width_of(networks[widest])} is {apart}: the gaps do not vanish where the given limit is that of"
        " other networks, or of another start; leave limit out to take theirs"
    )


def _rms_gap(sol: Compared, reference: Compared) -> Array:
    """Root mean square over samples (test samples too) and outputs at each time, shape (T,)."""
    difference = sol.outputs - reference.outputs
    if sol.test_outputs is not None and reference.test_outputs is not None:
        difference = np.concatenate([difference, sol.test_outputs - reference.test_outputs], axis=1)
    return np.sqrt((difference.astype(float) ** 2).mean(axis=(1, 2)))
