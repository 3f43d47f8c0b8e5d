"""Time courses of one direction: the recursions themselves, step by step, and mpmath where steps are many."""

import mpmath
import numpy as np
import pytest

from infwidth.limits.kernels.gains import learned, stable_rate

A = np.array([1e-6, 0.03, 0.4, 1.0, 2.0, 3.1])


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("steps", [0, 1, 2, 7, 100])
def test_steps_are_the_recursion(momentum, steps):
    rate = 0.6
    before = now = np.ones_like(A)
    for _ in range(steps):
        before, now = now, now + momentum * (now - before) - rate * A * now
    np.testing.assert_allclose(learned(A, steps, rate, momentum), 1 - now, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_million_steps(momentum):
    """The roots of z^2 - (1 + beta - a) z + beta, in fifty digits."""
    a = np.array([1e-9, 1e-7, 1e-4])
    with mpmath.workdps(50):
        exact = []
        for value in a:
            b = mpmath.mpf(momentum)
            p = 1 + b - mpmath.mpf(float(value))
            root = mpmath.sqrt(p * p - 4 * b)
            u, v = (p + root) / 2, (p - root) / 2
            # r_s = C u^s + D v^s with r_0 = 1 and r_1 = 1 - a
            C = (p - b - v) / (u - v)
            exact.append(float(1 - C * u**10**6 - (1 - C) * v**10**6))
    np.testing.assert_allclose(learned(a, 1e6, 1.0, momentum), exact, rtol=1e-8)


def test_flow_and_the_end():
    np.testing.assert_allclose(learned(A, 2.0), 1 - np.exp(-2 * A), rtol=1e-9)
    np.testing.assert_array_equal(learned(A, np.inf), 1)
    np.testing.assert_array_equal(learned(A, np.inf, 0.6, 0.5), 1)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_the_largest_stable_rate(momentum):
    rate = stable_rate(A[-1], momentum)
    assert np.isfinite(learned(A, 1e6, 0.99 * rate, momentum)).all()
    assert not np.isfinite(learned(A, 1e6, 1.01 * rate, momentum)).all()
    assert not np.isfinite(learned(A, np.inf, 1.01 * rate, momentum)).all()
