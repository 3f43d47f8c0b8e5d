"""Training with the tangent kernel: recursions, the ensemble, and finite networks."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import NeuralTangentLimit, kernels

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8], [0.1, 0.4]])
Y = np.array([1.0, -0.5, 0.7, 0.0])
X_TEST = np.array([[0.6, 0.6], [-1.0, 0.1]])
KERNEL = kernels.serial(kernels.Dense(1.4, 0.2), kernels.Erf(), kernels.Dense(1.2, 0.1))


def test_gradient_descent_and_momentum_are_linear_recursions():
    theta, cross = KERNEL.ntk(X), KERNEL.ntk(X_TEST, X)
    sol = iw.solve(NeuralTangentLimit(KERNEL), X, Y, iw.GradientDescent(0.3, 20), X_test=X_TEST)
    f, g = np.zeros(4), np.zeros(2)
    for step in range(20):
        residual = (f - Y) / 4
        f, g = f - 0.3 * theta @ residual, g - 0.3 * cross @ residual
        np.testing.assert_allclose(sol.outputs[step + 1, :, 0], f, atol=1e-12)
        np.testing.assert_allclose(sol.test_outputs[step + 1, :, 0], g, atol=1e-12)
    ball = iw.solve(NeuralTangentLimit(KERNEL), X, Y, iw.HeavyBall(0.4, 1.0, 15))
    before = now = np.zeros(4)
    for step in range(15):
        before, now = now, now + 0.6 * (now - before) - 0.16 * theta @ (now - Y) / 4
        np.testing.assert_allclose(ball.outputs[step + 1, :, 0], now, atol=1e-12)


def test_flow_is_the_mean_of_the_ensemble():
    times = [0.0, 0.5, 3.0, 40.0]
    flow = iw.GradientFlow(40.0, rtol=1e-9, atol=1e-11)
    sol = iw.solve(NeuralTangentLimit(KERNEL), X, Y, flow, X_test=X_TEST, save_at=times)
    np.testing.assert_allclose(sol.test_outputs, kernels.ensemble(KERNEL, X, Y, X_TEST, times).mean, atol=1e-7)


def test_draws_have_the_mean_and_covariance_of_the_ensemble():
    model, method = NeuralTangentLimit(KERNEL, initial="gaussian"), iw.GradientFlow(2.0, rtol=1e-6, estimate_error=False)
    draws = np.array([iw.solve(model, X, Y, method, X_test=X_TEST, rng=s, save_at=[2]).test_outputs[0, :, 0] for s in range(300)])
    found = kernels.ensemble(KERNEL, X, Y, X_TEST, [2.0])
    sd = np.sqrt(np.diagonal(found.covariance[0]))
    assert (np.abs(draws.mean(axis=0) - found.mean[0, :, 0]) < 4 * sd / np.sqrt(300)).all()
    error = np.sqrt((found.covariance[0] ** 2 + np.outer(sd**2, sd**2)) / 300)
    assert (np.abs(np.cov(draws.T) - found.covariance[0]) < 4.5 * error).all()


def test_infinite_time_and_repeated_points():
    """The interpolant of minimum norm: of two contradicting labels of one point their mean, and no NaN."""
    twice = np.vstack([X, X[:1]])
    found = kernels.ensemble(KERNEL, twice, [*Y, 0.0], X, [np.inf])
    np.testing.assert_allclose(found.mean[0, :, 0], [0.5, *Y[1:]], atol=1e-6)
    np.testing.assert_allclose(found.covariance[0], 0, atol=1e-6)
    assert np.isfinite(found.condition)


def test_minibatches_move_their_own_coefficients():
    sol = iw.solve(NeuralTangentLimit(KERNEL), X, Y, iw.GradientDescent(0.2, 1, batch_size=2), rng=0)
    alpha = sol.state
    assert (alpha != 0).sum() == 2
    np.testing.assert_allclose(alpha[alpha != 0], 0.2 * Y[alpha != 0] / 2)


@pytest.mark.parametrize("loss", ["squared", pytest.param("logistic", marks=pytest.mark.slow)])
def test_networks_from_their_own_start(loss):
    """The gap to the limit with the network's own f_0 falls like m^{-1/2}; declared seeds 0..63."""
    y, method, gaps = np.sign(Y + 0.1), iw.GradientDescent(0.3, 15), []
    widths = (64, 256, 768)
    for m in widths:
        network = iw.Network(2, 2, m, "relu", iw.Parameterization.ntk(2))
        limit_kernel, row = kernels.of(network), []
        for seed in range(64):
            sol = iw.solve(network, X, y, method, rng=np.random.SeedSequence([seed, m]), loss=loss)
            start = NeuralTangentLimit(limit_kernel, initial=lambda Z, p=sol.problem: p.predict(p.start(), Z))
            limit = iw.solve(start, X, y, method, loss=loss)
            np.testing.assert_allclose(limit.outputs[0], sol.outputs[0], atol=1e-12)
            row.append(np.sqrt(np.mean((limit.outputs[1:] - sol.outputs[1:]) ** 2)))
        gaps.append(row)
    slope, error = iw.power_law(widths, gaps)
    assert error <= 0.06
    assert abs(slope + 0.5) < 2 * error


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NeuralTangentLimit("relu"), TypeError, r"kernel: need a Kernel.*; kernels.of"),
        (lambda: NeuralTangentLimit(KERNEL, initial="random"), ValueError, "initial: 'random' is not one of zero, gaussian; or give"),
        (lambda: NeuralTangentLimit(KERNEL, initial=3), TypeError, "initial: need a name or a function"),
        (
            lambda: iw.solve(NeuralTangentLimit(KERNEL, initial=lambda Z: Z), X, Y, iw.GradientDescent(0.1, 1)),
            ValueError,
            "initial: must give",
        ),
        (lambda: iw.solve(NeuralTangentLimit(KERNEL), X, Y, iw.Langevin(0.1, 0.1, 0.1, 3), rng=0), ValueError, r"method: .*noise"),
        (lambda: kernels.ensemble(KERNEL, X, Y, X, [-1.0]), ValueError, "t: need a vector of times >= 0"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
