"""The readable steps against covariances of the variables that they stand for, and against mpmath."""

import mpmath
import numpy as np
import pytest

from infwidth.solvers.gram.program import Program, Step
from infwidth.solvers.gram.reference import run


def unit(X):
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def single(directions, *steps, registers=1):
    """Covariances with scales of 1."""
    ones = np.ones(len(directions))
    return Program(directions, steps, registers, 0, ones, ones)


def points():
    return unit(np.random.default_rng(0).standard_normal((6, 3)))


def test_no_step_leaves_cosines():
    X = points()
    K, T = run(single(X[:2]), single(X))
    np.testing.assert_allclose(K, X[:2] @ X.T, atol=1e-15)
    assert not T.any()


def test_linear_is_a_sum_of_independent_variables():
    """a u + b v, v common to all: its cosine; and the tangent kernel by the formula."""
    X, rng = points(), np.random.default_rng(1)
    b, r, u, w = rng.random((4, 6))
    a = np.sqrt(1 - b**2)
    program = single(X, Step("LINEAR", 0, 0, np.stack([a, b, r, u, w])), Step("LINEAR", 0, 0, np.stack([a, b, r, u, w])))
    K, T = run(program, program)
    first = np.outer(a, a) * (X @ X.T) + np.outer(b, b)
    np.testing.assert_allclose(K, np.outer(a, a) * first + np.outer(b, b), atol=1e-15)
    inner = np.outer(r, r) * (X @ X.T) + np.outer(u, u)
    np.testing.assert_allclose(T, np.outer(r, r) * first + np.outer(u, u) + np.outer(w, w) * inner, rtol=1e-14)


def test_copy_and_add():
    X, a = points(), np.full(6, 0.6)
    b = np.full(6, 0.8)
    one, zero = np.ones(6), np.zeros(6)
    steps = (
        Step("LINEAR", 0, 0, np.stack([one, zero, one, zero, zero])),
        Step("COPY", 0, 1, np.zeros((0, 6))),
        Step("PIECEWISE", 1, 1, np.zeros((0, 6)), 1 / np.pi),
        Step("ADD", 1, 0, np.stack([a, b, b, a])),
    )
    K, T = run(single(X, *steps, registers=2), single(X, *steps, registers=2))
    theta = np.arccos(np.clip(X @ X.T, -1, 1))
    relu = (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / np.pi
    np.testing.assert_allclose(K, 0.36 * X @ X.T + 0.64 * relu, atol=2e-15)
    np.testing.assert_allclose(T, 0.64 * X @ X.T + 0.36 * (X @ X.T) * (1 - theta / np.pi), atol=1e-7)


@pytest.mark.parametrize("gap", [1e-4, 1e-8, 1e-12])
def test_near_points_lose_no_digits(gap):
    """Eight layers of relu at an angle of ``gap``: 1 - c keeps its relative accuracy, which c has not."""
    X = np.array([[1.0, 0.0], [np.cos(gap), np.sin(gap)]])
    program = single(X, *(Step("PIECEWISE", 0, 0, np.zeros((0, 2)), 1 / np.pi) for _ in range(8)))
    delta = 1 - run(single(X[:1]), single(X[1:]))[0][0, 0]
    with mpmath.workdps(60):
        c = mpmath.cos(mpmath.mpf(gap))
        slope = mpmath.mpf(1)
        for _ in range(8):
            theta = mpmath.acos(c)
            slope *= 1 - theta / mpmath.pi
            c = (mpmath.sin(theta) + (mpmath.pi - theta) * c) / mpmath.pi
    ones = np.ones((1, 2))
    tangent = Step("LINEAR", 0, 0, np.concatenate([ones, 0 * ones, ones, 0 * ones, 0 * ones]))
    whole = single(X, tangent, *program.steps)
    assert run(whole, whole)[1][0, 1] == pytest.approx(float(slope * mpmath.cos(gap)), abs=1e-15)
    assert delta == pytest.approx(gap**2 / 2, rel=1e-3, abs=2e-16)


def test_jump_is_the_angle():
    X = points()
    step = Step("JUMP", 0, 0, np.zeros((0, 6)), 2 / np.pi)
    K, T = run(single(X, step), single(X, step))
    np.testing.assert_allclose(K, 1 - 2 / np.pi * np.arccos(np.clip(X @ X.T, -1, 1)), atol=1e-7)
    assert not T.any()


def test_a_series_hands_over_what_it_is_too_short_for():
    """1 / (2 - c) = sum 2^{-k-1} c^k, by 8 terms; beyond c = 1/2 by the function."""
    X, ones = points(), np.ones((3, 6))
    coefficients = np.sqrt(0.5 ** np.arange(1, 9))[:, None] * np.ones(6)
    asked = []

    def dual(s, other, delta):
        asked.append(delta)
        return 1 / (1 + delta), 1 / (1 + delta)

    step = Step(
        "SERIES", 0, 0, ones, values=coefficients, slopes=coefficients, tails=np.array([2.0**-4, 2.0**-8]), tolerance=2.0**-16, dual=dual
    )
    K, _ = run(single(X, step), single(X, step))
    np.testing.assert_allclose(K, 1 / (2 - X @ X.T), atol=2.0**-15)
    assert min(1 - delta.max() for delta in asked) <= -0.5 and all((np.abs(1 - delta) > 0.5).all() for delta in asked)
