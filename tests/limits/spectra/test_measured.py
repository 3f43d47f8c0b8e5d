"""Spectra of data."""

import numpy as np
import pytest

from infwidth.limits import kernels, spectra


def test_parts_add_up():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    found = spectra.measured_spectrum(lambda A, B: np.exp(A @ B.T), X, y)
    K = np.exp(X @ X.T)
    assert found.eigenvalues.sum() == pytest.approx(np.trace(K) / 20)
    np.testing.assert_allclose(found.total, (y**2).mean(axis=0))
    np.testing.assert_allclose(found.power.T @ found.eigenvalues, np.einsum("ic,ij,jc->c", y, K, y) / 400)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (lambda A, B: A @ B.T - 5 * np.eye(len(A)), "kernel: its Gram matrix has negative eigenvalues; give"),
        (lambda A, B: A @ B.T + np.triu(np.ones((len(A), len(B)))), "kernel: its Gram matrix is not finite and symmetric; give"),
        (lambda A, B: np.full((len(A), len(B)), np.nan), "kernel: must return finite"),
        (np.eye(3), r"kernel: must return shape \(4, 4\)"),
    ],
)
def test_bad_kernels(kernel, message):
    with pytest.raises(ValueError, match=message):
        spectra.measured_spectrum(kernel, np.eye(4), np.ones(4))


def test_bad_targets():
    with pytest.raises(ValueError, match="y: has 3 rows but X has 4"):
        spectra.measured_spectrum(np.eye(4), np.eye(4), np.ones(3))


def test_an_architecture_has_two_kernels():
    k = kernels.serial(kernels.Dense(1.4), kernels.Relu(), kernels.Dense(1.0))
    with pytest.raises(TypeError, match=r"^kernel: is an architecture, which has two kernels; give its \.nngp or its \.ntk"):
        spectra.measured_spectrum(k, np.eye(3), np.ones(3))
    assert spectra.measured_spectrum(k.ntk, np.eye(3), np.ones(3)).total > 0
