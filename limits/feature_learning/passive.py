r"""Fields and outputs at inputs that nothing is learned from.

The features of a new input have a part in the span of the features that training has met, on which the weights act as they do in
:mod:`.march`, and a part outside it. There a Gaussian matrix makes fresh noise of the same covariance, independent of all else. So it is
with the gradients on their way back; they respond to the fresh noise of the features, too, each through the feature that it came from.

The fields of the start are followed beside those of today, with the same noise. In the limit they have no response, and no overlap with
the readout; what the samples have of both is subtracted, so that no error is divided by gamma.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .innovations import PASSIVE, PASSIVE_ABOVE
from .march import March, widened

__all__ = ["PassiveKernels", "passive_kernels", "passive_outputs"]

Array = np.ndarray


BLOCK = 32  # inputs whose fresh noise is drawn together: however many inputs there are, samples have room for their directions


class PassiveKernels(NamedTuple):
    """Samples and kernels at n' inputs at the newest time of a march.

    Attributes
    ----------
    h : ndarray, shape (L, n', S)
    forward : ndarray, shape (L + 1, n', n')
    backward : ndarray, shape (L + 1, n', k, n', k)
    """

    h: Array
    forward: Array
    backward: Array


class _Met(NamedTuple):
    """What a layer has at the new inputs, at the start and then today: shapes (2 n', ..)."""

    h: Array
    features: Array
    inside: Array  # their coordinates in the basis of the march
    outside: Array  # a root of the covariance of the rest
    drawn: Array  # the fresh noise from below, (q, S)


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
    theory, n, last = march.theory, len(inside), march.layers[-1]
    F = _forward(march, inside, outside)[-1].features
    drift = widened(march.drifts[-1], march.k, len(last.features))
    readout = theory.weight_std[-1] * last.from_above.values[: march.k]
    return ((F[n:] - F[:n]) @ readout.T + F[n:] @ last.features.values.T @ drift.T) / (theory.samples * theory.gamma)


def _forward(march: March, inside: Array, outside: Array) -> list[_Met]:
    theory, S, n = march.theory, march.theory.samples, len(inside)
    c, response, fresh = np.vstack([inside, inside]), None, np.tile(_root(outside @ outside.T), (2, 1))
    met = []
    for l, layer in enumerate(march.layers):
        noise, kicks = march.forward_mix(l, c, response)
        kicks[:n] = 0
        drawn = layer.draw(fresh.shape[1], PASSIVE, march.time) if fresh.shape[1] else np.empty((0, S))
        h = noise @ layer.from_below.values[: noise.shape[1]] + kicks @ layer.gradients.values[: kicks.shape[1]]
        h += theory.weight_std[l] * fresh @ drawn
        F = theory.activation.value(h)
        c, response = F @ layer.features.values.T / S, F @ layer.from_above.values.T / S
        response[n:] -= response[:n]
        fresh = _root(F @ F.T / S - c @ c.T)
        met.append(_Met(h, F, c, fresh, drawn))
    return met


def passive_kernels(march: March, inside: Array, outside: Array) -> PassiveKernels:
    """Samples of the fields, and kernels, of the newest time; the parameters are those of :func:`passive_outputs`."""
    theory, S, n, k, L = march.theory, march.theory.samples, len(inside), march.k, len(march.layers)
    met = _forward(march, inside, outside)
    forward = np.array([inside @ inside.T + outside @ outside.T, *(one.features[n:] @ one.features[n:].T / S for one in met)])
    backward = np.zeros((L + 1, n * k, n * k))
    backward[L] = np.tile(np.eye(k), (n, n))
    top = march.layers[-1]
    z = theory.weight_std[-1] * top.from_above.values[:k] + widened(march.drifts[-1], k, len(top.features)) @ top.features.values
    for l in range(L - 1, -1, -1):
        layer, own = march.layers[l], met[l]
        g = (theory.activation.derivative(own.h[n:])[:, None] * z.reshape(-1, k, S)).reshape(n * k, S)
        backward[l] = g @ g.T / S
        if l:
            below, under = march.layers[l - 1], met[l - 1]
            b, response = g @ layer.gradients.values.T / S, g @ layer.from_below.values.T / S
            rest = _root(backward[l] - b @ b.T)
            mixed = theory.weight_std[l] * response + b @ widened(march.drifts[l], b.shape[1], response.shape[1])
            z = mixed @ below.features.values + theory.weight_std[l] * b @ below.from_above.values
            z += theory.weight_std[l] * rest @ below.draw(rest.shape[1], PASSIVE_ABOVE, march.time, under.drawn)
            z += theory.weight_std[l] * (g @ own.drawn.T / S) @ _directions(under, below.features.values)
    return PassiveKernels(np.array([one.h[n:] for one in met]), forward, backward.reshape(L + 1, n, k, n, k))


def _directions(met: _Met, basis: Array) -> Array:
    """The orthonormal directions outside the basis that the fresh noise of the layer above belongs to, shape (q, S)."""
    return (met.outside / np.sum(met.outside**2, axis=0)).T @ (met.features - met.inside @ basis)


def _root(covariance: Array) -> Array:
    """Columns R with R R^T the covariance, orthogonal to each other; negative eigenvalues of it are rounding."""
    variance, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    kept = variance > 1e-12 * max(float(np.abs(covariance).max()), 1e-300)
    return axes[:, kept] * np.sqrt(variance[kept])
