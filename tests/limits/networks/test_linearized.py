"""Linearized networks: the Taylor polynomial itself, gradient descent with the tangent kernel at the start, and full networks."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import LinearizedNetwork, kernels
from infwidth.limits.networks import empirical_ntk

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8], [0.1, 0.4]])
Y = np.array([1.0, -0.5, 0.7, 0.0])
X_TEST = np.array([[0.6, 0.6], [-1.0, 0.1]])
BIASED = iw.Parameterization.integrable_bias(2)


def bound(model, rng=0):
    return iw.solve(model, X, Y, iw.GradientDescent(0.1, 0, first_learning_rate=0.1), rng=rng).problem


@pytest.mark.parametrize("p", [iw.Parameterization.ntk(2), BIASED], ids=["NTP", "IP-bias"])
def test_it_is_the_first_taylor_polynomial(p):
    """The remainder is of second order: a tenth of the way has a hundredth of it."""
    network = iw.Network(2, 2, 6, "erf", p)
    full, linear = bound(network), bound(LinearizedNetwork(network))
    start = full.start()
    np.testing.assert_array_equal(linear.start(), start)
    np.testing.assert_allclose(linear.predict(start, X_TEST), full.predict(start, X_TEST), atol=1e-15)
    move = np.random.default_rng(1).standard_normal(len(start))
    far, near = (np.abs(full.predict(start + h * move, X_TEST) - linear.predict(start + h * move, X_TEST)).max() for h in (1e-2, 1e-3))
    assert far > 1e-7
    assert far / near == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("rows", [None, [0, 2]])
def test_its_velocity_is_the_gradient_of_its_loss(step, rows):
    problem = bound(LinearizedNetwork(iw.Network(2, 2, 4, "erf", BIASED)))
    state = problem.start() + 0.1 * np.random.default_rng(1).standard_normal(problem.origin.size)
    velocity = np.empty_like(state)
    problem.evaluate(state, velocity, step=step, rows=rows)
    gradient = []
    for i in range(len(state)):
        move = np.zeros_like(state)
        move[i] = 1e-5
        gradient.append((problem.evaluate(state + move, rows=rows).loss - problem.evaluate(state - move, rows=rows).loss) / 2e-5)
    rates = np.empty_like(state)
    layers, own = problem.origin.layers(rates), problem.origin.rates if step else problem.origin.first_rates
    for layer, rate in zip(layers[0] + layers[1], own.weights + own.biases, strict=True):
        layer[...] = rate
    np.testing.assert_allclose(velocity, -rates * gradient, atol=1e-7 * np.abs(velocity).max())


@pytest.mark.parametrize("p", [iw.Parameterization.ntk(2), iw.Parameterization.standard(2)], ids=["NTP", "SP"])
def test_it_trains_with_the_tangent_kernel_at_the_start(p):
    network = iw.Network(2, 2, 16, "relu", p)
    sol = iw.solve(LinearizedNetwork(network), X, Y, iw.GradientDescent(0.2, 12), rng=3, X_test=X_TEST)
    ball = iw.solve(LinearizedNetwork(network), X, Y, iw.HeavyBall(0.3, 1.0, 12), rng=3, X_test=X_TEST)
    problem = bound(network, rng=3)
    kernel = empirical_ntk(problem, np.concatenate([X, X_TEST]), X, trace=True)
    f = problem.predict(problem.start(), np.concatenate([X, X_TEST]))[:, 0]
    g = last = f
    for step in range(12):
        f = f - 0.2 / 4 * kernel @ (f[:4] - Y)
        g, last = g + 0.7 * (g - last) - 0.09 / 4 * kernel @ (g[:4] - Y), g
        np.testing.assert_allclose(sol.outputs[step + 1, :, 0], f[:4], atol=1e-12)
        np.testing.assert_allclose(sol.test_outputs[step + 1, :, 0], f[4:], atol=1e-12)
        np.testing.assert_allclose(ball.test_outputs[step + 1, :, 0], g[4:], atol=1e-12)


def gaps(activation, widths, seeds):
    """Between two-layer networks and their linearizations on test points after training, and the moves of their tangent kernels."""
    outputs, moves = [], []
    for m in widths:
        network, rows = iw.Network(2, 1, m, activation, iw.Parameterization.ntk(1)), []
        for seed in range(seeds):
            runs = [
                iw.solve(model, X, Y, iw.GradientDescent(0.3, 10), rng=1000 * m + seed, X_test=X_TEST, save_at=[10])
                for model in (network, LinearizedNetwork(network))
            ]
            first, last = (empirical_ntk(runs[0].problem, X, state=state, trace=True) for state in (None, runs[0].state))
            rows.append((np.linalg.norm(runs[0].test_outputs - runs[1].test_outputs), np.linalg.norm(last - first)))
        outputs.append([row[0] for row in rows])
        moves.append([row[1] for row in rows])
    return np.array(outputs), np.array(moves)


def test_smooth_networks_move_their_kernel_like_one_over_the_width():
    """Faster than the general bound m^(-1/2): what neurons add to the move averages over them. Declared seeds 0..63."""
    widths = (256, 1024, 4096)
    _, moves = gaps("erf", widths, 64)
    slope, error = iw.power_law(widths, moves)
    assert error <= 0.05
    assert abs(slope + 1) < 2 * error


@pytest.mark.slow
def test_smooth_networks_are_their_linearization_up_to_one_over_the_width():
    widths = (128, 512, 2048, 8192)
    outputs, moves = gaps("erf", widths, 100)
    for rows in (outputs, moves):
        slope, error = iw.power_law(widths, rows)
        assert error <= 0.05
        assert abs(slope + 1) < 2 * error


@pytest.mark.slow
def test_relu_networks_are_slower():
    """Their neurons switch: m^(-1/2) holds as a bound, 1/m does not."""
    widths = (128, 512, 2048, 8192)
    for rows in gaps("relu", widths, 100):
        slope, error = iw.power_law(widths, rows)
        assert error <= 0.05
        assert slope > -1 + 4 * error
        assert slope < -0.5 + 2 * error


def test_what_it_does_not_know():
    assert LinearizedNetwork(iw.Network(2, 1, 8, "relu", iw.Parameterization.ntk(1))).width == 8
    with pytest.raises(TypeError, match="network: need a Network, got 'relu'; for example"):
        LinearizedNetwork("relu")
    with pytest.raises(ValueError, match="network: its limit is no kernel"):
        LinearizedNetwork(iw.Network(2, 1, 8, "relu", iw.Parameterization.mup(1))).limit()
    assert isinstance(LinearizedNetwork(iw.Network(2, 1, 8, "relu", iw.Parameterization.ntk(1))).limit().kernel, kernels.Kernel)
