"""Random networks themselves: exact at the start, and their own invariances."""

import numpy as np
import pytest

from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps


def test_the_start_is_exact():
    found = propagation.measure(MeanFieldMaps("tanh", 1.5, 0.05), 30, 2, q=0.7, c=-0.4, networks=3)
    assert found.variance[0] == pytest.approx(0.7, rel=1e-12)
    assert found.correlation[0] == pytest.approx(-0.4, rel=1e-12)
    assert found.gradient[0] == 1
    assert found.squared_singular_values.size == 0


def test_orthogonal_linear_networks_change_nothing():
    found = propagation.measure(MeanFieldMaps("linear", 1.0, 0.0), 20, 4, q=2.0, c=0.3, networks=3, weights="orthogonal", jacobian=True)
    np.testing.assert_allclose(found.variance, 2.0)
    np.testing.assert_allclose(found.correlation, 0.3)
    np.testing.assert_allclose(found.gradient, 1.0)
    np.testing.assert_allclose(found.squared_singular_values, 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 1}, "width: need an integer >= 2"),
        ({"width": 10**6}, r"width: .* matrices of 8000.0 GB; lower it"),
        ({"networks": 1}, "networks: need an integer >= 2"),
        ({"c": 1.5}, "c: a correlation lies in"),
        ({"weights": "sparse"}, "weights: 'sparse' is not one of"),
    ],
)
def test_bad_arguments(options, message):
    call = {"width": 10, "depth": 2} | options
    with pytest.raises(ValueError, match=message):
        propagation.measure(MeanFieldMaps("tanh", 1.5, 0.05), **call)
