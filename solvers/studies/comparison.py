r"""A limit against finite networks: how the gap falls with the width."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import checkpoint
from ..checks import integer, shown
from ..checks import path as checked_path
from ..methods.rmsprop import RMSProp
from ..model_abilities import FiniteModel, HasLimit, RandomStart
from ..problem import Method, Refining
from ..solution import Solution
from ..solving import solve
from .fitting import power_law
from .points import compute
from .result_folder import ResultFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "compare"]

Array = np.ndarray

MOST_SEEDS = 1_000_000


@dataclass(repr=False)
class Comparison:
    r"""Gaps between a limit and finite networks.

    Attributes
    ----------
    widths : ndarray of int, shape (W,)
    seeds : ndarray of int, shape (S,)
    t : ndarray, shape (T,)
    gaps : ndarray, shape (W, S)
        Root mean square over saved times, samples and outputs of (network - limit).
    gap_paths : ndarray, shape (W, S, T)
        The same at each time.
    slope, slope_error : float
        Exponent of the gap in the width, with its standard error: :math:`-\tfrac12` where fluctuations dominate.
    limit : Solution or None
        Of the limit model (one draw, where it starts at random, and the batches of the first seed); None after :meth:`load`.
    failed : list of str
        Networks whose run did not succeed, with its message; their gaps are NaN and left out of the slope. After Ctrl-C, or where the
        gaps have no power law (0 against 0), it says so here, and the slope is NaN if there are too few left.
    """

    widths: Array
    seeds: Array
    t: Array
    gaps: Array
    gap_paths: Array
    slope: float
    slope_error: float
    limit: Solution | None = field(default=None, repr=False)
    failed: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        done = np.count_nonzero(~np.isnan(self.gaps))
        widths = ", ".join(str(m) for m in self.widths)
        return f"Comparison(widths {widths}; {done} of {self.gaps.size} networks; slope {self.slope:.3f} +- {self.slope_error:.3f})"

    def __str__(self) -> str:
        lines = ["width   gap (median over seeds)"]
        lines += [f"{m:6d}   {np.nanmedian(row):.4g}" for m, row in zip(self.widths, self.gaps, strict=True)]
        return "\n".join([*lines, f"slope   {self.slope:.3f} +- {self.slope_error:.3f}", *self.failed])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the numbers to one .npz file of that path (no pickle), atomically."""
        checked_path("path", path)
        content = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "limit"}
        checkpoint.write(path, {"kind": "comparison", **content})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Comparison:
        """Read what :meth:`save` wrote to that path; ValueError where the file holds something else."""
        content = checkpoint.read(checked_path("path", path))
        if content.pop("kind", None) != "comparison":
            raise ValueError(f"path: {os.fspath(path)!r} is not a saved Comparison")
        return cls(**content)

    def plot(self, axes: Any = None) -> Figure:
        """Every gap against the width, their medians, and the fitted power; on matplotlib ``axes``, or new ones."""
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(figsize=(4.6, 3.6), layout="constrained")
        widths = np.repeat(self.widths, self.gaps.shape[1])
        axes.loglog(widths, self.gaps.ravel(), ".", color="tab:blue", alpha=0.35, label="one network")
        axes.loglog(self.widths, np.nanmedian(self.gaps, axis=1), "o", color="tab:blue", label="median")
        centre = np.exp(np.nanmean(np.log(self.gaps)) + self.slope * (np.log(self.widths) - np.log(self.widths).mean()))
        axes.loglog(self.widths, centre, "--", color="black", label=rf"$m^{{{self.slope:.2f} \pm {self.slope_error:.2f}}}$")
        guide = np.nanmedian(self.gaps[0]) * (self.widths / self.widths[0]) ** -0.5
        axes.loglog(self.widths, guide, ":", color="grey", label="$m^{-1/2}$")
        axes.set(xlabel="width $m$", ylabel="rms gap to the limit")
        axes.set_xticks(np.unique(self.widths), [str(m) for m in np.unique(self.widths)])
        axes.minorticks_off()
        axes.legend(frameon=False)
        return axes.figure


def compare(
    limit: Any = None,
    networks: Sequence[Any] = (),
    X: Any = None,
    y: Any = None,
    method: Any = None,
    seeds: int | Iterable[int] = 8,
    executor: Executor | None = None,
    resume: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Comparison:
    r"""Solve a limit once and finite networks of several widths and seeds, by the same method, and measure the gaps.

    Parameters
    ----------
    limit : Model, optional
        A limit, for example ``DeepLinearIntegrable(2)``. Default: the one that the first network says it has. Where it starts at random
        (in the kernel regime), each network is held against the limit started at the outputs which that network has at its own start.
    networks : sequence of Network
        Alike but for their widths.
    X, y, method
        As in :func:`infwidth.solve`.
    seeds : int or iterable of int
        A number of seeds, 0, 1, ..., or the seeds. The weights of each pair (width, seed) have a random stream of their own. Minibatches
        have one stream per seed, the same for every width and for the limit, which is then solved once per seed. The noise of Langevin
        moves each model's own parameters and cannot be shared: give the limit so many particles that its own noise is small.
    executor : concurrent.futures.Executor, optional
        Runs the networks, as in :func:`infwidth.solvers.sweep`. Default: here, one after the other.
    resume : path, optional
        A folder with one file per finished network, as in :func:`infwidth.solvers.sweep`: a comparison that was cut short goes on.
    **options
        Passed to :func:`infwidth.solve` for limit and networks: ``loss``, ``save_at``, ``X_test`` (the gap is then measured on the
        test inputs too). Flows need ``save_at``, because their steps differ.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        Where there are fewer than two widths or three runs, or the limit fails.
    Exception
        What the networks raised, where all of them did. If some ran, those that raised are listed in ``failed``.
    NotImplementedError
        Where no limit is given and the library has none of these networks.

    Examples
    --------
    >>> import infwidth as iw
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> mup = iw.Parameterization.mup(1)
    >>> networks = [iw.Network(2, 1, m, "linear", mup) for m in (64, 256, 1024)]
    >>> result = iw.compare(iw.DeepLinearMuP(1), networks, X, y, iw.GradientDescent(0.2, steps=10), seeds=20)
    >>> bool(abs(result.slope + 0.5) < 3 * result.slope_error)
    True
    >>> same = iw.compare(networks=networks, X=X, y=y, method=iw.GradientDescent(0.2, steps=10), seeds=20)
    >>> bool(abs(same.slope - result.slope) < 1e-3)  # it found the limit itself: the same one in other coordinates
    True
    """
    if isinstance(method, type) or not isinstance(method, Method):
        raise TypeError(f"method: need a method, got {shown(method)}; for example GradientDescent(learning_rate=0.1, steps=100)")
    networks = list(networks) if np.iterable(networks) and not isinstance(networks, type) else []
    if not networks or not all(isinstance(network, FiniteModel) for network in networks):
        raise ValueError("networks: need at least one finite network with a width; for example [Network(..., m, ...) for m in (64, 256)]")
    labels = _labels(seeds)
    if len({_width(network) for network in networks}) < 2 or len(networks) * len(labels) < 3:
        raise ValueError("networks: a slope with an error needs two different widths and three runs; add networks or seeds")
    if not method.discrete and options.get("save_at") is None:
        raise ValueError("save_at: a flow takes different steps for each model; give the times at which to compare")
    if limit is None:
        if not isinstance(networks[0], HasLimit):
            raise ValueError(f"limit: {type(networks[0]).__name__} does not say what its limit is; give the limit model")
        if isinstance(method, RMSProp):
            raise ValueError(
                "limit: the one that networks name is that of gradients, and steps of RMSProp are larger by other powers of the width; "
                "give the limit model, for example TwoLayerMeanField"
            )
        limit = networks[0].limit()
    if isinstance(method, Refining):
        method = replace(method, estimate_error=False)  # type: ignore[type-var]  # of no use here, and half of the work
    options = {"X": X, "y": y, "method": method, **options}
    references = {label: solve(limit, rng=(0, _of_method(label)), **options) for label in (labels if method.draws else labels[:1])}
    for reference in references.values():
        if not reference.success:
            raise ValueError(f"limit: its run failed ({reference.message}); choose a method that the limit can follow")
    first = references[labels[0]]
    held = {label: _Path.of(reference) for label, reference in references.items()}
    one = partial(_gap, limit, networks, held, options)
    points = {i: {"network": w, "seed": seed} for i, (w, seed) in enumerate(product(range(len(networks)), labels))}
    folder = None if resume is None else ResultFolder(resume, one)
    found: dict[int, dict[str, Any]] = {} if folder is None else folder.find(list(points.values()))

    def keep(i: int, value: dict[str, Any]) -> None:
        found[i] = value
        if folder is not None:
            folder.write(points[i], value)

    stopped, failures = "", {}
    try:
        failures = compute(one, {i: point for i, point in points.items() if i not in found}, executor, keep, go_on=True)
    except KeyboardInterrupt:
        at = points[min(set(points) - set(found))]
        rest = f"the networks from width {_width(networks[at['network']])}, seed {at['seed']} on were not run"
        stopped = "interrupted by Ctrl-C: " + (rest if executor is None else f"{len(points) - len(found)} networks were not run")
    if failures and not found:
        raise next(iter(failures.values()))
    widths = [_width(network) for network in networks]
    paths = np.full((len(networks), len(labels), len(first.t)), np.nan)
    failed: list[str] = []
    for i, point in points.items():
        name = f"width {widths[point['network']]}, seed {point['seed']}"
        if i in failures:
            failed.append(f"{name}: {type(failures[i]).__name__}: {failures[i]}")
        elif i in found and found[i]["message"]:
            failed.append(name + found[i]["message"])
        elif i in found:
            paths.reshape(len(points), -1)[i] = found[i]["path"]
    failed += [stopped] * bool(stopped)
    gaps = np.sqrt((paths**2).mean(axis=2))
    fitted = ~np.isnan(gaps)
    try:
        slope, error = power_law(np.repeat(widths, len(labels))[fitted.ravel()], gaps[fitted])
    except ValueError as reason:  # the gaps are kept all the same
        slope = error = np.nan
        failed.append(f"no slope: {reason}")
    return Comparison(np.array(widths), np.array(labels), first.t, gaps, paths, slope, error, first, failed)


def _width(network: FiniteModel) -> int:
    """The width, or the smallest of several."""
    return min(network.width) if isinstance(network.width, tuple) else network.width


class _Path(NamedTuple):
    """What of a solution is compared."""

    outputs: Array
    test_outputs: Array | None

    @classmethod
    def of(cls, sol: Solution) -> _Path:
        return cls(sol.outputs, sol.test_outputs)


def _of_method(label: int) -> np.random.SeedSequence:
    """Seed of the batches and the noise that the limit and all networks of one label see."""
    return np.random.SeedSequence([label])


def _gap(
    limit: Any, networks: Sequence[Any], references: dict[int, _Path], options: dict[str, Any], *, network: int, seed: int
) -> dict[str, Any]:
    """Root mean square gap of one network at each time, or why there is none. Where the limit's start is random, it is held against the
    limit from the network's own start."""
    model = networks[network]
    sol = solve(model, rng=(np.random.SeedSequence([seed, _width(model)]), _of_method(seed)), **options)
    reference, message = references.get(seed, next(iter(references.values()))), "" if sol.success else f": {sol.message}"
    if sol.success and isinstance(limit, RandomStart) and limit.random_start:
        problem = sol.problem
        own = solve(limit.started_at(lambda Z: problem.predict(problem.start(), Z)), rng=(0, _of_method(seed)), **options)
        reference, message = _Path.of(own), "" if own.success else f" (its limit): {own.message}"
    return {"path": np.zeros(0) if message else _rms_gap(_Path.of(sol), reference), "message": message}


def _labels(seeds: Any) -> list[int]:
    if np.ndim(seeds) == 0 and not isinstance(seeds, range):
        return list(range(integer("seeds", seeds, least=1, most=MOST_SEEDS)))
    labels = [integer("seeds", seed, least=0) for seed in seeds]
    if not labels:
        raise ValueError("seeds: is empty; give a number of seeds or a list of them")
    return labels


def _rms_gap(sol: _Path, reference: _Path) -> Array:
    """Root mean square over samples (test samples too) and outputs at each time, shape (T,)."""
    gap = sol.outputs - reference.outputs
    if sol.test_outputs is not None and reference.test_outputs is not None:
        gap = np.concatenate([gap, sol.test_outputs - reference.test_outputs], axis=1)
    return np.sqrt((gap.astype(float) ** 2).mean(axis=(1, 2)))
