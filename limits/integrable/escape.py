r"""Escape times: when a finite network leaves a stationary point of its infinite-width limit, and how that grows with the width.

A network of width m starts at a distance of order :math:`m^{-1/2}` from the stationary point, so it leaves late, not never. The escape
time is the first t with :math:`\mathrm{loss}(t) < 0.9\,\mathrm{loss}(f = 0)`. One family holds the curves it may follow:

.. math:: t(m) = a + b\, \frac{m^p - 1}{p}, \qquad p = 0:\; t(m) = a + b \ln m.

Because the logarithm is a member, the free exponent p with its standard error tells them apart. Theory may also predict
:math:`a + b\, m^p \ln m`; what it predicts is in :mod:`infwidth.limits.saddle`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.checks import flag, instance, integer, integers, numbers, real, shown, squarable
from ...solvers.machine.memory import refuse_above_available
from ...solvers.running.streams import generator
from ...solvers.solution import Solution
from .growth_curve import GrowthCurve, fitted_curve

__all__ = ["EscapeFit", "GrowthCurve", "escape_time", "fit_growth"]

Array = np.ndarray

STEEPEST = 20.0  # exponent of a prediction


def escape_time(solution: Solution, fraction: float = 0.9, reference: float | None = None) -> float:
    r"""First time with :math:`\mathrm{loss}(t) < \mathrm{fraction} \cdot \mathrm{loss}(f = 0)`, interpolated between the saved times.

    Parameters
    ----------
    solution : Solution
        Of any model; its time is that of its method (``learning_rate * step`` for gradient descent).
    fraction : float, default 0.9
        Part of the reference loss, between 0 and 1.
    reference : float, optional
        The loss to compare with. Default: that of the outputs f = 0 on the training data of the solution.

    Returns
    -------
    float
        ``inf`` where the run ended before it escaped. A median over seeds stays right as long as most of them escape.

    Raises
    ------
    ValueError
        Where the run diverged or was interrupted before it escaped, nothing was saved, or there are no data to take the reference from.

    Examples
    --------
    The limit of naive IP with three hidden layers never moves, and its networks move late:

    >>> import infwidth as iw
    >>> from infwidth.limits import escape
    >>> X, y = np.eye(2), np.array([2.0, -2.0])
    >>> method = iw.GradientDescent(0.1, steps=150)
    >>> escape.escape_time(iw.solve(iw.DeepLinearIntegrable(3, "naive"), X, y, method))
    inf
    >>> parameterization = iw.Parameterization.integrable(3)
    >>> runs = [iw.solve(iw.Network(2, 3, m, "linear", parameterization), X, y, method, rng=0) for m in (16, 256)]
    >>> bool(escape.escape_time(runs[0]) < escape.escape_time(runs[1]) < 15)
    True
    """
    instance("solution", solution, Solution, "solve(network, X, y, method)")
    fraction = real("fraction", fraction, above=0, below=1, way_out="0.9 is the usual one")
    if len(solution.loss) == 0:
        raise ValueError("solution: holds no saved times; solve with the default save_at")
    if reference is None:
        data = None if solution.problem is None else solution.problem.data
        if data is None:
            raise ValueError("reference: this solution carries no data to evaluate f = 0 on; give the loss of f = 0")
        reference = data.judge(np.zeros_like(data.y))[0]
    level = fraction * real("reference", reference, above=0)
    below = np.flatnonzero(solution.loss < level)
    if below.size == 0:
        if not solution.success:
            raise ValueError(f"solution: ended before it escaped ({solution.message}); solve it again with another rate")
        return math.inf
    k = int(below[0])
    if k == 0:
        return float(solution.t[0])
    before, after = solution.loss[k - 1], solution.loss[k]
    return float(solution.t[k - 1] + (solution.t[k] - solution.t[k - 1]) * (before - level) / (before - after))


@dataclass(frozen=True)
class EscapeFit:
    """Escape times against width, with the fitted curves.

    Attributes
    ----------
    widths : ndarray, shape (W,)
    medians, errors : ndarray, shape (W,)
        Median over the seeds and its standard error (resampled).
    log, power, predicted : GrowthCurve
        The logarithm; the power law with a free exponent; the one that was given.
    """

    widths: Array
    medians: Array
    errors: Array
    log: GrowthCurve
    power: GrowthCurve
    predicted: GrowthCurve

    @property
    def curves(self) -> tuple[GrowthCurve, ...]:
        """The different curves: two where the predicted one is the logarithm."""
        return (self.log, self.power) if self.predicted.exponent == 0 else (self.log, self.power, self.predicted)

    @property
    def better(self) -> GrowthCurve:
        """The curve of lowest AIC."""
        return min(self.curves, key=lambda curve: curve.aic)


def fit_growth(
    widths: Sequence[int],
    times: Sequence[Any],
    exponent: float,
    *,
    logarithm: bool = False,
    resamples: int = 400,
    rng: Any = 0,
) -> EscapeFit:
    r"""Fit the curves to the medians over seeds, weighted by their standard errors.

    Parameters
    ----------
    widths : sequence of int, length W
        At least four different widths.
    times : sequence of W sequences of float
        Escape times of the seeds at each width, at least 8; ``inf`` for those that did not escape (less than half).
    exponent : float
        The predicted exponent p; 0 for the logarithm.
    logarithm : bool
        Whether the predicted curve is :math:`m^p \ln m`.
    resamples : int
        Number of bootstrap samples over the seeds. Those with an infinite median at some width (too many seeds that did not escape) are
        left out: the standard errors are conditional on finite medians, and too small where that happens often.
    rng : int, Generator or SeedSequence
        Draws them.

    Raises
    ------
    ValueError
        Where there are too few widths or seeds, the numbers of both differ, a median is not finite and positive, or fewer than half of the
        bootstrap samples have finite medians at every width.

    Examples
    --------
    >>> from infwidth.limits import escape
    >>> widths = [32, 64, 128, 256, 512]
    >>> noise = np.random.default_rng(0).lognormal(0, 0.1, size=(5, 20))
    >>> fit = escape.fit_growth(widths, noise * np.sqrt(widths)[:, None], exponent=0.5)
    >>> bool(abs(fit.power.exponent - 0.5) < 2 * fit.power.exponent_error), bool(fit.log.aic > fit.predicted.aic + 10)
    (True, True)
    """
    m = np.array(integers("widths", widths, least=2, least_length=4), dtype=float)
    if len(m) != len(np.unique(m)):
        raise ValueError(f"widths: need different ones, got {list(widths)}")
    samples = _samples(times)
    exponent = real("exponent", exponent, least=-STEEPEST, most=STEEPEST)
    logarithm = flag("logarithm", logarithm)
    resamples = integer("resamples", resamples, least=20)
    longest = max((len(seeds) for seeds in samples), default=0)
    refuse_above_available("resamples", f"{resamples} samples of {longest} seeds", 8.0 * resamples * (longest + len(m)), "lower it")
    if len(samples) != len(m):
        raise ValueError(f"times: has {len(samples)} rows but there are {len(m)} widths; give one row of seeds per width")
    for width, seeds in zip(m, samples, strict=True):
        if len(seeds) < 8:
            raise ValueError(f"times: need at least 8 seeds at every width, got {len(seeds)} at width {width:g}")
        if not 0 < np.median(seeds) < math.inf:
            raise ValueError(f"times: the median at width {width:g} is {np.median(seeds)}; solve longer, so that most seeds escape")
    medians = np.array([np.median(seeds) for seeds in samples])
    drawn = _resampled_medians(m, samples, resamples, generator(rng))
    # Seeds that happen to agree must not claim an infinite weight.
    errors = np.maximum(drawn.std(axis=0, ddof=1), 1e-6 * medians)
    cases = (("log", 0.0, False), ("power", None, False), ("predicted", exponent, logarithm and exponent != 0))
    log, power, predicted = (fitted_curve(name, p, with_log, m, medians, errors, drawn) for name, p, with_log in cases)
    return EscapeFit(m.astype(int), medians, errors, log, power, predicted)


def _samples(times: Any) -> list[Array]:
    """The seeds at each width; ``inf`` for those that did not escape."""
    if isinstance(times, str | bytes | dict | set) or not np.iterable(times):
        raise ValueError(f"times: need one sequence of escape times per width, got {shown(times)}")
    samples = [numbers(f"times[{i}]", seeds).astype(float).ravel() for i, seeds in enumerate(times)]
    if isinstance(times, np.ma.MaskedArray):
        numbers("times", times)
    for i, seeds in enumerate(samples):
        if not (seeds >= 0).all():
            raise ValueError(f"times[{i}]: escape times are not negative, got {seeds[~(seeds >= 0)][0]:g}; inf where a seed did not escape")
        squarable(f"times[{i}]", seeds[np.isfinite(seeds)])
    return samples


def _resampled_medians(m: Array, samples: list[Array], resamples: int, rng: np.random.Generator) -> Array:
    """Medians of bootstrap samples of the seeds, shape (at most ``resamples``, W): those that are finite at every width."""
    drawn = np.array([np.median(rng.choice(seeds, (resamples, len(seeds))), axis=1) for seeds in samples]).T
    finite = np.isfinite(drawn).all(axis=1)
    if finite.sum() < resamples / 2:
        worst = m[int(np.argmax(np.isinf(drawn).sum(axis=0)))]
        raise ValueError(
            f"times: only {finite.sum()} of {resamples} resamples of the seeds have finite medians at every width (fewest at width"
            f" {worst:g}); solve longer, so that more seeds escape"
        )
    return drawn[finite]
