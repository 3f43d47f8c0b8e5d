"""Zonal spectra: closed forms, the trace, targets, and Gram matrices."""

import numpy as np
import pytest
from scipy import special

from infwidth.limits import spectra
from infwidth.solvers import power_law


def exponential(gamma):
    return lambda X, Z: np.exp(gamma * X @ Z.T)


def arccos(X, Z):
    """The arc-cosine kernel of degree 1: |x| |x'| (sin + (pi - theta) cos) / pi."""
    c = np.clip(X @ Z.T, -1, 1)
    return (np.sqrt(1 - c**2) + (np.pi - np.arccos(c)) * c) / np.pi


@pytest.mark.parametrize("dim", [2, 3, 4, 7])
def test_exponential_kernel_in_closed_form(dim):
    r"""exp(g t) has lambda_k = Gamma(d/2) (2/g)^{d/2-1} I_{k+d/2-1}(g)."""
    g, k = 1.7, np.arange(9)
    found = spectra.zonal_spectrum(exponential(g), dim, 8)
    expected = special.gamma(dim / 2) * (2 / g) ** (dim / 2 - 1) * special.iv(k + dim / 2 - 1, g)
    np.testing.assert_allclose(found.eigenvalues, expected, rtol=1e-9, atol=1e-13)
    np.testing.assert_array_equal(found.multiplicity, [spectra.multiplicity(j, dim) for j in k])


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_traces(dim):
    """sum_k N_k lambda_k = K(1), up to the tail beyond the last degree, which falls like its power."""
    tails = []
    for degrees in (20, 40, 80):
        found = spectra.zonal_spectrum(arccos, dim, degrees)
        tails.append(1 - found.multiplicity @ found.eigenvalues)
    assert 0 < tails[2] < tails[1] < tails[0] < 0.02
    assert np.log2(tails[1] / tails[2]) == pytest.approx(3, abs=0.15)  # lambda_k ~ k^{-d-2}, N_k ~ k^{d-2}: the tail is k^{-3}


def test_multiplicities_add_up_to_the_polynomials():
    """Harmonics up to degree k span the polynomials of degree k on the sphere: binom(d+k-1, k) + binom(d+k-2, k-1)."""
    for d in (2, 3, 6):
        for k in (1, 2, 5):
            total = sum(spectra.multiplicity(j, d) for j in range(k + 1))
            assert total == special.binom(d + k - 1, k) + special.binom(d + k - 2, k - 1)


@pytest.mark.parametrize("dim", [3, 6])
def test_target(dim):
    """z^2 has the constant 1/d and the rest in degree 2, whose power is E z^4 - 1/d^2 = 3/(d (d+2)) - 1/d^2."""
    found = spectra.zonal_spectrum(exponential(1.0), dim, 6, lambda z: z**2)
    np.testing.assert_allclose(found.power[[0, 2], 0], [1 / dim**2, 3 / (dim * (dim + 2)) - 1 / dim**2], rtol=1e-10)
    assert found.rest[0] < 1e-12
    jump = spectra.zonal_spectrum(exponential(1.0), dim, 30, np.sign)
    assert jump.total[0] == pytest.approx(1, rel=1e-9)
    assert jump.rest[0] > 0.01  # a jump has power beyond any degree


@pytest.mark.parametrize("degrees", [3, 30])
def test_the_tail_is_the_trace_that_is_left_out(degrees):
    found = spectra.zonal_spectrum(arccos, 4, degrees)
    exact = spectra.zonal_spectrum(arccos, 4, 400)
    kept = found.multiplicity @ found.eigenvalues
    assert kept + found.tail == pytest.approx(float(arccos(np.eye(1, 4), np.eye(1, 4))[0, 0]), rel=1e-9)
    assert found.tail > exact.tail > 0
    assert spectra.zonal_spectrum(lambda X, Z: X @ Z.T, 3, 4).tail == 0


def test_eigenvalues_of_gram_matrices():
    """Those of random points approach the zonal ones, with their multiplicities, like n^{-1/2}; declared seeds 0..23."""
    d, sizes = 3, (50, 200, 800)
    exact = spectra.zonal_spectrum(arccos, d, 4)
    exact = np.repeat(exact.eigenvalues, exact.multiplicity.astype(int))[:9]

    def gap(n, seed):
        X = np.random.default_rng(seed).standard_normal((n, d))
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        return np.sqrt(np.mean((spectra.measured_spectrum(arccos, X, X[:, 0]).eigenvalues[:9] - exact) ** 2))

    gaps = np.array([[gap(n, seed) for seed in range(24)] for n in sizes])
    slope, error = power_law(sizes, gaps)
    assert error <= 0.05
    assert abs(slope + 0.5) < 2 * error
    assert gaps[-1].max() < 0.02


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectra.zonal_spectrum(arccos, 1, 4), "dim: need an integer from 2"),
        (lambda: spectra.zonal_spectrum(arccos, 3, -1), "degrees: need an integer from 0"),
        (lambda: spectra.zonal_spectrum(lambda X, Z: -X @ Z.T, 3, 4), "kernel: has the eigenvalue .*; give one that is positive"),
        (
            lambda: spectra.zonal_spectrum(arccos, 3, 4, lambda z: np.sign(z - 0.123456)),
            "target: its integrals .* do not converge; smooth it",
        ),
        (lambda: spectra.multiplicity(-1, 3), "degree: need an integer from 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
