r"""A limit against finite networks: how the gap falls with the width."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence, Sized
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checkpoint
from ..checks import instance, integer, listed, shown
from ..checks import path as checked_path
from ..figures import label_widths, one_axes, plain_ticks
from ..files.replacing import check_writable
from ..machine.memory import refuse_above_available
from ..model_abilities import FiniteModel, HasLimit, RandomStart
from ..problem import Method, Refining, Rescaled
from ..running.fingerprint import fingerprint
from ..running.interrupt import study
from ..solution import Solution
from ..solving import solve
from .gaps import Compared, check_stored, compute_gaps, gap, gathered, not_run, other_limit, own_error, seed_of_method, width_of
from .summary import check_saved, summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "compare"]

Array = np.ndarray

MOST_SEEDS = 1_000_000
FLAT = -0.25  # a slope above it is far from -1/2, whatever its error


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
        Networks whose run did not succeed, with its message; their gaps are NaN and left out of the slope. After Ctrl-C, where a worker
        died, or where the gaps have no power law (0 against 0), it says so here, and the slope is NaN if there are too few left; and
        where they fall more slowly than :math:`m^{-1/2}` because the limit itself, of too few particles, is as far from another draw, or
        because it is not the one that the networks name, which is nearer (a warning says so too).
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
        medians = [np.median(row[~np.isnan(row)]) if not np.isnan(row).all() else np.nan for row in self.gaps]
        lines += [f"{m:6d}   {median:.4g}" for m, median in zip(self.widths, medians, strict=True)]
        return "\n".join([*lines, f"slope   {self.slope:.3f} +- {self.slope_error:.3f}", *self.failed])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the numbers to one .npz file of that path (no pickle), atomically."""
        check_writable("path", path)
        content = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "limit"}
        checkpoint.write(path, {"kind": "comparison", **content})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Comparison:
        """Read what :meth:`save` wrote to that path; ValueError where the file holds something else."""
        content = checkpoint.read(checked_path("path", path), "comparison")
        try:
            check_saved(content, set(cls.__dataclass_fields__) - {"limit"})
        except (KeyError, TypeError, ValueError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"path: {os.fspath(path)!r} is no whole Comparison ({what:.120}); compare again and save anew") from error
        return cls(**content)

    def plot(self, axes: Any = None) -> Figure:
        """Every gap against the width, their medians, and the fitted power; on matplotlib ``axes``, or new ones."""
        axes = one_axes(axes, (4.6, 3.6))
        widths = np.repeat(self.widths, self.gaps.shape[1])
        axes.loglog(widths, self.gaps.ravel(), ".", color="tab:blue", alpha=0.35, label="one network")
        ran = [i for i in np.argsort(self.widths) if (self.gaps[i] > 0).any()]
        if ran:
            axes.loglog(self.widths[ran], np.nanmedian(self.gaps[ran], axis=1), "o", color="tab:blue", label="median")
            m = np.sort(self.widths)
            if np.isfinite(self.slope):
                x, z = np.log(widths[self.gaps.ravel() > 0]), np.log(self.gaps[self.gaps > 0])
                fitted = np.exp(z.mean() + self.slope * (np.log(m) - x.mean()))
                axes.loglog(m, fitted, "--", color="black", label=rf"$m^{{{self.slope:.2f} \pm {self.slope_error:.2f}}}$")
            first = ran[0]
            axes.loglog(m, np.nanmedian(self.gaps[first]) * (m / self.widths[first]) ** -0.5, ":", color="grey", label="$m^{-1/2}$")
        axes.set(xlabel="width $m$", ylabel="rms gap to the limit")
        label_widths(axes, self.widths)
        plain_ticks(axes.yaxis)
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
        Where there are fewer than two widths or three runs, two runs would be the same, networks name different limits, the executor has
        been shut down, or the limit fails; what there is of it is then in the attribute ``solution`` of the error.
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
    networks, labels = _checked(networks, seeds, method, options)
    if executor is not None:
        instance("executor", executor, Executor, "concurrent.futures.ProcessPoolExecutor(4)")
    if limit is None:
        limit = _own_limit(networks, method)
    if isinstance(method, Refining):
        method = replace(method, estimate_error=False)  # type: ignore[type-var]  # of no use here, and half of the work
    options = {"X": X, "y": y, "method": method, **options}
    references = {label: _reference(limit, label, options) for label in (labels if method.draws else labels[:1])}
    first = references[labels[0]]
    held = {label: Compared.of(reference) for label, reference in references.items()}
    points = {i: {"network": w, "seed": seed} for i, (w, seed) in enumerate(product(range(len(networks)), labels))}
    runs = compute_gaps(partial(gap, limit, networks, held, options), points, executor, resume, partial(check_stored, len(first.t)))
    if runs.failures and not runs.found:
        raise next(iter(runs.failures.values()))
    widths = [width_of(network) for network in networks]
    paths, failed = gathered(points, runs.found, runs.failures, widths, (len(networks), len(labels), len(first.t)))
    if runs.end:
        failed.append(not_run(points, runs, widths, executor))
    gaps, slope, error, reason = summary(widths, paths)
    if reason:
        failed.append(f"no slope: {reason}")
    widest, remark = int(np.argmax(widths)), ""
    if slope > -0.5 + 2 * error and not (isinstance(limit, RandomStart) and limit.random_start):
        remark = own_error(limit, labels[0], first, options, widths[widest], float(np.nanmedian(gaps[widest])))
    if not (remark or slope <= min(-0.5 + 2 * error, FLAT)) and (own := _not_given(limit, networks, method)) is not None:
        remark = other_limit(own, networks, labels[0], options, widest, float(gaps[widest, 0]))
        if remark:
            warnings.warn(remark, RuntimeWarning, stacklevel=2)
    if remark:
        failed.append(remark)
    return Comparison(np.array(widths), np.array(labels), first.t, gaps, paths, slope, error, first, failed)


def _checked(networks: Any, seeds: Any, method: Any, options: dict[str, Any]) -> tuple[list[Any], list[int]]:
    """The networks and the labels of the runs, where method and networks make a comparison."""
    if isinstance(method, type) or not isinstance(method, Method):
        raise TypeError(f"method: need a method, got {shown(method)}; for example GradientDescent(learning_rate=0.1, steps=100)")
    networks = listed("networks", networks) if np.iterable(networks) and not isinstance(networks, type) else []
    if not networks or not all(isinstance(network, FiniteModel) for network in networks):
        raise ValueError("networks: need at least one finite network with a width; for example [Network(..., m, ...) for m in (64, 256)]")
    if alone := set(options) & {"checkpoint", "checkpoint_seconds", "start", "rng"}:
        raise ValueError(f"{min(alone)}: belongs to a single run; a comparison has seeds, and resume=folder to go on after an interruption")
    labels = _labels(seeds)
    prints = [_print(network) for network in networks]
    if len(set(prints)) < len(prints):
        raise ValueError("networks: two of them are equal, and so would their runs be; give each width once, and more seeds")
    if len({width_of(network) for network in networks}) < 2 or len(networks) * len(labels) < 3:
        raise ValueError("networks: a slope with an error needs two different widths and three runs; add networks or seeds")
    saved = options.get("save_at")
    if np.iterable(saved) or method.discrete:
        times = len(saved) if isinstance(saved, Sized) else method.end + 1
        what = f"gaps of {len(networks) * len(labels):.3g} networks at {times:.3g} times"
        refuse_above_available("seeds", what, 16.0 * len(networks) * len(labels) * times, "give fewer, or fewer times to save_at")
    if not method.discrete and saved is None:
        raise ValueError("save_at: a flow takes different steps for each model; give the times at which to compare")
    return networks, labels


def _reference(limit: Any, label: int, options: dict[str, Any]) -> Solution:
    """The limit with the batches of one label."""
    with study() as run:
        solution = solve(limit, rng=(0, seed_of_method(label)), **options)
    if run.interrupted:
        raise KeyboardInterrupt("in the limit, before the networks")
    if not solution.success:
        error = ValueError(f"limit: its run failed ({solution.message}); choose a method that the limit can follow")
        error.solution = solution  # type: ignore[attr-defined]
        raise error
    return solution


def _own_limit(networks: list[Any], method: Method) -> Any:
    """The limit that all networks name."""
    for network in networks:
        if not isinstance(network, HasLimit):
            raise ValueError(f"limit: {type(network).__name__} does not say what its limit is; give the limit model")
    if isinstance(method, Rescaled):
        raise ValueError(f"limit: {method.other_limit}")
    limits = [network.limit() for network in networks]
    if len({_print(limit) for limit in limits}) > 1:
        other = next(limit for limit in limits if _print(limit) != _print(limits[0]))
        raise ValueError(f"networks: name different limits, {limits[0]!r:.80} and {other!r:.80}; give networks alike but for their widths")
    return limits[0]


def _not_given(limit: Any, networks: list[Any], method: Method) -> Any:
    """The limit that the networks name, if it is not the one given; None where there is none."""
    try:
        own = _own_limit(networks, method)
    except (ValueError, NotImplementedError):
        return None
    return None if _print(own) == _print(limit) else own


def _print(model: Any) -> Any:
    """Equal for equal models; for those that cannot be told, its own."""
    try:
        return fingerprint(model)
    except ValueError:
        return id(model)


def _labels(seeds: Any) -> list[int]:
    if not np.iterable(seeds) or isinstance(seeds, str | bytes | dict | set | type):
        return list(range(integer("seeds", seeds, least=1, most=MOST_SEEDS)))
    labels = [integer("seeds", seed, least=0) for seed in listed("seeds", seeds)]
    if len(set(labels)) < len(labels):
        twice = Counter(labels).most_common(1)[0][0]
        raise ValueError(f"seeds: {twice} occurs twice, and the same seed gives the same run; give different ones")
    if not labels:
        raise ValueError("seeds: is empty; give a number of seeds or a list of them")
    return labels
