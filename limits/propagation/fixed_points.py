r"""Where the variance map and the correlation map of a layer come to rest.

Both are found by the sign of :math:`V(v)/v - 1`, or of :math:`C(c) - c`, which is known to rounding only: a sign counts where it is clear.
Otherwise variances that grow for ever, but ever more slowly (softplus at :math:`\sigma_w^2 = 2`, where they grow like the depth to the
power 2/3), would seem to stop where their growth per layer is lost in rounding.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .maps import MeanFieldMaps

__all__ = ["NOISE", "SETTLED", "first_fixed_variance", "stable_correlation"]

Array = np.ndarray

SMALLEST, LARGEST = 1e-12, 1e12  # variances between which a fixed point is looked for, and beyond them where the maps' scale lies there
PER_DECADE = 8
NOISE = 1e-11  # relative: what quadrature and rounding may leave of V(v) - v
SETTLED = 1e-9  # distance at which a slope counts as 1
NEAR, FINE = 1e-2, 32  # where |V(v)/v - 1| is below NEAR, steps that may hide a turn are cut into FINE


def first_fixed_variance(maps: MeanFieldMaps, q: float) -> float:
    """The first fixed variance on the way from q, which the map moves up or down: inf or 0 where there is none."""
    here = float(_excess(maps, np.array([q]))[0])
    if abs(here) <= NOISE:
        return q
    sign, at_rest = math.copysign(1.0, here), float(maps.variance_map(0.0))
    if here > 0:
        end = LARGEST * max(1.0, maps.weight_variance / maps.keep, maps.bias_variance)
    else:
        end = min(SMALLEST, at_rest / 2) if at_rest > 0 else SMALLEST
    if (end > q) != (here > 0):  # q lies outside already
        return math.inf if here > 0 else 0.0
    grid = np.geomspace(q, end, 2 + math.ceil(PER_DECADE * abs(math.log10(end) - math.log10(q))))
    gap = sign * _excess(maps, grid)
    passed = np.flatnonzero(gap < -NOISE)
    last = int(passed[0]) if len(passed) else len(grid) - 1
    nodes = np.concatenate([grid[: last + 1], *_finer(maps, grid[: last + 1], gap[: last + 1], len(passed) > 0)])
    nodes = np.unique(nodes)[:: int(sign)]
    gap = sign * _excess(maps, nodes)
    passed = np.flatnonzero(gap < -NOISE)
    last = int(passed[0]) if len(passed) else len(nodes) - 1
    touched = _touch(maps, nodes[: last + 1])
    if touched is not None:
        return touched
    if not len(passed):
        return math.inf if here > 0 else 0.0
    from scipy.optimize import brentq

    before = int(np.flatnonzero(gap[:last] > NOISE)[-1])
    ends = math.log(nodes[before]), math.log(nodes[last])
    return math.exp(brentq(lambda t: float(_excess(maps, np.array([math.exp(t)]))[0]), *ends, xtol=1e-14, rtol=1e-15))


def _excess(maps: MeanFieldMaps, v: Array) -> Array:
    """V(v)/v - 1."""
    return (maps.variance_map(v) - v) / v


def _turn(maps: MeanFieldMaps, v: Array) -> Array:
    """The derivative of V(v)/v by log v."""
    return maps.variance_slope(v) - maps.variance_map(v) / v


def _finer(maps: MeanFieldMaps, grid: Array, gap: Array, passed: bool) -> list[Array]:
    """Nodes within the steps in which V(v)/v may touch 1: where it turns, and the last two before it passes."""
    near = np.flatnonzero(np.abs(gap) < NEAR)
    turns = _turn(maps, grid[near]) if len(near) else np.empty(0)
    clear = np.abs(turns) > NOISE
    turned = np.flatnonzero(clear[:-1] & clear[1:] & (turns[:-1] * turns[1:] < 0))
    steps = {int(near[k]) for k in turned}
    if passed:
        steps |= {i for i in (len(grid) - 3, len(grid) - 2) if i >= 0 and min(abs(gap[i]), abs(gap[i + 1])) < NEAR}
    return [np.geomspace(grid[i], grid[i + 1], FINE + 1)[1:-1] for i in sorted(steps) if i + 1 < len(grid)]


def _touch(maps: MeanFieldMaps, nodes: Array) -> float | None:
    """The first v on the way at which V(v) comes down to v, or up to it, without passing: V(v)/v has an extremum that is 1."""
    near = np.flatnonzero(np.abs(_excess(maps, nodes)) < NEAR)
    slopes = _turn(maps, nodes[near]) if len(near) else np.empty(0)
    clear = np.flatnonzero(np.abs(slopes) > NOISE)
    from scipy.optimize import brentq

    for i, j in pairwise(clear):
        if slopes[i] * slopes[j] < 0:
            a, b = math.log(nodes[near[i]]), math.log(nodes[near[j]])
            v = math.exp(brentq(lambda t: float(_turn(maps, np.array([math.exp(t)]))[0]), a, b, xtol=1e-14, rtol=1e-15))
            if abs(_excess(maps, np.array([v]))[0]) <= NOISE:
                return v
    return None


def stable_correlation(maps: MeanFieldMaps, q: float) -> float:
    """The largest stable fixed point of the correlation map at the variance q: 1 unless correlations of 1 repel or, by dropout, do not
    stay."""
    if maps.keep == 1 and float(maps.chi(1.0, q)) <= 1 + SETTLED:
        return 1.0
    from scipy.optimize import brentq

    def gap(c: Array | float) -> Array:
        return maps.correlation_map(c, q) - c

    grid = np.linspace(-1, 1, 81)[:-1] if maps.keep == 1 else np.linspace(-1, 1, 81)
    on_grid = gap(grid)
    falls = np.flatnonzero((on_grid[:-1] > 0) & (on_grid[1:] <= 0))
    if len(falls):
        i = falls[-1]
        return float(brentq(lambda c: float(gap(c)), grid[i], grid[i + 1], xtol=1e-14))
    if on_grid[-1] > 0:  # between the last node and 1
        near = 1 - np.geomspace(1 - grid[-1], 1e-13, 60)
        below = np.flatnonzero(gap(near) <= 0)
        if len(below):
            i = max(below[0], 1)
            return float(brentq(lambda c: float(gap(c)), near[i - 1], near[i], xtol=1e-15))
        return 1.0
    return -1.0
