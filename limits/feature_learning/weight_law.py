r"""The law of the weights of a deep linear network of infinite width, at any time of training.

**The ends.** A neuron of layer 1 has a Gaussian vector of input weights, a neuron of layer L one of output weights, with covariances that
training moves: :math:`A_1^\top A_1` and :math:`\gamma^2 A_{L+1} A_{L+1}^\top`. Their eigenvalues are the squared singular values of
:math:`m^{-1/2} W^1` and :math:`m^{-1/2} W^{L+1}`.

**Between them.** :math:`m^{-1/2} W^l = \sigma_l Z + \text{(finite rank)}` keeps the quarter circle of the Gaussian matrix, of density
:math:`\sqrt{4\sigma_l^2 - s^2}/(\pi\sigma_l^2)` on :math:`[0, 2\sigma_l]`; what was learned stands out as single singular values above
the edge. The learned part is not independent of Z (its fields went through Z), so that the outliers are not those of a sum of independent
matrices. They come from the bases of :mod:`.growing_network`: there the operator is the matrix A (D', D), and from each direction that
was never asked for, of the projectors :math:`\Pi` (rows) and :math:`\Pi'` (columns) on the complements of what is known, a chain of new
directions leads away, every link of strength :math:`\sigma`. On such a chain a vector with singular value
:math:`s = \sigma(\lambda + 1/\lambda) > 2\sigma` falls by the factor :math:`\lambda` per link, so that s is an outlier where

.. math:: \begin{pmatrix} \sigma\lambda\,\Pi & A \\ A^\top & \sigma\lambda\,\Pi' \end{pmatrix} v = s\,v .

References
----------
.. [chizat2022] Chizat, Colombo, Fernández-Real and Figalli, arXiv:2211.16980: the law of the weights along training. The equation for the
   outliers is derived here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .growing_network import GrowingNetwork

__all__ = ["MiddleLayer", "WeightLaw", "quarter_circle"]

Array = np.ndarray


class MiddleLayer(NamedTuple):
    """Singular values of :math:`m^{-1/2} W^l` between two hidden layers.

    Attributes
    ----------
    edge : float
        :math:`2\\sigma_l`, where the quarter circle ends.
    outliers : ndarray
        Singular values above it, largest first.
    """

    edge: float
    outliers: Array


class WeightLaw(NamedTuple):
    r"""Law of the weights at one time.

    Attributes
    ----------
    first : ndarray, shape (d, d)
        Covariance of the input weights of a neuron of layer 1.
    middle : tuple of MiddleLayer, length L - 1
        Of layers 2..L.
    last : ndarray, shape (k, k)
        Covariance of the output weights of a neuron of layer L.
    """

    first: Array
    middle: tuple[MiddleLayer, ...]
    last: Array


def quarter_circle(s: Array, edge: float) -> Array:
    """Density of the singular values in the bulk that ends at ``edge``, normalised to 1.

    Examples
    --------
    >>> s = np.linspace(0, 2, 100_001)
    >>> float(np.trapezoid(quarter_circle(s, 2.0) * s**2, s).round(5))  # the second moment is sigma^2 = edge^2 / 4
    1.0
    """
    s = np.asarray(s, float)
    return 4 * np.sqrt(np.maximum(edge**2 - s**2, 0)) / (np.pi * edge**2)


def middle_layer(network: GrowingNetwork, l: int) -> MiddleLayer:
    """Singular values of the operator from layer l to layer l + 1, for 1 <= l < L."""
    from scipy.linalg import eigvalsh
    from scipy.optimize import brentq

    A, sigma = network.matrices[l], network.scales[l]
    if sigma == 0:
        values = np.linalg.svd(A, compute_uv=False) if A.size else np.zeros(0)
        return MiddleLayer(0.0, values[values > 0])
    rows, columns = (np.eye(len(known)) - known @ known.T for known in (network.backward_known[l], network.forward_known[l]))
    edge = 2 * sigma

    def excess(s: float) -> Array:
        """Eigenvalues minus s, largest first: each falls as s grows, and is zero at an outlier."""
        link = (s - np.sqrt(max(s**2 - edge**2, 0.0))) / 2  # sigma * lambda
        return eigvalsh(np.block([[link * rows, A], [A.T, link * columns]]))[::-1] - s

    largest = float(np.linalg.norm(A, 2)) + edge
    above = np.flatnonzero(excess(edge * (1 + 1e-9)) > 0)
    outliers = [brentq(lambda s, i: float(excess(s)[i]), edge * (1 + 1e-9), largest, args=(i,), xtol=1e-12) for i in above]
    return MiddleLayer(edge, np.array(outliers))
