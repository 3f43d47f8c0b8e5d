"""Methods against exact solutions, against each other, and their orders of convergence."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import infwidth as iw
from infwidth.solvers import Evaluation
from infwidth.solvers.abilities import FirstStep
from infwidth.solvers.running.stability import sharpness

K = np.array([[2.0, 0.5], [0.5, 1.0]])


class Quadratic(FirstStep):
    """loss = 1/2 z K z, velocity -K z: a problem with every answer in closed form."""

    data = None
    coordinates = "parameters"

    def __init__(self, first_step=False):
        self.first_step = first_step

    def bind(self, data, rng):
        return self

    def start(self):
        return np.array([1.0, -2.0])

    def evaluate(self, state, velocity=None, *, step=1, rows=None):
        if velocity is not None:
            velocity[:] = -K @ state
            if step == 0 and self.first_step:
                velocity *= 10
        return Evaluation(float(state @ K @ state) / 2, state[:, None].copy())

    def predict(self, state, X):
        return X @ state[:, None]


START = np.array([1.0, -2.0])


def last(method, problem=None):
    return iw.solve(problem or Quadratic(), method=method, rng=0).state


def test_gradient_descent_in_closed_form():
    np.testing.assert_allclose(last(iw.GradientDescent(0.3, 7)), np.linalg.matrix_power(np.eye(2) - 0.3 * K, 7) @ START, rtol=1e-13)


def test_first_learning_rate_is_for_step_zero_only():
    expected = (np.eye(2) - 0.3 * K) @ (np.eye(2) - 0.05 * 10 * K) @ START
    np.testing.assert_allclose(last(iw.GradientDescent(0.3, 2, first_learning_rate=0.05), Quadratic(first_step=True)), expected)


def test_heavy_ball_in_closed_form():
    """theta_{s+1} = theta_s + beta (theta_s - theta_{s-1}) - h^2 K theta_s."""
    h, friction = 0.3, 0.8
    before, now = START, START
    for _ in range(9):
        before, now = now, now + (1 - friction * h) * (now - before) - h**2 * K @ now
    np.testing.assert_allclose(last(iw.HeavyBall(h, friction, 9)), now, rtol=1e-13)


def test_heavy_ball_weights_are_its_trajectory():
    """Coefficients of past gradients (for causal limits) against the momentum recursion."""
    for friction, first in ((0.8, None), (0.0, None), (0.8, 0.07)):
        method = iw.HeavyBall(0.3, friction, 6, first_learning_rate=first)
        states = []
        iw.solve(Quadratic(), method=method, callback=lambda point, states=states: states.append(point.state.copy()))
        for t in range(7):
            gradients = [K @ z for z in states[:t]]
            np.testing.assert_allclose(
                states[t], START - sum((w * g for w, g in zip(method.weights(t), gradients, strict=True)), 0 * START)
            )


def test_gradient_descent_weights():
    np.testing.assert_array_equal(iw.GradientDescent(0.1, 5, first_learning_rate=2.0).weights(3), [2.0, 0.1, 0.1])


def test_heavy_ball_first_step_starts_the_momentum_at_zero():
    method = iw.HeavyBall(0.3, 0.8, 2, first_learning_rate=0.05)
    after = START - 0.05 * 10 * K @ START
    np.testing.assert_allclose(last(method, Quadratic(first_step=True)), after - 0.09 * K @ after)
    with pytest.raises(ValueError, match="first_learning_rate"):
        last(iw.HeavyBall(0.3, 0.8, 2), Quadratic(first_step=True))


@pytest.mark.parametrize(
    ("method", "time_order"),
    [(lambda h: iw.GradientDescent(h, round(2 / h)), 1), (lambda h: iw.HeavyBall(h, 1.0, round(2 / h)), 1)],
)
def test_order_of_convergence(method, time_order):
    if isinstance(method(0.5), iw.GradientDescent):
        exact = expm(-2 * K) @ START
    else:
        block = np.block([[np.zeros((2, 2)), np.eye(2)], [-K, -np.eye(2)]])
        exact = (expm(2 * block) @ np.concatenate([START, [0, 0]]))[:2]
    errors = [np.linalg.norm(last(method(h)) - exact) for h in (0.004, 0.002, 0.001)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert abs(orders[-1] - time_order) < 0.15


@pytest.mark.parametrize("stepper", ["RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"])
def test_gradient_flow_and_its_stated_error(stepper):
    times = np.linspace(0, 3, 13)
    sol = iw.solve(Quadratic(), method=iw.GradientFlow(3.0, rtol=1e-5, atol=1e-7, stepper=stepper), save_at=times)
    exact = np.array([expm(-t * K) @ START for t in times])
    truth = np.abs(sol.outputs[:, :, 0] - exact).max(axis=1)
    assert truth.max() < 1e-3
    assert sol.error[0] == 0
    assert np.mean(truth[1:] <= sol.error[1:] + 1e-14) >= 0.9
    np.testing.assert_allclose(sol.t, times)


def test_stated_error_covers_the_truth_on_networks():
    """40 random small networks: the stated error is exceeded rarely, and is not absurdly large."""
    X, y = np.eye(3), np.array([1.0, -1.0, 2.0])
    covered, ratios = [], []
    for seed in range(40):
        net = iw.Network(3, 2, 8, "tanh", iw.Parameterization.mup(2))
        rough, fine = (
            iw.solve(net, X, y, iw.GradientFlow(4.0, rtol=r, atol=r / 1e3), rng=seed, save_at=[0.5, 1, 2, 4]) for r in (1e-4, 1e-11)
        )
        truth = np.abs(rough.outputs - fine.outputs).max(axis=(1, 2))
        covered.extend(truth <= rough.error)
        ratios.extend(rough.error / truth)
    assert np.mean(covered) >= 0.95
    assert np.median(ratios) < 300


def test_gradient_flow_on_a_network_against_solve_ivp():
    X, y = np.eye(3), np.array([1.0, -1.0, 2.0])
    net = iw.Network(3, 2, 10, "softplus", iw.Parameterization.integrable_large_lr(2))
    sol = iw.solve(net, X, y, iw.GradientFlow(3.0, rtol=1e-8, atol=1e-10, first_learning_rate=0.7), rng=4, save_at=[1, 3])
    start = sol.problem.start()
    problem = sol.problem
    velocity = np.empty_like(start)
    problem.evaluate(start, velocity, step=0)
    start = start + 0.7 * velocity

    def field(t, state):
        problem.evaluate(state, velocity)
        return velocity.copy()

    reference = solve_ivp(field, (0, 3), start, t_eval=[1, 3], method="DOP853", rtol=1e-11, atol=1e-13)
    for i in range(2):
        np.testing.assert_allclose(sol.outputs[i], problem.predict(reference.y[:, i], X), atol=1e-6)


def test_gradient_flow_in_float32():
    X, y = np.eye(3, dtype=np.float32), np.array([1.0, -1.0, 2.0])
    net = iw.Network(3, 1, 10, "tanh", iw.Parameterization.mup(1))
    single, double = (iw.solve(net, x, y, iw.GradientFlow(3.0, rtol=1e-4), rng=4, save_at=[3]) for x in (X, X.astype(float)))
    assert single.state.dtype == single.outputs.dtype == np.float32
    np.testing.assert_allclose(single.outputs, double.outputs, atol=1e-3)


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


def test_sharpness_is_the_top_eigenvalue():
    assert sharpness(Quadratic(), iterations=40) == pytest.approx(np.linalg.eigvalsh(K)[-1], rel=1e-4)
