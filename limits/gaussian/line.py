r"""One-dimensional Gaussian integrals :math:`\int f(z)\, n(z)\, dz`, n the standard normal density, many at once, to a tolerance.

The line is cut at the kinks of f and at 0. On every piece a double-exponential substitution [takahasi1974]_ and the trapezoidal rule:
between two cuts :math:`z = a + (b-a)/(1 + e^{-\pi\sinh t})`, beyond the outermost :math:`z = b + e^{t - e^{-t}}`. It converges
exponentially where f is analytic within a piece, and its nodes are dense, on a geometric scale, at every cut: so features near 0 that are
much narrower than the Gaussian (a large variance) are seen. There is no window: nodes reach as far as n does not underflow. The step is
halved until the error estimate is met; each halving keeps the nodes that there are.

References
----------
.. [takahasi1974] Takahasi and Mori, Publ. RIMS 9 (1974).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

__all__ = ["density", "estimate", "integrate", "nodes", "walls"]

Array = np.ndarray
Integrand = Callable[[Array, Array], Array]  # nodes (rows, J) or (1, J), and the rows' indices -> (functions, rows, J)

FARTHEST = 9.0  # a cut beyond it, where n = 1e-18, is moved there
FINEST = 10  # halvings of the step
ROWS = 256  # at once
EPS = np.finfo(float).eps
UNDERFLOW = 38.0  # n(38) = 1e-314


def integrate(integrand: Integrand, rows: int, kinks: Array | None, tolerance: float) -> tuple[Array, Array]:
    """Integrals (functions, rows) and their errors; the tolerance is relative to the root mean square of each function.

    ``kinks`` (rows, number) are those of the integrand, in units of z; None where it has none but perhaps at 0.
    """
    if not rows:
        return np.zeros((1, 0)), np.zeros((1, 0))
    parts = [np.arange(i, min(i + ROWS, rows)) for i in range(0, rows, ROWS)]
    done = [_block(integrand, part, None if kinks is None else kinks[part], tolerance) for part in parts]
    return np.concatenate([value for value, _ in done], axis=1), np.concatenate([error for _, error in done], axis=1)


def _block(integrand: Integrand, rows: Array, kinks: Array | None, tolerance: float) -> tuple[Array, Array]:
    cuts = walls(kinks)
    active = np.arange(len(rows))
    shape = integrand(np.zeros((1, 1)), rows).shape[:2]
    value, square = np.zeros(shape), np.zeros(shape)
    before, error = np.full(shape, np.inf), np.full(shape, np.inf)
    for level in range(FINEST):
        z, width = nodes(level, cuts if len(cuts) == 1 else cuts[active])
        with np.errstate(over="ignore", invalid="ignore"):
            f = integrand(z, rows[active])
            weight = width * density(z)
            new, more = _sum(f, weight), _sum(f * f, weight)
        old = value[:, active]
        value[:, active] = now = old / 2 + new
        square[:, active] = square[:, active] / 2 + more
        _check(now, more, f, z)
        if level:
            size = np.sqrt(square[:, active])
            moved = np.abs(now - old)
            error[:, active] = estimate(moved, before[:, active], size)
            before[:, active] = moved
            settled = (error[:, active] <= tolerance * size + 1e-300).all(axis=0) & (level > 2)
            active = active[~settled]
            if not len(active):
                break
    return value, error


def _sum(f: Array, weight: Array) -> Array:
    return f @ weight[0] if len(weight) == 1 else np.einsum("frj,rj->fr", f, weight)


def _check(value: Array, square: Array, f: Array, z: Array) -> None:
    if not (np.isfinite(value).all() and np.isfinite(square).all()):
        raise ValueError("activation: overflows or is undefined within the Gaussian's reach, so that its expectation cannot be taken")
    ends = np.abs(f[..., [0, -1]] * density(z[..., [0, -1]])).max(axis=-1)
    if (ends > 1e-15 * np.abs(value)).any() and (ends > 1e-15 * np.abs(f * density(z)).max(axis=-1)).any():
        raise ValueError("activation: grows so fast that its Gaussian expectation is infinite or out of reach; use smaller variances")


def estimate(moved: Array, before: Array, size: Array) -> Array:
    """Error of a sequence that moved last by ``moved``, and by ``before`` in the step before.

    Where it converges fast, as if it went on geometrically, by a factor of 20 at most; where it does not, ten times its last move.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(np.isfinite(before) & (before > 0), moved / before, 1.0)
    return np.where(ratio < 0.1, 4 * np.maximum(ratio, 0.05) * moved, 10 * moved) + 16 * EPS * size


def walls(kinks: Array | None) -> Array:
    """Cuts (rows, pieces - 1), sorted; one row for all where there is none but 0."""
    if kinks is None:
        return np.zeros((1, 1))
    return np.sort(np.clip(np.concatenate((kinks, np.zeros((len(kinks), 1))), axis=1), -FARTHEST, FARTHEST), axis=1)


def nodes(level: int, cuts: Array) -> tuple[Array, Array]:
    """What this level adds to the nodes of the levels before, ascending (rows, J), and their weights without the density."""
    step = 0.5 / 2**level
    t = _grid(step, level, -3.65, math.log(UNDERFLOW + FARTHEST))
    away = np.exp(t - np.exp(-t))
    spread = step * away * (1 + np.exp(-t))
    low, high = cuts[:, :1] - away[::-1], cuts[:, -1:] + away
    pieces = [(low, np.broadcast_to(spread[::-1], low.shape))]
    if cuts.shape[1] > 1:
        t = _grid(step, level, -3.2, 3.2)
        y = 1 / (1 + np.exp(-math.pi * np.sinh(t)))
        between = np.diff(cuts, axis=1)[:, :, None]
        z = np.where(y < 0.5, cuts[:, :-1, None] + between * y, cuts[:, 1:, None] - between * y[::-1])
        pieces.append((z.reshape(len(cuts), -1), (between * (step * math.pi * np.cosh(t) * y * y[::-1])).reshape(len(cuts), -1)))
    pieces.append((high, np.broadcast_to(spread, high.shape)))
    z, width = (np.concatenate([piece[i] for piece in pieces], axis=1) for i in (0, 1))
    return np.clip(z, -UNDERFLOW, UNDERFLOW), np.where(np.abs(z) < UNDERFLOW, width, 0.0)


def _grid(step: float, level: int, low: float, high: float) -> Array:
    j = np.arange(math.ceil(low / step), math.floor(high / step) + 1)
    return step * (j if level == 0 else j[j % 2 == 1])


def density(z: Array) -> Array:
    """Of the standard normal law."""
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
