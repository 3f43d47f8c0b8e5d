r"""The exact step of a two-layer relu system in the plane, in :math:`O((N + n)\log n)` instead of :math:`O(N n)`.

In the plane (two inputs, or one input and a bias) the samples on which a particle is active, :math:`w \cdot x > 0`, change only where the
direction of :math:`w` passes an edge, a normal of a sample: there the sample gets active, and on the opposite side it ceases to be. The 2n
edges cut the circle of directions into cells. All particles of a cell c have the same active samples :math:`S_c`, so

.. math::
    s_c = \sum_{i \in S_c} r_i\, x_i, \qquad \dot a_j = -w_j \cdot s_{c(j)}, \quad \dot w_j = -a_j\, s_{c(j)}, \qquad
    N f(x_i) = x_i \cdot \sum_{c:\, i \in S_c} A_c, \quad A_c = \sum_{j:\, c(j) = c} a_j\, w_j .

The cells where a sample is active are an interval, so both sums over cells are differences of cumulated sums, and a particle costs one
look-up of its cell. Every positively 1-homogeneous :math:`\phi(h) = \alpha h_+ - \beta h_-` is :math:`\beta h + (\alpha - \beta)\, h_+`.

Angles are measured by the perimeter of the square :math:`|x| + |y| = 1`, where a right angle is exactly 1 of 4, and a particle on the
rounding edge of a cell is settled by the sign of :math:`w \cdot x` itself. All sums are float64. Samples whose angles differ by less
than 2.5e-15, such as (1e9, 1) and (1e9 + 1, 1), count as one direction: the slope of a particle with its kink between them is that on one
side or the other. (For ``abs``, a sample exactly on the
kink of a particle counts with slope -1, where the reference has 0.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from ..machine.compilation import jit

__all__ = ["SortedAngles"]

Array = np.ndarray

EDGE = 1e-14  # a particle this close to an edge is settled by the sign of w.x
TIE = EDGE / 4  # edges this close to the first of them are one
CHUNK = 16384  # particles that share one list of sums over cells, whatever the number of threads: the order of summation never changes
CHUNKS = 8  # at most
BLOCK = 512
STEPS = 4  # of the table, per edge: fine enough that a look-up rarely goes on
SERIAL = 200_000  # particles (a millisecond or two) below which threads are not woken: where the machine has other work, they wait longer


class Inputs(NamedTuple):
    """Samples in the plane, and the 2n edges where they get active or cease to be, by angle; samples at the origin have none."""

    points: Array  # (n, 2)
    sample: Array  # (2n,) of each edge
    on: Array  # (2n,) whether it gets active there
    first: Array  # (n,) whether a sample is active before the first edge
    edges: Array  # (2n + 2,) angles, then infinities
    origin: float  # where these angles begin, far from every edge
    table: Array  # first edge at or beyond each of equal steps of the angle
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
        self._cells: list[Array] = []

    def prepare(self, X: Array) -> Inputs:
        """Sort the edges of the samples, (n, 2)."""
        points = X.astype(np.float64)
        sample = np.flatnonzero((points != 0).any(axis=1))
        angles = _angles(points[sample])
        edges = np.concatenate([angles + 3, angles + 1]) % 4
        sample, on = np.tile(sample, 2), np.repeat([True, False], len(sample))
        origin = _widest_gap(edges)
        edges = (edges - origin) % 4
        order = np.argsort(edges, kind="stable")
        sample, on = sample[order], on[order]
        # Tied edges become one, at which samples cease to be active before others get so: no sample is active on the edge itself.
        edges = _tied(edges[order])
        order = np.lexsort((on, edges))
        steps = np.arange(4 * max(16, STEPS * len(edges) // 4) + 2) / max(16, STEPS * len(edges) // 4)
        table = np.searchsorted(edges, steps - 2 * EDGE).astype(np.int32)
        sample, on = sample[order], on[order]
        first = np.zeros(len(points), bool)
        first[sample[::-1]] = ~on[::-1]  # of its two edges the first one stays: it ceases to be active there, so it was
        return Inputs(points, sample, on, first, np.append(edges, [np.inf, np.inf]), origin, table, X.dtype)

    def outputs(self, W: Array, a: Array, inputs: Inputs, keep: bool = True) -> tuple[Array, Any]:
        n, k = len(inputs.points), a.shape[1]
        moments = np.zeros((min(CHUNKS, -(-len(W) // CHUNK)), len(inputs.on) + 1, k, 2))
        reuse = keep and self._cells and len(self._cells[-1]) == len(W)
        cells = self._cells.pop() if reuse else np.empty(len(W), np.int32)
        task = W, a, inputs.points, inputs.sample, inputs.on, inputs.edges, inputs.origin, inputs.table, cells, moments
        if len(W) < SERIAL:
            _sort(*task, 0, len(moments))
        else:
            _sort_on_threads(*task)
        F = np.empty((n, k), inputs.dtype)
        _collect(moments, inputs.points, inputs.sample, inputs.on, inputs.first, self.alpha, self.beta, F)
        return F, cells

    def move(self, W: Array, a: Array, inputs: Inputs, r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any) -> None:
        # Times the rate here: of a product of three, the compiler chooses which two come first, and not alike in the two loops.
        sums = rate * _sums(inputs.points, inputs.sample, inputs.on, inputs.first, r, self.alpha, self.beta, self.at_zero)
        if len(W) < SERIAL:
            _push(W, a, memo, sums, *out, add, 0, len(W))
        else:
            _push_on_threads(W, a, memo, sums, *out, add)
        if not any(cells is memo for cells in self._cells):
            self._cells.append(memo)


def _widest_gap(edges: Array) -> float:
    """Middle of the widest gap between angles on the circle of length 4."""
    if not len(edges):
        return 0.0
    edges = np.sort(edges)
    gaps = np.diff(edges, append=edges[0] + 4)
    widest = np.argmax(gaps)
    return float(edges[widest] + gaps[widest] / 2) % 4


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
def _tied(edges):  # type: ignore[no-untyped-def]
    """Sorted angles, those within TIE of the first of them made equal to it: a chain of close ones stays as long as it is."""
    out = edges.copy()
    for i in range(1, len(out)):
        if out[i] - out[i - 1] <= TIE:
            out[i] = out[i - 1]
    return out


@jit
def _settle(cell, angle, u, v, points, sample, on, edges):  # type: ignore[no-untyped-def]
    """Pass the edges before an angle, and those at the angle by the sign of w.x."""
    while edges[cell] < angle - EDGE:
        cell += 1
    while edges[cell] < angle + EDGE:
        x, y = points[sample[cell], 0], points[sample[cell], 1]
        if (u * x > -(v * y)) != on[cell]:  # a sum would be fused, and its rounding error no more 0 on an exact kink
            break
        cell += 1
    return cell


@jit
def _sort(W, a, points, sample, on, edges, origin, table, cells, moments, first, last):  # type: ignore[no-untyped-def]
    """Find the cells of the particles of some chunks, and the sums of a w over each cell, which are 0 before. One loop for each thing to
    do: those without a branch run as vectors, or at least several particles at a time."""
    k, steps, nowhere = a.shape[1], (len(table) - 2) // 4, len(on) + 1
    size = (len(W) + len(moments) - 1) // len(moments)
    angles, unsettled = np.empty(BLOCK), np.empty(BLOCK, np.int64)
    for chunk in range(first, last):
        sums, end = moments[chunk], min(len(W), (chunk + 1) * size)
        for begin in range(chunk * size, end, BLOCK):
            until = min(begin + BLOCK, end)
            W_b, a_b, cells_b = W[begin:until], a[begin:until], cells[begin:until]
            for j in range(len(W_b)):
                angle = _angle(float(W_b[j, 0]), float(W_b[j, 1])) - origin
                angle = angle + 4 if angle < 0 else angle
                angles[j] = angle if 0 <= angle <= 4 else 0.0  # a weight that is not finite has no angle; it spoils the sums, as it should
            many = 0
            for j in range(len(W_b)):
                cell = table[np.uint64(np.int64(angles[j] * steps))]
                cell += edges[np.uint64(cell)] < angles[j] - EDGE
                cells_b[j] = cell
                unsettled[many] = j
                many += edges[np.uint64(cell)] < angles[j] + EDGE
            for j in unsettled[:many]:
                cells_b[j] = _settle(cells_b[j], angles[j], float(W_b[j, 0]), float(W_b[j, 1]), points, sample, on, edges)
            for c in range(k):
                for j in range(len(W_b)):
                    sums[np.uint64(cells_b[j]), c, 0] += a_b[j, c] * float(W_b[j, 0])
                    sums[np.uint64(cells_b[j]), c, 1] += a_b[j, c] * float(W_b[j, 1])
            for j in range(len(W_b)):
                cells_b[j] = nowhere if W_b[j, 0] == 0 and W_b[j, 1] == 0 else cells_b[j]


@jit(parallel=True)
def _sort_on_threads(W, a, points, sample, on, edges, origin, table, cells, moments):  # type: ignore[no-untyped-def]
    """The same, compiled for threads only where there is work for them."""
    for c in numba.prange(len(moments)):
        _sort(W, a, points, sample, on, edges, origin, table, cells, moments, np.int64(c), np.int64(c) + 1)


@jit
def _collect(moments, points, sample, on, first, alpha, beta, F):  # type: ignore[no-untyped-def]
    """Outputs from the sums over all cells."""
    n, k = F.shape
    active = np.zeros((n, k, 2))  # sums over the cells where a sample is active
    total = np.zeros((k, 2))
    for cell in range(len(on) + 1):
        for part in range(len(moments)):
            for c in range(k):
                total[c, 0] += moments[part, cell, c, 0]
                total[c, 1] += moments[part, cell, c, 1]
        if cell < len(on):
            sign = -1.0 if on[cell] else 1.0
            for c in range(k):
                active[sample[cell], c, 0] += sign * total[c, 0]
                active[sample[cell], c, 1] += sign * total[c, 1]
    for i in range(n):
        background = beta + (alpha - beta) * first[i]
        for c in range(k):
            p = (alpha - beta) * active[i, c, 0] + background * total[c, 0]
            q = (alpha - beta) * active[i, c, 1] + background * total[c, 1]
            F[i, c] = points[i, 0] * p + points[i, 1] * q


@jit
def _sums(points, sample, on, first, r, alpha, beta, at_zero):  # type: ignore[no-untyped-def]
    """Sums of phi' r x over the samples, (2 n + 2, k, 2): for each cell, and at last for particles at the origin."""
    n, k = r.shape
    sums = np.zeros((len(on) + 2, k, 2))
    for c in range(k):
        for d in range(2):
            for i in range(n):
                sums[0, c, d] += (alpha if first[i] else beta) * r[i, c] * points[i, d]
                sums[-1, c, d] += at_zero * r[i, c] * points[i, d]
            for cell in range(len(on)):
                jump = (alpha - beta) * r[sample[cell], c] * points[sample[cell], d]
                sums[cell + 1, c, d] = sums[cell, c, d] + (jump if on[cell] else -jump)
    return sums


@jit
def _push(W, a, cells, sums, out_W, out_a, add, first, last):  # type: ignore[no-untyped-def]
    """Move the ``first`` to the ``last`` particle. Slices, for an index that is counted from 0 needs no look whether it is negative."""
    W, a, cells, out_W, out_a = W[first:last], a[first:last], cells[first:last], out_W[first:last], out_a[first:last]
    if a.shape[1] == 1:  # the same as below, but a loop without a loop in it runs as vectors
        for j in range(len(W)):
            s, t = sums[np.uint64(cells[j]), 0, 0], sums[np.uint64(cells[j]), 0, 1]
            u, v, w = W[j, 0], W[j, 1], a[j, 0]
            out_a[j, 0] = (out_a[j, 0] if add else 0.0) - (u * s + v * t)
            out_W[j, 0] = (out_W[j, 0] if add else 0.0) - w * s
            out_W[j, 1] = (out_W[j, 1] if add else 0.0) - w * t
        return
    for j in range(len(W)):
        u, v = float(W[j, 0]), float(W[j, 1])
        du, dv = 0.0, 0.0
        for c in range(a.shape[1]):
            s, t = sums[cells[j], c, 0], sums[cells[j], c, 1]
            du += a[j, c] * s
            dv += a[j, c] * t
            out_a[j, c] = (out_a[j, c] if add else 0.0) - (u * s + v * t)
        out_W[j, 0] = (out_W[j, 0] if add else 0.0) - du
        out_W[j, 1] = (out_W[j, 1] if add else 0.0) - dv


@jit(parallel=True)
def _push_on_threads(W, a, cells, sums, out_W, out_a, add):  # type: ignore[no-untyped-def]
    """The same on threads. The loop itself must not touch the particles: numba takes the arrays of a parallel loop to be distinct, and
    ``out`` may be the particles themselves."""
    size = (len(W) + CHUNKS - 1) // CHUNKS
    for c in numba.prange(CHUNKS):
        _push(W, a, cells, sums, out_W, out_a, add, np.int64(c) * size, (np.int64(c) + 1) * size)
