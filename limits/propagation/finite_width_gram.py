r"""Gram matrices of kernels and tangent kernels of networks of finite width at initialisation, to the first order in 1/width.

The kernel of two inputs follows the recursion of :func:`infwidth.limits.propagation.pair_corrections`. Their tangent kernel, averaged over
the layer's own weights, is :math:`\bar\Theta_{12} = G_{12} + \frac{\sigma_w^2}m \sum_j \phi'_j(1)\phi'_j(2)\,\Theta_{jj}(1, 2)`, where
:math:`\Theta_{jj}` shares its weights :math:`\omega_j` with the pre-activations of its neuron. By Stein's lemma in two variables

.. math::
    \mathbb E\,\phi'_j(1)\phi'_j(2)\,\Theta_{jj} = e\,\bar\Theta_{12} + \sigma_w^4 \sum_{\gamma\delta} e_{\gamma\delta}\, P_{\gamma\delta},
    \qquad e_{\gamma\delta} = \mathbb E\,\partial_\gamma\partial_\delta\,\phi'(1)\phi'(2), \qquad
    P_{\gamma\delta} = \frac1{m^2} \sum_{ab} \phi_a(\gamma)\phi'_a(1)\,\Theta_{ab}(1, 2)\,\phi'_b(2)\phi_b(\delta)

of the layer below, with :math:`\gamma, \delta \in \{1, 2\}`: no other input takes part, and :math:`e_{11}, e_{12}, e_{22}` are twice, once
and twice the derivatives of e by :math:`G_{11}, G_{12}, G_{22}`. So with :math:`\theta` the limit the mean of the four numbers
:math:`(G_{11}, G_{12}, G_{22}, \bar\Theta_{12})` is off by a/m and their covariance is b/m,

.. math::
    a' &= H' a + \tfrac12 H'' : b + \Big(0, 0, 0,\; \sigma_w^6 \sum_{\gamma\delta} e_{\gamma\delta}\, p_{\gamma\delta}\Big), \qquad
    b' = H' b\, H'^\top + \sigma_w^4 \operatorname{Cov}(\phi_1^2,\, \phi_1\phi_2,\, \phi_2^2,\, \phi_1\phi_2 + \theta\,\phi'_1\phi'_2), \\
    p' &= \theta\, \mathbb E\,\phi_\gamma\phi_\delta\,\phi'_1\phi'_2 + T p\, S^\top, \qquad
    T = \begin{pmatrix} \partial_{11} F_{11} & 0 \\ 2\,\partial_{11} F_{12} & \partial_{12} F_{12} \end{pmatrix}, \quad
    S = \begin{pmatrix} \partial_{12} F_{12} & 2\,\partial_{22} F_{12} \\ 0 & \partial_{22} F_{22} \end{pmatrix},

where F is the map of kernels and p in a' that of the layer below. One neuron has its own weights as well: its variance is larger by
:math:`(B + C)/m` with

.. math::
    B' = \sigma_w^4 \big(\theta^2\, \mathbb E\,\phi_1'^2\phi_2'^2 + \mathbb E\,\phi_1'^2\; \mathbb E\,\phi_2'^2\; B\big), \qquad
    C' = \sigma_w^4 \big(\theta^2\, \mathbb E\,\phi_1'^2\phi_2'^2 + (\mathbb E\,\phi_1'\phi_2')^2\, C\big),

m times the means of :math:`\Theta_{jk}(1, 2)^2` and :math:`\Theta_{jk}(1, 2)\,\Theta_{kj}(1, 2)` of two neurons. For equal inputs this
is :func:`infwidth.limits.propagation.tangent_corrections`.

References
----------
.. [hanin2019] Hanin and Nica, arXiv:1909.05989.
.. [roberts2021] Roberts, Yaida and Hanin, arXiv:2106.10165, chapter 8.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import numbers
from .finite_width import LARGEST, Corrections, checked_layers, corrections
from .finite_width_pairs import CLOSEST, derivatives, fluctuations, refuse_close
from .finite_width_tangent import tangent_corrections
from .maps import MeanFieldMaps

__all__ = ["GramCorrections", "by_shared_weights", "checked_gram", "gram_corrections", "with_shared_weights"]

Array = np.ndarray

SYMMETRIC = 1e-10  # relative
MOST_INPUTS = 100  # 5,000 pairs


class GramCorrections(NamedTuple):
    r"""Of the Gram matrices of n inputs: corrections whose arrays have the shape (depth, n, n).

    Attributes
    ----------
    kernel : Corrections
        Of the kernels of layers 1 .. depth. ``scale`` is :math:`\sqrt{G_{ii} G_{jj}}`.
    tangent : Corrections
        Of the tangent kernel of one output that is layer l = 1 .. depth, in the NTK parameterization; likewise.
    """

    kernel: Corrections
    tangent: Corrections


def gram_corrections(maps: MeanFieldMaps, gram: Any, depth: int) -> GramCorrections:
    r"""Coefficients of 1/m in the mean and the variance of each entry of the kernels and tangent kernels of n inputs.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    gram : array_like, shape (n, n)
        Covariance of the pre-activations in the first layer, which the inputs fix: :math:`\sigma_w^2 X X^\top/d + \sigma_b^2`. At most
        100 inputs, no two of them with a correlation beyond .999.
    depth : int
        Number of layers of weights, at least 1.

    Returns
    -------
    GramCorrections

    Raises
    ------
    ValueError
        Where an argument is out of its range, or correlations come nearer to 1 than .999 on the way (order): from there on the two are
        one input.

    Examples
    --------
    Relu networks: the tangent kernel of one input has the right mean at any width, that of two different ones has not.

    >>> from infwidth.limits import propagation
    >>> found = propagation.gram_corrections(propagation.MeanFieldMaps("relu", 2.0, 0.0), [[1.0, 0.2], [0.2, 1.0]], 4).tangent
    >>> found.kernel[-1, 0].round(2), found.mean[-1, 0].round(2)
    (array([4.  , 1.27]), array([0.  , 0.64]))
    >>> round(found.width_for(0.2))
    250
    """
    G = checked_gram(gram)
    n = len(G)
    for q in np.unique(np.diagonal(G)):  # also what makes a ValueError of bad maps and depths
        maps, kernel = checked_layers(maps, q, depth)
    parts = np.empty((2, 3, len(kernel), n, n))
    for q in np.unique(np.diagonal(G)):
        same = np.flatnonzero(np.diagonal(G) == q)
        for part, one in zip(parts, (corrections(maps, q, depth), tangent_corrections(maps, q, depth)), strict=True):
            part[:, :, same, same] = np.array(one[:3])[:, :, None]
    i, j = np.triu_indices(n, 1)
    if len(i):
        pairs = _pairs(maps, np.stack([G[i, i], G[i, j], G[j, j]], axis=1), len(kernel))
        parts[:, :, :, i, j] = parts[:, :, :, j, i] = pairs
    found = []
    for part in parts:
        size = np.sqrt(np.diagonal(part[0], axis1=1, axis2=2))
        kernel, mean, variance = part
        found.append(Corrections(kernel, mean, variance, size[:, :, None] * size[:, None, :]))
    return GramCorrections(*found)


def _pairs(maps: MeanFieldMaps, G: Array, depth: int) -> Array:
    """Limit, mean and variance of kernels and of tangent kernels of pairs G (P, 3), (2, 3, depth, P)."""
    P, w = len(G), maps.weight_variance
    theta, a, b, p = G[:, 1].copy(), np.zeros((P, 4)), np.zeros((P, 4, 4)), np.zeros((P, 2, 2))
    own = np.zeros((2, P))
    found = np.zeros((2, 3, depth, P))
    found[:, 0, 0] = theta
    for l in range(1, depth):
        refuse_close(G, l)
        F, slope, bend = derivatives(maps, G)
        moments, covariance = fluctuations(maps, G, 4)
        e, e_slope = F[:, 3].copy(), slope[:, 3].copy()
        H, H_bend = np.zeros((P, 4, 4)), np.zeros((P, 4, 4, 4))
        H[:, :3, :3], H_bend[:, :3, :3, :3] = slope[:, :3], bend[:, :3]
        H[:, 3, :3], H[:, 3, 3] = slope[:, 1] + theta[:, None] * e_slope, e
        H_bend[:, 3, :3, :3] = bend[:, 1] + theta[:, None, None] * bend[:, 3]
        H_bend[:, 3, :3, 3] = H_bend[:, 3, 3, :3] = e_slope
        a = np.einsum("pij,pj->pi", H, a) + np.einsum("pkij,pij->pk", H_bend, b) / 2
        a[:, 3] += w**2 * by_shared_weights(e_slope, p)
        noise = np.zeros((P, 4, 4))
        noise[:, range(3), range(3)], noise[:, 3, 1], noise[:, 3, 3] = 1, 1, theta
        b = H @ b @ H.transpose(0, 2, 1) + w**2 * noise @ covariance @ noise.transpose(0, 2, 1)
        p = with_shared_weights(theta, slope, moments, p)
        growth = np.stack([maps.gradient_growth(G[:, 0]) * maps.gradient_growth(G[:, 2]), e**2])
        own = w**2 * moments[:, 3, 3] * theta**2 + growth * own
        G, theta = F[:, :3], F[:, 1] + e * theta
        found[0, :, l] = G[:, 1], a[:, 1], b[:, 1, 1]
        found[1, :, l] = theta, a[:, 3], b[:, 3, 3] + own.sum(axis=0)
    return found


def by_shared_weights(e_slope: Array, p: Array) -> Array:
    r""":math:`\sigma_w^2 \sum_{\gamma\delta} e_{\gamma\delta}\, p_{\gamma\delta}` (P,), from the slopes (P, 3) of :math:`\sigma_w^2 e`."""
    return 2 * e_slope[:, 0] * p[:, 0, 0] + e_slope[:, 1] * (p[:, 0, 1] + p[:, 1, 0]) + 2 * e_slope[:, 2] * p[:, 1, 1]


def with_shared_weights(theta: Array, slope: Array, moments: Array, p: Array) -> Array:
    """p (P, 2, 2) of this layer from that of the layer below."""
    T, S = np.zeros((2, *p.shape))
    T[:, 0, 0], T[:, 1, 0], T[:, 1, 1] = slope[:, 0, 0], 2 * slope[:, 1, 0], slope[:, 1, 1]
    S[:, 0, 0], S[:, 0, 1], S[:, 1, 1] = slope[:, 1, 1], 2 * slope[:, 1, 2], slope[:, 2, 2]
    both = np.stack([moments[:, 0, 3], moments[:, 1, 3], moments[:, 1, 3], moments[:, 2, 3]], axis=1).reshape(p.shape)
    return theta[:, None, None] * both + T @ p @ S.transpose(0, 2, 1)


def checked_gram(gram: Any) -> Array:
    """Covariances (n, n) of distinct inputs in the first layer."""
    G = numbers("gram", gram).astype(float)
    if G.ndim != 2 or len(G) != G.shape[1] or not 1 <= len(G) <= MOST_INPUTS:
        raise ValueError(f"gram: need a square matrix of at most {MOST_INPUTS} inputs, got shape {np.shape(gram)}")
    size = np.diagonal(G)
    if not (np.isfinite(G).all() and (size > 1 / LARGEST).all() and (size < LARGEST).all()):
        raise ValueError(f"gram: need finite numbers, on the diagonal between {1 / LARGEST:g} and {LARGEST:g}")
    scale = np.sqrt(size[:, None] * size)
    if np.abs(G - G.T).max() > SYMMETRIC * scale.max():
        raise ValueError("gram: is not symmetric; give the covariances of the first layer's pre-activations")
    c = np.abs(G / scale)[~np.eye(len(G), dtype=bool)]
    if c.size and c.max() > CLOSEST:
        raise ValueError(f"gram: two inputs have the correlation {c.max():.6f}, as good as one; leave one of them out")
    if np.linalg.eigvalsh(G / scale)[0] < -SYMMETRIC * len(G):
        raise ValueError("gram: has a negative eigenvalue, so it is no covariance; give that of the first layer's pre-activations")
    return (G + G.T) / 2
