r"""Escape times: when a finite network leaves a stationary point of its infinite-width limit, and how that grows with the width.

A network of width m starts at a distance of order :math:`m^{-1/2}` from the stationary point, so it leaves late, not never. The escape
time is the first t with :math:`\mathrm{loss}(t) < 0.9\,\mathrm{loss}(f = 0)`. One family holds the laws it may follow:

.. math:: t(m) = a + b\, \frac{m^p - 1}{p}, \qquad p = 0:\; t(m) = a + b \ln m.

Because the logarithm is a member, the free exponent p with its standard error tells the laws apart. Theory may also predict
:math:`a + b\, m^p \ln m`; which law, is in :mod:`infwidth.limits.integrable.saddle`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.solution import Solution

__all__ = ["EscapeFit", "Law", "escape_time", "fit_laws"]

Array = np.ndarray

EXPONENTS = (-1.0, 3.0)  # where a free exponent is looked for


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
    >>> escape.escape_time(iw.solve(iw.DeepLinearIntegrable(3, "standard"), X, y, method))
    inf
    >>> parameterization = iw.Parameterization.integrable(3)
    >>> runs = [iw.solve(iw.Network(2, 3, m, "linear", parameterization), X, y, method, rng=0) for m in (16, 256)]
    >>> bool(escape.escape_time(runs[0]) < escape.escape_time(runs[1]) < 15)
    True
    """
    fraction = real("fraction", fraction, above=0)
    if fraction >= 1:
        raise ValueError(f"fraction: need a number below 1, got {fraction:g}; 0.9 is the usual one")
    if len(solution.loss) == 0:
        raise ValueError("solution: holds no saved times; solve with the default save_at")
    if reference is None:
        data = getattr(solution.problem, "data", None)
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
class Law:
    r"""A fitted law :math:`t(m) = a + b\,(m^p - 1)/p`, or :math:`a + b\, m^p \ln m` with a ``logarithm`` or p = 0.

    Attributes
    ----------
    name : {"log", "power", "predicted"}
    offset, slope, exponent : float
        a, b, p. For a power law :math:`a - b/p` and :math:`b/p` are the offset and the prefactor of :math:`m^p`.
    offset_error, slope_error, exponent_error : float
        Standard errors, by resampling the seeds; 0 for an exponent that is not fitted.
    chi2 : float
        Sum of squared deviations of the medians, in units of their standard errors.
    aic : float
        :math:`\chi^2` + twice the number of fitted parameters, for Gaussian medians of known errors. Lower is better.
    prediction_error : float
        Root mean square relative error of the time at each width, predicted from the other widths.
    logarithm : bool
        Whether it has the factor :math:`\ln m`.
    """

    name: str
    offset: float
    slope: float
    exponent: float
    offset_error: float
    slope_error: float
    exponent_error: float
    chi2: float
    aic: float
    prediction_error: float
    logarithm: bool = False

    def __call__(self, width: Any) -> Any:
        """Time at that width, or at an array of widths."""
        return self.offset + self.slope * _growth(np.asarray(width, dtype=float), self.exponent, self.logarithm)


@dataclass(frozen=True)
class EscapeFit:
    """Escape times against width, with the fitted laws.

    Attributes
    ----------
    widths : ndarray, shape (W,)
    medians, errors : ndarray, shape (W,)
        Median over the seeds and its standard error (resampled).
    log, power, predicted : Law
        The logarithm; the power law with a free exponent; the one that was given.
    """

    widths: Array
    medians: Array
    errors: Array
    log: Law
    power: Law
    predicted: Law

    @property
    def laws(self) -> tuple[Law, ...]:
        """The different laws: two where the predicted one is the logarithm."""
        return (self.log, self.power) if self.predicted.exponent == 0 else (self.log, self.power, self.predicted)

    @property
    def better(self) -> Law:
        """The law of lowest AIC."""
        return min(self.laws, key=lambda law: law.aic)


def fit_laws(
    widths: Sequence[int],
    times: Sequence[Any],
    exponent: float,
    *,
    logarithm: bool = False,
    resamples: int = 400,
    rng: Any = 0,
) -> EscapeFit:
    r"""Fit the laws to the medians over seeds, weighted by their standard errors.

    Parameters
    ----------
    widths : sequence of int, length W
        At least four different widths.
    times : sequence of W sequences of float
        Escape times of the seeds at each width, at least 8; ``inf`` for those that did not escape (less than half).
    exponent : float
        The predicted exponent p; 0 for the logarithm.
    logarithm : bool
        Whether the predicted law is :math:`m^p \ln m`.
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
    >>> fit = escape.fit_laws(widths, noise * np.sqrt(widths)[:, None], exponent=0.5)
    >>> bool(abs(fit.power.exponent - 0.5) < 2 * fit.power.exponent_error), bool(fit.log.aic > fit.predicted.aic + 10)
    (True, True)
    """
    m = np.array([integer("widths", width, least=2) for width in widths], dtype=float)
    samples = [np.asarray(seeds, dtype=float).ravel() for seeds in times]
    exponent = real("exponent", exponent)
    resamples = integer("resamples", resamples, least=20)
    if len(np.unique(m)) < 4 or len(m) != len(np.unique(m)):
        raise ValueError(f"widths: need at least 4 different ones, got {list(widths)}")
    if len(samples) != len(m):
        raise ValueError(f"times: has {len(samples)} rows but there are {len(m)} widths; give one row of seeds per width")
    for width, seeds in zip(m, samples, strict=True):
        if len(seeds) < 8:
            raise ValueError(f"times: need at least 8 seeds at every width, got {len(seeds)} at width {width:g}")
        if not 0 < np.median(seeds) < math.inf:
            raise ValueError(f"times: the median at width {width:g} is {np.median(seeds)}; solve longer, so that most seeds escape")
    generator = np.random.default_rng(rng)
    medians = np.array([np.median(seeds) for seeds in samples])
    drawn = np.array([np.median(generator.choice(seeds, (resamples, len(seeds))), axis=1) for seeds in samples]).T
    finite = np.isfinite(drawn).all(axis=1)
    if finite.sum() < resamples / 2:
        worst = m[int(np.argmax(np.isinf(drawn).sum(axis=0)))]
        raise ValueError(
            f"times: only {finite.sum()} of {resamples} resamples of the seeds have finite medians at every width (fewest at width"
            f" {worst:g}); solve longer, so that more seeds escape"
        )
    drawn = drawn[finite]
    # Seeds that happen to agree must not claim an infinite weight.
    errors = np.maximum(drawn.std(axis=0, ddof=1), 1e-6 * medians)

    def law(name: str, p: float | None, with_log: bool = False) -> Law:
        def fit(t: Array, k: Any = slice(None)) -> Array:
            return _fit(m[k], t[k], errors[k], p, with_log)

        parameters = fit(medians)
        spread = np.std([fit(row) for row in drawn], axis=0, ddof=1)
        chi2 = float((((medians - _times(m, parameters, with_log)) / errors) ** 2).sum())
        kept = [np.arange(len(m)) != left_out for left_out in range(len(m))]
        others = np.array([_times(m[~k], fit(medians, k), with_log)[0] for k in kept])
        return Law(
            name,
            float(parameters[0]),
            float(parameters[1]),
            float(parameters[2]),
            float(spread[0]),
            float(spread[1]),
            float(spread[2]),
            chi2=chi2,
            aic=chi2 + 2 * (3 if p is None else 2),
            prediction_error=float(np.sqrt(np.mean((others / medians - 1) ** 2))),
            logarithm=with_log,
        )

    predicted = law("predicted", exponent, logarithm and exponent != 0)
    return EscapeFit(m.astype(int), medians, errors, law("log", 0.0), law("power", None), predicted)


def _growth(m: Array, p: float, with_log: bool = False) -> Array:
    """(m^p - 1)/p, its limit ln m at p = 0, or m^p ln m."""
    log = np.log(m)
    if with_log:
        return m**p * log
    return log if p == 0 else np.expm1(p * log) / p


def _times(m: Array, parameters: Array, with_log: bool = False) -> Array:
    return parameters[0] + parameters[1] * _growth(m, parameters[2], with_log)


def _linear_fit(m: Array, t: Array, errors: Array, p: float, with_log: bool = False) -> tuple[Array, float]:
    """Weighted least squares for (a, b) at one p, and its sum of squares."""
    design = np.stack([np.ones_like(m), _growth(m, p, with_log)], axis=1) / errors[:, None]
    (a, b), *_ = np.linalg.lstsq(design, t / errors, rcond=None)
    parameters = np.array([a, b, p])
    return parameters, float((((t - _times(m, parameters, with_log)) / errors) ** 2).sum())


def _fit(m: Array, t: Array, errors: Array, p: float | None, with_log: bool) -> Array:
    """(a, b, p); a and b are eliminated, so a free p is a search in one dimension."""
    if p is not None:
        return _linear_fit(m, t, errors, p, with_log)[0]
    from scipy.optimize import minimize_scalar

    grid = np.linspace(*EXPONENTS, 17)
    best = int(np.argmin([_linear_fit(m, t, errors, q)[1] for q in grid]))
    bracket = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(lambda q: _linear_fit(m, t, errors, q)[1], bounds=bracket, method="bounded", options={"xatol": 1e-6})
    return _linear_fit(m, t, errors, float(found.x))[0]
