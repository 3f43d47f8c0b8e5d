"""Compiled steps against their numpy twins, on both sides of every edge of a tile, and their elementary functions against mpmath."""

import math

import mpmath
import numpy as np
import pytest

from infwidth.solvers.gram import passes
from infwidth.solvers.gram.program import CODES, Program, Step
from infwidth.solvers.gram.reference import run
from infwidth.solvers.gram.tiles import Gram, gram

TILE = passes.TILE


def test_codes_are_those_of_the_contract():
    assert [getattr(passes, code) for code in CODES] == list(range(len(CODES)))


def test_arcsine_polynomial():
    z = np.linspace(0, 0.25, 301)
    exact = [float(mpmath.asin(mpmath.sqrt(v)) / mpmath.sqrt(v)) if v else 1.0 for v in map(mpmath.mpf, z)]
    np.testing.assert_allclose([passes._arcsine_ratio(v) for v in z], exact, rtol=3e-16)


def test_angle_has_its_digits_at_both_ends():
    delta = np.concatenate([[0.0, 1e-300, 1e-20, 1e-9, 0.4999, 0.5001, 0.9999, 1.0, 1.0001, 1.4999, 1.5001, 2.0], np.linspace(0, 2, 97)])
    with mpmath.workdps(400):
        exact = [float(mpmath.acos(1 - mpmath.mpf(d))) for d in delta]
    np.testing.assert_allclose([passes._angle(d) for d in delta], exact, rtol=6e-16, atol=0)


def test_arcsine_of_arguments_near_zero_and_one():
    for x in (1e-20, 1e-3, 0.3, 0.4999, 0.5001, 0.9):
        for sign in (-1, 1):
            assert passes._arcsine(sign * x, 1 - sign * x) == pytest.approx(sign * math.asin(x), rel=6e-16)
    with mpmath.workdps(40):
        assert passes._arcsine(1.0, 1e-25) == pytest.approx(float(mpmath.asin(1 - mpmath.mpf(1e-25))), rel=3e-16)


def test_mills_ratio():
    """(1 - Phi) over the density, from 0 on."""
    for z in (0.0, 1e-8, 0.3, 1.0, 4.99, 5.01, 12.0, 37.0, 300.0):
        with mpmath.workdps(40):
            exact = float(mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)) * mpmath.sqrt(mpmath.pi / 2) * mpmath.exp(mpmath.mpf(z) ** 2 / 2))
        assert passes._mills(z) == pytest.approx(exact, rel=1e-15)


def test_rules_integrate_polynomials():
    for size, start in zip(passes.RULES, passes.STARTS, strict=True):
        x, w = passes.NODES[start : start + size], passes.WEIGHTS[start : start + size]
        assert len(x) == size and w @ x**9 == pytest.approx(0.1, rel=1e-14)


def test_exponential():
    x = np.array([0.0, -1e-20, -1e-3, -0.3465, -0.3466, -1.0, -50.3, -690.0])
    np.testing.assert_allclose([passes._exp(v) for v in x], np.exp(x), rtol=0, atol=2.3e-16)
    np.testing.assert_allclose([passes._exp(v) for v in x], np.exp(x), rtol=1e-13)
    assert passes._exp(-1e9) < 1e-300


def factors(code, rng, n):
    """Admissible factors: eta and zeta on the circle, scales of order one, so that values stay within [-1, 1]."""
    if code in ("PIECEWISE", "JUMP", "COPY"):
        return np.zeros((0, n))
    angle = rng.uniform(0.2, 1.3, n)
    if code == "LINEAR":
        return np.stack([np.cos(angle), np.sin(angle), *rng.random((3, n))])
    if code == "ADD":
        return np.stack([np.cos(angle), np.sin(angle), *rng.random((2, n))])
    if code == "SERIES":
        return np.ones((3, n))
    return np.stack([np.sin(angle), np.cos(angle), rng.random(n), 0.5 * rng.random(n), rng.random(n)])


def program(code, n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 4))
    X[0], X[min(3, n - 1)] = X[n - 1], -X[n - 1]
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    start = Step("LINEAR", 0, 0, factors("LINEAR", rng, n))
    series = {}
    if code == "SERIES":
        values, slopes = (rng.standard_normal((12, n)) for _ in range(2))
        series = {"values": values / np.linalg.norm(values, axis=0), "slopes": slopes / np.linalg.norm(slopes, axis=0)}
        series |= {"tails": np.array([1.0, 1e-3, 0.0]), "tolerance": 1e-9}
    steps = [start, Step("COPY", 0, 1, np.zeros((0, n)))]
    source = 1 if code == "ADD" else 0
    steps.append(Step(code, source, 0, factors(code, rng, n), {"PIECEWISE": 1 / np.pi, "JUMP": 2 / np.pi}.get(code, 0.0), **series))
    return Program(X, tuple(steps), 2, 0, rng.random(n), rng.random(n))


@pytest.mark.parametrize("code", [code for code in CODES if code not in ("GENERIC", "COPY")])
def test_steps_are_their_twins(code):
    n = 2 * TILE + 3
    whole = program(code, n)
    left, right = whole.of(slice(0, TILE + 1)), whole.of(slice(TILE - 2, n))
    exact = run(left, right)
    into = Gram(*(np.empty((TILE + 1, n - TILE + 2)) for _ in range(2)))
    gram(left, right, into)
    for found, expected in zip(into, exact, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=5e-15)
    assert np.ptp(exact[0]) > 0.01


@pytest.mark.parametrize("n", [1, TILE - 1, TILE, TILE + 1])
def test_symmetric_halves_have_the_exact_diagonal(n):
    whole = program("PIECEWISE", n)
    into = Gram(np.empty((n, n)), np.empty((n, n)))
    gram(whole, None, into)
    for matrix, scale, expected in zip(into, (whole.std, whole.tangent), run(whole, whole), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diag(matrix), scale**2)
        off = ~np.eye(n, dtype=bool)
        np.testing.assert_allclose(matrix[off], expected[off], atol=5e-15)


def test_a_series_takes_as_many_terms_as_the_tile_needs():
    """All pairs orthogonal: 4 terms; a tail that is never small enough: none."""
    tails, zero = np.array([1e-3, 1e-6, 1e-9]), np.ones((4, 4))
    assert passes._terms(zero, False, tails, 1e-12) == 4
    assert passes._terms(np.full((4, 4), 0.5), False, tails, 1e-8) == 8  # 2^-4 1e-3, 2^-8 1e-6
    assert passes._terms(np.full((4, 4), 1e-9), False, tails, 1e-10) == 0
    diagonal = 1 - np.eye(4)
    assert passes._terms(diagonal, True, tails, 1e-12) == 4 and passes._terms(diagonal, False, tails, 1e-12) == 0
