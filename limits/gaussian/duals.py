"""Gaussian expectations of an activation: the closed form, or the method whose own error estimate meets the tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from ...solvers.checks import asked, choice, function, numbers, real, reals, returned
from .. import activations
from ..activations import Activation
from .closed_forms import ClosedForm
from .line import EPS, integrate
from .numerical import numerical
from .plane import in_units

__all__ = ["Estimate", "Moments", "checked_pairs", "dual", "expectation", "moments"]

Array = np.ndarray

LARGEST = 1e150  # variance

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
    q1, q2, c = checked_pairs(q1, q2, c)
    shape = c.shape
    sine = np.sqrt((1 - c) * (1 + c)) if sine is None else np.broadcast_to(np.asarray(sine, float), shape)
    q1, q2, c, s = (np.ascontiguousarray(array).ravel() for array in (q1, q2, c, sine))
    if phi.duals:
        value = (phi.duals.value if of == "value" else phi.duals.slope)(q1, q2, c, s)
        error = 16 * EPS * np.sqrt(np.abs(_square(phi.duals, of, q1) * _square(phi.duals, of, q2)))
    else:
        value, error = numerical(phi, of, q1, q2, c, s, relative)
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


def _checked(f: Callable[[Array], Array], root: Array) -> Callable[[Array], Array]:
    """The function, after a look at what it gives at a few points of the first scale."""
    points = np.linspace(-1, 1, 6).reshape(2, 3) * (root[0] if root.size else 1.0)
    signature = "points to values, elementwise"
    returned("f", asked("f", f, points, signature=signature), points.shape, "six points")
    return f


def checked_pairs(q1: Any, q2: Any, c: Any) -> tuple[Array, Array, Array]:
    """Variances and correlations of pairs, broadcast together."""
    q1, q2, c = _variances("q1", q1), _variances("q2", q2), _correlations(c)
    try:
        one, other, between = np.broadcast_arrays(q1, q2, c)
    except ValueError:
        raise ValueError(f"c: shapes must broadcast, got {np.shape(q1)} of q1, {np.shape(q2)} of q2 and {np.shape(c)} of c") from None
    return one, other, between


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
