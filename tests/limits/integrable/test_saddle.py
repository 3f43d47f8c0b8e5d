"""Stationary points of the exact limits: their growth rates by brute force, and the time in which they are left."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.limits import Network, Parameterization, escape, saddle

from .runs import problem, trajectory


def jacobian(bound, state):
    """Of the velocity, by central differences."""
    columns = []
    for direction in np.eye(state.size) * 1e-5:
        up, down = np.empty_like(state), np.empty_like(state)
        bound.evaluate(state + direction, up)
        bound.evaluate(state - direction, down)
        columns.append((up - down) / 2e-5)
    return np.array(columns).T


def stationary_state(L, scheme, X, y, first):
    limit = iw.DeepLinearIntegrable(L, scheme)
    run = iw.solve(limit, X, y, iw.GradientDescent(0.1, steps=1, first_learning_rate=first))
    velocity = np.empty_like(run.state)
    run.problem.evaluate(run.state, velocity)
    assert np.abs(velocity).max() == 0
    return run.problem, run.state


@pytest.mark.parametrize(
    ("L", "scheme", "first"),
    [(3, "naive", None), (5, "large_lr", 0.4), (5, "large_lr", 1.3), (6, "large_lr", 0.4), (6, "large_lr", 1.3)],
)
def test_the_growth_rate_is_that_of_the_exact_limit(L, scheme, first):
    X, y = problem()
    J = jacobian(*stationary_state(L, scheme, X, y, first))
    assert J == pytest.approx(J.T, abs=1e-8)
    assert saddle.growth_rate(X, y, L, first_learning_rate=first) == pytest.approx(np.linalg.eigvalsh(J)[-1], rel=1e-6)


@pytest.mark.parametrize(("L", "scheme", "first"), [(4, "naive", None), (5, "naive", None), (7, "large_lr", 0.4), (8, "large_lr", 0.4)])
def test_deeper_stationary_points_are_flat(L, scheme, first):
    X, y = problem()
    assert np.abs(jacobian(*stationary_state(L, scheme, X, y, first))).max() < 1e-9
    assert saddle.escape_scaling(L, scheme).exponent > 0


def test_the_growth_rate_of_tanh_by_brute_force():
    X, y = problem(n=5)
    w = np.random.default_rng(1).standard_normal((400_000, 3))
    squares = ((np.tanh(w @ X.T) @ y) / len(y)) ** 2
    error = squares.std() / math.sqrt(len(squares))
    assert saddle.growth_rate(X, y, activation="tanh") ** 2 == pytest.approx(squares.mean(), abs=4 * error)
    # gelu has the slope 1/2 at 0: the two layers above bring its square
    gelu = iw.activations.get("gelu")
    squares = ((gelu.value(w @ X.T) @ y) / len(y)) ** 2 / 16
    error = squares.std() / math.sqrt(len(squares))
    assert saddle.growth_rate(X, y, activation="gelu") ** 2 == pytest.approx(squares.mean(), abs=4 * error)


def test_the_growth_rate_takes_the_residual_of_the_loss():
    X, y = problem()
    assert saddle.growth_rate(X, np.sign(y), loss="logistic") == pytest.approx(saddle.growth_rate(X, np.sign(y)) / 2)


def test_rates_that_are_not_known_are_refused():
    X, y = problem()
    for activation in ("relu", "sigmoid", "cos"):
        with pytest.raises(ValueError, match=f"activation: {activation} has a value, a kink or no slope at 0"):
            saddle.growth_rate(X, y, activation=activation)
    with pytest.raises(ValueError, match="activation: under IP-LLR the rate is known for linear networks, not for tanh"):
        saddle.growth_rate(X, y, 5, activation="tanh", first_learning_rate=1.0)
    with pytest.raises(ValueError, match="y: has 2 columns"):
        saddle.growth_rate(X, np.stack([y, y], axis=1))
    with pytest.raises(ValueError, match=r"hidden_layers: 4 is no strict saddle with first_learning_rate=None; those are 3 without it"):
        saddle.growth_rate(X, y, 4)
    with pytest.raises(ValueError, match=r"hidden_layers: 7 is no strict saddle with first_learning_rate=1.0"):
        saddle.growth_rate(X, y, 7, first_learning_rate=1.0)
    with pytest.raises(ValueError, match="hidden_layers: there is no stationary point with 4 under 'large_lr'; it needs at least 5"):
        saddle.escape_scaling(4, "large_lr")
    with pytest.raises(ValueError, match="scheme: 'mup' is not one of naive, large_lr"):
        saddle.is_stationary(3, "mup")


@pytest.mark.parametrize("scheme", ["naive", "large_lr"])
def test_stationary_is_what_the_exact_limit_is(scheme):
    X, y = problem()
    for L in range(1, 9):
        run = iw.solve(iw.DeepLinearIntegrable(L, scheme), X, y, iw.GradientDescent(0.1, steps=30, first_learning_rate=1.0))
        assert (np.abs(run.outputs).max() == 0) == saddle.is_stationary(L, scheme)


@pytest.mark.parametrize(("L", "scheme", "first"), [(3, "naive", None), (5, "large_lr", 0.6), (6, "large_lr", 0.9)])
def test_a_kick_of_size_epsilon_is_left_after_the_predicted_time(L, scheme, first):
    # The exact limit started off its saddle by epsilon: t = -ln(epsilon) * 2 * log_slope + const, as epsilon^2 = 1/m.
    X, y = problem()
    bound, state = stationary_state(L, scheme, X, y, first)
    kick = np.random.default_rng(3).standard_normal(state.size)
    eta, reference = 0.2, (y**2).mean() / 2
    times = []
    sizes = np.array([1e-4, 1e-6, 1e-8])
    for size in sizes:
        moved, losses = state + size * kick, []
        while not losses or losses[-1] > 0.8 * reference:
            evaluation, update = bound.descend(moved)
            losses.append(evaluation.loss)
            update(eta)
        run = trajectory(eta * np.arange(len(losses)), losses)
        times.append(escape.escape_time(run, reference=reference))
    slopes = -np.diff(times) / np.diff(np.log(sizes)) / 2
    rate = saddle.growth_rate(X, y, L, first_learning_rate=first)
    # Here every entry is moved by epsilon, so that the output starts at epsilon^2 = 1/m at every depth. With L = 6 that of networks starts
    # at m^-2, as the two entries that grow have noise of order 1/m: see the next test.
    start = 2 if (scheme, L) == ("large_lr", 6) else 1
    assert slopes == pytest.approx(saddle.log_slope(rate, L, scheme, eta) / start, rel=0.01)


def escape_of_the_chain(L, size):
    """Time in which the flow of the exact limit, one input and |rho_0| = 1, leaves its stationary point, moved as noise moves a network.

    Noise of norm epsilon in the middle matrices links u to u and g to g; a single entry, such as the missing u <- g, has epsilon^2.
    """
    X, y = np.ones((1, 1)), np.ones(1)
    run = iw.solve(iw.DeepLinearIntegrable(L), X, y, iw.GradientDescent(0.1, steps=1, first_learning_rate=1.0))
    state, bound = run.state.copy(), run.problem
    for A in bound.matrices(state)[1:-1]:
        A += [[size, size**2], [0, size]]

    def velocity(_, s):
        v = np.empty_like(s)
        bound.evaluate(np.ascontiguousarray(s), v)
        return v

    def escaped(_, s):
        return bound.evaluate(np.ascontiguousarray(s)).loss - 0.9 * 0.5

    escaped.terminal = True
    flow = solve_ivp(velocity, (0, 1e12), state, method="LSODA", events=escaped, rtol=1e-7, atol=1e-14)
    assert flow.status == 1
    return flow.t[-1]


SIZES = np.array([1e-2, 3e-3, 1e-3, 3e-4, 1e-4])  # epsilon = m^{-1/2}


@pytest.mark.parametrize("L", [5, 6])
def test_the_exact_chain_leaves_a_strict_saddle_after_the_predicted_logarithm(L):
    """a + b ln m, with the predicted b."""
    times, m = np.array([escape_of_the_chain(L, size) for size in SIZES]), SIZES**-2.0
    assert saddle.escape_scaling(L, "large_lr") == (0, True)
    slopes = np.diff(times) / np.diff(np.log(m))
    rate = saddle.growth_rate(np.ones((1, 1)), np.ones(1), L, first_learning_rate=1.0)
    assert slopes[-2:] == pytest.approx(saddle.log_slope(rate, L, "large_lr"), rel=0.01)


@pytest.mark.parametrize("L", [7, 8, 9])
def test_the_exact_chain_leaves_a_flat_saddle_after_the_predicted_power(L):
    """The ratio to the prediction is constant within 4 %; with the logarithm put in or left out wrongly it drifts by a factor of 2."""
    times, m = np.array([escape_of_the_chain(L, size) for size in SIZES]), SIZES**-2.0
    exponent, logarithm = saddle.escape_scaling(L, "large_lr")
    predicted, other = m**exponent * np.log(m) ** logarithm, m**exponent * np.log(m) ** (not logarithm)
    assert exponent > 0 and np.ptp(times / predicted) < 0.04 * (times / predicted).max()
    assert np.ptp(times / other) > 0.4 * (times / other).max()


def test_the_slope_needs_a_logarithm_and_a_rate():
    assert saddle.log_slope(2.0, 6, "large_lr", 0.1) == pytest.approx(2 * saddle.log_slope(2.0, 5, "large_lr", 0.1))
    for L, scheme in ((4, "naive"), (7, "large_lr")):
        with pytest.raises(ValueError, match=f"hidden_layers: the escape time with {L} under '{scheme}' is no multiple of ln m"):
            saddle.log_slope(1.0, L, scheme)
    with pytest.raises(ValueError, match="rate: need a finite number > 0, got 0"):
        saddle.log_slope(0.0, 3)
    X = np.array([[1.0], [-1.0]])
    for y in (np.zeros(2), np.ones(2)):  # no correlation with the inputs
        for activation in ("linear", "tanh"):
            with pytest.raises(ValueError, match="y: its residuals at f = 0 do not correlate with the inputs"):
                saddle.growth_rate(X, y, activation=activation)
    with pytest.raises(ValueError, match="y: its residuals at f = 0 do not correlate"):
        saddle.growth_rate(X, np.ones(2), 6, first_learning_rate=1.0)


def test_finite_networks_follow_the_logarithm_at_the_predicted_slope():
    # Linear naive IP, L = 3: widths and 40 seeds each declared beforehand.
    X, y = problem()
    method = iw.GradientDescent(0.1, steps=2000)
    half = (y**2).mean() / 4
    widths = (32, 64, 128, 256)
    times = []
    for m in widths:
        net = Network(3, 3, m, "linear", Parameterization.integrable(3))
        runs = [iw.solve(net, X, y, method, rng=seed, callback=lambda point: point.loss < half) for seed in range(40)]
        times.append([escape.escape_time(run) for run in runs])
    fit = escape.fit_growth(widths, times, saddle.escape_scaling(3).exponent)
    expected = saddle.log_slope(saddle.growth_rate(X, y), 3, learning_rate=0.1)
    assert fit.log.slope_error < 0.2 * expected
    assert abs(fit.log.slope - expected) < 2 * fit.log.slope_error
