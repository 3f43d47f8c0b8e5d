"""Pairs without closed forms, kinks included: against the integral over the plane, and with errors that hold."""

from dataclasses import replace

import numpy as np
import pytest

from infwidth.limits import activations, gaussian
from infwidth.limits.gaussian import numerical
from infwidth.limits.gaussian.hermite_functions import hermite_functions
from infwidth.limits.gaussian.line import density
from infwidth.limits.gaussian.plane import integrate_pairs

CLIP = activations.custom("clip", lambda h: np.clip(h, -1, 2), lambda h: ((h > -1) & (h < 2)).astype(h.dtype), kinks=(-1.0, 2.0))
RELU6 = activations.custom("relu6", lambda h: np.clip(h, 0, 6), lambda h: ((h > 0) & (h < 6)).astype(h.dtype), kinks=(0.0, 6.0))
HARD = activations.custom(
    "hard swish", lambda h: h * np.clip(h + 3, 0, 6) / 6, lambda h: np.where(np.abs(h) < 3, (2 * h + 3) / 6, h > 0), kinks=(-3.0, 3.0)
)
TENT = activations.custom("tent", lambda h: np.maximum(0, 1 - abs(h)), lambda h: -np.sign(h) * (abs(h) < 1), kinks=(-1.0, 0.0, 1.0))


@pytest.mark.parametrize("of", ["value", "derivative"])
@pytest.mark.parametrize("phi", [CLIP, RELU6, HARD, TENT], ids=lambda a: a.name)
def test_pairs_are_integrals_at_every_correlation(phi, of, monkeypatch):
    """Against the integral over the plane, which shares nothing with it, and without asking for that but beside c = 1 where curvatures
    jump: within the errors that both state."""
    c = np.array([-0.9, 0.0, 0.99, 1 - 1e-9])
    s = np.sqrt((1 - c) * (1 + c))
    f = phi.value if of == "value" else phi.derivative
    exact, error = integrate_pairs(f, np.full(4, 2.0), np.full(4, 0.7), c, s, phi.kinks, 1e-9)
    asked = []
    monkeypatch.setattr(numerical, "integrate_pairs", lambda f, q1, *rest: (asked.extend(q1), integrate_pairs(f, q1, *rest))[1])
    found = gaussian.dual(phi, 2.0, 0.7, c, of=of, sine=s)
    assert (np.abs(found.value - exact) <= found.error + error).all()
    assert (found.error < 2e-12).all() and len(asked) <= (1 if phi is HARD and of == "value" else 0)


def test_what_is_no_polynomial_beside_its_kink_has_an_honest_error():
    """tanh, cut at 1: its series says what it misses, and pairs go the slow way."""
    cut = activations.custom("cut", lambda h: np.tanh(np.minimum(h, 1)), lambda h: (h < 1) * (1 - np.tanh(h) ** 2), kinks=(1.0,))
    series = gaussian.hermite_series(cut.value, np.array([1.0]), 40, cut.kinks)
    functions, z = hermite_functions(np.linspace(-12, 12, 48001), 40), np.linspace(-12, 12, 48001)
    exact = (cut.value(z) * np.sqrt(density(z)) * functions).sum(axis=1) * (z[1] - z[0])
    gap = np.linalg.norm(series.coefficients[0] - exact)
    assert 1e-12 < gap < series.error[0] + 1e-8
    found, told = gaussian.dual(cut, 1.0, 1.0, 0.5), gaussian.dual(replace(cut, kinks=()), 1.0, 1.0, 0.5)
    assert found.error < 1e-12 and abs(found.value - told.value) <= told.error + found.error
