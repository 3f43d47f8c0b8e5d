r"""A limit against finite networks: how the gap falls with the width."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checkpoint
from ..abilities import FiniteModel, HasLimit, RandomStart
from ..checks import integer, shown
from ..checks import path as checked_path
from ..problem import Method
from ..solution import Solution
from ..solving import solve
from .fitting import power_law

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "compare"]

Array = np.ndarray

MOST_SEEDS = 1_000_000


@dataclass
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
        Of the limit model (one draw, where it starts at random); None after :meth:`load`.
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
        axes.set(xlabel="width $m$", ylabel="rms gap to the limit")
        axes.legend(frameon=False)
        return axes.figure


def compare(
    limit: Any = None,
    networks: Sequence[Any] = (),
    X: Any = None,
    y: Any = None,
    method: Any = None,
    seeds: int | Iterable[int] = 8,
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
        A number of seeds, 0, 1, ..., or the seeds. Each pair (width, seed) has a random stream of its own.
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
    if len({network.width for network in networks}) < 2 or len(networks) * len(labels) < 3:
        raise ValueError("networks: a slope with an error needs two different widths and three runs; add networks or seeds")
    if not method.discrete and options.get("save_at") is None:
        raise ValueError("save_at: a flow takes different steps for each model; give the times at which to compare")
    if limit is None:
        if not isinstance(networks[0], HasLimit):
            raise ValueError(f"limit: {type(networks[0]).__name__} does not say what its limit is; give the limit model")
        limit = networks[0].limit()
    reference = solve(limit, X, y, method, rng=0, **options)
    if not reference.success:
        raise ValueError(f"limit: its run failed ({reference.message}); choose a method that the limit can follow")
    widths = [network.width for network in networks]
    paths = np.full((len(networks), len(labels), len(reference.t)), np.nan)
    failed: list[str] = []
    for (w, network), (s, seed) in product(enumerate(networks), enumerate(labels)):
        sol = solve(network, X, y, method, rng=np.random.SeedSequence([seed, network.width]), **options)
        if sol.stats["interrupted"]:
            failed.append(f"interrupted by Ctrl-C: the networks from width {network.width}, seed {seed} on were not run")
            break
        counterpart = _counterpart(limit, reference, sol, X, y, method, options) if sol.success else sol
        if counterpart.success:
            paths[w, s] = _rms_gap(sol, counterpart)
        else:
            failed.append(f"width {network.width}, seed {seed}{' (its limit)' if sol.success else ''}: {counterpart.message}")
    gaps = np.sqrt((paths**2).mean(axis=2))
    fitted = ~np.isnan(gaps)
    try:
        slope, error = power_law(np.repeat(widths, len(labels))[fitted.ravel()], gaps[fitted])
    except ValueError as reason:  # the gaps are kept all the same
        slope = error = np.nan
        failed.append(f"no slope: {reason}")
    return Comparison(np.array(widths), np.array(labels), reference.t, gaps, paths, slope, error, reference, failed)


def _counterpart(limit: Any, reference: Solution, sol: Solution, X: Any, y: Any, method: Method, options: dict[str, Any]) -> Solution:
    """What a network is held against: the limit, from the network's own start where the limit's is random."""
    if not (isinstance(limit, RandomStart) and limit.random_start):
        return reference
    problem = sol.problem
    return solve(limit.started_at(lambda Z: problem.predict(problem.start(), Z)), X, y, method, rng=0, **options)


def _labels(seeds: Any) -> list[int]:
    if np.ndim(seeds) == 0 and not isinstance(seeds, range):
        return list(range(integer("seeds", seeds, least=1, most=MOST_SEEDS)))
    labels = [integer("seeds", seed, least=0) for seed in seeds]
    if not labels:
        raise ValueError("seeds: is empty; give a number of seeds or a list of them")
    return labels


def _rms_gap(sol: Solution, reference: Solution) -> Array:
    """Root mean square over samples (test samples too) and outputs at each time, shape (T,)."""
    gap = sol.outputs - reference.outputs
    if sol.test_outputs is not None and reference.test_outputs is not None:
        gap = np.concatenate([gap, sol.test_outputs - reference.test_outputs], axis=1)
    return np.sqrt((gap.astype(float) ** 2).mean(axis=(1, 2)))
