r"""Tangent kernels of networks of finite width at initialisation, to the first order in 1/width.

The tangent kernel of neuron i of layer l+1 at one input, in the NTK parameterization, is in a network of width m

.. math::
    \Theta^{l+1}_{ii'} = \delta_{ii'} G^{l+1} + \frac{\sigma_w^2}{m} \sum_{jk} \omega_{ij}\omega_{i'k}\,\phi'_j\phi'_k\,\Theta^l_{jk},
    \qquad \Theta^1 = q^1 \mathbb 1,

with :math:`\phi_j = \phi(h^l_j)`, Gaussian :math:`\omega` and the kernel G of :func:`corrections`. Average over the layer's own weights
first: :math:`\bar\Theta = G^{l+1} + \frac{\sigma_w^2}m \sum_j \phi_j'^2\,\Theta^l_{jj}`. Given the layers below, neurons are
independent, but each :math:`\Theta_{jj}` shares its weights with its pre-activation, which by Stein's lemma adds a term to

.. math::
    \mathbb E[\phi_j'^2\,\Theta_{jj}] = e(G)\,\bar\Theta + 2\,\sigma_w^4\, e'(G)\, P, \qquad e(G) = \mathbb E_G\,\phi'^2, \qquad
    P = \frac1{m^2}\sum_{jk}\phi_j\phi'_j\,\Theta_{jk}\,\phi'_k\phi_k = \frac pm + \dots,

P that of the layer below. So the pair :math:`(G, \bar\Theta)` follows :math:`H = (V(G),\; V(G) + \sigma_w^2\, e(G)\,\bar\Theta)`, and with
:math:`\theta` the limit its mean is off by a/m and its covariance is b/m,

.. math::
    a' &= H' a + \tfrac12 H'' : b + (0,\; 2\sigma_w^6\, e'\, p_-), \qquad p = \mathbb E[\phi^2\phi'^2]\,\theta + V'^2\, p_-, \\
    b' &= H' b\, H'^\top + \sigma_w^4 \operatorname{Cov}(\phi^2,\; \phi^2 + \theta\,\phi'^2),

where :math:`p_-` is p one layer below. One neuron has its own weights as well: :math:`\operatorname{Var}\Theta_{ii} = (b_{22} + 2B)/m` with
:math:`B' = \sigma_w^4 (\mathbb E\,\phi'^4\,\theta^2 + e^2 B)`. Everything starts from 0 in the first layer.

For relu and linear networks e' = V'' = 0, and the mean has no correction at any width [hanin2019]_; there the fluctuation relative to the
mean grows like the depth over the width, as it does in critical networks of any activation [roberts2021]_.

References
----------
.. [hanin2019] Hanin and Nica, arXiv:1909.05989.
.. [roberts2021] Roberts, Yaida and Hanin, arXiv:2106.10165, chapter 8.
"""

from __future__ import annotations

import numpy as np

from .. import activations, gaussian
from ..activations import Activation
from .finite_width import Corrections, by_variance, checked_layers
from .maps import TOLERANCE, MeanFieldMaps

__all__ = ["tangent_corrections"]

Array = np.ndarray


def tangent_corrections(maps: MeanFieldMaps, q: float, depth: int) -> Corrections:
    r"""Coefficients of 1/m in the mean and the variance of the tangent kernel of one output at one input.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    q : float
        Variance :math:`q^1` of the pre-activations of the first layer, which the input fixes.
    depth : int
        Number of layers of weights, at least 1.

    Returns
    -------
    Corrections
        ``kernel`` is the tangent kernel :math:`\theta^l` in the limit of a network whose output is layer l = 1 .. depth.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    Deep linear networks, in closed form: :math:`2\,(L^2(L - 1) - L(L^2 - 1)/3)` at depth L.

    >>> from infwidth.limits import propagation
    >>> found = propagation.tangent_corrections(propagation.MeanFieldMaps("linear", 1.0, 0.0), 1.0, 4)
    >>> found.kernel, found.mean, found.variance
    (array([1., 2., 3., 4.]), array([0., 0., 0., 0.]), array([ 0.,  4., 20., 56.]))
    """
    maps, kernel = checked_layers(maps, q, depth)
    phi, w = activations.get(maps.activation), maps.weight_variance
    m = gaussian.moments(phi, kernel, TOLERANCE)
    slope, slope_bend = maps.variance_slope(kernel), w * by_variance(lambda v: gaussian.moments(phi, v, TOLERANCE).slope_square, kernel)
    bend = by_variance(maps.variance_slope, kernel)[0]
    covariance, both, slope_fourth = _products(phi, kernel)
    chi = w * m.slope_square
    tangent = [float(kernel[0])]
    for l in range(len(kernel) - 1):
        tangent.append(float(kernel[l + 1] + chi[l] * tangent[l]))
    pulls = _pulls(both, slope, np.array(tangent))
    a, b, own = np.zeros(2), np.zeros((2, 2)), 0.0
    rows = [(tangent[0], 0.0, 0.0, tangent[0])]
    for l, theta in enumerate(tangent[:-1]):
        first, second = slope_bend[:, l]
        H = np.array([[slope[l], 0.0], [slope[l] + first * theta, chi[l]]])
        lower = np.array([[bend[l] + second * theta, first], [first, 0.0]])  # H'' of the second component
        shift = np.array([bend[l] * b[0, 0], (lower * b).sum()]) / 2
        noise = np.array([[1.0, 0.0], [1.0, theta]])
        a = H @ a + shift + np.array([0.0, 2 * w**2 * first * pulls[l]])
        b = H @ b @ H.T + w**2 * noise @ covariance[l] @ noise.T
        own = w**2 * slope_fourth[l] * theta**2 + chi[l] ** 2 * own
        rows.append((tangent[l + 1], a[1], b[1, 1] + 2 * own, tangent[l + 1]))
    return Corrections(*np.array(rows).T)


def _pulls(both: Array, slope: Array, tangent: Array) -> Array:
    """p of the layer below each layer, (depth,): m times the tangent kernel of the mean over neurons of phi^2 / 2 there."""
    pulls = [0.0]
    for l in range(len(tangent) - 1):
        pulls.append(both[l] * tangent[l] + slope[l] ** 2 * pulls[l])
    return np.array(pulls)


def _products(phi: Activation, q: Array) -> tuple[Array, Array, Array]:
    """Of h ~ N(0, q): Cov(phi^2, phi'^2) (depth, 2, 2), E phi^2 phi'^2 and E phi'^4 (depth,)."""

    def mean(powers: tuple[int, int]) -> Array:
        i, j = powers
        return gaussian.expectation(lambda h: phi.value(h) ** i * phi.derivative(h) ** j, q, phi.kinks, TOLERANCE).value

    square, slope, fourth, both, slope_fourth = map(mean, ((2, 0), (0, 2), (4, 0), (2, 2), (0, 4)))
    off = both - square * slope
    covariance = np.array([[fourth - square**2, off], [off, slope_fourth - slope**2]])
    return np.moveaxis(covariance, -1, 0), both, slope_fourth
