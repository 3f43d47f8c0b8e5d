"""Kernels and tangent kernels of finite random networks: what their corrections in 1/width predict."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.machine.work import watched
from ...solvers.running.streams import generator
from .. import activations
from .finite_width import checked_layers
from .finite_width_gram import checked_gram
from .maps import MeanFieldMaps
from .random_networks import Measured, over_networks, refuse_large, refuse_too_many

__all__ = ["Grams", "Kernels", "measure_gram", "measure_kernels"]

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


class Grams(NamedTuple):
    r"""Gram matrices of n inputs in layers 1 .. depth in random networks of one width: arrays of shape (depth, n, n).

    Attributes
    ----------
    kernel, tangent : Measured
        What :func:`gram_corrections` predicts.
    """

    kernel: Measured
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
    refuse_large(f"{m} makes networks of", 8.0 * m * m * len(kernel), "it, or depth")
    both = float(kernel[0]) * np.array([[1, c], [c, 1]])
    kernels, tangents = _ensemble(maps, m, len(kernel), both, 1, networks, rng)
    parts = (kernels[:, :, 0, 0], kernels[:, :, 0, 1], tangents[:, :, 0, 0])
    return Kernels(*(over_networks(part) for part in parts))


def measure_gram(maps: MeanFieldMaps, gram: Any, width: int, depth: int, *, networks: int = 10, rng: Any = 0) -> Grams:
    r"""Gram matrices of random networks, of inputs whose kernel in the first layer is given.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    gram : array_like, shape (n, n)
        See :func:`gram_corrections`.
    width, depth : int
        The input takes part as the first layer, whose kernel it fixes.
    networks : int
        At least 2.
    rng : int or Generator

    Raises
    ------
    ValueError
        Where an argument is out of its range, or the weights of a network would take more than 4 GB.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> maps, gram = propagation.MeanFieldMaps("relu", 2.0, 0.0), [[1.0, 0.2], [0.2, 1.5]]
    >>> found = propagation.measure_gram(maps, gram, 50, 3, networks=500).tangent
    >>> limit = propagation.gram_corrections(maps, gram, 3).tangent
    >>> bool(np.all(abs(found.mean - limit.kernel - limit.mean / 50) < 4 * found.error + 1e-9))
    True
    """
    m, gram = integer("width", width, least=2), checked_gram(gram)
    maps, kernel = checked_layers(maps, float(gram[0, 0]), depth)
    networks = integer("networks", networks, least=2)
    refuse_large(f"{m} makes networks of", 8.0 * m * (m + len(gram)) * len(kernel), "it, or depth")
    kernels, tangents = _ensemble(maps, m, len(kernel), gram, len(gram), networks, rng)
    return Grams(over_networks(kernels), over_networks(tangents))


def _ensemble(maps: MeanFieldMaps, m: int, depth: int, gram: Array, tangents: int, networks: int, rng: Any) -> tuple[Array, Array]:
    """Kernels (networks, depth, n, n) of n inputs, and tangent kernels (networks, depth, t, t) of the first t."""
    refuse_too_many(m, depth, networks)
    rng = generator(rng)
    size = max(1, WEIGHTS // (depth * m * m))
    blocks = [_block(maps, m, depth, gram, tangents, min(size, networks - i), rng) for i in watched("networks", range(0, networks, size))]
    kernels, found = zip(*blocks, strict=True)
    return np.concatenate(kernels), np.concatenate(found)


def _block(
    maps: MeanFieldMaps, m: int, depth: int, gram: Array, tangents: int, networks: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    phi, scale, bias = activations.get(maps.activation), math.sqrt(maps.weight_variance / m), math.sqrt(maps.bias_variance)
    size, vectors = np.linalg.eigh(gram)
    h = rng.standard_normal((networks, m, len(gram))) @ (np.sqrt(np.maximum(size, 0)) * vectors).T
    kernels = np.empty((networks, depth, len(gram), len(gram)))
    kernels[:, 0] = gram
    slopes, weights = [], []
    for l in range(1, depth):
        x = phi.value(h)
        slopes.append(phi.derivative(h[:, :, :tangents]))
        kernels[:, l] = bias**2 + scale**2 * x.transpose(0, 2, 1) @ x
        weights.append(scale * rng.standard_normal((networks, m, m)))
        h = weights[-1] @ x + bias * rng.standard_normal((networks, m, 1))
    found = np.zeros((networks, depth, tangents, tangents))
    back = np.zeros((networks, tangents, 0, m))  # derivatives of a neuron of each layer above by the pre-activations of this one
    own = np.zeros((networks, tangents, 1, m))
    own[..., 0] = 1
    for l in range(depth - 1, -1, -1):
        back = np.concatenate([own, back], axis=2)
        found[:, l:] += np.einsum("nalm,nblm->nlab", back, back) * kernels[:, l, None, :tangents, :tangents]
        if l:
            back = (back @ weights[l - 1][:, None]) * slopes[l - 1].transpose(0, 2, 1)[:, :, None]
    return kernels, found
