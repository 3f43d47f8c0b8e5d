r"""Kernels of networks of finite width at initialisation, to the first order in 1/width.

The variance :math:`G^l` of the pre-activations of layer l, given the layer below, is in a network of width m

.. math::
    G^{l+1} = \sigma_b^2 + \frac{\sigma_w^2}{m} \sum_j \phi(h^l_j)^2, \qquad h^l_j \mid G^l \sim N(0, G^l) \text{ independent},

with :math:`G^1 = q^1` exactly. So with :math:`V` the variance map, the mean and the variance over networks are
:math:`\mathbb E\,G^l = q^l + a^l/m + O(m^{-2})` and :math:`\operatorname{Var} G^l = b^l/m + O(m^{-2})`,

.. math::
    a^{l+1} = V'(q^l)\, a^l + \tfrac12 V''(q^l)\, b^l, \qquad
    b^{l+1} = V'(q^l)^2\, b^l + \sigma_w^4 \big(\mathbb E\,\phi^4 - (\mathbb E\,\phi^2)^2\big), \qquad a^1 = b^1 = 0 .

At criticality b grows like the depth (times :math:`q^2`): a network is wide when its width is large against its depth [yaida2019]_
[roberts2021]_.

References
----------
.. [yaida2019] Yaida, arXiv:1910.00019.
.. [roberts2021] Roberts, Yaida and Hanin, arXiv:2106.10165, chapters 4 and 5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...solvers.checks import integer, real
from .. import activations, gaussian
from .maps import TOLERANCE, MeanFieldMaps

__all__ = ["Corrections", "corrections"]

Array = np.ndarray

STEP = 1e-4  # relative, of the second derivative of the variance map


class Corrections(NamedTuple):
    r"""Kernels of layers 1 .. depth, arrays of shape (depth,).

    Attributes
    ----------
    kernel : ndarray
        :math:`q^l`, the limit.
    mean : ndarray
        :math:`a^l`: the mean over networks of width m is :math:`q^l + a^l/m`.
    variance : ndarray
        :math:`b^l`: the variance over networks is :math:`b^l/m`.
    """

    kernel: Array
    mean: Array
    variance: Array

    def width_for(self, error: float) -> float:
        """Smallest width at which the relative standard deviation of every layer's kernel is below ``error`` and its mean as near.

        Raises
        ------
        ValueError
            Where the error is not positive.
        """
        error = real("error", error, above=0)
        by_fluctuation = (self.variance / (error * self.kernel) ** 2).max()
        return float(max(by_fluctuation, (np.abs(self.mean) / (error * self.kernel)).max()))


def corrections(maps: MeanFieldMaps, q: float, depth: int) -> Corrections:
    r"""Coefficients of 1/m in the mean and the variance of the kernels.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    q : float
        Variance :math:`q^1` of the pre-activations of the first layer, which the input fixes.
    depth : int
        Number of layers, at least 1.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    A critical relu network of 50 layers whose kernels are right to 10%:

    >>> from infwidth.limits import propagation
    >>> found = propagation.corrections(propagation.MeanFieldMaps("relu", 2.0, 0.0), 1.0, 50)
    >>> found.variance[[0, 1, 49]], round(found.width_for(0.1))  # 5 per layer
    (array([  0.,   5., 245.]), 24500)
    """
    q, depth = real("q", q, above=0), integer("depth", depth, least=1)
    if maps.keep != 1 or maps.skip != 0:
        raise ValueError("maps: these corrections have neither dropout nor skip connections; leave them out")
    phi, strength = activations.get(maps.activation), maps.weight_variance**2
    kernel = maps.variances(q, depth - 1)
    if not np.isfinite(kernel).all():
        raise ValueError("weight_variance: variances grow without bound over these layers; lower it, or depth")
    mean, variance = np.zeros(depth), np.zeros(depth)
    slope = maps.variance_slope(kernel)
    e = STEP * kernel
    bend = (maps.variance_slope(kernel + e) - maps.variance_slope(kernel - e)) / (2 * e)
    square = gaussian.moments(phi, kernel, TOLERANCE).square
    fourth = gaussian.expectation(lambda h: phi.value(h) ** 4, kernel, kinks=phi.kinks, tolerance=TOLERANCE).value
    for l in range(depth - 1):
        mean[l + 1] = slope[l] * mean[l] + bend[l] * variance[l] / 2
        variance[l + 1] = slope[l] ** 2 * variance[l] + strength * (fourth[l] - square[l] ** 2)
    return Corrections(kernel, mean, variance)
