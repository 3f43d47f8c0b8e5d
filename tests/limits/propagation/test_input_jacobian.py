"""Sensitivity: against finite differences, and its mean square over initialisations."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import propagation
from infwidth.solvers.data import Data

X = np.random.default_rng(5).standard_normal((4, 3))
Y = np.eye(2)[[0, 1, 1, 0]]


def bound(L=3, width=12, activation="tanh", name="ntk", seed=0, biases=0.3):
    p = getattr(iw.Parameterization, name)(L)
    network = iw.Network(3, L, width, activation, p.with_biases(biases) if biases else p, output_dim=2)
    return network, network.bind(Data.check(X, Y), np.random.default_rng(seed))


def softmax(f):
    p = np.exp(f)
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("of", ["outputs", "probabilities"])
def test_against_finite_differences(of):
    _, problem = bound()
    state, e = problem.start(), 1e-5
    f = (lambda x: problem.predict(state, x)) if of == "outputs" else (lambda x: softmax(problem.predict(state, x)))
    J = np.stack([(f(X + e * np.eye(3)[i]) - f(X - e * np.eye(3)[i])) / (2 * e) for i in range(3)], axis=-1)
    np.testing.assert_allclose(propagation.sensitivity(problem, state, X, of), np.sqrt((J**2).sum(axis=(1, 2))), rtol=1e-8)


def test_blocks_of_points_change_nothing(monkeypatch):
    _, problem = bound()
    whole = propagation.sensitivity(problem, problem.start(), X)
    monkeypatch.setattr("infwidth.limits.propagation.input_jacobian.BLOCK", 30)
    np.testing.assert_allclose(propagation.sensitivity(problem, problem.start(), X), whole, rtol=1e-13)


@pytest.mark.parametrize(("activation", "name"), [("tanh", "ntk"), ("relu", "standard")])
def test_mean_square_over_initialisations(activation, name):
    network, _ = bound(width=400, activation=activation, name=name)
    network = replace(network, parameterization=replace(network.parameterization, weight_std=(1.2, 0.8, 1.1, 0.7)))
    mean, error, _ = propagation.measure_sensitivity(network, X, networks=80)
    expected = propagation.expected_sensitivity(network, X) ** 2
    assert np.all(abs(mean - expected) < 3 * error)
    assert np.all(error < 0.1 * expected)


def test_expected_square_is_the_trace_of_the_mixed_derivative_of_the_kernel():
    """E |df/dx|^2 = sum_i d/dx_i d/dy_i K(x, y) at y = x, by differences of the kernel of the output; and at x = 0."""
    network, _ = bound(L=2, activation="erf")
    k, e = iw.limits.kernels.of(network).nngp, 1e-3
    for x in (X[0], np.zeros(3)):
        step = e * np.eye(3)
        trace = sum((k(x + s, x + s) - k(x + s, x - s) - k(x - s, x + s) + k(x - s, x - s)).item() for s in step[:, None, :]) / (4 * e**2)
        assert propagation.expected_sensitivity(network, x[None])[0] ** 2 == pytest.approx(2 * trace, rel=1e-5)


def test_bad_arguments():
    network, problem = bound()
    single = iw.Network(3, 1, 4, "tanh", iw.Parameterization.ntk(1)).bind(Data.check(X, Y[:, :1]), np.random.default_rng(0))
    with pytest.raises(ValueError, match="of: one output makes no class probabilities; give of="):
        propagation.sensitivity(single, single.start(), X, "probabilities")
    with pytest.raises(ValueError, match="of: 'logits' is not one of outputs, probabilities"):
        propagation.sensitivity(problem, problem.start(), X, "logits")
    with pytest.raises(TypeError, match=r"problem: need a NetworkProblem, got .*; for example sol.problem"):
        propagation.sensitivity(network, problem.start(), X)
    with pytest.raises(ValueError, match="state: need a vector of"):
        propagation.sensitivity(problem, problem.start()[1:], X)
    with pytest.raises(ValueError, match="X: need 3 columns"):
        propagation.sensitivity(problem, problem.start(), X[:, :2])
    with pytest.raises(ValueError, match="network: its output has weights that shrink with the width"):
        propagation.expected_sensitivity(iw.Network(3, 2, 8, "tanh", iw.Parameterization.mup(2)), X)
    _, kinked = bound(activation="relu")
    with pytest.raises(ValueError, match="state: outputs or their Jacobian overflow at some points"):
        propagation.sensitivity(kinked, kinked.start() * 1e200, X)
    with pytest.raises(ValueError, match="X: its entries reach 3e\\+200, whose powers overflow"):
        propagation.expected_sensitivity(network, np.full((1, 3), 3e200))
