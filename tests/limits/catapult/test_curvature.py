"""Curvature: against dense eigenvalues, known stability bounds, and the edge of stability."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import catapult


@pytest.fixture
def data():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((6, 3))
    return X, np.sin(X[:, 0])


def dense(function, state, size):
    """Jacobian by central differences, column by column."""
    columns = []
    for i in range(state.size):
        move = np.zeros_like(state)
        move[i] = 1e-5
        columns.append((function(state + move) - function(state - move)) / 2e-5)
    return np.array(columns).reshape(state.size, size).T


@pytest.mark.parametrize(
    "parameterization", [iw.Parameterization.ntk(2), iw.Parameterization.mup(2), iw.Parameterization.integrable_bias(2)]
)
def test_against_dense_eigenvalues(data, parameterization):
    """Layers of unequal rates make -dv/dtheta unsymmetric; its eigenvalues stay real."""
    X, y = data
    sol = iw.solve(iw.Network(3, 2, 5, "tanh", parameterization), X, y, iw.GradientDescent(0.02, 3), rng=1)
    problem, state = sol.problem, sol.state

    def velocity(theta):
        out = np.empty_like(theta)
        problem.evaluate(theta, out)
        return out

    D = -dense(velocity, state, state.size)
    assert catapult.sharpness(0.0, state, problem) == pytest.approx(np.linalg.eigvals(D).real.max(), rel=1e-3)
    J = dense(lambda theta: problem.predict(theta, X).ravel(), state, len(X))
    rates = np.concatenate([np.full(w.size, r) for w, r in zip(problem.layers(state)[0], problem.rates.weights, strict=True)])
    rates = np.concatenate([rates, *(np.full(b.size, r) for b, r in zip(problem.layers(state)[1], problem.rates.biases, strict=True))])
    assert catapult.tangent_sharpness(0.0, state, problem) == pytest.approx(np.linalg.eigvalsh(J * rates @ J.T)[-1] / len(X), rel=1e-3)


def test_few_outputs(data):
    """One and two training points, below what Krylov methods take."""
    X, y = data
    for n in (1, 2):
        sol = iw.solve(catapult.TwoLayerLinearNetwork(9), X[:n], y[:n], iw.GradientDescent(0.1, 0), rng=1)
        assert catapult.tangent_sharpness(0.0, sol.state, sol.problem) == pytest.approx(sol.problem.top_eigenvalue(sol.state), rel=1e-6)


def test_the_edge_of_stability():
    """Full-batch training sharpens up to 2 / rate and hovers there; twice the rate, half the sharpness."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 2))
    y = np.sign(X[:, 0] * X[:, 1])
    net = iw.Network(2, 2, 40, "tanh", iw.Parameterization.ntk(2))
    for rate in (1.0, 2.0):
        sol = iw.solve(
            net, X, y, iw.GradientDescent(rate, 2000), rng=0, save_at=[0, 1600, 1800, 2000], observables={"s": catapult.sharpness}
        )
        assert sol.success
        assert sol.observables["s"][0] < 1.2 / rate
        np.testing.assert_allclose(sol.observables["s"][1:].mean() * rate, 2, atol=0.3)


def test_the_largest_rate_of_linear_networks():
    """4 / lambda_0 on one sample, whatever the seed; the catapult needs more steps than the lazy phase."""
    for seed in range(3):
        net = iw.Network(1, 1, 512, "linear", iw.Parameterization.ntk(1))
        begin = iw.solve(net, [[1.0]], [0.0], iw.GradientDescent(0.1, 0), rng=seed)
        rate = catapult.largest_stable_rate(net, [[1.0]], [0.0], steps=200, tolerance=0.02, rng=seed)
        assert rate * catapult.tangent_sharpness(0.0, begin.state, begin.problem) == pytest.approx(4, rel=0.02)


def test_a_dead_network_does_not_train():
    """At 100 / lambda_0 one step switches every neuron of this relu network off: the loss is 0 = y, and would be so for any larger rate."""
    net = iw.Network(1, 1, 512, "relu", iw.Parameterization.ntk(1))
    begin = iw.solve(net, [[1.0]], [0.0], iw.GradientDescent(0.1, 0), rng=0)
    kernel = catapult.tangent_sharpness(0.0, begin.state, begin.problem)
    dead = iw.solve(net, [[1.0]], [0.0], iw.GradientDescent(100 / kernel, 50), rng=0)
    assert dead.success
    assert dead.loss[-1] == 0 == catapult.tangent_sharpness(0.0, dead.state, dead.problem)
    assert 4 < kernel * catapult.largest_stable_rate(net, [[1.0]], [0.0], rng=0) < 100


def test_bad_arguments(data):
    X, y = data
    net = iw.Network(3, 1, 4, "tanh", iw.Parameterization.ntk(1))
    with pytest.raises(ValueError, match="tolerance: need a finite number >= 1e-06"):
        catapult.largest_stable_rate(net, X, y, tolerance=0)
    with pytest.raises(ValueError, match="steps: need an integer from 1"):
        catapult.largest_stable_rate(net, X, y, steps=0)
    with pytest.raises(ValueError, match=r"X: the tangent kernel vanishes .*; give other inputs"):
        catapult.largest_stable_rate(net, 0 * X, y)
    with pytest.raises(TypeError, match="problem: need a Problem, got None"):
        catapult.sharpness(0.0, np.ones(2), None)
    small = iw.solve(iw.DeepLinearIntegrable(1, "naive"), [[1.0]], [1.0], iw.GradientDescent(0.1, 0)).problem
    with pytest.raises(ValueError, match="state: need a vector of 8 numbers of float64"):
        catapult.sharpness(0.0, np.ones(2), small)
    radii = iw.solve(iw.RadialMeanField(10, 0.5, size=2), method=iw.GradientDescent(0.01, 0))
    with pytest.raises(ValueError, match="state: need at least three parameters, got 2"):
        catapult.sharpness(0.0, radii.state, radii.problem)
    population = iw.solve(iw.RadialMeanField(10, 0.5, size=20), method=iw.GradientDescent(0.01, 1))
    with pytest.raises(ValueError, match=r"problem: has no training points.*; give X and y"):
        catapult.tangent_sharpness(0.0, population.state, population.problem)


def test_the_covariance_of_noise_is_no_direction_of_the_network():
    """One linear neuron pair at (a, w): the loss (a w x - y)^2 / 2 has a Hessian in two variables, whatever the state keeps beside them."""
    X, y = np.array([[1.0, 0.5], [0.2, -1.0], [0.7, 0.3]]), np.array([2.0, -1.5, 0.5])
    sol = iw.solve(iw.DeepLinearIntegrable(1, "naive"), X, y, iw.GradientDescent(0.1, 2))
    problem, size = sol.problem, sum(A.size for A in sol.problem.matrices(sol.state))
    columns = np.empty((size, size))
    for i in range(size):
        above, below = (np.empty_like(sol.state) for _ in range(2))
        moved = np.zeros_like(sol.state)
        moved[i] = 1e-5
        problem.evaluate(sol.state + moved, above)
        problem.evaluate(sol.state - moved, below)
        columns[i] = (below - above)[:size] / 2e-5
    assert catapult.sharpness(0.0, sol.state, problem) == pytest.approx(np.linalg.eigvalsh((columns + columns.T) / 2)[-1], rel=1e-4)
