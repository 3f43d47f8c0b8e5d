r"""The exact step of a two-layer relu system in the plane, in :math:`O((N + n)\log n)` instead of :math:`O(N n)`.

In the plane (two inputs, or one input and a bias) the samples on which a particle is active, :math:`w \cdot x > 0`, are an interval of
the samples sorted by angle. With prefix sums over that order, repeated so that every interval is one piece :math:`[l_j, u_j)`,

.. math::
    s_j = \sum_{i \in [l_j, u_j)} r_i\, x_i = P_{u_j} - P_{l_j}, \qquad \dot a_j = -w_j \cdot s_j, \quad \dot w_j = -a_j s_j,

and the outputs are :math:`x_i \cdot \sum_{j:\, i \in [l_j, u_j)} a_j w_j`, a cumulated sum of the ends of the intervals. Every positively
1-homogeneous :math:`\phi(h) = \alpha h_+ - \beta h_-` is :math:`\beta h + (\alpha - \beta)\, h_+`.

Angles are measured by the perimeter of the square :math:`|x| + |y| = 1`, where a right angle is exactly 1 of 4, and a particle on the
rounding edge of an interval is settled by the sign of :math:`w \cdot x` itself. All sums are float64. (For ``abs``, a sample exactly on the
kink of a particle counts with slope -1, where the reference has 0.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from ..solvers.compilation import jit
from ..solvers.threads import threads_for

__all__ = ["SortedAngles"]

Array = np.ndarray

EDGE = 1e-14  # samples this close to an edge are settled by the sign of w.x
CHUNK = 16384  # particles that share one list of jumps, whatever the number of threads: the order of summation never changes
CHUNKS = 8  # at most
BLOCK = 256
STEPS_PER_SAMPLE = 4  # of the table, in a quarter turn: finer than the samples, so that a look-up rarely goes on
SERIAL = 200_000  # particles (some 4 ms) below which threads are not woken: where the machine has other work, they wait longer for it


class Inputs(NamedTuple):
    """Samples sorted by angle."""

    order: Array  # (n,) rows of the samples
    points: Array  # (n, 2)
    angles: Array  # (3 n + 2,) three turns, from -4 to 8, between infinities
    table: Array  # first of those at or beyond each of equal steps from angle -1 on
    dtype: np.dtype


class SortedAngles:
    r"""Engine for :math:`\phi(h) = \alpha h_+ - \beta h_-` on inputs in the plane; methods as in :class:`NumpyEngine`.

    Parameters
    ----------
    alpha, beta : float
        Slopes for positive and negative pre-activations.
    at_zero : float
        Slope of a particle with :math:`w = 0`.
    """

    def __init__(self, alpha: float, beta: float, at_zero: float) -> None:
        self.alpha, self.beta, self.at_zero = alpha, beta, at_zero
        # Memory of steps that are over: fresh pages would cost as much as the step.
        self._jumps = np.empty((0, 0, 0, 0))
        self._free: list[Array] = []

    def prepare(self, X: Array) -> Inputs:
        """Sort the samples, (n, 2)."""
        angles = _angles(X.astype(np.float64))
        order = np.argsort(angles, kind="stable")
        turn = angles[order]
        angles = np.concatenate([[-np.inf], turn - 4, turn, turn + 4, [np.inf]])
        edges = np.arange(6 * STEPS_PER_SAMPLE * len(X) + 2) / (STEPS_PER_SAMPLE * len(X)) - 1
        # A sample that ties with an edge may be rounded to an angle just before it: look-ups begin before all that an edge may still claim.
        table = np.searchsorted(angles, edges - 2 * EDGE).astype(np.int32)
        return Inputs(order, X[order].astype(np.float64), angles, table, X.dtype)

    def outputs(self, W: Array, a: Array, inputs: Inputs) -> tuple[Array, Any]:
        n, k = len(inputs.order), a.shape[1]
        chunks = min(CHUNKS, -(-len(W) // CHUNK))
        if self._jumps.shape != (chunks, 3 * n + 2, k, 2):
            self._jumps = np.empty((chunks, 3 * n + 2, k, 2))
        jumps, means = self._jumps, np.zeros((chunks, k, 2))
        ends = self._free.pop() if self._free and len(self._free[0]) == len(W) else np.empty((len(W), 2), np.int32)
        with threads_for(len(W) >= SERIAL):
            _spread(W, a, inputs.points, inputs.angles, inputs.table, ends, jumps, means)
        F = np.empty((n, k), inputs.dtype)
        _collect(jumps, means, inputs.points, inputs.order, self.alpha, self.beta, F)
        return F, ends

    def move(self, W: Array, a: Array, inputs: Inputs, r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any) -> None:
        sums = _prefix_sums(inputs.points, inputs.order, r)
        with threads_for(len(W) >= SERIAL):
            _push(W, a, memo, sums, self.alpha, self.beta, self.at_zero, rate, *out, add)
        self._free = [memo]


@jit
def _angle(x, y):  # type: ignore[no-untyped-def]
    """Perimeter angle in [0, 4] of the direction (x, y)."""
    turned = 1 + x / max(abs(x) + abs(y), 1e-300)
    return 2 - turned if y >= 0 else 2 + turned


@jit
def _angles(X):  # type: ignore[no-untyped-def]
    out = np.empty(len(X))
    for i in range(len(X)):
        out[i] = _angle(X[i, 0], X[i, 1])
    return out


@jit
def _settle(i, angle, beyond, u, v, points, angles):  # type: ignore[no-untyped-def]
    """Pass over samples on an edge that lie before it by the sign of w.x: active behind the first edge, not so behind the second."""
    while angles[i] < angle + EDGE:
        sample = (i - 1) % len(points)
        x, y = points[sample, 0], points[sample, 1]
        if (x != 0 or y != 0) and (u * x + v * y > 0) == beyond:  # the origin has no angle and adds nothing on either side
            break
        i += 1
    return i


@jit
def _spread_chunk(W, a, points, angles, table, ends, begin, end, jumps, mean):  # type: ignore[no-untyped-def]
    """Find the intervals of some particles and add a w at their ends."""
    k = a.shape[1]
    jumps[:] = 0
    steps = STEPS_PER_SAMPLE * len(points)
    middles = np.empty(BLOCK)
    for block in range(begin, end, BLOCK):
        for j in range(block, min(end, block + BLOCK)):  # divisions apart from look-ups, so that they vectorise
            middles[j - block] = _angle(float(W[j, 0]), float(W[j, 1]))
        for j in range(block, min(end, block + BLOCK)):
            u, v = float(W[j, 0]), float(W[j, 1])
            middle = middles[j - block]
            lower = upper = 1
            if 0 <= middle <= 4 and (u != 0 or v != 0):  # a weight that is not finite has no angle; it spoils the sums below, as it should
                lower = table[int(middle * steps)]
                while angles[lower] < middle - 1 - EDGE:
                    lower += 1
                if angles[lower] < middle - 1 + EDGE:
                    lower = _settle(lower, middle - 1, True, u, v, points, angles)
                upper = table[int((middle + 2) * steps)]
                while angles[upper] < middle + 1 - EDGE:
                    upper += 1
                if angles[upper] < middle + 1 + EDGE:
                    upper = _settle(upper, middle + 1, False, u, v, points, angles)
            ends[j, 0], ends[j, 1] = lower, upper
            for c in range(k):
                p, q = a[j, c] * u, a[j, c] * v
                mean[c, 0] += p
                mean[c, 1] += q
                jumps[lower, c, 0] += p
                jumps[lower, c, 1] += q
                jumps[upper, c, 0] -= p
                jumps[upper, c, 1] -= q


@jit(parallel=True)
def _spread(W, a, points, angles, table, ends, jumps, means):  # type: ignore[no-untyped-def]
    size = (len(W) + len(jumps) - 1) // len(jumps)
    for c in numba.prange(len(jumps)):
        _spread_chunk(W, a, points, angles, table, ends, c * size, min(len(W), (c + 1) * size), jumps[c], means[c])


@jit
def _collect(jumps, means, points, order, alpha, beta, F):  # type: ignore[no-untyped-def]
    """Outputs from the ends of all intervals."""
    n, k = F.shape
    jump, mean = jumps[0], means[0]
    for part in range(1, len(jumps)):
        for i in range(3 * n + 2):
            for c in range(k):
                jump[i, c, 0] += jumps[part, i, c, 0]
                jump[i, c, 1] += jumps[part, i, c, 1]
        mean += means[part]
    for c in range(k):
        p, q = 0.0, 0.0
        for i in range(1, 3 * n + 1):
            p += jump[i, c, 0]
            q += jump[i, c, 1]
            jump[i, c, 0], jump[i, c, 1] = p, q
        for i in range(n):
            p = jump[i + 1, c, 0] + jump[i + 1 + n, c, 0] + jump[i + 1 + 2 * n, c, 0]
            q = jump[i + 1, c, 1] + jump[i + 1 + n, c, 1] + jump[i + 1 + 2 * n, c, 1]
            p = (alpha - beta) * p + beta * mean[c, 0]
            q = (alpha - beta) * q + beta * mean[c, 1]
            F[order[i], c] = points[i, 0] * p + points[i, 1] * q


@jit
def _prefix_sums(points, order, r):  # type: ignore[no-untyped-def]
    """Sums of r x over the samples before each one of the repeated order, (3 n + 2, k, 2)."""
    n, k = r.shape
    sums = np.zeros((3 * n + 2, k, 2))
    for i in range(3 * n):
        for c in range(k):
            for d in range(2):
                sums[i + 2, c, d] = sums[i + 1, c, d] + r[order[i % n], c] * points[i % n, d]
    return sums


@jit
def _push_chunk(W, a, ends, sums, alpha, beta, at_zero, rate, out_W, out_a, add, begin, end):  # type: ignore[no-untyped-def]
    n, k = len(sums) // 3, a.shape[1]
    for j in range(begin, end):
        u, v = float(W[j, 0]), float(W[j, 1])
        lower, upper = ends[j, 0], ends[j, 1]
        background = at_zero if u == 0 and v == 0 else beta
        du, dv = 0.0, 0.0
        for c in range(k):
            s = (alpha - beta) * (sums[upper, c, 0] - sums[lower, c, 0]) + background * sums[n + 1, c, 0]
            t = (alpha - beta) * (sums[upper, c, 1] - sums[lower, c, 1]) + background * sums[n + 1, c, 1]
            du -= a[j, c] * s
            dv -= a[j, c] * t
            out_a[j, c] = (out_a[j, c] if add else 0.0) - rate * (u * s + v * t)
        out_W[j, 0] = (out_W[j, 0] if add else 0.0) + rate * du
        out_W[j, 1] = (out_W[j, 1] if add else 0.0) + rate * dv


@jit(parallel=True)
def _push(W, a, ends, sums, alpha, beta, at_zero, rate, out_W, out_a, add):  # type: ignore[no-untyped-def]
    size = (len(W) + CHUNKS - 1) // CHUNKS
    for c in numba.prange(CHUNKS):
        _push_chunk(W, a, ends, sums, alpha, beta, at_zero, rate, out_W, out_a, add, min(len(W), c * size), min(len(W), (c + 1) * size))
