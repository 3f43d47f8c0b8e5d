"""Singular values and sensitivities of random networks: exact cases."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps


def test_orthogonal_linear_networks_are_isometries():
    found = propagation.measure_singular_values(MeanFieldMaps("linear", 1.0, 0.0), 20, 4, q=2.0, networks=3, weights="orthogonal")
    assert found.squared.shape == (3, 20)
    np.testing.assert_allclose(found.squared, 1.0)
    np.testing.assert_allclose([found.mean.mean, found.variance.mean], [1, 0], atol=1e-12)


def test_one_gaussian_layer_has_the_law_of_marchenko_and_pastur():
    """Squared singular values of a square matrix: mean 1, variance 1, up to 4."""
    found = propagation.measure_singular_values(MeanFieldMaps("linear", 1.0, 0.0), 200, 1, networks=10)
    assert abs(found.mean.mean - 1) < 4 * found.mean.error
    assert abs(found.variance.mean - 1) < 4 * found.variance.error + 0.01
    assert found.squared.max() == pytest.approx(4, rel=0.1)


def test_dropout_and_skip_connections():
    """A linear residual layer, J = s + W D: mean square s^2 + w/keep."""
    found = propagation.measure_singular_values(MeanFieldMaps("linear", 0.5, 0.0, keep=0.8, skip=0.7), 200, 2, q=1.0, networks=20)
    assert abs(found.mean.mean - (0.49 + 0.5 / 0.8) ** 2) < 4 * found.mean.error + 1e-3


def test_sensitivity_of_one_layer_is_its_number_of_inputs():
    """f = V W x / sqrt(m) of a linear network: E = d at NTK scales."""
    network = iw.Network(3, 1, 200, "linear", iw.Parameterization.ntk(1))
    found = propagation.measure_sensitivity(network, np.eye(3), networks=200)
    assert found.mean.shape == (3,)
    assert np.all(abs(found.mean - 3) < 4 * found.error)
    np.testing.assert_allclose(found.mean, found.mean[0])  # linear: the same everywhere


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: propagation.measure_singular_values(m, 1, 2), "width: need an integer >= 2"),
        (lambda m: propagation.measure_singular_values(m, 10**5, 2), "width: .* matrices of 240.0 GB; lower it"),
        (lambda m: propagation.measure_singular_values(m, 10, 2, weights="sparse"), "weights: 'sparse' is not one of"),
        (lambda m: propagation.measure_singular_values(m, 10, 2, q=-1.0), "q: need a finite number > 0"),
        (
            lambda m: propagation.measure_sensitivity(iw.Network(3, 1, 4, "tanh", iw.Parameterization.ntk(1)), np.eye(2)),
            "X: need 3 columns",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(MeanFieldMaps("tanh", 1.0, 0.1))
