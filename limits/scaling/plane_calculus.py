r"""The plane of scalings: what its classes and exponents are at any depth, by the calculus of exponents.

With L hidden layers of d neurons, :math:`\sigma_d \sim d^{q_\sigma}` in front of every matrix but the first, entries of order 1 at the
start and a homogeneous activation,

.. math::
    f(x) = \sigma_d\, a \cdot \phi(h^L), \quad h^l = \sigma_d V^l \phi(h^{l-1}), \quad h^1 = W x .

At the start :math:`h^l \sim d^{(l-1)(q_\sigma + 1/2)}`, and every layer's gradient is that of one hidden layer with the exponent
:math:`P = L(q_\sigma + \tfrac12) - \tfrac12` in the place of :math:`q_\sigma`, because only the product of the multipliers counts. One step
of gradient descent moves a and W by :math:`d^{P + \tilde q}`, and an entry of V by :math:`d^{P + \tilde q_v - 1/2}`; as a matrix of rank
one that moves :math:`h^l` by :math:`d^{P + \tilde q_v}` times its size. The kernels of all layers are of order
:math:`d^{2P + 1 + \tilde q}`, each with its own rate. So with one rate for all layers the plane is that of one hidden layer in
:math:`(P, \tilde q)`, its thirteen classes included. A step of RMSProp moves entries by its rate,
and :math:`h^l` by :math:`d^{\tilde q_v + 1/2}` times its size; there :math:`\tilde q_v = \tilde q - \tfrac12` is as even.

The scalings of [golikov2020towards]_ give the matrices :math:`\sigma_d V` the rate of W over d:
:math:`\tilde q_v = \tilde q - 1 - 2 q_\sigma` (RMSProp: :math:`\tilde q - 1 - q_\sigma`), which is 2 (0) in the mean field and 0 (-1)
at the place of the NTK. Left of :math:`q_\sigma = -\tfrac12` an update of V can then outgrow V at the start, one layer feeds the next,
and powers of later steps differ from those of the first. They are found step by step, by :class:`.label_run.Run`.

One rule is needed that the calculus does without elsewhere. The mask of a neuron switches where :math:`|h|` is below its change: for a
part :math:`d^e` of the neurons, e the exponent of the relative change (at most 0). Which neurons these are depends on all the fields, so
that a vector restricted to them is correlated with each, and with the constant. It is of its full size there, but for the
pre-activation of the start itself, which is smaller by :math:`d^e`.

References
----------
.. [golikov2020towards] Golikov, arXiv:2003.05884.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .. import activations
from ..networks.parameterization import Parameterization
from .label_run import Run
from .labels import NONE, Vector, add, dot, largest, scaled, thinned
from .nonlinearity import nonlinearity

__all__ = ["PlaneTraits", "plane_exponents", "plane_parameterization", "plane_run", "plane_sizes", "plane_terms", "plane_traits"]

TOLERANCE = 1e-9
LAST = 6  # step; the verdicts of 20 steps are the same at random points, two to five hidden layers


class PlaneTraits(NamedTuple):
    """What a class is told by.

    Attributes
    ----------
    start : float
        Exponent of f at the start.
    change : float
        Largest exponent of the change of f in a step.
    entry : float
        Largest exponent of the move of a parameter in a step.
    grows : bool
        Whether moves grow from step to step without end.
    evolves : bool
        Whether some step moves the pre-activations of a layer, or the output weights, by their own size.
    """

    start: float
    change: float
    entry: float
    grows: bool
    evolves: bool


def plane_parameterization(q_sigma: float, rates: tuple[float, ...]) -> Parameterization:
    """Of networks whose entries are of order 1 at the start; exponents of the ``rates`` of all layers, first to last."""
    multipliers = (0.0, *(-q_sigma for _ in rates[1:]))
    return Parameterization(multipliers, (0.0,) * len(rates), tuple(-rate for rate in rates), name="plane")


def plane_run(q_sigma: float, rates: tuple[float, ...], rmsprop: bool, steps: int) -> Run:
    """The labelled run of that many steps at a point of the plane."""
    phi = nonlinearity(activations.leaky_relu(0.1))
    run = Run(plane_parameterization(q_sigma, rates), phi, bounded=True, normalised=rmsprop)
    for _ in range(steps + 1):
        run.step()
    return run


@lru_cache(maxsize=256)
def plane_traits(q_sigma: float, rates: tuple[float, ...], rmsprop: bool) -> PlaneTraits:
    """Over the first steps. What grows does so by factors up to L in every step, and rounding errors on an edge of the band with it."""
    run = plane_run(q_sigma, rates, rmsprop, LAST)
    entries = [[move.entry for move in point.moves] for point in run.points]
    changes, relative = [], []
    for t in range(LAST):
        dh, _, df = run.difference(t, t + 1)
        changes.append(df)
        relative += [_relative(largest(v), largest(run.points[t].h[l]), largest(run.points[t + 1].h[l])) for l, v in enumerate(dh, 1)]
        relative.append(_relative(largest(run.top_update(t, t + 1)), largest(run.top(t)), largest(run.top(t + 1))))
    grown = max(now - before for now, before in zip(entries[LAST], entries[LAST - 1], strict=True))
    return PlaneTraits(run.points[0].f, max(changes), max(map(max, entries)), grown > TOLERANCE, max(relative) > -TOLERANCE)


@lru_cache(maxsize=256)
def plane_exponents(q_sigma: float, rates: tuple[float, ...], rmsprop: bool, step: int) -> tuple[tuple[str, float], ...]:
    """Names and exponents of everything after that many steps, as ``PlaneClass.exponents`` has them."""
    run = plane_run(q_sigma, rates, rmsprop, step)
    terms = {f"f_{''.join(map(str, layers)) or 'empty'}": e for layers, e in plane_terms(run, step).items()}
    return tuple((name, round(e, 9) + 0.0) for name, e in (plane_sizes(run, step) | terms).items())


def plane_sizes(run: Run, step: int) -> dict[str, float]:
    """Exponents of everything but the terms after that many steps, by their names."""
    L, start = run.L, run.points[0]
    kernels = []  # of each layer: the sum over its entries of the gradient times its first move
    for l, move in enumerate(start.moves, 1):
        gradient = -run.p.a[l - 1] + largest(start.x[l - 1]) + (largest(start.g[l]) if l <= L else 0.0)
        kernels.append((2 if 1 < l <= L else 1) + gradient + move.entry)
    entries = zip(*([move.entry for move in point.moves] for point in run.points[:step]), strict=True)
    moved, _, change = run.difference(0, step)
    return {
        "f0": start.f,
        "kernel": max(kernels),
        **{f"increment_{l}": max(layer) for l, layer in enumerate(entries, 1)},
        **{f"move_{l}": largest(v) - largest(start.h[l]) for l, v in enumerate(moved, 1)},
        "change": change,
    }


def plane_terms(run: Run, step: int) -> dict[tuple[int, ...], float]:
    """Exponents of the terms of f after that many steps, by the layers whose increments they contain."""
    start, now = run.points[0], run.points[step]
    moved = run.difference(0, step)[0]
    # of every set of layers so far: whether x of the start is part of the vector, and the rest of it
    parts: dict[tuple[int, ...], tuple[bool, Vector]] = {(): (True, {})}
    for l in range(1, run.L + 1):
        switched, h0 = _switched(moved[l - 1], start.h[l], now.h[l]), start.h[l]
        above: dict[tuple[int, ...], tuple[bool, Vector]] = {}
        for layers, (first, rest) in parts.items():
            carried = run.weights(l, rest)
            at_switches = max(largest(carried), largest(h0) + largest(switched) if first else NONE)
            above[layers] = (first, thinned(add(run.phi.times_slope(carried, now.h[l]), scaled(switched, at_switches))))
            learned = run.update(l, add(start.x[l - 1], rest) if first else rest, 0, step)
            masked = add(run.phi.times_slope(learned, now.h[l]), scaled(switched, largest(learned)))
            above[(*layers, l)] = (False, thinned(masked))
        parts = above
    found = {}
    for layers, (first, rest) in parts.items():
        x = add(start.x[-1], rest) if first else rest
        found[layers] = dot(run.first_top(), x)
        found[(*layers, run.L + 1)] = dot(run.top_update(0, step), x)
    return found


def _switched(moved: Vector, start: Vector, now: Vector) -> Vector:
    """What a vector of order 1 becomes, restricted to the neurons whose mask has switched."""
    if not moved:
        return {}
    part = min(0.0, _relative(largest(moved), largest(start), largest(now)))
    fields = add({"one": 0.0}, dict.fromkeys(start, 0.0), scaled(moved, -largest(moved)))
    return scaled(fields, part)


def _relative(moved: float, before: float, after: float) -> float:
    return moved - max(before, after)
