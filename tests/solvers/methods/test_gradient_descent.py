"""Gradient descent in closed form, its minibatches, and the flow that it tends to."""

import numpy as np
import pytest
from scipy.linalg import expm

import infwidth as iw


def test_gradient_descent_in_closed_form(quadratic):
    np.testing.assert_allclose(
        quadratic.end(iw.GradientDescent(0.3, 7)), np.linalg.matrix_power(np.eye(2) - 0.3 * quadratic.K, 7) @ quadratic.start, rtol=1e-13
    )


def test_first_learning_rate_is_for_step_zero_only(quadratic):
    expected = (np.eye(2) - 0.3 * quadratic.K) @ (np.eye(2) - 0.05 * 10 * quadratic.K) @ quadratic.start
    np.testing.assert_allclose(quadratic.end(iw.GradientDescent(0.3, 2, first_learning_rate=0.05), quadratic.special), expected)


def test_the_limit_of_small_rates_is_the_flow(quadratic):
    """To first order in the rate."""
    exact = expm(-2 * quadratic.K) @ quadratic.start
    errors = [np.linalg.norm(quadratic.end(iw.GradientDescent(h, round(2 / h))) - exact) for h in (0.002, 0.001)]
    assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.15


def test_gradient_descent_weights():
    np.testing.assert_array_equal(iw.GradientDescent(0.1, 5, first_learning_rate=2.0).weights(3), [2.0, 0.1, 0.1])


def test_flow_is_the_limit_of_descent():
    X, y = np.eye(3), np.array([1.0, -1.0, 2.0])
    net = iw.Network(3, 1, 10, "gelu", iw.Parameterization.ntk(1))
    flow = iw.solve(net, X, y, iw.GradientFlow(2.0, rtol=1e-9), rng=0, save_at=[2.0]).outputs[-1]
    gaps = [np.abs(iw.solve(net, X, y, iw.GradientDescent(2 / n, n), rng=0, save_at=[n]).outputs[-1] - flow).max() for n in (200, 400)]
    assert abs(np.log2(gaps[0] / gaps[1]) - 1) < 0.15


def test_minibatches():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((64, 4)), rng.standard_normal(64)
    net = iw.Network(4, 1, 32, "relu", iw.Parameterization.mup(1))
    method = iw.GradientDescent(0.1, 30, batch_size=16)
    sol = iw.solve(net, X, y, method, rng=0, save_at=[0, 10, 30])
    assert sol.stats["batch_loss"].shape == (31,)
    for i in range(3):  # recorded values are of all data
        assert sol.loss[i] == pytest.approx(0.5 * np.mean((sol.outputs[i, :, 0] - y) ** 2))
    assert np.abs(sol.stats["batch_loss"][[0, 10, 30]] - sol.loss).min() > 1e-6
    every = iw.solve(net, X, y, method, rng=0)
    np.testing.assert_array_equal(every.outputs[[0, 10, 30]], sol.outputs)  # watching does not change the run
    whole = iw.solve(net, X, y, iw.GradientDescent(0.1, 30, batch_size=64), rng=0)
    full = iw.solve(net, X, y, iw.GradientDescent(0.1, 30), rng=0)
    np.testing.assert_allclose(whole.outputs, full.outputs, atol=1e-12)


def test_minibatch_gradient_is_unbiased():
    """The mean of the first step over many seeds is the full-batch step."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 2)), rng.standard_normal(12)
    net = iw.Network(2, 1, 4, "tanh", iw.Parameterization.mup(1))
    problem = iw.solve(net, X, y, iw.GradientDescent(0.1, 0), rng=0).problem

    class Fixed:
        def bind(self, data, rng):
            return problem

    full = iw.solve(Fixed(), X, y, iw.GradientDescent(0.1, 1)).state - problem.start()
    steps = np.array([iw.solve(Fixed(), X, y, iw.GradientDescent(0.1, 1, batch_size=3), rng=s).state - problem.start() for s in range(600)])
    error = steps.std(axis=0, ddof=1) / np.sqrt(len(steps))
    assert (np.abs(steps.mean(axis=0) - full) < 4.5 * error).all()
