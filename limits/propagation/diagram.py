"""The order-to-chaos diagram: fixed points over a rectangle of variances, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...solvers.checks import numbers
from ...solvers.figures import one_axes
from ...solvers.machine.memory import refuse_above_available
from .. import activations, gaussian
from ..activations import Activation
from .fixed_points import NOISE
from .maps import TOLERANCE
from .phases import VARIANCES, slope_of_variance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PhaseDiagram", "phase_diagram"]

Array = np.ndarray

LARGEST = 1e50  # variance of weights and biases


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
        axes = one_axes(axes, (5, 3.8))
        weights, i = np.unique(self.weight_variances, return_index=True)  # in order, whatever that of the rectangle
        biases, j = np.unique(self.bias_variances, return_index=True)
        value = np.log(np.maximum(self.chi_1[np.ix_(i, j)], 1e-300)).T
        known = np.abs(value[np.isfinite(value)])
        bound = min(max(float(np.percentile(known, 75)), 1e-3), 2.0) if known.size else 1.0
        axes.set_facecolor("lightgrey")
        image = axes.pcolormesh(_edges(weights), _edges(biases), value, cmap="RdBu_r", vmin=-bound, vmax=bound, rasterized=True)
        axes.figure.colorbar(image, ax=axes, label=r"$\log\chi_1$", extend="both")
        if min(value.shape) > 1 and (value < 0).any() and (value > 0).any():
            axes.contour(weights, biases, value, levels=[0.0], colors="black")
        axes.set(xlabel=r"weight variance $\sigma_w^2$", ylabel=r"bias variance $\sigma_b^2$")
        return axes.figure


def _edges(centres: Array) -> Array:
    """Edges of cells around sorted centres; of a single one, a tenth of it to both sides."""
    if len(centres) == 1:
        half = 0.1 * abs(centres[0]) or 0.1
        return np.array([centres[0] - half, centres[0] + half])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


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
    needs = 64.0 * len(weights) * len(biases)
    refuse_above_available("weight_variances", f"{len(weights)} x {len(biases)} points of the diagram", needs, "give fewer")
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
    q, at_rest, slope = np.empty(len(w)), w * phi.at_zero()[0] ** 2 + b, slope_of_variance(phi, VARIANCES[0])
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


def _axis(name: str, values: Any, positive: bool) -> Array:
    a = np.atleast_1d(numbers(name, values).astype(float))
    if a.ndim != 1 or a.size == 0 or not (np.isfinite(a).all() and ((a > 0) if positive else (a >= 0)).all()):
        raise ValueError(f"{name}: need a vector of finite numbers {'> 0' if positive else '>= 0'}, got {values!r:.60}")
    if a.max() > LARGEST:
        raise ValueError(f"{name}: need numbers up to {LARGEST:g}, got {a.max():.3g}")
    return a
