"""Fits of powers, and the table of exponents."""

import numpy as np
import pytest

from infwidth.limits import spectra


def test_exact_powers_on_both_kinds_of_points():
    k = np.arange(1.0, 2001)
    for fit in (spectra.tail(3 * k**-1.7, (5, 1500)), spectra.tail(3 * (k / 7) ** -1.7, (1, 200), x=k / 7)):
        assert fit.exponent == pytest.approx(1.7, abs=1e-10)
        assert fit.error < 1e-6


def test_a_bend_counts_as_error():
    k = np.arange(1.0, 2001)
    bent = np.where(k < 100, k**-1.0, 0.01 * (k / 100) ** -2)
    fit = spectra.tail(bent, (10, 1000))
    assert fit.error == pytest.approx(0.5, abs=0.05)
    assert fit.exponent == pytest.approx(1.5, abs=0.05)


def test_exponents():
    """The table of the notes for alpha = 1, and the ratio that the loss follows."""
    for d, smooth in ((1, 3 / 2), (2, 4 / 3), (3, 5 / 4)):
        for radial in (False, True):
            theory = spectra.predicted_exponents(d, "smooth", radial=radial)
            assert theory.loss == pytest.approx(smooth)
            assert theory.power / theory.eigenvalues == pytest.approx(theory.loss)
            jump = spectra.predicted_exponents(d, "jump", radial=radial)
            assert jump.loss == pytest.approx(1 / (d + 1))
            assert jump.power == pytest.approx(1 if radial else 1 / d)
        assert spectra.predicted_exponents(d, "smooth").eigenvalues == pytest.approx(1 + 1 / d)


def test_tail_sums():
    power = np.random.default_rng(0).random((5, 2))
    found = spectra.tail_sums(spectra.Spectrum(np.arange(5.0, 0, -1), power))
    np.testing.assert_allclose(found, [power[k:].sum() for k in range(5)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectra.tail(np.ones(10), (20, 30)), "window: holds 0 points .*; widen it"),
        (lambda: spectra.tail(np.ones(10), (0, 30)), "window: need two numbers 0 < low < high"),
        (lambda: spectra.tail(-np.ones(10), (1, 10)), "values: must be positive"),
        (lambda: spectra.tail(np.ones(10), (1, 10), x=np.ones(9)), "x: need a vector of 10 numbers"),
        (lambda: spectra.predicted_exponents(1, "rough"), "target: 'rough' is not one of smooth, jump"),
        (lambda: spectra.predicted_exponents(0, "jump"), "dim: need an integer >= 1"),
        (lambda: spectra.predicted_exponents(1, "jump", singularity=0), "singularity: need a finite number > 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
