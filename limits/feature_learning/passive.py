r"""Outputs at inputs that nothing is learned from.

The features of a new input have a part in the span of the features that training has met, on which the weights act as they do in
:mod:`.march`, and a part outside it. There a Gaussian matrix makes fresh noise of the same covariance, independent of all else.

The fields of the start are followed beside those of today, with the same noise. In the limit they have no response, and no overlap with
the readout; what the samples have of both is subtracted, so that no error is divided by gamma.
"""

from __future__ import annotations

import numpy as np

from .innovations import PASSIVE
from .march import March, widened

__all__ = ["passive_outputs"]

Array = np.ndarray


BLOCK = 32  # inputs whose fresh noise is drawn together: however many inputs there are, samples have room for their directions


def passive_outputs(march: March, inside: Array, outside: Array) -> Array:
    """Outputs (n', k) of the newest time of a march.

    Parameters
    ----------
    march : March
        At least one time old.
    inside : ndarray, shape (n', r)
        Coordinates of the inputs in the basis of the training inputs.
    outside : ndarray, shape (n', d)
        The rest of the inputs, orthogonal to all training inputs.
    """
    size = min(BLOCK, max(1, march.theory.samples // 8))
    blocks = [slice(first, first + size) for first in range(0, len(inside), size)]
    return np.concatenate([np.zeros((0, march.k)), *(_outputs(march, inside[block], outside[block]) for block in blocks)])


def _outputs(march: March, inside: Array, outside: Array) -> Array:
    theory, S, n = march.theory, march.theory.samples, len(inside)
    phi = theory.activation.value
    c, response, fresh = np.vstack([inside, inside]), None, np.tile(_root(outside @ outside.T), (2, 1))  # at the start, and now
    for l, layer in enumerate(march.layers):
        noise, kicks = march.forward_mix(l, c, response)
        kicks[:n] = 0
        h = noise @ layer.from_below.values[: noise.shape[1]] + kicks @ layer.gradients.values[: kicks.shape[1]]
        if fresh.shape[1]:
            h += theory.weight_std[l] * fresh @ layer.draw(fresh.shape[1], PASSIVE, march.time)
        F = phi(h)
        c, response = F @ layer.features.values.T / S, F @ layer.from_above.values.T / S
        response[n:] -= response[:n]
        fresh = _root(F @ F.T / S - c @ c.T)
    last = march.layers[-1]
    drift = widened(march.drifts[-1], march.k, len(last.features))
    readout = theory.weight_std[-1] * last.from_above.values[: march.k]
    return ((F[n:] - F[:n]) @ readout.T + F[n:] @ last.features.values.T @ drift.T) / (S * theory.gamma)


def _root(covariance: Array) -> Array:
    """Columns R with R R^T the covariance, whose negative eigenvalues are rounding."""
    variance, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    kept = variance > 1e-12 * max(float(np.abs(covariance).max()), 1e-300)
    return axes[:, kept] * np.sqrt(variance[kept])
