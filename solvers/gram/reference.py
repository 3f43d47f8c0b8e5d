"""The steps of a program in numpy: the twin that the compiled ones are held against, and what runs a step that has no compiled form."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from .program import Program, Step

__all__ = ["run"]

Array = np.ndarray
Pair = tuple[Array, Array]  # delta and t of all pairs of some points with others

ELU_NODES = 64
ODD = 1e-20  # as in series.py
NEAR = 1e-4  # cosines that near to 1 are taken from the difference of the points, without cancellation


def run(left: Program, right: Program) -> Pair:
    """Covariances and tangent kernels (n, n') of all pairs of points of two programs of one kernel."""
    registers: list[Pair] = [(np.empty(0), np.empty(0))] * left.registers
    delta = _start(left.directions, right.directions)
    registers[0] = delta, np.zeros_like(delta)
    for one, other in zip(left.steps, right.steps, strict=True):
        if one.code == "ADD":
            registers[one.target] = _add(registers[one.target], registers[one.source], one.factors, other.factors)
        else:
            registers[one.target] = STEPS[one.code](*registers[one.source], one, other)
    delta, t = registers[left.result]
    return np.multiply.outer(left.std, right.std) * (1 - delta), np.multiply.outer(left.tangent, right.tangent) * t


def _start(A: Array, B: Array) -> Array:
    delta = 1 - A @ B.T
    for i, j in zip(*np.nonzero(delta < NEAR), strict=True):
        delta[i, j] = ((A[i] - B[j]) ** 2).sum() / 2
    return np.clip(delta, 0, 2)


def _outer(a: Array, b: Array) -> Array:
    return np.multiply.outer(a, b)


def _gap(a: Array, b: Array) -> Array:
    return np.subtract.outer(a, b) ** 2 / 2


def _linear(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    (a, b, r, u, w), (a_, b_, r_, u_, w_) = one.factors, other.factors
    tangent = _outer(r, r_) * (1 - delta) + _outer(u, u_) + _outer(w, w_) * t
    return np.clip(_outer(a, a_) * delta + _gap(a, a_) + _gap(b, b_) + one.constant, 0, 2), tangent


def _add(first: Pair, second: Pair, factors: Array, others: Array) -> Pair:
    (a, b, w, v), (a_, b_, w_, v_) = factors, others
    delta = _outer(a, a_) * first[0] + _outer(b, b_) * second[0] + _gap(a, a_) + _gap(b, b_)
    return np.clip(delta, 0, 2), _outer(w, w_) * first[1] + _outer(v, v_) * second[1]


def _copy(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    return delta.copy(), t.copy()


def _piecewise(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    sine = np.sqrt(delta * (2 - delta))
    theta = np.arctan2(sine, 1 - delta)
    return np.clip(delta - one.constant * (sine - theta * (1 - delta)), 0, 2), t * (1 - one.constant * theta)


def _jump(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    return one.constant * np.arctan2(np.sqrt(delta * (2 - delta)), 1 - delta), np.zeros_like(t)


def _arc(delta: Array, one: Step, other: Step) -> tuple[Array, Array, Array]:
    """x = eta eta' c, (1 - x^2)^(1/2) without cancellation, and zeta zeta'."""
    x, both = _outer(one.factors[0], other.factors[0]), _outer(one.factors[1], other.factors[1])
    below = x * delta + _gap(one.factors[0], other.factors[0]) + _gap(one.factors[1], other.factors[1]) + both
    return x * (1 - delta), np.sqrt(np.maximum(below * (2 - below), 0)), both


def _normalised(value: Array, slope: Array, t: Array, one: Step, other: Step) -> Pair:
    c = value * _outer(one.factors[-2], other.factors[-2])
    return np.clip(1 - c, 0, 2), t * slope * _outer(one.factors[-1], other.factors[-1])


def _erf(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    x, root, both = _arc(delta, one, other)
    return _normalised((2 / math.pi) * np.arctan2(x, root), (4 / math.pi) * both / root, t, one, other)


def _gelu(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    x, root, both = _arc(delta, one, other)
    c, scale, squares = 1 - delta, _outer(one.factors[2], other.factors[2]), np.add.outer(one.factors[1] ** 2, other.factors[1] ** 2)
    half, density = 0.25 + np.arctan2(x, root) / (2 * math.pi), both / (2 * math.pi * root)
    value = c * half + density * scale * (delta * (2 - delta) + c**2 * squares)  # over s s', which d has
    return _normalised(value, half + density * scale * c * (squares + (both / root) ** 2), t, one, other)


def _waves(delta: Array, one: Step, other: Step) -> Pair:
    a = _outer(one.factors[2], other.factors[2])
    c = 1 - delta
    outer, inner = 0.5 * np.exp(-_gap(one.factors[2], other.factors[2]) - a * np.minimum(delta, 2 - delta)), -2 * a * np.abs(c)
    return -np.sign(c) * outer * np.expm1(inner), outer * (1 + np.exp(inner))


def _sine(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    sines, cosines = _waves(delta, one, other)
    return _normalised(sines, cosines, t, one, other)


def _cosine(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    sines, cosines = _waves(delta, one, other)
    return _normalised(cosines, sines, t, one, other)


def _gaussian(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    _, root, both = _arc(delta, one, other)
    value = both / root
    return _normalised(value, 4 * _outer(one.factors[2], other.factors[2]) * (1 - delta) * value**3, t, one, other)


def _elu(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    """With :math:`I = \\int_0^\\theta (Q(a \\sin) + Q(b \\sin))\\, d\\theta'/2\\pi` and the integral of M, by many nodes in the angle."""
    x, w = np.polynomial.legendre.leggauss(ELU_NODES)
    e, e_, a, b = one.factors[0], other.factors[0], *(side.factors[2] for side in (one, other))
    c, sine, ab = 1 - delta, np.sqrt(delta * (2 - delta)), _outer(a, b)
    theta = np.arctan2(sine, c)

    def q(z: Array) -> Array:
        return 1 - math.sqrt(math.pi / 2) * z * special.erfcx(z / math.sqrt(2))

    single, both = np.zeros_like(c), 0.5 * special.erfcx(np.add.outer(a, b) / math.sqrt(2)) * np.exp(-ab * delta)
    for node, weight in zip((x + 1) / 2, w / (4 * math.pi), strict=True):
        angle = theta * node
        missing = q(a[:, None] * np.sin(angle)) + q(b * np.sin(angle))
        single += weight * theta * missing
        both += weight * theta * np.exp(-ab * (np.cos(angle) - c)) * (1 - missing)
    half = (math.pi - theta) / (2 * math.pi) + single
    lost = b * (1 - special.erfcx(a[:, None] * sine / math.sqrt(2))) + a[:, None] * (1 - special.erfcx(b * sine / math.sqrt(2)))
    value = half + both + ab * (sine / (2 * math.pi) + c * half) - np.add.outer(e, e_) - lost / (2 * math.sqrt(2 * math.pi))
    return _normalised(value, half + both, t, one, other)


def _series(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    c = 1 - delta
    value, slope = _rest(c, one.values, other.values), _rest(c, one.slopes, other.slopes)
    for k in range(len(one.values) - 1, -1, -1):
        value = value * c + _outer(one.values[k], other.values[k])
        slope = slope * c + _outer(one.slopes[k], other.slopes[k])
    short = np.abs(c) ** len(one.values) * one.tails[-1] > one.tolerance
    if short.any():
        i, j = np.nonzero(short)
        value[i, j], slope[i, j] = _by_dual(delta[i, j], one.factors[:, i], other.factors[:, j], one)
    return np.clip(1 - value, 0, 2), t * slope


def _rest(c: Array, a: Array, b: Array) -> Array:
    """What the terms leave out, in the power after them; an odd one where all of them are."""
    odd = (a[::2] ** 2).sum() + (b[::2] ** 2).sum() < ODD
    left, right = (np.where(x.any(axis=0), np.sqrt(np.maximum(1 - (x**2).sum(axis=0), 0)), 0) for x in (a, b))
    return _outer(left, right) * (c if odd else 1.0)


def _generic(delta: Array, t: Array, one: Step, other: Step) -> Pair:
    i, j = (index.ravel() for index in np.indices(delta.shape))
    value, slope = _by_dual(delta.ravel(), one.factors[:, i], other.factors[:, j], one)
    return np.clip(1 - value.reshape(delta.shape), 0, 2), t * slope.reshape(delta.shape)


def _by_dual(delta: Array, factors: Array, others: Array, step: Step) -> Pair:
    assert step.dual is not None
    value, slope = step.dual(factors[0], others[0], delta)
    return value * factors[1] * others[1], slope * factors[2] * others[2]


STEPS: dict[str, Callable[[Array, Array, Step, Step], Pair]] = {
    "LINEAR": _linear,
    "COPY": _copy,
    "PIECEWISE": _piecewise,
    "JUMP": _jump,
    "ERF": _erf,
    "GELU": _gelu,
    "SINE": _sine,
    "COSINE": _cosine,
    "GAUSSIAN": _gaussian,
    "ELU": _elu,
    "SERIES": _series,
    "GENERIC": _generic,
}
