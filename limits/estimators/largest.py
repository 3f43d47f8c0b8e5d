r"""Which of several independent Gaussian numbers of one variance is the largest: the law behind classes that are told by outputs.

.. math::
    \Pr(f_c > f_j \;\forall j \ne c) = \int \varphi(z) \prod_{j \ne c} \Phi\!\Big(z + \frac{m_c - m_j}{s}\Big)\, dz,

with the normal density :math:`\varphi` and distribution function :math:`\Phi`; of two, :math:`\Phi((m_1 - m_2)/(\sqrt2\, s))`.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["probability_of_largest"]

Array = np.ndarray

NODES = np.arange(-72, 73) / 8  # standard deviations around the largest mean: the trapezoidal rule errs by 1e-13 for a thousand numbers
BLOCK = 2**20  # numbers of a table
ROUNDING = 1e-8  # of the largest mean: no spread is smaller, since the variance has the rounding of numbers of that size


def probability_of_largest(means: Array, std: Array) -> Array:
    """Probabilities (n, k) that each of k numbers of means (n, k) is the largest; their standard deviations are ``std`` (n,) >= 0.

    Equal numbers without spread share what they have, also those that rounding has made different.
    """
    top = means.max(axis=1, keepdims=True)
    spread = np.maximum(std, ROUNDING * np.abs(means).max(axis=1))[:, None]
    behind = np.divide(top - means, spread, out=np.zeros_like(means), where=means < top)
    rows = max(1, BLOCK // (len(NODES) * means.shape[1]))
    return np.concatenate([_block(behind[i : i + rows]) for i in range(0, len(means), rows)])


def _block(behind: Array) -> Array:
    from scipy.special import ndtr

    if behind.shape[1] == 2:
        return np.asarray(ndtr((behind[:, ::-1] - behind) / math.sqrt(2)))
    z = NODES[:, None] + behind[:, None, :]  # of each number at the value that is the largest
    below = np.log(ndtr(z))  # z is -9 at least
    others = below.sum(axis=2, keepdims=True) - below
    share: Array = np.exp(others - z * z / 2).sum(axis=1) * ((NODES[1] - NODES[0]) / math.sqrt(2 * math.pi))
    return share / share.sum(axis=1, keepdims=True)
