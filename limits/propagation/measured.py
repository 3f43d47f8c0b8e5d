"""Two inputs, and a gradient, in finite random networks: what the maps predict."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import choice, real
from ...solvers.machine.work import watched
from ...solvers.running.streams import generator
from .. import activations
from .maps import MeanFieldMaps
from .random_networks import Measured, checked_networks, inputs, over_networks, refuse_large, refuse_too_many, weight_matrix

__all__ = ["Signals", "measure_signals"]

Array = np.ndarray


class Signals(NamedTuple):
    r"""Two inputs in random networks of one width; arrays of shape (depth + 1,).

    Attributes
    ----------
    variance : Measured
        Mean square of the pre-activations, layer 0 being the inputs themselves: :meth:`MeanFieldMaps.variances`.
    correlation : Measured
        :meth:`MeanFieldMaps.correlations`.
    gradient : Measured
        Mean square of the gradient in layer depth - l over that in the last layer: :meth:`MeanFieldMaps.gradients`.
    """

    variance: Measured
    correlation: Measured
    gradient: Measured


def measure_signals(
    maps: MeanFieldMaps,
    width: int,
    depth: int,
    *,
    q: float = 1.0,
    c: float = 0.5,
    weights: str = "gaussian",
    networks: int = 10,
    rng: Any = 0,
) -> Signals:
    r"""Send two inputs of variance q and correlation c through random networks.

    Parameters
    ----------
    maps : MeanFieldMaps
        Its activation, variances, dropout and skip connection.
    width, depth : int
    q, c : float
        Mean square and correlation of the pre-activations that enter, exactly.
    weights : {"gaussian", "orthogonal"}
    networks : int
        At least 2.
    rng : int or Generator

    Raises
    ------
    ValueError
        Where an argument is out of its range, or a weight matrix would take more than 4 GB.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> maps = propagation.MeanFieldMaps("tanh", 1.5, 0.05)
    >>> found, path = propagation.measure_signals(maps, 500, 5).correlation, maps.correlations(0.5, 5, q=1.0)
    >>> bool(np.all(abs(found.mean - path) < 4 * found.error + 0.02))
    True
    """
    maps, m, depth, networks = checked_networks(maps, width, depth, networks)
    q, c = real("q", q, above=0), real("c", c)
    if abs(c) > 1:
        raise ValueError(f"c: a correlation lies in [-1, 1], got {c:g}")
    choice("weights", weights, ("gaussian", "orthogonal"))
    refuse_large(f"{m} makes matrices of", 8.0 * m * m, "it")
    refuse_too_many(m, depth, networks)
    rng = generator(rng)
    phi = activations.get(maps.activation)
    rows = []
    for _ in watched("networks", range(networks)):
        h, start = inputs(rng, m, q, c), rng.standard_normal(m)
        backward, variance, correlation = [], [q], [c]
        for _ in range(depth):
            W = math.sqrt(maps.weight_variance) * weight_matrix(rng, m, weights)
            keep = (rng.random(h.shape) < maps.keep) / maps.keep if maps.keep < 1 else np.ones_like(h)
            backward.append((W, phi.derivative(h[0]) * keep[0]))
            h = maps.skip * h + (phi.value(h) * keep) @ W.T + math.sqrt(maps.bias_variance) * rng.standard_normal(m)
            size = (h**2).mean(axis=1)
            variance.append(float(size.mean()))
            correlation.append(float((h[0] * h[1]).mean() / math.sqrt(size[0] * size[1])) if size.min() > 0 else math.nan)
        g, gradient = start, [1.0]
        for W, slope in reversed(backward):
            g = maps.skip * g + slope * (W.T @ g)
            gradient.append(float((g**2).mean() / (start**2).mean()))
        rows.append((variance, correlation, gradient))
    found = over_networks(rows)
    return Signals(*(Measured(*parts) for parts in zip(*found, strict=True)))
