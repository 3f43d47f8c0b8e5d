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

import numpy as np

from ...solvers.checks import real
from .. import activations, gaussian
from ..activations import Activation
from .maps import TOLERANCE

__all__ = ["VARIANCES", "CriticalPoint", "critical_point", "critical_weight_variance", "slope_of_variance"]

Array = np.ndarray

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
        ``"scale invariant"``: every variance is fixed (q is nan). ``"at zero"``: at q = 0, near which they move like a power of the depth.
        ``"half-stable"``: at a positive q that attracts from one side alone. ``"line"``: there is no such point, but a line of
        networks with :math:`\chi_1 = 1`. ``"none"``: no network of this activation is critical.
    why : str
    """

    weight_variance: float
    bias_variance: float
    q: float
    kind: str
    why: str


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
    attracting = [w for w, q in weights.items() if w * slope_of_variance(phi, q) <= 1 + 1e-9]
    if not attracting:
        w, q = min(weights.items())
        raise ValueError(
            f"bias_variance: at {bias_variance:g} {phi.name} is critical only at the variance {q:.3g}, which repels (weight variance "
            f"{w:.5g}); take other biases, or critical_point"
        )
    return min(attracting)


def slope_of_variance(phi: Activation, q: float) -> float:
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


def _critical_line(phi: Activation, q: Array) -> tuple[Array, Array]:
    m = gaussian.moments(phi, q, TOLERANCE)
    weight = 1 / m.slope_square
    return weight, q - weight * m.square
