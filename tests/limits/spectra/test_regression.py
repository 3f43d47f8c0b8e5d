"""Learning curves: exact cases, conservation, and measured kernel regression."""

import numpy as np
import pytest

from infwidth.limits import spectra
from infwidth.limits.spectra import Spectrum

K = np.arange(1.0, 4001)
POWERS = Spectrum(K**-2, K**-1.5)


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 1.0])
def test_learnabilities_add_up_to_the_samples(ridge):
    """sum L + ridge / kappa = n; with no ridge, sum L = n to rounding."""
    curve = spectra.predicted_curve(POWERS, [1, 10, 100, 1000], ridge)
    np.testing.assert_allclose(curve.learned + ridge / curve.kappa, curve.sizes, rtol=1e-12)


def test_flat_spectrum_in_closed_form():
    """M equal eigenvalues, no ridge: L = n/M for all, E_0 = 1/(1 - n/M), test error (1 - n/M) p + n/(M - n) noise."""
    M, noise = 400, 0.3
    flat = Spectrum(np.ones(M), np.full(M, 2.0 / M))
    for n in (1, 40, 399):
        curve = spectra.predicted_curve(flat, [n], noise=noise)
        assert curve.test_error[0] == pytest.approx(2 * (1 - n / M) + noise * n / (M - n), rel=1e-9)


def test_multiplicity_is_repetition():
    many = spectra.predicted_curve(Spectrum([1.0, 0.1], [2.0, 1.0], multiplicity=[3, 50]), [5, 20], ridge=0.05, noise=0.1)
    apart = Spectrum(np.repeat([1.0, 0.1], [3, 50]), np.repeat([2.0 / 3, 1.0 / 50], [3, 50]))
    repeated = spectra.predicted_curve(apart, [5, 20], ridge=0.05, noise=0.1)
    for name in ("test_error", "train_error", "bias", "variance", "kappa", "overfitting", "learned"):
        np.testing.assert_allclose(getattr(many, name), getattr(repeated, name), rtol=1e-12)


def test_more_samples_than_modes():
    """Without noise three modes are learned exactly; with it, least squares has the variance noise * 3 / (n - 3)."""
    three = Spectrum([2.0, 1.0, 0.5], [1.0, 1.0, 1.0])
    curve = spectra.predicted_curve(three, [3, 4, 12])
    np.testing.assert_array_equal(curve.test_error[1:], [0.0, 0.0])
    noisy = spectra.predicted_curve(three, [3, 12], noise=1.0)
    assert noisy.test_error[0] == np.inf
    assert noisy.test_error[1] == pytest.approx(3 / (12 - 3))
    assert noisy.train_error[1] == pytest.approx(1 - 3 / 12)  # residual degrees of freedom


def test_what_is_outside_the_modes_is_noise():
    inside = spectra.predicted_curve(Spectrum(POWERS.eigenvalues, POWERS.power), [50], noise=0.2)
    outside = spectra.predicted_curve(Spectrum(POWERS.eigenvalues, POWERS.power, rest=0.2), [50])
    assert outside.test_error[0] == pytest.approx(inside.test_error[0] + 0.2)


def gaussian_regression(n, ridge, noise, draws, rng):
    """Kernel regression with Gaussian eigenfunctions, for which the theory is exact as n grows."""
    lam, c = np.arange(1.0, 301) ** -1.5, np.arange(1.0, 301) ** -1.0
    errors, residuals = [], []
    for _ in range(draws):
        Phi = rng.standard_normal((n, 300))
        gram = (Phi * lam) @ Phi.T + ridge * np.eye(n)
        y = Phi @ c + np.sqrt(noise) * rng.standard_normal(n)
        weights = np.linalg.solve(gram, y)
        errors.append(((lam * (Phi.T @ weights) - c) ** 2).sum())
        residuals.append(((ridge * weights) ** 2).mean())
    return [(np.mean(e), np.std(e, ddof=1) / np.sqrt(draws)) for e in (errors, residuals)]


@pytest.mark.parametrize(("ridge", "noise"), [(0.0, 0.0), (0.05, 0.0), (0.5, 0.4)])
def test_gaussian_design(ridge, noise):
    rng = np.random.default_rng(8)
    j = np.arange(1.0, 301)
    for n in (40, 120):
        predicted = spectra.predicted_curve(Spectrum(j**-1.5, j**-2.0), [n], ridge, noise)
        (test, error), (train, train_error) = gaussian_regression(n, ridge, noise, 60, rng)
        assert abs(test - predicted.test_error[0]) < 3 * error + 0.01 * test  # O(1/n) beyond the theory
        assert abs(train - predicted.train_error[0]) <= 3 * train_error + 0.01 * train


def relu(X, Z):
    c = np.clip(X @ Z.T, -1, 1)
    return (np.sqrt(1 - c**2) + 2 * (np.pi - np.arccos(c)) * c) / np.pi


def test_predicted_and_measured_on_data():
    """Two declared sizes well below the number of points: within three standard errors."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1200, 20))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y = np.abs(X[:, 0])
    curve = spectra.learning_curve(relu, X, y, [20, 80], ridge=0.05)
    measured, error = spectra.measure_curve(relu, X, y, [20, 80], ridge=0.05, draws=50)
    assert (error < 0.02 * measured).all()
    assert (np.abs(measured - curve.test_error) < 3 * error).all()


def test_a_truncated_spectrum_predicts_what_the_whole_does():
    """The trace that is left out counts as ridge: a few degrees of the relu kernel predict what many do, and learn n in all."""
    sizes = [10, 100, 160]
    curves = [spectra.predicted_curve(spectra.zonal_spectrum(relu, 4, degrees, np.abs), sizes) for degrees in (20, 300)]
    np.testing.assert_allclose(curves[0].test_error, curves[1].test_error, rtol=0.02)
    np.testing.assert_allclose(curves[0].learned, sizes, rtol=1e-9)
    bare = spectra.zonal_spectrum(relu, 4, 20, np.abs)
    without = spectra.predicted_curve(Spectrum(bare.eigenvalues, bare.power, bare.multiplicity, bare.rest), sizes)
    assert without.test_error[-1] < 0.9 * curves[1].test_error[-1]


@pytest.mark.slow
def test_ten_sizes_on_the_sphere():
    """Fifty draws each: within two standard errors, one of ten perhaps beyond, as chance has it."""
    dim, rng = 20, np.random.default_rng(3)
    sizes = np.unique(np.round(np.geomspace(5, 160, 10)).astype(int))
    curve = spectra.predicted_curve(spectra.zonal_spectrum(relu, dim, 40, np.abs), sizes, ridge=0.04)
    far = []
    for n, predicted in zip(sizes, curve.test_error, strict=True):
        errors = []
        for _ in range(50):
            X = rng.standard_normal((n + 1000, dim))
            X /= np.linalg.norm(X, axis=1, keepdims=True)
            weights = np.linalg.solve(relu(X[:n], X[:n]) + 0.04 * np.eye(n), np.abs(X[:n, 0]))
            errors.append(np.mean((relu(X[n:], X[:n]) @ weights - np.abs(X[n:, 0])) ** 2))
        far.append((np.mean(errors) - predicted) / (np.std(errors, ddof=1) / np.sqrt(50)))
    assert len(far) == 10
    assert np.sum(np.abs(far) < 2) >= 9, far
    assert np.abs(far).max() < 3, far


def test_plot_has_the_three_parts():
    figure = spectra.predicted_curve(POWERS, [10, 100]).plot()
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["test error", "bias", "variance"]
    np.testing.assert_allclose(lines[0].get_ydata(), lines[1].get_ydata() + lines[2].get_ydata())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectra.predicted_curve(POWERS, []), "sizes: need 1 integers or more"),
        (lambda: spectra.predicted_curve(POWERS, [0]), "sizes\\[0\\]: need an integer from 1"),
        (lambda: spectra.predicted_curve(POWERS, [5], ridge=-1), "ridge: need a finite number >= 0"),
        (lambda: spectra.predicted_curve(POWERS, [5], noise=np.nan), "noise: need a finite number >= 0"),
        (lambda: spectra.effective_ridge(POWERS, 0), "samples: need an integer >= 1"),
        (lambda: spectra.learning_curve(np.eye(4), np.eye(4), np.ones(4), [4]), "sizes: 4 is not below the 4 samples of X; lower it"),
        (lambda: spectra.measure_curve(np.eye(4), np.eye(4), np.ones(4), [2], draws=1), "draws: need an integer from 2"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
