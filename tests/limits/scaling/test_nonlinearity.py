"""What an activation is, read off the function, and which averages a nonlinear factor leaves."""

import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.limits.scaling.nonlinearity import Power, nonlinearity

RELU_SQUARED = activations.custom("relu^2", lambda h: np.maximum(h, 0) ** 2, lambda h: 2 * np.maximum(h, 0), 2)


@pytest.mark.parametrize(
    ("activation", "at_zero", "odd", "bend", "even"),
    [
        ("linear", False, Power(1, 1), None, None),
        ("relu", False, Power(1, 1), None, Power(1, 1)),
        (activations.leaky_relu(0.3), False, Power(1, 1), None, Power(1, 1)),
        (activations.leaky_relu(1.0), False, Power(1, 1), None, None),
        ("abs", False, None, None, Power(1, 1)),
        ("tanh", False, Power(1, 0), Power(3, 0), None),
        ("erf", False, Power(1, 0), Power(3, 0), None),
        ("sin", False, Power(1, 0), Power(3, 0), None),
        ("sigmoid", True, Power(1, 0), Power(3, 0), None),
        ("cos", True, None, None, Power(2, 0)),
        ("gelu", False, Power(1, 1), None, Power(2, 1)),
        ("silu", False, Power(1, 1), None, Power(2, 1)),
        ("softplus", True, Power(1, 1), None, Power(2, 1)),
        ("elu", False, Power(1, 1), Power(2, 0), Power(2, 1)),
        (activations.hermite(2), True, None, None, Power(2, 2)),
        (activations.hermite(3), False, Power(1, 3), Power(3, 3), None),
        (RELU_SQUARED, False, Power(2, 2), Power(2, 2), Power(2, 2)),
    ],
)
def test_the_class_of_an_activation(activation, at_zero, odd, bend, even):
    found = nonlinearity(activation)
    assert (found.at_zero, found.odd, found.bend, found.even) == (at_zero, odd, bend, even)
    assert found.slope_at_zero == (activations.get(activation).at_zero()[1] != 0)


def test_an_activation_that_overflows_has_a_class():
    found = nonlinearity(activations.custom("exp", np.exp, np.exp))
    assert found.at_zero and found.odd.order == 1 and found.even.order == 2 and found.odd.growth > 1


def test_odd_and_even_factors():
    u, v, one = {"u": 0.0}, {"v": 0.0}, {"one": 0.0}
    relu, tanh, abs_, linear = (nonlinearity(name) for name in ("relu", "tanh", "abs", "linear"))
    assert relu.times_slope(v, u) == v  # E[v 1(u > 0) v] > 0
    assert relu.times_slope(u, u) == u | one  # E[u 1(u > 0)] > 0
    assert relu.times_slope(one, u) == u | one
    assert tanh.times_slope(u, u) == u and tanh.times_slope(one, u) == one  # tanh' is even
    assert tanh.times_slope(u, u | v) == u | v  # E[u tanh'(u + v) v] < 0, and relu' at u + v has none but through the constant
    assert linear.times_slope(u, u | v) == u
    assert abs_.times_slope(v, u) == {("P", "v", "u"): 0.0}  # v sign(u)
    assert abs_.times_slope({("P", "v", "u"): 0.0}, u) == v  # sign(u)^2 = 1
    assert abs_.times_slope(v, one)["v"] == 0.0  # E[sign(1 + noise)] > 0


def test_small_and_large_arguments():
    elu, tanh = nonlinearity("elu"), nonlinearity("tanh")
    assert elu.value({"u": -0.25}) == {"u": -0.25, "one": -0.5}  # h + h^2 / 4 below 0
    assert elu.value({"u": -0.5}) == {"u": -0.5}  # the mean, m^{-1}, is below what a sum over neurons shows
    assert tanh.value({"u": 0.5}) == {"u": 0.0}  # saturated
    assert tanh.times_slope({"v": 0.0}, {"u": 0.5}) == {"v": -0.5}  # few neurons are not
    assert nonlinearity("sigmoid").value({"u": -0.25}) == {"one": 0.0, "u": -0.25}
    assert nonlinearity(RELU_SQUARED).value({"u": -1.0}) == {"one": -2.0, "u": -2.0}
