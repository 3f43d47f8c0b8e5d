"""The tangent kernel of finite networks: against finite differences of every parameter, and on its way to the limit."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import kernels
from infwidth.limits.networks import empirical_ntk

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8], [0.1, 0.4]])
Y = np.array([1.0, -0.5, 0.7, 0.0])
TWO = np.stack([Y, 1 - Y], axis=1)


def jacobian(problem, state, Z):
    """Derivatives (n, k, p) by central differences."""
    columns = []
    for i in range(len(state)):
        move = np.zeros_like(state)
        move[i] = 1e-6
        columns.append((problem.predict(state + move, Z) - problem.predict(state - move, Z)) / 2e-6)
    return np.stack(columns, axis=-1)


def rates(problem):
    """The rate of every parameter."""
    made = np.empty(problem.size)
    weights, biases = problem.layers(made)
    for layer, rate in zip(weights + biases, problem.rates.weights + problem.rates.biases, strict=True):
        layer[...] = rate
    return made


@pytest.mark.parametrize(
    "p",
    [iw.Parameterization.ntk(2), iw.Parameterization.standard(2), iw.Parameterization.mup(2), iw.Parameterization.integrable_bias(2)],
    ids=["NTP", "SP", "muP", "IP-bias"],
)
def test_it_is_the_product_of_derivatives(p):
    method = iw.GradientDescent(0.1, 3, first_learning_rate=0.01 if p.has_first_step else None)
    sol = iw.solve(iw.Network(2, 2, 5, "erf", p, output_dim=2), X, TWO, method, rng=0)
    for state in (None, sol.state):
        where = sol.problem.start() if state is None else state
        J, other = jacobian(sol.problem, where, X), jacobian(sol.problem, where, X[:2] + 0.1)
        exact = np.einsum("iap,p,jbp->ijab", J, rates(sol.problem), other)
        found = empirical_ntk(sol.problem, X, X[:2] + 0.1, state)
        size = np.abs(exact).max()
        np.testing.assert_allclose(found, exact, atol=1e-7 * size)
        traced = empirical_ntk(sol.problem, X, X[:2] + 0.1, state, trace=True)
        np.testing.assert_allclose(traced, np.einsum("ijaa->ij", exact) / 2, atol=1e-7 * size)
        own = empirical_ntk(sol.problem, X, state=state)
        np.testing.assert_allclose(own, own.transpose(1, 0, 3, 2), atol=1e-14 * size)


@pytest.mark.parametrize("p", [iw.Parameterization.ntk(2), iw.Parameterization.standard(2)], ids=["NTP", "SP"])
def test_its_limit_is_the_kernel_times_the_identity(p):
    """Error like m^(-1/2), of both the trace and what joins different outputs; declared seeds 0..23."""
    widths, gaps = (32, 128, 512), []
    for m in widths:
        network, row = iw.Network(2, 2, m, "erf", p, output_dim=2), []
        limit = kernels.of(network).ntk(X)[:, :, None, None] * np.eye(2)
        for seed in range(24):
            problem = iw.solve(network, X, TWO, iw.GradientDescent(0.1, 0), rng=seed).problem
            row.append(np.linalg.norm(empirical_ntk(problem, X) - limit))
        gaps.append(row)
    slope, error = iw.power_law(widths, gaps)
    assert error <= 0.05
    assert abs(slope + 0.5) < 2 * error


def test_single_precision():
    network = iw.Network(2, 2, 16, "relu", iw.Parameterization.ntk(2))
    kernels_of = [
        empirical_ntk(iw.solve(network, X.astype(t), Y.astype(t), iw.GradientDescent(0.1, 0), rng=0).problem, X, trace=True)
        for t in (np.float32, np.float64)
    ]
    assert kernels_of[0].dtype == np.float32
    np.testing.assert_allclose(*kernels_of, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"problem": iw.Network(2, 1, 4, "relu", iw.Parameterization.ntk(1))},
            TypeError,
            "problem: need a NetworkProblem, .*sol.problem of",
        ),
        ({"X1": np.ones((2, 3))}, ValueError, "X1: need 2 columns"),
        ({"X2": np.ones((2, 3))}, ValueError, "X2: need 2 columns"),
        ({"state": np.ones(3)}, ValueError, "state: need a vector of"),
        ({"state": np.full(12, np.nan)}, ValueError, "state: holds NaN"),
        ({"trace": 1}, ValueError, "trace: need True or False"),
    ],
)
def test_bad_arguments(change, error, message):
    problem = iw.solve(iw.Network(2, 1, 4, "relu", iw.Parameterization.ntk(1)), X, Y, iw.GradientDescent(0.1, 0), rng=0).problem
    with pytest.raises(error, match=message):
        empirical_ntk(**{"problem": problem, "X1": X, **change})
