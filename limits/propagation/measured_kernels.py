"""Kernels and tangent kernels of finite random networks: what their corrections in 1/width predict."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.running.streams import generator
from .. import activations
from .finite_width import checked_layers
from .maps import MeanFieldMaps
from .random_networks import Measured, over_networks, refuse_large, refuse_too_many

__all__ = ["Kernels", "measure_kernels"]

Array = np.ndarray

WEIGHTS = 2**21  # drawn at a time: as many networks as have them


class Kernels(NamedTuple):
    r"""Kernels of layers 1 .. depth in random networks of one width: arrays of shape (depth,).

    Attributes
    ----------
    variance : Measured
        Of one input, :math:`\sigma_b^2 + \sigma_w^2 |\phi(h)|^2/m` of the layer below: :func:`corrections`.
    covariance : Measured
        Of two inputs: :func:`pair_corrections`.
    tangent : Measured
        Tangent kernel of one neuron at one input, in the NTK parameterization: :func:`tangent_corrections`.
    """

    variance: Measured
    covariance: Measured
    tangent: Measured


def measure_kernels(
    maps: MeanFieldMaps, width: int, depth: int, *, q: float = 1.0, c: float = 0.5, networks: int = 10, rng: Any = 0
) -> Kernels:
    r"""Kernels of random networks, of two inputs whose kernel in the first layer is q, correlation c.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    width, depth : int
        The input takes part as the first layer, whose kernel it fixes.
    q, c : float
        Variance and correlation of the two pre-activations in the first layer.
    networks : int
        At least 2.
    rng : int or Generator

    Raises
    ------
    ValueError
        Where an argument is out of its range, or the weights of a network would take more than 4 GB.

    Examples
    --------
    Deep linear networks of width 50: the tangent kernel of three layers varies as predicted.

    >>> from infwidth.limits import propagation
    >>> maps = propagation.MeanFieldMaps("linear", 1.0, 0.0)
    >>> found = propagation.measure_kernels(maps, 50, 3, networks=4000).tangent
    >>> expected = propagation.tangent_corrections(maps, 1.0, 3)
    >>> bool(abs(50 * found.variance[-1] / expected.variance[-1] - 1) < 0.15)
    True
    """
    m = integer("width", width, least=2)
    maps, kernel = checked_layers(maps, q, depth)
    networks, c = integer("networks", networks, least=2), real("c", c)
    if abs(c) > 1:
        raise ValueError(f"c: a correlation lies in [-1, 1], got {c:g}")
    q, depth = float(kernel[0]), len(kernel)
    refuse_large(f"{m} makes networks of", 8.0 * m * m * depth, "it, or depth")
    refuse_too_many(m, depth, networks)
    rng = generator(rng)
    size = max(1, WEIGHTS // (depth * m * m))
    blocks = [_block(maps, m, depth, q, c, min(size, networks - i), rng) for i in range(0, networks, size)]
    found = over_networks(np.concatenate(blocks))
    return Kernels(*(Measured(*parts) for parts in zip(*found, strict=True)))


def _block(maps: MeanFieldMaps, m: int, depth: int, q: float, c: float, networks: int, rng: np.random.Generator) -> Array:
    """Variance, covariance and tangent kernel by layer: (networks, 3, depth)."""
    phi, scale, bias = activations.get(maps.activation), math.sqrt(maps.weight_variance / m), math.sqrt(maps.bias_variance)
    h = math.sqrt(q) * rng.standard_normal((networks, m, 2)) @ np.array([[1, c], [0, math.sqrt(1 - c * c)]])
    found = np.zeros((networks, 3, depth))
    found[:, 0, 0], found[:, 1, 0] = q, c * q
    slopes, weights = [], []
    for l in range(1, depth):
        x = phi.value(h)
        slopes.append(phi.derivative(h[:, :, 0]))
        found[:, 0, l] = bias**2 + scale**2 * (x[:, :, 0] ** 2).sum(axis=1)
        found[:, 1, l] = bias**2 + scale**2 * (x[:, :, 0] * x[:, :, 1]).sum(axis=1)
        weights.append(scale * rng.standard_normal((networks, m, m)))
        h = weights[-1] @ x + bias * rng.standard_normal((networks, m, 1))
    back = np.zeros((networks, 0, m))  # derivatives of a neuron of each layer above by the pre-activations of this one
    own = np.zeros((networks, 1, m))
    own[:, :, 0] = 1
    for l in range(depth - 1, -1, -1):
        back = np.concatenate([own, back], axis=1)
        found[:, 2, l:] += (back**2).sum(axis=2) * found[:, 0, l, None]
        if l:
            back = (back @ weights[l - 1]) * slopes[l - 1][:, None, :]
    return found
