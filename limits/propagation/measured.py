r"""The same on finite networks: variances, correlations, gradients and singular values of random networks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import choice, flag, instance, integer, real
from ...solvers.running.streams import generator
from .. import activations
from .geometry import circle
from .maps import DEEPEST, EXAMPLE, MeanFieldMaps

__all__ = ["MeasuredCurve", "Signals", "measure", "measure_circle"]

Array = np.ndarray

LARGEST = 4e9  # bytes
MOST_WEIGHTS = 1e12  # drawn in one call: some hours
LEAST_WORK = 1e4  # weights whose layer takes as long as the calls
UNRESOLVED = 1e-6  # part of a curve's power in the upper half of its frequencies


class Signals(NamedTuple):
    r"""Two inputs in random networks of one width; mean and standard error over networks.

    Attributes
    ----------
    variance, variance_error : ndarray, shape (depth + 1,)
        Mean square of the pre-activations, layer 0 being the inputs themselves.
    correlation, correlation_error : ndarray, shape (depth + 1,)
    gradient, gradient_error : ndarray, shape (depth + 1,)
        Mean square of the gradient in layer depth - l over that in the last layer.
    squared_singular_values : ndarray, shape (networks, width)
        Of the Jacobian from the first to the last layer's pre-activations of the first input, falling; empty unless asked for.
    """

    variance: Array
    variance_error: Array
    correlation: Array
    correlation_error: Array
    gradient: Array
    gradient_error: Array
    squared_singular_values: Array


class MeasuredCurve(NamedTuple):
    r"""A circle in random networks of one width: arrays of shape (depth + 1,), mean and standard error over networks.

    Attributes
    ----------
    metric, metric_error : ndarray
        :math:`|\partial_\theta h|^2/m`, averaged along the curve.
    curvature, curvature_error : ndarray
        Extrinsic curvature times :math:`\sqrt m`, averaged along the curve.
    """

    metric: Array
    metric_error: Array
    curvature: Array
    curvature_error: Array


def measure(
    maps: MeanFieldMaps,
    width: int,
    depth: int,
    *,
    q: float = 1.0,
    c: float = 0.5,
    networks: int = 10,
    weights: str = "gaussian",
    jacobian: bool = False,
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
    networks : int
        At least 2.
    weights : {"gaussian", "orthogonal"}
    jacobian : bool
        Whether to compute singular values too, at the cost of depth products of matrices.
    rng : int or Generator

    Raises
    ------
    ValueError
        Where an argument is out of its range, or a weight matrix would take more than 4 GB.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> maps = propagation.MeanFieldMaps("tanh", 1.5, 0.05)
    >>> found, path = propagation.measure(maps, 500, 5), maps.correlations(0.5, 5, q=1.0)
    >>> bool(np.all(abs(found.correlation - path) < 4 * found.correlation_error + 0.02))
    True
    """
    maps, m = instance("maps", maps, MeanFieldMaps, EXAMPLE), integer("width", width, least=2)
    depth, networks = integer("depth", depth, least=1, most=DEEPEST), integer("networks", networks, least=2)
    q, c = real("q", q, above=0), real("c", c)
    if abs(c) > 1:
        raise ValueError(f"c: a correlation lies in [-1, 1], got {c:g}")
    choice("weights", weights, ("gaussian", "orthogonal"))
    jacobian = flag("jacobian", jacobian)
    if 8.0 * m * m * (3 if jacobian else 1) > LARGEST:
        raise ValueError(f"width: {m} makes matrices of {8e-9 * m * m:.1f} GB; lower it (limit {LARGEST / 1e9:g} GB)")
    _refuse_too_many(m, depth, networks)
    rng = generator(rng)
    phi = activations.get(maps.activation)
    rows, values = [], []
    for _ in range(networks):
        h = _inputs(rng, m, q, c)
        start = rng.standard_normal(m)
        backward = []
        variance, correlation = [q], [c]
        J = np.eye(m) if jacobian else None
        for _ in range(depth):
            W = math.sqrt(maps.weight_variance) * _weights(rng, m, weights)
            x, slope = phi.value(h), phi.derivative(h[0])
            keep = (rng.random(h.shape) < maps.keep) / maps.keep if maps.keep < 1 else np.ones_like(h)
            if J is not None:
                J = (W * (slope * keep[0])) @ J + maps.skip * J
            backward.append((W, slope * keep[0]))
            h = maps.skip * h + (x * keep) @ W.T + math.sqrt(maps.bias_variance) * rng.standard_normal(m)
            size = (h**2).mean(axis=1)
            variance.append(float(size.mean()))
            correlation.append(float((h[0] * h[1]).mean() / math.sqrt(size[0] * size[1])) if size.min() > 0 else math.nan)
        g, gradient = start, [1.0]
        for W, slope in reversed(backward):
            g = maps.skip * g + slope * (W.T @ g)
            gradient.append(float((g**2).mean() / (start**2).mean()))
        rows.append((variance, correlation, gradient))
        if J is not None:
            values.append(np.linalg.svd(J, compute_uv=False) ** 2)
    table = np.array(rows)
    mean, error = table.mean(axis=0), table.std(axis=0, ddof=1) / math.sqrt(networks)
    return Signals(mean[0], error[0], mean[1], error[1], mean[2], error[2], np.array(values).reshape(-1, m))


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
    >>> bool(np.all(abs(found.curvature / predicted.curvature - 1) < 0.1))
    True
    """
    maps, m = instance("maps", maps, MeanFieldMaps, EXAMPLE), integer("width", width, least=2)
    depth, networks, points = (
        integer("depth", depth, least=1, most=DEEPEST),
        integer("networks", networks, least=2),
        integer("points", points, least=8),
    )
    _refuse_too_many(m, depth, networks)
    q = circle(maps, 0).metric[0]
    if 8.0 * m * (m + 8 * points) > LARGEST:
        raise ValueError(
            f"width: {m} with {points} points takes {8e-9 * m * (m + 8 * points):.1f} GB; lower one (limit {LARGEST / 1e9:g} GB)"
        )
    rng = generator(rng)
    phi = activations.get(maps.activation)
    theta = 2 * np.pi * np.arange(points) / points
    rows = []
    for _ in range(networks):
        h = np.stack([np.cos(theta), np.sin(theta)], axis=1) @ _inputs(rng, m, float(q), 0.0)
        curve = [_speed_and_curvature(h, 0)]
        for l in range(1, depth + 1):
            W = math.sqrt(maps.weight_variance) * _weights(rng, m, "gaussian")
            h = phi.value(h) @ W.T + math.sqrt(maps.bias_variance) * rng.standard_normal(m)
            curve.append(_speed_and_curvature(h, l))
        rows.append(curve)
    table = np.array(rows)
    mean, error = table.mean(axis=0), table.std(axis=0, ddof=1) / math.sqrt(networks)
    return MeasuredCurve(mean[:, 0], error[:, 0], mean[:, 1], error[:, 1])


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


def _refuse_too_many(width: int, depth: int, networks: int) -> None:
    weights = max(float(width) ** 2, LEAST_WORK) * depth * networks
    if weights > MOST_WEIGHTS:
        raise ValueError(
            f"networks: {networks} of {depth} layers have {weights:.1e} weights, hours of work; lower networks, depth or width"
        )


def _inputs(rng: np.random.Generator, m: int, q: float, c: float) -> Array:
    """Two vectors (2, m) of mean square q and correlation c exactly, in a random plane."""
    plane = np.linalg.qr(rng.standard_normal((m, 2)))[0].T * math.sqrt(m * q)
    return np.stack([plane[0], c * plane[0] + math.sqrt(1 - c * c) * plane[1]])


def _weights(rng: np.random.Generator, m: int, kind: str) -> Array:
    W = rng.standard_normal((m, m))
    if kind == "gaussian":
        return W / math.sqrt(m)
    Q, R = np.linalg.qr(W)
    return Q * np.sign(np.diagonal(R))  # uniform over the orthogonal group
