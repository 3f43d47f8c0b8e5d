"""Maps of pairs: derivatives against closed forms, products against quadrature."""

import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.limits.propagation import MeanFieldMaps
from infwidth.limits.propagation.finite_width_pairs import derivatives, fluctuations, pair_maps, refuse_close

G = np.array([[1.3, 0.4, 0.7], [0.5, -0.6, 2.0]])


def test_derivatives_of_squares():
    """phi = h^2: F = w (q1 q2 + 2 K^2) + b, e = 4 w K, V = 3 w q^2 + b."""
    w, (q1, K, q2) = 0.3, G.T
    here, slope, bend = derivatives(MeanFieldMaps(activations.monomial(2), w, 0.1), G)
    np.testing.assert_allclose(here.T, [3 * w * q1**2 + 0.1, w * (q1 * q2 + 2 * K**2) + 0.1, 3 * w * q2**2 + 0.1, 4 * w * K], rtol=1e-12)
    np.testing.assert_allclose(slope[:, 1].T, w * np.array([q2, 4 * K, q1]), rtol=1e-9)
    np.testing.assert_allclose(slope[:, 3], np.tile([0, 4 * w, 0], (2, 1)), atol=1e-9)
    exact = np.zeros((4, 3, 3))
    exact[0, 0, 0] = exact[2, 2, 2] = 6 * w
    exact[1, 1, 1], exact[1, 0, 2], exact[1, 2, 0] = 4 * w, w, w
    np.testing.assert_allclose(bend, np.broadcast_to(exact, bend.shape), atol=1e-6)


def test_slopes_of_erf():
    """By K the slope of F is e, of any smooth activation (Price); by q1 it is half of E phi''(u) phi(v), here by differences of phi'."""
    maps = MeanFieldMaps("erf", 1.4, 0.2)
    here, slope, _ = derivatives(maps, G)
    np.testing.assert_allclose(slope[:, 1, 1], here[:, 3], rtol=1e-5)
    phi, z, weight = activations.get("erf"), *np.polynomial.hermite_e.hermegauss(120)
    weight = np.outer(weight, weight) / weight.sum() ** 2
    for (q1, K, q2), found in zip(G, slope[:, 1, 0], strict=True):
        u = np.sqrt(q1) * z[:, None] + 0 * z
        v = K / np.sqrt(q1) * z[:, None] + np.sqrt(q2 - K * K / q1) * z
        bend = (phi.derivative(u + 1e-5) - phi.derivative(u - 1e-5)) / 2e-5
        assert found == pytest.approx(1.4 / 2 * (bend * phi.value(v) * weight).sum(), rel=1e-4)


def test_products_against_quadrature():
    maps = MeanFieldMaps("tanh", 1.4, 0.2)
    phi, z, weight = activations.get("tanh"), *np.polynomial.hermite_e.hermegauss(120)
    weight = np.outer(weight, weight) / weight.sum() ** 2
    moments, covariance = fluctuations(maps, G, 4)
    for (q1, K, q2), second, central in zip(G, moments, covariance, strict=True):
        u = np.sqrt(q1) * z[:, None] + 0 * z
        v = K / np.sqrt(q1) * z[:, None] + np.sqrt(q2 - K * K / q1) * z
        f, g, df, dg = phi.value(u), phi.value(v), phi.derivative(u), phi.derivative(v)
        products = np.stack([f * f, f * g, g * g, df * dg])
        mean = (products * weight).sum(axis=(1, 2))
        exact = np.einsum("iab,jab,ab->ij", products, products, weight)
        np.testing.assert_allclose(second, exact, rtol=1e-7)
        np.testing.assert_allclose(central, exact - np.outer(mean, mean), rtol=1e-6, atol=1e-9)
    smaller, _ = fluctuations(maps, G, 3)
    np.testing.assert_array_equal(smaller, moments[:, :3, :3])


def test_pair_maps_are_those_of_one_input_on_the_diagonal():
    maps = MeanFieldMaps("gelu", 1.4, 0.2)
    found = pair_maps(maps, np.array([0.9, 0.9, 0.9]))
    np.testing.assert_allclose(found, [maps.variance_map(0.9)] * 3 + [maps.gradient_growth(0.9)], rtol=1e-12)


def test_close_inputs_are_refused():
    refuse_close(G, 1)
    with pytest.raises(ValueError, match=r"depth: in layer 3 two inputs have the correlation -0\.9995"):
        refuse_close(np.array([[1.0, -0.9995, 1.0]]), 3)
