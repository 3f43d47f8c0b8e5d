"""Training with the tangent kernel: recursions, the ensemble, and finite networks."""

import pickle

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import NeuralTangentLimit, kernels, scaling
from infwidth.limits.kernels import tangent_limit
from infwidth.solvers.machine import memory

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
    model, method = NeuralTangentLimit(KERNEL, initial="gaussian"), iw.GradientDescent(0.4, 5)
    many = np.tile(Y[:, None], 300)  # outputs do not see one another
    draws = iw.solve(model, X, many, method, X_test=X_TEST, rng=0, save_at=[5]).test_outputs[0].T
    found = kernels.ensemble(KERNEL, X, Y, X_TEST, [2.0], learning_rate=0.4)
    sd = np.sqrt(np.diagonal(found.covariance[0]))
    assert (np.abs(draws.mean(axis=0) - found.mean[0, :, 0]) < 4 * sd / np.sqrt(300)).all()
    error = np.sqrt((found.covariance[0] ** 2 + np.outer(sd**2, sd**2)) / 300)
    assert (np.abs(np.cov(draws.T) - found.covariance[0]) < 4.5 * error).all()


def test_other_test_points_have_their_own_kernel():
    """As many, and of the same training points."""
    sol = iw.solve(NeuralTangentLimit(KERNEL), X, Y, iw.GradientDescent(0.3, 20), X_test=X_TEST)
    np.testing.assert_array_equal(sol.predict(X_TEST), sol.test_outputs[-1])
    np.testing.assert_allclose(sol.predict(X_TEST[::-1]), sol.test_outputs[-1][::-1], atol=1e-14)


@pytest.mark.parametrize("initial", ["zero", lambda x: np.sin(x[:, :1])], ids=["zero", "given"])
def test_predictions_at_many_points_go_by_parts(initial, monkeypatch):
    """Where the kernel between training points and others is too large to be kept."""
    points = np.random.default_rng(0).standard_normal((23, 2))
    sol = iw.solve(NeuralTangentLimit(KERNEL, initial), X, Y, iw.GradientDescent(0.3, 20))
    whole = sol.predict(points)
    asked, ntk = [], kernels.Kernel.ntk
    monkeypatch.setattr(memory, "PART", 1)
    monkeypatch.setattr(tangent_limit, "LARGEST", 8.0 * 4 * 10)
    monkeypatch.setattr(kernels.Kernel, "ntk", lambda self, A, B=None: asked.append(len(A)) or ntk(self, A, B))
    np.testing.assert_allclose(sol.predict(points), whole, rtol=0, atol=1e-14)
    assert max(asked) == 4 and sum(asked) == 23
    np.testing.assert_allclose(sol.predict(points[:5]), whole[:5], rtol=0, atol=1e-14)
    assert asked[-1] == 5


def test_minibatches_move_their_own_coefficients():
    sol = iw.solve(NeuralTangentLimit(KERNEL), X, Y, iw.GradientDescent(0.2, 1, batch_size=2), rng=0)
    alpha = sol.state
    assert (alpha != 0).sum() == 2
    np.testing.assert_allclose(alpha[alpha != 0], 0.2 * Y[alpha != 0] / 2)


@pytest.mark.parametrize(
    ("p", "activation", "loss"),
    [
        (iw.Parameterization.ntk(2), "relu", "squared"),
        (iw.Parameterization.standard(2), "erf", "squared"),
        pytest.param(iw.Parameterization.ntk(2).with_biases(0.5), "tanh", "squared", marks=pytest.mark.slow),
        pytest.param(iw.Parameterization.standard(3).with_biases(0.5), "gelu", "squared", marks=pytest.mark.slow),
        pytest.param(iw.Parameterization.ntk(2), "relu", "logistic", marks=pytest.mark.slow),
    ],
)
def test_networks_from_their_own_start(p, activation, loss):
    """The gap to the limit with the network's own f_0, on test points too, falls like m^{-1/2}; declared seeds 0..95."""
    y, nets = np.sign(Y + 0.1), [iw.Network(2, p.hidden_layers, m, activation, p) for m in (64, 192, 512)]
    result = iw.compare(networks=nets, X=X, y=y, method=iw.GradientDescent(0.3, 15), seeds=96, loss=loss, X_test=X_TEST)
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) < 2 * result.slope_error, str(result)


@pytest.mark.slow
@pytest.mark.parametrize("p", [iw.Parameterization.standard(4), iw.Parameterization.ntk(4)], ids=["SP", "NTP"])
def test_deep_networks_that_looked_slow_by_chance(p):
    """Two cells of benchmarks/every_limit.py at -.39 +- .05: the same problem, the networks of other seeds."""
    rng = np.random.default_rng([0, 6])
    points = rng.standard_normal((6, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    direction = rng.standard_normal(3)
    targets = 0.5 + (points - points.mean(axis=0)) @ direction / np.linalg.norm(direction)
    networks = [iw.Network(3, 4, m, "tanh", p) for m in (64, 128, 256, 512)]
    found = iw.compare(scaling.limit(networks[0]), networks, points, targets, iw.GradientDescent(0.3, 4), range(64, 192))
    assert found.slope_error <= 0.05
    assert abs(found.slope + 0.5) < 2 * found.slope_error


@pytest.mark.parametrize("p", [iw.Parameterization.ntk(2), iw.Parameterization.standard(2)], ids=["NTP", "SP"])
def test_networks_have_the_law_of_the_ensemble(p):
    """Mean and covariance of f_t over 150 networks of width 256 (bias of order 1/m), on test points, at the start and after 10 steps."""
    network, method = iw.Network(2, 2, 256, "erf", p), iw.GradientDescent(0.5, 10)
    runs = [iw.solve(network, X, Y, method, rng=seed, X_test=X_TEST, save_at=[0, 10]) for seed in range(150)]
    outputs = np.array([run.test_outputs[:, :, 0] for run in runs])
    law = kernels.ensemble(scaling.limit(network).kernel, X, Y, X_TEST, runs[0].t, learning_rate=0.5)
    for step in range(2):
        covariance = law.covariance[step]
        variance = np.diagonal(covariance)
        z = (outputs[:, step].mean(axis=0) - law.mean[step, :, 0]) / np.sqrt(variance / 150)
        assert np.abs(z).max() < 4
        error = np.sqrt((covariance**2 + np.outer(variance, variance)) / 150)
        assert (np.abs(np.cov(outputs[:, step].T) - covariance) < 4 * error).all()


def test_tangent_kernels_are_kept_for_the_next_start():
    """One Gram matrix for all starts of a limit; another for other points or another precision, also where X is written over."""
    calls = []

    class Counted(kernels.Identity):
        def ntk(self, X1, X2=None):
            calls.append(len(X1))
            return np.ones((len(X1), len(X1 if X2 is None else X2))) * X1[0, 0]

    limit, method, points = NeuralTangentLimit(Counted(), initial="gaussian"), iw.GradientDescent(0.1, 1), X.copy()
    for size in (1.0, 2.0):
        iw.solve(limit.started_at(lambda Z, s=size: np.full((len(Z), 1), s)), points, Y, method, X_test=X_TEST)
    assert calls == [4, 2]
    points[0, 0] = 3.0
    assert iw.solve(limit.started_at(lambda Z: np.zeros((len(Z), 1))), points, Y, method).problem.gram[0, 0] == 3.0
    halves = np.round(4 * points) / 4  # the same numbers in both precisions
    for dtype in (np.float64, np.float32):
        start = limit.started_at(lambda Z: np.zeros((len(Z), 1), Z.dtype))
        assert iw.solve(start, halves.astype(dtype), Y, method).problem.gram.dtype == dtype
    zero32 = limit.started_at(lambda Z: np.zeros((len(Z), 1), np.float32))
    assert iw.solve(zero32, points.astype(np.float32), Y, method).problem.gram.dtype == np.float32
    assert pickle.loads(pickle.dumps(NeuralTangentLimit(KERNEL))) == NeuralTangentLimit(KERNEL)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NeuralTangentLimit("relu"), TypeError, r"kernel: need a Kernel.*; kernels.of"),
        (lambda: NeuralTangentLimit(KERNEL, initial="random"), ValueError, "initial: 'random' is not one of zero, gaussian; or give"),
        (lambda: NeuralTangentLimit(KERNEL, initial=3), TypeError, "initial: need a name or a function"),
        (
            lambda: iw.solve(NeuralTangentLimit(KERNEL, initial=lambda Z: Z), X, Y, iw.GradientDescent(0.1, 1)),
            ValueError,
            "initial: must return shape",
        ),
        (lambda: iw.solve(NeuralTangentLimit(KERNEL), X, Y, iw.Langevin(0.1, 0.1, 0.1, 3), rng=0), ValueError, r"method: .*noise"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
