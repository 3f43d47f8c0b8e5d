"""A circle in finite random networks: what its recursions predict."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import integer
from ...solvers.machine.work import watched
from ...solvers.running.streams import generator
from .. import activations
from .geometry import circle
from .maps import MeanFieldMaps
from .random_networks import Measured, checked_networks, inputs, over_networks, refuse_large, refuse_too_many, weight_matrix

__all__ = ["MeasuredCurve", "measure_circle"]

Array = np.ndarray

UNRESOLVED = 1e-6  # part of a curve's power in the upper half of its frequencies


class MeasuredCurve(NamedTuple):
    r"""A circle in random networks of one width: arrays of shape (depth + 1,).

    Attributes
    ----------
    metric : Measured
        :math:`|\partial_\theta h|^2/m`, averaged along the curve.
    curvature : Measured
        Extrinsic curvature times :math:`\sqrt m`, averaged along the curve.
    """

    metric: Measured
    curvature: Measured


def measure_circle(maps: MeanFieldMaps, width: int, depth: int, *, networks: int = 10, points: int = 1024, rng: Any = 0) -> MeasuredCurve:
    r"""Send a great circle of the fixed point's variance through random networks: what :func:`circle` predicts.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections, of a smooth activation.
    width, depth : int
    networks : int
        At least 2.
    points : int
        On the circle; derivatives along it are those of the trigonometric interpolant.
    rng : int or Generator

    Raises
    ------
    ValueError
        Where an argument is out of its range, the maps have no positive fixed point, or the points do not resolve the curve of some
        layer: chaos doubles its length every few layers, and kinked activations break it.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> maps = propagation.MeanFieldMaps("tanh", 1.2, 0.1)
    >>> found, predicted = propagation.measure_circle(maps, 200, 3), propagation.circle(maps, 3)
    >>> bool(np.all(abs(found.curvature.mean / predicted.curvature - 1) < 0.1))
    True
    """
    maps, m, depth, networks = checked_networks(maps, width, depth, networks)
    points = integer("points", points, least=8)
    refuse_too_many(m, depth, networks)
    q = circle(maps, 0).metric[0]
    refuse_large(f"{m} with {points} points takes", 8.0 * m * (m + 8 * points), "one")
    rng = generator(rng)
    phi = activations.get(maps.activation)
    theta = 2 * np.pi * np.arange(points) / points
    rows = []
    for _ in watched("networks", range(networks)):
        h = np.stack([np.cos(theta), np.sin(theta)], axis=1) @ inputs(rng, m, float(q), 0.0)
        curve = [_speed_and_curvature(h, 0)]
        for l in range(1, depth + 1):
            W = math.sqrt(maps.weight_variance) * weight_matrix(rng, m, "gaussian")
            h = phi.value(h) @ W.T + math.sqrt(maps.bias_variance) * rng.standard_normal(m)
            curve.append(_speed_and_curvature(h, l))
        rows.append(curve)
    found = over_networks(rows)
    return MeasuredCurve(*(Measured(*(part[:, k] for part in found)) for k in (0, 1)))


def _speed_and_curvature(h: Array, layer: int) -> tuple[float, float]:
    """Means along a closed curve h (points, m)."""
    points, m = h.shape
    spectrum = np.fft.rfft(h, axis=0)
    frequency = np.arange(len(spectrum))[:, None]
    power = (frequency**2 * np.abs(spectrum) ** 2).sum(axis=1)
    upper = power[len(power) // 2 :].sum() / power.sum()
    if upper > UNRESOLVED:
        raise ValueError(
            f"points: {points} do not resolve the curve in layer {layer} ({upper:.1e} of its speed is in the upper half of frequencies);"
            " give more points or fewer layers"
        )
    v, a = (np.fft.irfft(spectrum * (1j * frequency) ** k, points, axis=0) for k in (1, 2))
    vv, va, aa = (v * v).sum(axis=1), (v * a).sum(axis=1), (a * a).sum(axis=1)
    return float(vv.mean() / m), float((np.sqrt(np.maximum(vv * aa - va**2, 0)) / vv**1.5).mean() * math.sqrt(m))
