r"""Outputs at inputs that nothing is learned from.

The features of a new input have a part in the span of the features that training has met, on which the weights act as they do in
:mod:`.march`, and a part outside it. There a Gaussian matrix makes fresh noise of the same covariance, independent of all else.
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
    theory, S = march.theory, march.theory.samples
    phi = theory.activation.value
    c, response, fresh = inside, None, _root(outside @ outside.T)
    for l, layer in enumerate(march.layers):
        noise, kicks = march.forward_mix(l, c, response)
        h = noise @ layer.from_below.values[: noise.shape[1]] + kicks @ layer.gradients.values[: kicks.shape[1]]
        if fresh.shape[1]:
            known = layer.from_below.values, layer.from_above.values
            h += theory.weight_std[l] * fresh @ layer.noise.draw(fresh.shape[1], PASSIVE, march.time, *known)
        F = phi(h)
        c, response = F @ layer.features.values.T / S, F @ layer.from_above.values.T / S
        fresh = _root(F @ F.T / S - c @ c.T)
    last = march.layers[-1]
    drift = widened(march.drifts[-1], march.k, len(last.features))
    z = theory.weight_std[-1] * last.from_above.values[: march.k] + drift @ last.features.values
    return F @ z.T / (S * theory.gamma)


def _root(covariance: Array) -> Array:
    """Columns R with R R^T the covariance, whose negative eigenvalues are rounding."""
    variance, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    kept = variance > 1e-12 * max(float(np.abs(covariance).max()), 1e-300)
    return axes[:, kept] * np.sqrt(variance[kept])
