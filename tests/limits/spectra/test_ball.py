"""The radial sector: against a Fredholm equation in closed form, a Gram matrix, and the exponents of the theory."""

import numpy as np
import pytest

from infwidth.limits import spectra


def relu_tangent(X, Z):
    """Tangent kernel of a shallow relu network with biases: that of the arc-cosine kernels on (x, 1)."""
    X, Z = (np.hstack([A, np.ones((len(A), 1))]) for A in (X, Z))
    sizes = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(Z, axis=1)
    c = np.clip(X @ Z.T / sizes, -1, 1)
    angle = np.pi - np.arccos(c)
    return sizes * (np.sqrt(1 - c**2) + 2 * angle * c) / (2 * np.pi)


def test_one_dimension_in_closed_form():
    """The kernel 1 - |x - x'|/2 on even functions of [-1, 1] is 1 - max(r, s)/2: -lambda g'' = g/2, g'(0) = 0, lambda g'(1) = -(1/2) int g,
    and g(1) = g(1): eigenfunctions cos(w r) with w tan(w) = 1, lambda = 1/(2 w^2)."""
    from scipy.optimize import brentq

    w = [brentq(lambda w: w * np.sin(w) - np.cos(w), j * np.pi, j * np.pi + np.pi / 2) for j in range(6)]
    found = spectra.radial_spectrum(lambda X, Z: 1 - np.abs(X - Z.T) / 2, 1, lambda r: np.cos(w[2] * r), radii=800)
    np.testing.assert_allclose(found.eigenvalues[:6], 1 / (2 * np.square(w)), rtol=2e-4)
    share = found.power[:, 0] / found.total
    assert share[2] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dim", [2, 3])
def test_largest_eigenvalues_of_random_points(dim):
    """Averages over directions: the top eigenvalue of radial functions against quadratic forms of random points."""
    rng = np.random.default_rng(dim)
    found = spectra.radial_spectrum(relu_tangent, dim, lambda r: r**2, radii=80, directions=60)
    X = rng.standard_normal((1000, dim))
    X *= (rng.random((1000, 1)) ** (1 / dim)) / np.linalg.norm(X, axis=1, keepdims=True)
    K = relu_tangent(X, X)
    top = np.linalg.eigvalsh(K / len(X))[-1]  # the constant-like eigenfunction is radial
    assert found.eigenvalues[0] == pytest.approx(top, rel=0.03)
    g = (X**2).sum(axis=1)
    form = g @ K @ g / len(X) ** 2
    assert found.power[:, 0] @ found.eigenvalues == pytest.approx(form, rel=0.05)
    assert found.total[0] == pytest.approx(dim / (dim + 4), rel=1e-6)


@pytest.mark.parametrize(("dim", "radii"), [(1, 1800), (2, 500), (3, 500)])
@pytest.mark.slow
def test_exponents_of_the_theory(dim, radii):
    """All three within .05, per eigenvalue of the whole problem: those of the radial sector are dim times as large. Tail sums of a jump are
    truncated by the last node, so their window ends early."""
    for name, target in (("smooth", lambda r: r**2), ("jump", lambda r: np.sign(r - 0.5))):
        found = spectra.radial_spectrum(relu_tangent, dim, target, radii=radii, directions=400)
        theory = spectra.predicted_exponents(dim, name)
        eigenvalues = spectra.tail(found.eigenvalues, (30, radii / 5))
        assert eigenvalues.exponent / dim == pytest.approx(theory.eigenvalues, abs=0.05)
        power = spectra.tail(spectra.tail_sums(found), (50, radii / 5) if name == "smooth" else (15, radii / 16))
        assert power.exponent / dim == pytest.approx(theory.power, abs=0.05)
        t = np.geomspace(0.3 / found.eigenvalues[10], 0.3 / found.eigenvalues[radii // 10], 30)
        loss = spectra.tail(spectra.loss_curve(found, t), (t[0], t[-1]), x=t)
        assert loss.exponent == pytest.approx(theory.loss, abs=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectra.radial_spectrum(relu_tangent, 0, lambda r: r), "dim: need an integer from 1"),
        (lambda: spectra.radial_spectrum(relu_tangent, 2, lambda r: r[1:], radii=5), "target: must return shape"),
        (lambda: spectra.radial_spectrum(lambda X, Z: X, 2, lambda r: r, radii=5), r"kernel: must return shape \(5, 5\)"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
