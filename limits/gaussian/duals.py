"""Gaussian expectations of an activation: the closed form, or the method whose own error estimate meets the tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from ...solvers.checks import asked, choice, function, numbers, real, reals, returned
from .. import activations
from ..activations import Activation
from .closed_forms import ClosedForm
from .kinks import Kink, coefficients, kinks_of, product, without
from .line import EPS, integrate
from .mehler import HermiteSeries, hermite_series
from .plane import in_units, integrate_pairs

__all__ = ["Estimate", "Moments", "dual", "expectation", "moments"]

Array = np.ndarray

LARGEST = 1e150  # variance

TERMS = (32, 128, 512, 2048)  # of Mehler's series
LEAST_VARIANCE = 1e-10  # below it E phi phi'' is taken there


class Estimate(NamedTuple):
    """A value and a bound of its absolute error.

    Attributes
    ----------
    value, error : ndarray
        Of one shape.
    """

    value: Array
    error: Array


class Moments(NamedTuple):
    r"""Expectations over one Gaussian variable, arrays of the shape of the variances.

    Attributes
    ----------
    mean, square : ndarray
        :math:`\mathbb E\,\phi` and :math:`\mathbb E\,\phi^2`.
    slope, slope_square : ndarray
        :math:`\mathbb E\,\phi'` and :math:`\mathbb E\,\phi'^2`.
    curvature : ndarray
        :math:`\mathbb E\,\phi\phi'' = \tfrac{d}{dq}\mathbb E\,\phi^2 - \mathbb E\,\phi'^2`, kinks included.
    error : ndarray
        The largest of their absolute errors.
    """

    mean: Array
    square: Array
    slope: Array
    slope_square: Array
    curvature: Array
    error: Array


def expectation(f: Callable[[Array], Array], q: Any, kinks: tuple[float, ...] = (), tolerance: float = 1e-12) -> Estimate:
    r""":math:`\mathbb E f(\sqrt q z)`, :math:`z \sim N(0, 1)`, for any function.

    Parameters
    ----------
    f : callable
        Elementwise, array to array.
    q : array_like
        Variances, of any shape.
    kinks : tuple of float
        Points at which f is not smooth.
    tolerance : float
        Of the error, relative to the root mean square of f. Where it is not met, the error says so.

    Returns
    -------
    Estimate
        Of the shape of q.

    Raises
    ------
    ValueError
        Where a variance is negative, or f grows so fast that its expectation is infinite.

    Examples
    --------
    >>> from infwidth.limits import gaussian
    >>> value, error = gaussian.expectation(np.abs, 2.0, kinks=(0.0,))
    >>> bool(abs(value - 2 / np.sqrt(np.pi)) <= error < 1e-12)
    True
    """
    function("f", f, "points to values, elementwise")
    variance, kinks = _variances("q", q), reals("kinks", kinks)
    root = np.sqrt(variance.ravel())
    f = _checked(f, root)
    value, error = integrate(lambda z, rows: f(root[rows, None] * z)[None], len(root), in_units(kinks, root), _relative(tolerance))
    return Estimate(value[0].reshape(variance.shape), error[0].reshape(variance.shape))


def moments(activation: str | Activation, q: Any, tolerance: float = 1e-12) -> Moments:
    r"""Expectations of :math:`\phi, \phi^2, \phi', \phi'^2, \phi\phi''` at :math:`u \sim N(0, q)`.

    Parameters
    ----------
    activation : str or Activation
    q : array_like
        Variances, of any shape.
    tolerance : float
        Of the error, relative to the root mean squares of the integrands. Where it is not met, ``error`` says so.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        Where a variance is negative or the activation grows so fast that an expectation is infinite.

    Examples
    --------
    The variance map of tanh, without weights' variance and bias:

    >>> from infwidth.limits import gaussian
    >>> gaussian.moments("tanh", [0.2, 1.0, 2.0]).square
    array([0.147182, 0.394294, 0.519976])
    """
    phi = activations.get(activation)
    variance = _variances("q", q)
    flat, relative = variance.ravel(), _relative(tolerance)
    parts = _closed_moments(phi.duals, flat) if phi.duals else _integrated_moments(phi, flat, relative)
    at_rest = flat == 0
    if at_rest.any():
        value, slope = phi.at_zero()
        for part, exact in zip(parts, (value, value**2, slope, slope**2), strict=False):
            part[at_rest] = exact
    return Moments(*(part.reshape(variance.shape) for part in parts))


def _closed_moments(form: ClosedForm, q: Array) -> list[Array]:
    one, zero = np.ones_like(q), np.zeros_like(q)
    square, slope_square = form.value(q, q, one, zero), form.slope(q, q, one, zero)
    away = np.maximum(q, np.finfo(float).tiny)
    curvature = form.curvature(away, away, one, zero)
    largest = np.maximum(square, slope_square)
    error = 16 * EPS * np.maximum(np.maximum(largest, np.sqrt(np.abs(largest))), np.abs(curvature))
    return [form.mean(q), square, form.mean_slope(q), slope_square, curvature, error]


def _integrated_moments(phi: Activation, q: Array, tolerance: float) -> list[Array]:
    if not len(q):
        raise ValueError("q: is empty; give a variance")
    root, away = np.sqrt(q), np.sqrt(np.maximum(q, LEAST_VARIANCE))
    rest, rest_slope = phi.at_zero()

    def integrand(z: Array, rows: Array) -> Array:
        # E phi phi'' by Stein's identity, with the values at 0 taken off, whose part is 0, so that small variances lose no digits.
        h = root[rows, None] * z
        value, slope = phi.value(h), phi.derivative(h)
        tiny = q[rows] < LEAST_VARIANCE
        bend = ((value - rest) * slope + rest * (slope - rest_slope)) * (z / away[rows, None])
        if tiny.any():
            near = np.broadcast_to(away[rows[tiny], None] * z if len(z) == 1 else away[rows[tiny], None] * z[tiny], h[tiny].shape)
            near_value, near_slope = phi.value(near), phi.derivative(near)
            bend[tiny] = ((near_value - rest) * near_slope + rest * (near_slope - rest_slope)) * (near / away[rows[tiny], None] ** 2)
        return np.stack([value, value**2, slope, slope**2, bend])

    values, errors = integrate(integrand, len(q), in_units(phi.kinks, root), tolerance)
    values[4] -= values[3]
    errors[4] += errors[3] + EPS * (abs(rest) + abs(rest_slope)) / away
    return [*values, errors.max(axis=0)]


def dual(
    activation: str | Activation,
    q1: Any,
    q2: Any,
    c: Any,
    *,
    of: Literal["value", "derivative"] = "value",
    tolerance: float = 1e-12,
    sine: Any = None,
) -> Estimate:
    r""":math:`\mathbb E\,\phi(u)\phi(v)`, or :math:`\mathbb E\,\phi'(u)\phi'(v)`, for Gaussian u, v of variances q1, q2 and correlation c.

    Parameters
    ----------
    activation : str or Activation
    q1, q2, c : array_like
        Broadcast together.
    of : {"value", "derivative"}
        Whether :math:`\phi` or :math:`\phi'` is multiplied. By Price's theorem
        :math:`\partial_c\,\mathbb E\,\phi(u)\phi(v) = \sqrt{q_1q_2}\;\mathbb E\,\phi'(u)\phi'(v)` for a continuous :math:`\phi`.
    tolerance : float
        Of the error, relative to the root mean square of what is averaged. Where it is not met, ``error`` says so.
    sine : array_like, optional
        :math:`\sqrt{1 - c^2}` where it is known better than c tells: where c is near 1 or -1.

    Returns
    -------
    Estimate
        Of the broadcast shape.

    Raises
    ------
    ValueError
        Where a variance is negative, or a correlation beyond [-1, 1].

    Examples
    --------
    >>> from infwidth.limits import gaussian
    >>> relu = gaussian.dual("relu", 1.0, 1.0, [-1.0, 0.0, 1.0])
    >>> relu.value * 2 * np.pi
    array([0.        , 1.        , 3.14159265])
    >>> tanh = gaussian.dual("tanh", 1.0, 2.0, 0.5)
    >>> float(tanh.value), bool(tanh.error < 1e-12)
    (0.20960308, True)
    """
    phi = activations.get(activation)
    choice("of", of, ("value", "derivative"))
    relative = _relative(tolerance)
    q1, q2, c = _variances("q1", q1), _variances("q2", q2), _correlations(c)
    try:
        q1, q2, c = np.broadcast_arrays(q1, q2, c)
    except ValueError:
        raise ValueError(f"c: shapes must broadcast, got {np.shape(q1)} of q1, {np.shape(q2)} of q2 and {np.shape(c)} of c") from None
    shape = c.shape
    sine = np.sqrt((1 - c) * (1 + c)) if sine is None else np.broadcast_to(np.asarray(sine, float), shape)
    q1, q2, c, s = (np.ascontiguousarray(array).ravel() for array in (q1, q2, c, sine))
    if phi.duals:
        value = (phi.duals.value if of == "value" else phi.duals.slope)(q1, q2, c, s)
        error = 16 * EPS * np.sqrt(np.abs(_square(phi.duals, of, q1) * _square(phi.duals, of, q2)))
    else:
        value, error = _numerical(phi, of, q1, q2, c, s, relative)
    at_rest = (q1 == 0) | (q2 == 0)
    if at_rest.any():
        mean = moments(phi, np.maximum(q1, q2)[at_rest], relative)
        rest = phi.at_zero()[of == "derivative"]
        value[at_rest] = rest * (mean.mean if of == "value" else mean.slope)
        error[at_rest] = abs(rest) * mean.error
    return Estimate(value.reshape(shape), error.reshape(shape))


def _square(form: ClosedForm, of: str, q: Array) -> Array:
    one, zero = np.ones_like(q), np.zeros_like(q)
    return form.value(q, q, one, zero) if of == "value" else form.slope(q, q, one, zero)


def _numerical(phi: Activation, of: str, q1: Array, q2: Array, c: Array, s: Array, tolerance: float) -> tuple[Array, Array]:
    f = phi.value if of == "value" else phi.derivative
    value, error = np.empty(len(c)), np.full(len(c), np.inf)
    open_ = s > 0  # on a line the integral is one-dimensional, and exact to rounding
    method = _kinked if phi.kinks else _series
    for terms in TERMS:
        rows = np.flatnonzero(open_)
        if not len(rows):
            break
        variances, index = np.unique(np.concatenate([q1[rows], q2[rows]]), return_inverse=True)
        first, second = index[: len(rows)], index[len(rows) :]
        value[rows], error[rows], size = method(f, phi.kinks, variances, terms, first, second, c[rows], s[rows])
        open_[rows] = error[rows] > tolerance * size[first] * size[second]
    rest = np.flatnonzero(open_ | (s == 0))
    if len(rest):
        value[rest], error[rest] = integrate_pairs(f, q1[rest], q2[rest], c[rest], s[rest], phi.kinks, tolerance)
    return value, error


def _series(
    f: Callable[[Array], Array], kinks: tuple[float, ...], q: Array, terms: int, first: Array, second: Array, c: Array, s: Array
) -> tuple[Array, Array, Array]:
    """Values and errors of pairs of variances, and the root mean squares at these."""
    series: HermiteSeries = hermite_series(f, q, terms)
    return *series.pairs(first, second, c), np.sqrt((series.coefficients**2).sum(axis=1) + series.tail**2)


def _kinked(
    f: Callable[[Array], Array], kinks: tuple[float, ...], q: Array, terms: int, first: Array, second: Array, c: Array, s: Array
) -> tuple[Array, Array, Array]:
    """The same for f = g + k, k its jumps of value and slope: kk in closed form, gg + gk + kg by the series, which ends where g does.

    What is missing is bounded by the tails of g and k, that of g by the second half of its coefficients.
    """
    known = [Kink(at, (*jumps[:2], 0.0)) for at, jumps in kinks_of(f, kinks)]
    root = np.sqrt(q)
    g: HermiteSeries = hermite_series(without(f, known), q, terms, kinks)
    k = coefficients(known, root, terms)
    largest = sum(abs(jumps[0]) + abs(jumps[1]) * root for _, jumps in known)
    tail = 2 * np.sqrt((g.coefficients[:, terms // 2 :] ** 2).sum(axis=1))
    size = np.sqrt((g.coefficients**2).sum(axis=1))
    whole = HermiteSeries(g.coefficients + k, tail, g.error)
    value, error = product(known, root[first], root[second], c, s)
    value += whole.sums(first, second, c) - whole._replace(coefficients=k).sums(first, second, c)
    error += np.abs(c) ** terms * (tail[first] * (tail + largest)[second] + largest[first] * tail[second])
    error += (size + largest)[first] * (g.error[second] + 8 * EPS * (size + largest)[second]) + g.error[first] * (size + largest)[second]
    return value, error, np.sqrt((whole.coefficients**2).sum(axis=1))


def _checked(f: Callable[[Array], Array], root: Array) -> Callable[[Array], Array]:
    """The function, after a look at what it gives at a few points of the first scale."""
    points = np.linspace(-1, 1, 6).reshape(2, 3) * (root[0] if root.size else 1.0)
    signature = "points to values, elementwise"
    returned("f", asked("f", f, points, signature=signature), points.shape, "six points")
    return f


def _variances(name: str, q: Any) -> Array:
    array = numbers(name, q).astype(float, copy=False)
    if (array > LARGEST).any() and np.isfinite(array).all():
        raise ValueError(f"{name}: variances up to {LARGEST:g} have squares, got {array.max():.3g}; rescale it")
    if not (np.isfinite(array).all() and (array >= 0).all()):
        raise ValueError(f"{name}: variances must be finite and not negative, got {array[~(np.isfinite(array) & (array >= 0))].flat[0]}")
    return array


def _correlations(c: Any) -> Array:
    array = numbers("c", c).astype(float, copy=False)
    if not (np.abs(array) <= 1).all():
        raise ValueError(f"c: correlations lie in [-1, 1], got {array[~(np.abs(array) <= 1)].flat[0]}; clip rounding errors")
    return array


def _relative(tolerance: float) -> float:
    return max(real("tolerance", tolerance, above=0), 100 * EPS)
