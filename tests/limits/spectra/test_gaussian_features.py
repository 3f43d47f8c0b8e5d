"""Regression with Gaussian eigenfunctions: exact laws, and what separates the theory of learning curves from the sphere."""

import numpy as np
import pytest

from infwidth.limits import spectra
from infwidth.limits.spectra import Spectrum
from infwidth.limits.spectra.gaussian_features import _draw


def test_one_sample_of_one_mode():
    """w = e c/(e^2 + r), e standard Gaussian: the error is c^2 (r/(e^2 + r))^2, and with noise v in the target v e^2/(e^2 + r)^2 more; what
    no mode can learn is noise too, and an error of its own."""
    ridge, noise, rest = 0.7, 0.3, 0.5
    mean, error = spectra.gaussian_curve(Spectrum([1.0], [4.0], rest=rest), [1], ridge, noise, draws=6000)
    z, w = np.polynomial.hermite_e.hermegauss(200)
    expected = rest + w @ ((4 * ridge**2 + (noise + rest) * z**2) / (z**2 + ridge) ** 2) / w.sum()
    assert error[0] < 0.02 * expected
    assert abs(mean[0] - expected) < 3 * error[0]


def test_least_squares():
    """Five modes, fifteen samples, no ridge: without noise they are learned exactly, with it the error is v 5/(15 - 5 - 1), the mean of an
    inverse Wishart matrix, whether the modes are five or one of multiplicity five."""
    for spectrum in (Spectrum(np.ones(5), np.ones(5)), Spectrum([1.0], [5.0], multiplicity=[5])):
        assert spectra.gaussian_curve(spectrum, [15], draws=3)[0] < 1e-20
        mean, error = spectra.gaussian_curve(spectrum, [15], ridge=1e-9, noise=0.6, draws=4000)
        assert error[0] < 0.02 * mean[0]
        assert abs(mean[0] - 0.6 * 5 / 9) < 3 * error[0]


def test_multiplicity_is_repetition():
    """One draw of a spectrum with multiplicities has the law of one that is written out: both are averaged."""
    many = Spectrum([1.0, 0.2, 0.01], [2.0, 1.0, 0.3], multiplicity=[3, 40, 900], rest=0.1, tail=0.5)
    counts = np.array([3, 40, 900])
    apart = Spectrum(np.repeat([1.0, 0.2, 0.01], counts), np.repeat(np.array([2.0, 1.0, 0.3]) / counts, counts), rest=0.1, tail=0.5)
    one, other = (spectra.gaussian_curve(s, [6, 30], ridge=0.05, noise=0.1, draws=400, rng=i) for i, s in enumerate((many, apart)))
    error = np.hypot(one[1], other[1])
    assert (error < 0.03 * one[0]).all()
    assert (abs(one[0] - other[0]) < 3 * error).all()


def test_a_zero_eigenvalue_is_never_learned():
    rng = np.random.default_rng(0)
    assert min(_draw(Spectrum([1.0, 0.0], [0.0, 2.0]), 8, 1.0, 0.0, rng) for _ in range(20)) > 2


def relu(X, Z):
    c = np.clip(X @ Z.T, -1, 1)
    return (np.sqrt(1 - c**2) + 2 * (np.pi - np.arccos(c)) * c) / np.pi


def test_the_sphere_of_few_dimensions_is_not_gaussian():
    """The spectrum of relu on the sphere of three dimensions, no ridge, 80 samples: with Gaussian eigenfunctions the error is that of the
    theory up to 1.5/n, on the sphere itself it is more than a tenth higher: their law fails, not the theory's finite size."""
    n, draws, rng = 80, 200, np.random.default_rng(1)
    spectrum = spectra.zonal_spectrum(relu, 3, 15, np.abs)
    predicted = spectra.predicted_curve(spectrum, [n]).test_error[0]
    mean, error = (part[0] for part in spectra.gaussian_curve(spectrum, [n], draws=draws))
    assert error < 0.02 * predicted
    assert abs(mean - predicted) < 2 * error + 1.5 / n * predicted
    errors = []
    for _ in range(draws):
        X = rng.standard_normal((n + 400, 3))
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        weights = np.linalg.solve(relu(X[:n], X[:n]), np.abs(X[:n, 0]))
        errors.append(np.mean((relu(X[n:], X[:n]) @ weights - np.abs(X[n:, 0])) ** 2))
    assert np.mean(errors) - 2 * np.std(errors) / np.sqrt(draws) > 1.1 * max(predicted, mean)


@pytest.mark.slow
def test_the_theory_is_exact_for_gaussian_eigenfunctions_as_samples_grow():
    """What it is low by falls like 1/n (7, 2, 1 and 0 per cent at 20, 40, 80 and 160 samples)."""
    spectrum = spectra.zonal_spectrum(relu, 4, 10, np.abs)
    for n, draws in ((20, 4000), (40, 2000), (80, 1000), (160, 400)):
        predicted = spectra.predicted_curve(spectrum, [n]).test_error[0]
        mean, error = (part[0] / predicted for part in spectra.gaussian_curve(spectrum, [n], draws=draws))
        assert error < 0.01
        assert abs(mean - 1) < 2 * error + 1.5 / n
        if n == 20:
            assert mean - 1 > 4 * error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": [0]}, "sizes\\[0\\]: need an integer from 1"),
        ({"ridge": -1}, "ridge: need a finite number >= 0"),
        ({"draws": 1}, "draws: need an integer from 2"),
        ({"sizes": 10**6}, "sizes: .* samples of 1 modes .*; lower them"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        spectra.gaussian_curve(Spectrum([1.0], [1.0]), **({"sizes": [3]} | options))
