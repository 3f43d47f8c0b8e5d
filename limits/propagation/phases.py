r"""Order, chaos, and the line between them.

A network is critical where :math:`\chi_1 = 1` at its fixed point. Every variance q is that of one critical network,

.. math::
    \sigma_w^2(q) = \frac1{\mathbb E\,\phi'^2}, \qquad \sigma_b^2(q) = q - \sigma_w^2(q)\,\mathbb E\,\phi^2, \qquad \phi = \phi(\sqrt q z),

as long as :math:`\sigma_b^2 \ge 0`: the critical line, in parametric form [schoenholz2016]_. On it the variance itself is marginal,
:math:`\chi_\parallel = 1`, where :math:`\mathbb E\,\phi\phi'' = 0`: the critical point [roberts2021]_.

References
----------
.. [schoenholz2016] Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, arXiv:1611.01232.
.. [roberts2021] Roberts, Yaida and Hanin, arXiv:2106.10165, chapter 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...solvers.checks import numbers, real
from .. import activations, gaussian
from ..activations import Activation
from .fixed_points import NOISE
from .maps import TOLERANCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CriticalPoint", "PhaseDiagram", "critical_point", "critical_weight_variance", "phase_diagram"]

Array = np.ndarray

LARGEST = 1e50  # variance of weights and biases

VARIANCES = np.geomspace(1e-9, 1e9, 721)
NEAR_ZERO = 1e-3  # a variance at which it shows whether 0 attracts


@dataclass(frozen=True)
class CriticalPoint:
    r"""Where both slopes are 1.

    Attributes
    ----------
    weight_variance, bias_variance, q : float
        nan where there is none.
    kind : {"scale invariant", "at zero", "half-stable", "line", "none"}
        ``"scale invariant"``: every variance is fixed (q is nan). ``"at zero"``: at q = 0, which variances approach like 1/depth.
        ``"half-stable"``: at a positive q that attracts from one side alone. ``"line"``: there is no such point, but a line of
        networks with :math:`\chi_1 = 1`. ``"none"``: no network of this activation is critical.
    why : str
    """

    weight_variance: float
    bias_variance: float
    q: float
    kind: str
    why: str


@dataclass(frozen=True)
class PhaseDiagram:
    r"""Fixed points over a rectangle of weight and bias variances.

    Attributes
    ----------
    weight_variances : ndarray, shape (W,)
    bias_variances : ndarray, shape (B,)
    q, chi_1 : ndarray, shape (W, B)
        :math:`q^*`, inf where variances grow beyond 1e9, and :math:`\chi_1` there (nan where q is inf).
    """

    weight_variances: Array
    bias_variances: Array
    q: Array
    chi_1: Array

    def __repr__(self) -> str:
        ordered = float((self.chi_1 < 1).mean())
        return f"PhaseDiagram({len(self.weight_variances)} x {len(self.bias_variances)}, {ordered:.0%} ordered)"

    def plot(self, axes: Any = None) -> Figure:
        r""":math:`\log\chi_1` in colours, blue for order and red for chaos, with the critical line; grey where variances diverge. On
        matplotlib ``axes``, or new ones."""
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(figsize=(5, 3.8), layout="constrained")
        value = np.log(np.maximum(self.chi_1, 1e-300)).T
        bound = min(max(float(np.nanpercentile(np.abs(value), 75)), 1e-3), 2.0)
        axes.set_facecolor("lightgrey")
        image = axes.pcolormesh(
            self.weight_variances, self.bias_variances, value, cmap="RdBu_r", vmin=-bound, vmax=bound, shading="nearest", rasterized=True
        )
        axes.figure.colorbar(image, ax=axes, label=r"$\log\chi_1$", extend="both")
        if np.nanmin(value) < 0 < np.nanmax(value):
            axes.contour(self.weight_variances, self.bias_variances, value, levels=[0.0], colors="black")
        axes.set(xlabel=r"weight variance $\sigma_w^2$", ylabel=r"bias variance $\sigma_b^2$")
        return axes.figure


def critical_weight_variance(activation: str | Activation, bias_variance: float) -> float:
    r"""The smallest :math:`\sigma_w^2` at which a network of that bias variance is critical at a variance that attracts.

    Parameters
    ----------
    activation : str or Activation
    bias_variance : float
        :math:`\sigma_b^2 \ge 0`.

    Raises
    ------
    ValueError
        Where no variance between 1e-9 and 1e9 has a critical network with these biases, or it repels (gelu and silu below their
        critical points): variances would run away from it.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> round(propagation.critical_weight_variance("tanh", 0.05), 4)
    1.761
    """
    phi, bias_variance = activations.get(activation), real("bias_variance", bias_variance, least=0, most=1e100)
    weight, bias = _critical_line(phi, VARIANCES)
    value, slope = phi.at_zero()
    flat = np.abs(bias) <= 1e-9 * VARIANCES
    if bias_variance == 0 and (flat.all() or (value == 0 and slope != 0)):
        if flat.all():
            return float(weight[0])
        if float(gaussian.moments(phi, NEAR_ZERO, TOLERANCE).square) > slope**2 * NEAR_ZERO * (1 + 1e-9):
            raise ValueError(
                f"bias_variance: without biases {phi.name} is critical only at the variance 0, which repels (weight variance"
                f" {1 / slope**2:.5g}); take biases, or critical_point"
            )
        return 1 / slope**2
    excess = np.where(flat, 0.0, bias) - bias_variance
    exact, turns = np.flatnonzero(np.abs(excess) <= 1e-15 * VARIANCES), np.flatnonzero(excess[:-1] * excess[1:] < 0)
    if not len(turns) and not len(exact):
        reach = bias[bias > 0]
        span = f"they lie between {reach.min():.3g} and {reach.max():.3g}" if len(reach) and not flat.all() else "there is 0 alone, or none"
        raise ValueError(f"bias_variance: no critical network with {bias_variance:g}; on the line of {phi.name} {span}")
    from scipy.optimize import brentq

    def miss(log_q: float) -> float:
        return float(_critical_line(phi, np.exp(np.array([log_q])))[1][0]) - bias_variance

    ends = [(math.log(VARIANCES[i]), math.log(VARIANCES[i + 1])) for i in turns]
    if any(miss(low) * miss(high) > 0 for low, high in ends):
        raise ValueError(f"bias_variance: {bias_variance:g} is too small for rounding to tell it from 0; give 0")
    found = [*VARIANCES[exact], *(math.exp(brentq(miss, low, high, xtol=1e-13)) for low, high in ends)]
    weights = {float(_critical_line(phi, np.array([q]))[0][0]): q for q in found}
    attracting = [w for w, q in weights.items() if w * _slope(phi, q) <= 1 + 1e-9]
    if not attracting:
        w, q = min(weights.items())
        raise ValueError(
            f"bias_variance: at {bias_variance:g} {phi.name} is critical only at the variance {q:.3g}, which repels (weight variance "
            f"{w:.5g}); take other biases, or critical_point"
        )
    return min(attracting)


def _slope(phi: Activation, q: float) -> float:
    """Slope of the variance map for a weight variance of 1."""
    m = gaussian.moments(phi, q, TOLERANCE)
    return float(m.slope_square + m.curvature)


def critical_point(activation: str | Activation) -> CriticalPoint:
    r"""Where the slopes of both maps are 1: :math:`\mathbb E\,\phi\phi'' = 0` on the critical line.

    Parameters
    ----------
    activation : str or Activation

    Raises
    ------
    ValueError, TypeError
        Where it is not known.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> swish = propagation.critical_point("silu")
    >>> round(swish.weight_variance, 8), round(swish.bias_variance, 8), swish.kind
    (1.98800468, 0.55514317, 'half-stable')
    >>> propagation.critical_point("relu").kind, propagation.critical_point("tanh").kind, propagation.critical_point("softplus").kind
    ('scale invariant', 'at zero', 'none')
    """
    phi = activations.get(activation)
    m = gaussian.moments(phi, VARIANCES, TOLERANCE)
    value, slope = phi.at_zero()
    if np.all(np.abs(m.curvature) <= np.maximum(1e-9 * m.slope_square, 4 * m.error)) and value == 0:
        return CriticalPoint(float(1 / m.slope_square[0]), 0.0, math.nan, "scale invariant", "E phi phi'' = 0 at every variance")
    clear = np.where(np.abs(m.curvature) > 4 * m.error, np.sign(m.curvature), 0.0)
    for i in np.flatnonzero(clear[:-1] * clear[1:] < 0):
        from scipy.optimize import brentq

        log_q = brentq(
            lambda t: float(gaussian.moments(phi, np.exp(t), TOLERANCE).curvature),
            math.log(VARIANCES[i]),
            math.log(VARIANCES[i + 1]),
            xtol=1e-14,
        )
        q = math.exp(log_q)
        w, b = (float(v[0]) for v in _critical_line(phi, np.array([q])))
        if b >= 0:
            return CriticalPoint(w, b, q, "half-stable", "E phi phi'' changes its sign at a positive variance")
    if value == 0 and slope != 0:
        return CriticalPoint(1 / slope**2, 0.0, 0.0, "at zero", "phi(0) = 0, and E phi phi'' vanishes with the variance alone")
    nowhere = "E phi phi'' vanishes at no variance with a bias variance >= 0"
    if (_critical_line(phi, VARIANCES)[1] >= 0).any():
        return CriticalPoint(math.nan, math.nan, math.nan, "line", f"{nowhere}; chi_1 = 1 on a line")
    return CriticalPoint(math.nan, math.nan, math.nan, "none", f"{nowhere}, and chi_1 = 1 asks for negative bias variances everywhere")


def phase_diagram(activation: str | Activation, weight_variances: Any, bias_variances: Any) -> PhaseDiagram:
    r"""Fixed points and :math:`\chi_1` over a rectangle, all at once.

    :math:`\mathbb E\,\phi^2` is computed once on a logarithmic grid of variances and interpolated with its exact derivative; each fixed
    point is the first one that a variance starting from 1 meets.

    Parameters
    ----------
    activation : str or Activation
    weight_variances : array_like, shape (W,)
        Positive.
    bias_variances : array_like, shape (B,)
        Not negative.

    Raises
    ------
    ValueError
        Where a variance is out of its range.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> diagram = propagation.phase_diagram("tanh", [1.0, 1.7604, 3.0], [0.05])
    >>> diagram.chi_1.ravel().round(3)
    array([0.759, 1.   , 1.209])
    """
    phi = activations.get(activation)
    weights, biases = _axis("weight_variances", weight_variances, True), _axis("bias_variances", bias_variances, False)
    m = gaussian.moments(phi, VARIANCES, TOLERANCE)
    from scipy.interpolate import CubicHermiteSpline, CubicSpline

    log_q = np.log(VARIANCES)
    square = CubicHermiteSpline(log_q, m.square, VARIANCES * (m.slope_square + m.curvature))
    slope_square = CubicSpline(log_q, m.slope_square)
    W, B = np.meshgrid(weights, biases, indexing="ij")
    q = _first_fixed_points(phi, W.ravel(), B.ravel(), m.square, square).reshape(W.shape)
    inside = (q > 0) & np.isfinite(q)
    chi = np.where(q == 0, W * phi.at_zero()[1] ** 2, np.nan)
    chi[inside] = W[inside] * slope_square(np.log(np.maximum(q[inside], VARIANCES[0])))
    return PhaseDiagram(weights, biases, q, chi)


def _first_fixed_points(phi: Activation, w: Array, b: Array, squares: Array, square: Any) -> Array:
    """Of w E phi^2 + b = q from q = 1 on, for vectors w, b; bracketed on the grid, then by bisection all at once."""
    log_q, middle = np.log(VARIANCES), len(VARIANCES) // 2
    q, at_rest, slope = np.empty(len(w)), w * phi.at_zero()[0] ** 2 + b, _slope(phi, VARIANCES[0])
    for part in np.array_split(np.arange(len(w)), max(1, len(w) // 4096)):
        excess = (w[part, None] * squares + b[part, None]) / VARIANCES - 1  # signs count beyond rounding
        up = excess[:, middle] > 0
        above, below = excess[:, middle:] < -NOISE, excess[:, middle::-1] > NOISE
        i_up, i_down = above.argmax(axis=1), below.argmax(axis=1)
        low = np.where(up, middle + i_up - 1, middle - i_down)
        found = np.where(up, above.any(axis=1), below.any(axis=1))
        low = np.clip(low, 0, len(VARIANCES) - 2)
        a, c = log_q[low].copy(), log_q[low + 1].copy()
        for _ in range(50):
            t = (a + c) / 2
            rises = w[part] * square(t) + b[part] > np.exp(t)
            a, c = np.where(rises, t, a), np.where(rises, c, t)
        q[part] = np.where(found, np.exp((a + c) / 2), np.where(up, np.inf, 0.0))
        # below the grid the map is straight, and what it does to the variance 0 keeps variances above 0
        small = ~found & ~up & (at_rest[part] > 0)
        q[part[small]] = at_rest[part[small]] / (1 - w[part[small]] * slope)
        exact = np.abs(excess[:, middle]) <= NOISE
        q[part[exact]] = 1.0
    return q


def _critical_line(phi: Activation, q: Array) -> tuple[Array, Array]:
    m = gaussian.moments(phi, q, TOLERANCE)
    weight = 1 / m.slope_square
    return weight, q - weight * m.square


def _axis(name: str, values: Any, positive: bool) -> Array:
    a = np.atleast_1d(numbers(name, values).astype(float))
    if a.ndim != 1 or a.size == 0 or not (np.isfinite(a).all() and ((a > 0) if positive else (a >= 0)).all()):
        raise ValueError(f"{name}: need a vector of finite numbers {'> 0' if positive else '>= 0'}, got {values!r:.60}")
    if a.max() > LARGEST:
        raise ValueError(f"{name}: need numbers up to {LARGEST:g}, got {a.max():.3g}")
    return a
