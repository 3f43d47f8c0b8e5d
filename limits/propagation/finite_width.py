r"""Kernels of networks of finite width at initialisation, to the first order in 1/width.

The variance :math:`G^l` of the pre-activations of layer l, given the layer below, is in a network of width m

.. math::
    G^{l+1} = \sigma_b^2 + \frac{\sigma_w^2}{m} \sum_j \phi(h^l_j)^2, \qquad h^l_j \mid G^l \sim N(0, G^l) \text{ independent},

with :math:`G^1 = q^1` exactly. So with :math:`V` the variance map, the mean and the variance over networks are
:math:`\mathbb E\,G^l = q^l + a^l/m + O(m^{-2})` and :math:`\operatorname{Var} G^l = b^l/m + O(m^{-2})`,

.. math::
    a^{l+1} = V'(q^l)\, a^l + \tfrac12 V''(q^l)\, b^l, \qquad
    b^{l+1} = V'(q^l)^2\, b^l + \sigma_w^4 \big(\mathbb E\,\phi^4 - (\mathbb E\,\phi^2)^2\big), \qquad a^1 = b^1 = 0 .

For two inputs of one variance the covariance :math:`K^l` of their pre-activations joins in: with :math:`G = (G_{11}, K, G_{22})` and the
map F of such triples the same recursion holds with matrices,

.. math::
    a' = F'\, a + \tfrac12\, F'' : b, \qquad b' = F'\, b\, F'^\top + \sigma_w^4 \operatorname{Cov}(\phi_1^2, \phi_1\phi_2, \phi_2^2) .

At criticality b grows like the depth (times :math:`q^2`): a network is wide when its width is large against its depth [yaida2019]_
[roberts2021]_.

References
----------
.. [yaida2019] Yaida, arXiv:1910.00019.
.. [roberts2021] Roberts, Yaida and Hanin, arXiv:2106.10165, chapters 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import instance, integer, real
from .. import activations, gaussian
from .finite_width_pairs import CLOSEST, derivatives, fluctuations, refuse_close
from .maps import EXAMPLE, TOLERANCE, MeanFieldMaps

__all__ = ["Corrections", "corrections", "pair_corrections"]

Array = np.ndarray

STEP = 1e-2  # relative, of differences of order 4 by the variance
LARGEST = 1e60  # variance, whose fourth powers are finite
DEEPEST = 10_000  # layers of pairs, each some milliseconds


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
    scale : ndarray
        What errors are relative to: the variances :math:`q^l`.
    """

    kernel: Array
    mean: Array
    variance: Array
    scale: Array

    def width_for(self, error: float) -> float:
        """Smallest width at which the standard deviation of every layer's kernel, over ``scale``, is below ``error`` and its mean as near.

        Raises
        ------
        ValueError
            Where the error is not a positive number between 1e-100 and 1e100.
        """
        error = real("error", error, least=1e-100, most=1e100)
        by_fluctuation = (self.variance / (error * self.scale) ** 2).max()
        return float(max(by_fluctuation, (np.abs(self.mean) / (error * self.scale)).max()))


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
    maps, kernel = checked_layers(maps, q, depth)
    phi, strength = activations.get(maps.activation), maps.weight_variance**2
    mean, variance = np.zeros_like(kernel), np.zeros_like(kernel)
    slope = maps.variance_slope(kernel)
    bend = by_variance(maps.variance_slope, kernel)[0]
    square = gaussian.moments(phi, kernel, TOLERANCE).square
    fourth = gaussian.expectation(lambda h: phi.value(h) ** 4, kernel, kinks=phi.kinks, tolerance=TOLERANCE).value
    for l in range(len(kernel) - 1):
        mean[l + 1] = slope[l] * mean[l] + bend[l] * variance[l] / 2
        variance[l + 1] = slope[l] ** 2 * variance[l] + strength * (fourth[l] - square[l] ** 2)
    return Corrections(kernel, mean, variance, kernel)


def by_variance(f: Callable[[Array], Array], q: Array) -> Array:
    """First and second derivative of f by the variance, (2, depth), by central differences of order 4."""
    e = STEP * q
    far, near, here, after, farther = (f(q + k * e) for k in (-2, -1, 0, 1, 2))
    return np.array(
        [(far - 8 * near + 8 * after - farther) / (12 * e), (-far + 16 * near - 30 * here + 16 * after - farther) / (12 * e**2)]
    )


def checked_layers(maps: Any, q: Any, depth: Any) -> tuple[MeanFieldMaps, Array]:
    """The maps, which must be plain, and the variances (depth,) of layers 1 .. depth, which must be finite and not 0."""
    maps = instance("maps", maps, MeanFieldMaps, EXAMPLE)
    q, depth = real("q", q, least=1 / LARGEST, most=LARGEST), integer("depth", depth, least=1, most=DEEPEST)
    if maps.keep != 1 or maps.skip != 0:
        raise ValueError("maps: these corrections have neither dropout nor skip connections; leave them out")
    kernel = maps.variances(q, depth - 1)
    if not np.isfinite(kernel).all():
        raise ValueError("q: variances grow without bound over these layers; lower it, depth or the weight variance")
    return maps, kernel


def pair_corrections(maps: MeanFieldMaps, q: float, c: float, depth: int) -> Corrections:
    r"""The same for the covariance of the pre-activations of two inputs.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    q, c : float
        Variance and correlation, :math:`|c| \le 0.999`, of the two pre-activations in the first layer, which the inputs fix.
    depth : int
        Number of layers, at least 1.

    Returns
    -------
    Corrections
        ``kernel`` is the covariance :math:`K^l`, not the correlation. Behind a kinked activation the mean's second derivative grows like
        :math:`(1 - c)^{-1/2}`: there the expansion is for widths large against :math:`1/(1 - c)`.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or correlations come nearer to 1 than .999 on the way (order): from there on the two are
        one input.

    Examples
    --------
    Linear networks in closed form, :math:`\operatorname{Var} K \approx (q^2 + K^2)/m` per layer:

    >>> from infwidth.limits import propagation
    >>> found = propagation.pair_corrections(propagation.MeanFieldMaps("linear", 1.0, 0.0), 1.0, 0.5, 3)
    >>> found.kernel, found.variance.round(4)
    (array([0.5, 0.5, 0.5]), array([0.  , 1.25, 2.5 ]))
    """
    (maps, variances), c = checked_layers(maps, q, depth), real("c", c)
    if abs(c) > CLOSEST:
        raise ValueError(f"c: need a correlation between -{CLOSEST} and {CLOSEST}, got {c:g}; for one input there is corrections")
    q = float(variances[0])
    G, a, b = np.array([[q, c * q, q]]), np.zeros(3), np.zeros((3, 3))
    rows = [(c * q, 0.0, 0.0, q)]
    for l in range(1, len(variances)):
        refuse_close(G, l)
        F, slopes, bends = derivatives(maps, G)
        slope, bend = slopes[0, :3], bends[0, :3]
        noise = maps.weight_variance**2 * fluctuations(maps, G, 3)[1][0]
        a, b = slope @ a + np.einsum("kij,ij->k", bend, b) / 2, slope @ b @ slope.T + noise
        G = F[:, :3]
        rows.append((G[0, 1], a[1], b[1, 1], G[0, 0]))
    return Corrections(*np.array(rows).T)
