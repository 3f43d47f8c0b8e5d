r"""One fitted curve of escape times against the width, with its errors and its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.checks import numbers, shown

__all__ = ["GrowthCurve", "fitted_curve", "growth"]

Array = np.ndarray

EXPONENTS = (-1.0, 3.0)  # where a free exponent is looked for


@dataclass(frozen=True)
class GrowthCurve:
    r"""A fitted curve :math:`t(m) = a + b\,(m^p - 1)/p`, or :math:`a + b\, m^p \ln m` with a ``logarithm`` or p = 0.

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
        """Time at that width, or at an array of widths. ValueError where they are not positive numbers, up to 1e100."""
        widths = numbers("width", width).astype(float)
        if not (widths.size and np.isfinite(widths).all() and (widths >= 1e-100).all() and (widths <= 1e100).all()):
            raise ValueError(f"width: need positive numbers up to 1e100, got {shown(width)}")
        return self.offset + self.slope * growth(widths, self.exponent, self.logarithm)


def fitted_curve(name: str, p: float | None, with_log: bool, m: Array, medians: Array, errors: Array, drawn: Array) -> GrowthCurve:
    """The curve of exponent p (None: free) through the medians (W,), its errors from those of resampled seeds ``drawn`` (resamples, W)."""
    a, b, exponent = parameters = _fit(m, medians, errors, p, with_log)
    a_error, b_error, exponent_error = np.std([_fit(m, row, errors, p, with_log) for row in drawn], axis=0, ddof=1)
    chi2 = float((((medians - _times(m, parameters, with_log)) / errors) ** 2).sum())
    kept = [np.arange(len(m)) != left_out for left_out in range(len(m))]
    predictions = np.array([_times(m[~k], _fit(m[k], medians[k], errors[k], p, with_log), with_log)[0] for k in kept])
    return GrowthCurve(
        name,
        float(a),
        float(b),
        float(exponent),
        float(a_error),
        float(b_error),
        float(exponent_error),
        chi2=chi2,
        aic=chi2 + 2 * (3 if p is None else 2),
        prediction_error=float(np.sqrt(np.mean((predictions / medians - 1) ** 2))),
        logarithm=with_log,
    )


def growth(m: Array, p: float, with_log: bool = False) -> Array:
    """(m^p - 1)/p, its limit ln m at p = 0, or m^p ln m."""
    log = np.log(m)
    if with_log:
        return m**p * log
    return log if p == 0 else np.expm1(p * log) / p


def _times(m: Array, parameters: Array, with_log: bool = False) -> Array:
    return parameters[0] + parameters[1] * growth(m, parameters[2], with_log)


def _linear_fit(m: Array, t: Array, errors: Array, p: float, with_log: bool = False) -> tuple[Array, float]:
    """Weighted least squares for (a, b) at one p, and its sum of squares."""
    design = np.stack([np.ones_like(m), growth(m, p, with_log)], axis=1) / errors[:, None]
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
