r"""A circle on its way through a wide random network: how long it becomes, and how sharply it turns.

A curve :math:`h(\theta)` of pre-activations on the sphere of radius :math:`\sqrt{N q^*}` has the metric :math:`g = |\partial_\theta h|^2/N`
and the extrinsic curvature :math:`\kappa`, in units of :math:`1/\sqrt N`. Layer by layer [poole2016]_

.. math::
    g' = \chi_1\, g, \qquad \kappa'^2 = \frac{3\chi_2}{\chi_1^2} + \frac{\kappa^2}{\chi_1}, \qquad
    \chi_2 = \sigma_w^2\, \mathbb E\,\phi''(\sqrt{q^*} z)^2,

from :math:`g = q^*`, :math:`\kappa^2 = 1/q^*` of a great circle. In the ordered phase the curve shrinks and its curvature explodes; in the
chaotic phase its length grows like :math:`\chi_1^{l/2}` at a curvature that tends to a constant: it fills the space.

References
----------
.. [poole2016] Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli, arXiv:1606.05340, section 3, equation 8.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...solvers.checks import instance, integer
from .. import activations, gaussian
from .maps import DEEPEST, EXAMPLE, TOLERANCE, MeanFieldMaps

__all__ = ["Curve", "circle"]

Array = np.ndarray

STEP = 1e-3  # of the second differences, in units of the standard deviation


class Curve(NamedTuple):
    r"""A great circle in each layer, the first included: arrays of shape (depth + 1,).

    Attributes
    ----------
    metric : ndarray
        :math:`|\partial_\theta h|^2/N`.
    curvature : ndarray
        Extrinsic curvature times :math:`\sqrt N`; inf behind a kinked activation.
    length : ndarray
        :math:`2\pi\sqrt{g}`, in units of :math:`\sqrt N`.
    """

    metric: Array
    curvature: Array
    length: Array


def circle(maps: MeanFieldMaps, depth: int) -> Curve:
    r"""The circle at the fixed point of the variance.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    depth : int

    Raises
    ------
    ValueError
        Where the maps have dropout or a skip connection, or no fixed point at a positive variance.

    Examples
    --------
    Chaos: the length grows for ever, the curvature settles.

    >>> from infwidth.limits import propagation
    >>> curve = propagation.circle(propagation.MeanFieldMaps("tanh", 4.0, 0.05), 30)
    >>> bool(curve.length[-1] > 50 * curve.length[0]), bool(abs(curve.curvature[-1] / curve.curvature[-5] - 1) < 1e-3)
    (True, True)
    """
    maps = instance("maps", maps, MeanFieldMaps, EXAMPLE)
    depth = integer("depth", depth, least=0, most=DEEPEST)
    if maps.keep != 1 or maps.skip != 0:
        raise ValueError("maps: the circle's recursion has neither dropout nor skip connections; leave them out")
    q = maps.fixed_point().q
    if not 0 < q < math.inf:
        raise ValueError(f"maps: the fixed point of the variance is {q:g}, where there is no circle; choose other variances")
    chi_1, chi_2 = float(maps.gradient_growth(q)), maps.weight_variance * _mean_square_bend(maps, q)
    metric = q * chi_1 ** np.arange(depth + 1)
    square = [1 / q]
    for _ in range(depth):
        square.append(3 * chi_2 / chi_1**2 + square[-1] / chi_1)
    return Curve(metric, np.sqrt(square), 2 * np.pi * np.sqrt(metric))


def _mean_square_bend(maps: MeanFieldMaps, q: float) -> float:
    r""":math:`\mathbb E\,\phi''^2`, by differences of :math:`\phi'` of order 4."""
    phi = activations.get(maps.activation)
    if phi.kinks:
        bend = np.abs([float(np.diff(phi.derivative(k + 1e-9 * np.array([-1.0, 1.0])))[0]) for k in phi.kinks])
        if bend.max() > 1e-6:
            return math.inf  # a delta, squared
    e = STEP * math.sqrt(q)

    def second(h: Array) -> Array:
        near = (phi.derivative(h + e) - phi.derivative(h - e)) / (2 * e)
        far = (phi.derivative(h + 2 * e) - phi.derivative(h - 2 * e)) / (4 * e)
        return ((4 * near - far) / 3) ** 2

    return float(gaussian.expectation(second, q, tolerance=max(TOLERANCE, 1e-11)).value)
