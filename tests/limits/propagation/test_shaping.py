"""Shaped activations: their conditions, by quadrature of their own values."""

import numpy as np
import pytest

from infwidth.limits import activations, gaussian, propagation
from infwidth.limits.propagation import MeanFieldMaps


@pytest.mark.parametrize("depth", [1, 5, 100])
def test_leaky_relu(depth):
    end = 0.25
    phi = propagation.shaped("relu", depth, end=end)
    assert phi.homogeneity == 1
    maps = MeanFieldMaps(phi, 1.0, 0.0)
    assert float(maps.variance_map(3.7)) == pytest.approx(3.7, rel=1e-12)
    assert maps.correlations(0.0, depth, q=1.0)[-1] == pytest.approx(end, abs=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "softplus", "silu", "gelu"])
@pytest.mark.parametrize(("depth", "slope"), [(10, 1.5), (100, 1.2)])
def test_smooth(activation, depth, slope):
    phi = propagation.shaped(activation, depth, slope=slope)
    m = gaussian.moments(phi, 1.0)
    assert float(m.mean) == pytest.approx(0, abs=1e-9)
    assert float(m.square) == pytest.approx(1, rel=1e-9)
    assert float(m.slope_square) ** depth == pytest.approx(slope, rel=1e-6)
    assert float(m.slope_square + m.curvature) == pytest.approx(1, abs=1e-8)
    h = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(phi.derivative(h), (phi.value(h + 1e-6) - phi.value(h - 1e-6)) / 2e-6, rtol=1e-6)
    assert phi.value(h.astype(np.float32)).dtype == np.float32


def test_unshaped_networks_forget_and_shaped_ones_do_not():
    plain = MeanFieldMaps("tanh", 1.0, 0.0)
    assert plain.variances(1.0, 100)[-1] < 0.01
    kept = MeanFieldMaps(propagation.shaped("tanh", 100), 1.0, 0.0)
    assert kept.variances(1.0, 100)[-1] == pytest.approx(1, abs=1e-6)
    assert abs(kept.correlations(0.3, 100, q=1.0)[-1]) < 0.6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: propagation.shaped("relu", 3, end=0.9), "end: relu itself reaches .*; give an end below that"),
        (lambda: propagation.shaped("relu", 3, slope=1.5), "slope: leaky relu is shaped by end.*; leave slope out"),
        (lambda: propagation.shaped("tanh", 3, end=0.5), "end: tanh is shaped by slope.*; leave end out"),
        (lambda: propagation.shaped("tanh", 3, slope=1.0), "slope: need a number above 1"),
        (lambda: propagation.shaped("abs", 3), "activation: abs is homogeneous.*; take leaky_relu"),
        (lambda: propagation.shaped("tanh", 0), "depth: need an integer from 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_user_may_shape_his_own():
    own = activations.custom("bent", lambda h: h + h**2 / (1 + h**2), lambda h: 1 + 2 * h / (1 + h**2) ** 2)
    assert float(gaussian.moments(propagation.shaped(own, 20), 1.0).square) == pytest.approx(1, rel=1e-8)


def test_the_published_slope_of_a_residual_network():
    """The tests of the authors' code shape leaky relu for a residual network of 101 layers, whose shortcuts carry .36 of the variance: with
    their slope its correlation at 0 is .75. The chain of depth has another map: there the same slope gives .7509 at 65 layers."""
    slope = 0.6291800290346146
    leaky = activations.leaky_relu(slope)
    layer = MeanFieldMaps(leaky, 2 / (1 + slope**2), 0.0)

    def f(c):
        return float(layer.correlation_map(c, q=1.0))

    c = 0.0
    for blocks in (3, 4, 23, 3):
        for block in range(blocks):
            c = 0.36 * (c if block else f(c)) + 0.64 * f(f(f(c)))
    assert f(c) == pytest.approx(0.75, abs=1e-8)
    assert layer.correlations(0.0, 65, q=1.0)[-1] == pytest.approx(0.7509072, abs=1e-7)
    own = propagation.shaped("leaky_relu", 65, end=0.7509072334480112)
    assert float(own.derivative(np.array([-1.0]))[0] / own.derivative(np.array([1.0]))[0]) == pytest.approx(slope, abs=1e-9)
