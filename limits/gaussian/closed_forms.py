r"""Gaussian expectations in closed form.

With :math:`k = c\sqrt{q_1 q_2}` and :math:`s = \sqrt{1 - c^2}`:

* piecewise linear, :math:`\phi(h) = \alpha h + \beta|h|` [cho2009]_:
  :math:`\sqrt{q_1 q_2}\,[\alpha^2 c + \beta^2 \tfrac2\pi (s + c \arcsin c)]` and :math:`\alpha^2 + \beta^2 \tfrac2\pi \arcsin c`;
* erf [williams1996]_: :math:`\tfrac2\pi \arcsin \frac{2k}{\sqrt{(1+2q_1)(1+2q_2)}}` and
  :math:`\tfrac4\pi [(1+2q_1)(1+2q_2) - 4k^2]^{-1/2}`;
* sin and cos: :math:`\tfrac12 (e^{-(q_1+q_2)/2 + k} \mp e^{-(q_1+q_2)/2 - k})`, each the other's derivative;
* gelu [tsuchida2020]_, by Stein's identity, with :math:`\Delta = (1+q_1)(1+q_2) - k^2`:
  :math:`k\big(\tfrac14 + \tfrac1{2\pi}\arcsin\tfrac{k}{\sqrt{(1+q_1)(1+q_2)}}\big) + \tfrac1{2\pi\sqrt\Delta}
  \big(q_1q_2 - k^2 + \tfrac{k^2}{1+q_1} + \tfrac{k^2}{1+q_2}\big)`;
* :math:`e^{-h^2}`: :math:`\Delta_2^{-1/2}` and :math:`4k\,\Delta_2^{-3/2}`, :math:`\Delta_2 = (1+2q_1)(1+2q_2) - 4k^2`;
* in each of them :math:`\mathbb E\,\phi''(u)\phi(v) = 2\,\partial_{q_1} \mathbb E\,\phi(u)\phi(v)` at fixed k, which makes the gradient
  :math:`\nabla_w \mathbb E\,\phi(w \cdot x)\phi(v \cdot x) = \mathbb E\,\phi''(u)\phi(v)\, w + \mathbb E\,\phi'(u)\phi'(v)\, v`;
* sign and step: :math:`\tfrac2\pi\arcsin c` and a quarter of it plus a quarter; their derivative is 0 almost everywhere, and taken to be 0;
* polynomials: the Mehler series, which ends.

All of it is written in c and s, so that nothing cancels where c is near 1 or -1 and s is known better than c tells.

References
----------
.. [cho2009] Cho and Saul, NIPS 2009, section 2.
.. [williams1996] Williams, NIPS 1996.
.. [tsuchida2020] Tsuchida, Pearce, van der Heide, Roosta and Gallagher, arXiv:2002.08517 (in another form).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["ClosedForm", "cosine", "erf", "gaussian", "gelu", "hermite", "monomial", "piecewise_linear", "sign", "sine", "step"]

Array = np.ndarray
Dual = Callable[[Array, Array, Array, Array], Array]  # of q1, q2, c, s
Single = Callable[[Array], Array]  # of q


@dataclass(frozen=True)
class ClosedForm:
    r"""Gaussian expectations of one activation, for variances above 0.

    Attributes
    ----------
    value, slope, curvature : callable of (q1, q2, c, s)
        :math:`\mathbb E\,\phi(u)\phi(v)`, :math:`\mathbb E\,\phi'(u)\phi'(v)`, :math:`\mathbb E\,\phi''(u)\phi(v)`; ``s`` is
        :math:`\sqrt{1 - c^2}`.
    mean, mean_slope : callable of q
        :math:`\mathbb E\,\phi` and :math:`\mathbb E\,\phi'`.
    """

    value: Dual
    slope: Dual
    curvature: Dual
    mean: Single
    mean_slope: Single


def piecewise_linear(positive: float, negative: float) -> ClosedForm:
    """``positive * h`` for ``h > 0``, ``negative * h`` otherwise."""
    odd, even = (positive + negative) / 2, (positive - negative) / 2

    def value(q1: Array, q2: Array, c: Array, s: Array) -> Array:
        return np.sqrt(q1) * np.sqrt(q2) * (odd**2 * c + even**2 * (2 / math.pi) * (s + c * np.arctan2(c, s)))

    def slope(q1: Array, q2: Array, c: Array, s: Array) -> Array:
        return odd**2 + even**2 * (2 / math.pi) * np.arctan2(c, s) + 0 * (q1 + q2)

    return ClosedForm(
        value,
        slope,
        mean=lambda q: even * np.sqrt(2 * q / math.pi),
        mean_slope=lambda q: odd + 0 * q,
        curvature=lambda q1, q2, c, s: even**2 * (2 / math.pi) * s * np.sqrt(q2 / q1),
    )


def _discriminant(q1: Array, q2: Array, s: Array) -> Array:
    """Determinant of 1 plus twice the covariance, which Gaussian factors :math:`e^{-u^2-v^2}` leave."""
    return 1 + 2 * q1 + 2 * q2 + 4 * q1 * q2 * s**2


def erf() -> ClosedForm:
    """Arcsine kernel."""
    return ClosedForm(
        value=lambda q1, q2, c, s: (2 / math.pi) * np.arctan2(2 * c * np.sqrt(q1) * np.sqrt(q2), np.sqrt(_discriminant(q1, q2, s))),
        slope=lambda q1, q2, c, s: (4 / math.pi) / np.sqrt(_discriminant(q1, q2, s)),
        mean=lambda q: 0 * q,
        mean_slope=lambda q: 2 / np.sqrt(math.pi * (1 + 2 * q)),
        curvature=lambda q1, q2, c, s: (  # phi'' = -2 h phi', then Stein's identity
            -(8 / math.pi) * c * np.sqrt(q1) * np.sqrt(q2) / ((1 + 2 * q1) * np.sqrt(_discriminant(q1, q2, s)))
        ),
    )


def _waves(q1: Array, q2: Array, c: Array, s: Array) -> tuple[Array, Array]:
    """exp(|k| - (q1 + q2) / 2) / 2, and -2 |k|."""
    a, b = np.sqrt(q1), np.sqrt(q2)
    return 0.5 * np.exp(-((a - b) ** 2) / 2 - a * b * s**2 / (1 + np.abs(c))), -2 * a * b * np.abs(c)


def _sines(q1: Array, q2: Array, c: Array, s: Array) -> Array:
    outer, inner = _waves(q1, q2, c, s)
    return -np.sign(c) * outer * np.expm1(inner)


def _cosines(q1: Array, q2: Array, c: Array, s: Array) -> Array:
    outer, inner = _waves(q1, q2, c, s)
    return outer * (1 + np.exp(inner))


def sine() -> ClosedForm:
    r""":math:`\sin h`."""
    return ClosedForm(_sines, _cosines, lambda *pair: -_sines(*pair), lambda q: 0 * q, lambda q: np.exp(-q / 2))


def cosine() -> ClosedForm:
    r""":math:`\cos h`."""
    return ClosedForm(_cosines, _sines, lambda *pair: -_cosines(*pair), lambda q: np.exp(-q / 2), lambda q: 0 * q)


def gelu() -> ClosedForm:
    r""":math:`h\,\Phi(h)`, :math:`\Phi` the normal distribution function."""

    def parts(q1: Array, q2: Array, c: Array, s: Array) -> tuple[Array, Array, Array, Array]:
        """k, q1 q2 - k^2, Delta, E Phi(u) Phi(v)."""
        k = c * np.sqrt(q1) * np.sqrt(q2)
        minor = q1 * q2 * s**2
        delta = 1 + q1 + q2 + minor
        return k, minor, delta, 0.25 + np.arctan2(k, np.sqrt(delta)) / (2 * math.pi)

    def value(q1: Array, q2: Array, c: Array, s: Array) -> Array:
        k, minor, delta, both = parts(q1, q2, c, s)
        return k * both + (minor + k**2 * (1 / (1 + q1) + 1 / (1 + q2))) / (2 * math.pi * np.sqrt(delta))

    def slope(q1: Array, q2: Array, c: Array, s: Array) -> Array:
        k, _, delta, both = parts(q1, q2, c, s)
        return both + k * (1 / (1 + q1) + 1 / (1 + q2) + 1 / delta) / (2 * math.pi * np.sqrt(delta))

    def curvature(q1: Array, q2: Array, c: Array, s: Array) -> Array:
        # phi'' = (2 - h^2) n(h), n the standard normal density, which leaves Gaussian variables of variances t1, t2 and covariance t
        k, minor, delta, _ = parts(q1, q2, c, s)
        t1, t2, t = q1 / (1 + q1), (q2 + minor) / (1 + q1), k / (1 + q1)
        return (2 * t2 - t1 * t2 - t**2 * (1 + 1 / (1 + t2))) / (2 * math.pi * np.sqrt(delta))

    return ClosedForm(value, slope, curvature, lambda q: q / np.sqrt(2 * math.pi * (1 + q)), lambda q: 0.5 + 0 * q)


def gaussian() -> ClosedForm:
    """:math:`e^{-h^2}`."""
    return ClosedForm(
        value=lambda q1, q2, c, s: 1 / np.sqrt(_discriminant(q1, q2, s)),
        slope=lambda q1, q2, c, s: 4 * c * np.sqrt(q1) * np.sqrt(q2) / _discriminant(q1, q2, s) ** 1.5,
        mean=lambda q: 1 / np.sqrt(1 + 2 * q),
        mean_slope=lambda q: 0 * q,
        curvature=lambda q1, q2, c, s: -2 * (1 + 2 * q2) / _discriminant(q1, q2, s) ** 1.5,
    )


def sign() -> ClosedForm:
    """Of -1 and 1."""
    return _jump(lambda q1, q2, c, s: (2 / math.pi) * np.arctan2(c, s) + 0 * (q1 + q2), lambda q: 0 * q)


def step() -> ClosedForm:
    """Of 0 and 1."""
    return _jump(lambda q1, q2, c, s: 0.25 + np.arctan2(c, s) / (2 * math.pi) + 0 * (q1 + q2), lambda q: 0.5 + 0 * q)


def _jump(value: Dual, mean: Single) -> ClosedForm:
    def zero(q1: Array, q2: Array, c: Array, s: Array) -> Array:
        return 0 * (q1 + q2 + c)

    return ClosedForm(value, zero, zero, mean, lambda q: 0 * q)


Coefficients = Callable[[Array], Array]  # (...) -> (..., degree + 1), in normalised Hermite polynomials of h / sqrt(q)


def hermite(degree: int) -> ClosedForm:
    r"""Of :math:`He_n/\sqrt{n!}`; :math:`He_n(\gamma z) = \sum_j \frac{n!}{2^j j!\,(n-2j)!} \gamma^{n-2j} (\gamma^2-1)^j He_{n-2j}(z)`."""

    def coefficients(order: int) -> Coefficients:
        n = degree - order
        factor = math.sqrt(math.perm(degree, order))
        return lambda q: factor * _expansion(n, q, lambda q, j: np.sqrt(q) ** (n - 2 * j) * (q - 1) ** j / math.sqrt(math.factorial(n)))

    return _polynomial(coefficients, degree)


def monomial(degree: int) -> ClosedForm:
    r"""Of :math:`h^n = \sum_j \frac{n!}{2^j j!\,(n-2j)!} q^{n/2} He_{n-2j}(z)` at :math:`h = \sqrt q z`."""

    def coefficients(order: int) -> Coefficients:
        n = degree - order
        return lambda q: math.perm(degree, order) * _expansion(n, q, lambda q, j: np.sqrt(q) ** n)

    return _polynomial(coefficients, degree)


def _expansion(n: int, q: Array, power: Callable[[Array, int], Array]) -> Array:
    out = np.zeros((*np.shape(q), max(n, 0) + 1))
    for j in range(n // 2 + 1):
        weight = math.perm(n, 2 * j) / (2**j * math.factorial(j))  # n! / (2^j j! (n - 2j)!), and sqrt((n - 2j)!) makes it normalised
        out[..., n - 2 * j] = weight * math.sqrt(math.factorial(n - 2 * j)) * power(q, j)
    return out


def _polynomial(coefficients: Callable[[int], Coefficients], degree: int) -> ClosedForm:
    none: Coefficients = lambda q: np.zeros((*np.shape(q), 1))  # noqa: E731
    phi, first, second = (coefficients(order) if order <= degree else none for order in range(3))

    def series(a: Coefficients, b: Coefficients) -> Dual:
        def value(q1: Array, q2: Array, c: Array, s: Array) -> Array:
            left, right = a(q1), b(q2)
            ends = min(left.shape[-1], right.shape[-1])
            terms = left[..., :ends] * right[..., :ends]
            out = 0 * c + terms[..., -1]
            for k in range(ends - 2, -1, -1):
                out = out * c + terms[..., k]
            return out

        return value

    return ClosedForm(series(phi, phi), series(first, first), series(second, phi), lambda q: phi(q)[..., 0], lambda q: first(q)[..., 0])
