r"""Pairs of inputs in the expansion in 1/width: derivatives of their maps, and what the neurons of one layer add to the fluctuations.

Of two inputs with the kernel :math:`G = (G_{11}, K, G_{22})` in a layer the next one has :math:`F(G)`, and the tangent kernel between them
is multiplied by :math:`e(G) = \sigma_w^2\,\mathbb E\,\phi'(u)\phi'(v)`. The expansion needs their first and second derivatives, and the
covariance of :math:`(\phi(u)^2, \phi(u)\phi(v), \phi(v)^2, \phi'(u)\phi'(v))`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import activations, gaussian
from .maps import TOLERANCE, MeanFieldMaps

__all__ = ["CLOSEST", "derivatives", "fluctuations", "pair_maps", "refuse_close"]

Array = np.ndarray

CLOSEST = 0.999  # correlation: beyond, differences of the map lose their digits
STEP = 3e-3  # of differences, relative to the variances and to how far the two inputs are apart
ACCURATE = 1e-9  # of coefficients that are held against networks

# E of the products of (phi(u)^2, phi(u) phi(v), phi(v)^2, phi'(u) phi'(v)): powers of phi and phi' at u, and at v
PRODUCTS = {
    (0, 1): ((3, 0), (1, 0)),
    (0, 2): ((2, 0), (2, 0)),
    (1, 2): ((1, 0), (3, 0)),
    (0, 3): ((2, 1), (0, 1)),
    (1, 3): ((1, 1), (1, 1)),
    (2, 3): ((0, 1), (2, 1)),
    (3, 3): ((0, 2), (0, 2)),
}


def pair_maps(maps: MeanFieldMaps, G: Array) -> Array:
    """F and e: (..., 4) of triples G (..., 3)."""
    one, both, other = G[..., 0], G[..., 1], G[..., 2]
    c = np.clip(both / np.sqrt(one * other), -1, 1)
    value, slope = (gaussian.dual(maps.activation, one, other, c, of=of, tolerance=TOLERANCE).value for of in ("value", "derivative"))
    w = maps.weight_variance
    return np.stack([maps.variance_map(one), maps.bias_variance + w * value, maps.variance_map(other), w * slope], axis=-1)


def derivatives(maps: MeanFieldMaps, G: Array) -> tuple[Array, Array, Array]:
    """F and e at triples G (P, 3), their slopes (P, 4, 3) and second derivatives (P, 4, 3, 3): by central differences along each axis and
    along the sums of two."""
    geometric = np.sqrt(G[:, 0] * G[:, 2])
    e = STEP * (1 - np.abs(G[:, 1]) / geometric)[:, None] * np.stack([G[:, 0], geometric, G[:, 2]], axis=1)
    pairs = [(i, j) for i in range(3) for j in range(i)]
    directions = np.array([*np.eye(3), *(np.eye(3)[i] + np.eye(3)[j] for i, j in pairs)])
    here, moves = pair_maps(maps, G), e[:, None, :] * directions
    up, down = (pair_maps(maps, G[:, None, :] + sign * moves) for sign in (1, -1))  # (P, 6, 4)
    slope = ((up - down)[:, :3] / (2 * e[:, :, None])).transpose(0, 2, 1)
    second = (up - 2 * here[:, None] + down).transpose(0, 2, 1)  # along each direction, (P, 4, 6)
    bend = np.empty((*here.shape, 3, 3))
    for i in range(3):
        bend[..., i, i] = second[..., i]
    for row, (i, j) in enumerate(pairs, start=3):
        bend[..., i, j] = bend[..., j, i] = (second[..., row] - second[..., i] - second[..., j]) / 2
    return here, slope, bend / (e[:, None, :, None] * e[:, None, None, :])


def fluctuations(maps: MeanFieldMaps, G: Array, size: int) -> tuple[Array, Array]:
    """Second moments (P, size, size) of the first ``size`` of (phi(u)^2, phi(u) phi(v), phi(v)^2, phi'(u) phi'(v)), and covariances."""
    phi = activations.get(maps.activation)
    one, both, other = G.T
    c = np.clip(both / np.sqrt(one * other), -1, 1)

    def power(powers: tuple[int, int]) -> Any:
        i, k = powers
        return lambda h: phi.value(h) ** i * phi.derivative(h) ** k

    moments = np.empty((len(G), size, size))
    for (i, j), (at_u, at_v) in PRODUCTS.items():
        if max(i, j) < size:
            found = gaussian.pair_expectation(power(at_u), power(at_v), one, other, c, phi.kinks, ACCURATE).value
            moments[:, i, j] = moments[:, j, i] = found
    moments[:, 1, 1] = moments[:, 0, 2]
    for i, q in ((0, one), (2, other)):
        moments[:, i, i] = gaussian.expectation(power((4, 0)), q, phi.kinks, TOLERANCE).value
    w, (V, F, V_, e) = maps.weight_variance, pair_maps(maps, G).T
    mean = np.stack([V - maps.bias_variance, F - maps.bias_variance, V_ - maps.bias_variance, e], axis=1)[:, :size] / w
    return moments, moments - mean[:, :, None] * mean[:, None, :]


def refuse_close(G: Array, layer: int) -> None:
    """ValueError where the inputs of a pair, triples G (P, 3), are as good as one in this layer."""
    c = G[:, 1] / np.sqrt(G[:, 0] * G[:, 2])
    worst = float(c[np.abs(c).argmax()])
    if abs(worst) > CLOSEST:
        raise ValueError(f"depth: in layer {layer} two inputs have the correlation {worst:.6f}, as good as one; stop there")
