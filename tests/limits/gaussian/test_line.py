"""Integrals against the normal density: exact moments, kinks, honest errors, and what cannot be integrated."""

import math

import numpy as np
import pytest

from infwidth.limits.gaussian.line import ROWS, density, estimate, integrate, nodes, walls


@pytest.mark.parametrize("power", range(0, 13, 2))
def test_moments_of_the_normal_law(power):
    """1, 1, 3, 15, ...; the error is that of rounding, relative to the root mean square."""
    value, error = integrate(lambda z, rows: np.stack([z**power, z ** (power + 1)]), 1, None, 1e-12)
    exact = math.prod(range(1, power, 2))
    size = np.sqrt([math.prod(range(1, 2 * p, 2)) for p in (power, power + 1)])
    assert np.abs(value[:, 0] - [exact, 0]).max() <= (error[:, 0]).max() and (error[:, 0] < 1e-12 * size).all()


@pytest.mark.parametrize("kink", [-3.0, -0.1, 0.0, 1.5])
def test_a_step_at_a_cut_is_exact(kink):
    value, error = integrate(lambda z, rows: (z > kink)[None] * 1.0, 1, np.array([[kink]]), 1e-12)
    assert value[0, 0] == pytest.approx(math.erfc(kink / math.sqrt(2)) / 2, abs=1e-14) and error[0, 0] < 1e-12


def test_a_step_beside_the_cuts_has_an_error_that_says_so():
    value, error = integrate(lambda z, rows: (z > 0.3)[None] * 1.0, 1, None, 1e-12)
    gap = abs(value[0, 0] - math.erfc(0.3 / math.sqrt(2)) / 2)
    assert 1e-12 < gap <= error[0, 0] < 1e-2


def test_many_rows_are_each_by_itself():
    """More than a block of them; each of its own scale, some of which settle before others."""
    scale = np.linspace(0.1, 30, ROWS + 3)
    value, error = integrate(lambda z, rows: np.cos(scale[rows, None] * z)[None], len(scale), None, 1e-12)
    np.testing.assert_allclose(value[0], np.exp(-(scale**2) / 2), rtol=0, atol=1e-12)
    assert (np.abs(value[0] - np.exp(-(scale**2) / 2)) <= error[0]).all()
    assert integrate(lambda z, rows: z[None], 0, None, 1e-12)[0].shape == (1, 0)


def test_each_level_halves_the_step_and_keeps_the_nodes():
    """All levels together are the trapezoidal rule: weights of the pieces sum to their lengths, nodes ascend."""
    cuts = walls(np.array([[2.0, -1.0]]))
    assert cuts.tolist() == [[-1, 0, 2]] and walls(np.array([[100.0]])).tolist() == [[0, 9]] and walls(None).tolist() == [[0]]
    for level in (2, 3):
        parts = [nodes(l, cuts) for l in range(level + 1)]
        z = np.concatenate([z[0] for z, _ in parts])
        width = np.concatenate([w[0] / 2 ** (level - l) for l, (_, w) in enumerate(parts)])
        for low, high in ((-1, 0), (0, 2)):
            assert width[(z > low) & (z < high)].sum() == pytest.approx(high - low, rel=1e-5)
        assert all((np.diff(z[0]) >= 0).all() for z, _ in parts)
        assert (width * density(z)).sum() == pytest.approx(1, abs=1e-4)


def test_the_error_of_a_sequence():
    """Ten times the last move; where it converges fast, as if it went on by that factor, or by 20 at most; and rounding."""
    size = np.array([1.0])
    eps = 16 * np.finfo(float).eps
    assert estimate(np.array([1e-3]), np.array([np.inf]), size)[0] == pytest.approx(1e-2 + eps)
    assert estimate(np.array([1e-3]), np.array([2e-3]), size)[0] == pytest.approx(1e-2 + eps)
    assert estimate(np.array([1e-4]), np.array([2e-3]), size)[0] == pytest.approx(4 * 0.05 * 1e-4 + eps)
    assert estimate(np.array([1e-9]), np.array([2e-3]), size)[0] == pytest.approx(4 * 0.05 * 1e-9 + eps)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda z: np.exp(z**2), "activation: (overflows|grows so fast)"),
        (lambda z: 1 / (z * 0), "activation: overflows or is undefined"),
    ],
)
def test_what_has_no_expectation_is_refused(f, words):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=words):
        integrate(lambda z, rows: f(z)[None], 1, None, 1e-12)
