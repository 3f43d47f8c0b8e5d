"""The exact reduction of two-layer linear networks: against the network, step by step, and its kernel."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import catapult
from infwidth.limits.catapult.linear_network import TwoLayerLinearProblem
from infwidth.solvers import Data

WIDTH = 24


class Reduced:
    """A network's own weights, reduced."""

    def __init__(self, network_problem):
        self.of = network_problem

    def bind(self, data, rng):
        (U, V), _ = self.of.layers(self.of.start())
        n = len(U)
        return TwoLayerLinearProblem(data, n, V @ U / n**0.5, V @ V.T / n, U.T @ U / n)


@pytest.fixture
def problem():
    rng = np.random.default_rng(5)
    return rng.standard_normal((6, 3)), rng.standard_normal((6, 2))


def pair(X, y, method, **options):
    network = iw.Network(X.shape[1], 1, WIDTH, "linear", iw.Parameterization.ntk(1), output_dim=y.shape[1])
    full = iw.solve(network, X, y, method, rng=7, **options)
    return full, iw.solve(Reduced(full.problem), X, y, method, rng=7, **options)


@pytest.mark.parametrize(
    "method",
    [iw.GradientDescent(0.05, 40), iw.GradientDescent(0.25, 40), iw.GradientDescent(0.1, 40, batch_size=3)],
    ids=["lazy", "large", "minibatches"],
)
def test_equal_to_the_network_step_by_step(problem, method):
    X, y = problem
    full, reduced = pair(X, y, method)
    assert full.success
    np.testing.assert_allclose(reduced.outputs, full.outputs, rtol=1e-9, atol=1e-11)


def test_equal_to_the_network_under_other_losses_and_flows(problem):
    X, y = problem
    full, reduced = pair(X, np.sign(y), iw.GradientDescent(0.5, 30), loss="logistic")
    np.testing.assert_allclose(reduced.outputs, full.outputs, atol=1e-11)
    flow = iw.GradientFlow(3.0, rtol=1e-10, atol=1e-12, estimate_error=False)
    full, reduced = pair(X, y, flow, save_at=[0, 1, 3])
    np.testing.assert_allclose(reduced.outputs, full.outputs, atol=1e-8)


def test_the_kernel_is_that_of_the_network(problem):
    """By finite differences of the outputs in every weight."""
    X, y = problem
    full, reduced = pair(X, y, iw.GradientDescent(0.1, 5))
    J = np.empty((full.state.size, y.size))
    for i in range(full.state.size):
        move = np.zeros_like(full.state)
        move[i] = 1e-5
        J[i] = ((full.problem.predict(full.state + move, X) - full.problem.predict(full.state - move, X)) / 2e-5).ravel()
    kernel = reduced.problem.kernel(reduced.state).reshape(y.size, y.size)
    np.testing.assert_allclose(kernel, J.T @ J, atol=1e-8)
    assert reduced.problem.top_eigenvalue(reduced.state) == pytest.approx(np.linalg.eigvalsh(J.T @ J)[-1] / len(X), rel=1e-8)


def test_the_law_of_the_start():
    """W has variance 1 per entry, A and B are the identity on average, whatever the parts in which the neurons are drawn."""
    X, y = np.eye(2), np.zeros((2, 2))
    model = catapult.TwoLayerLinearNetwork(20_000)  # more than one part
    parts = [p.parts(p.start()) for p in (model.bind(Data.check(X, y), np.random.default_rng(s)) for s in range(200))]
    W, A, B = (np.array(part) for part in zip(*parts, strict=True))
    assert abs(W.mean()) < 4 / np.sqrt(W.size)
    assert W.var() == pytest.approx(1, abs=4 * np.sqrt(2 / W.size))
    for M in (A, B):
        np.testing.assert_allclose(M.mean(axis=0), np.eye(2), atol=4 * np.sqrt(2 / 20_000 / 200))


@pytest.mark.parametrize("method", [iw.HeavyBall(0.1, 1.0, 5), iw.Langevin(0.1, 0.1, 0.1, 5)])
def test_what_does_not_close_is_refused(problem, method):
    with pytest.raises(ValueError, match=r"method: .*; use "):
        iw.solve(catapult.TwoLayerLinearNetwork(10), *problem, method, rng=0)


def test_float32_and_bad_arguments(problem):
    X, y = problem
    sol = iw.solve(catapult.TwoLayerLinearNetwork(10), X.astype(np.float32), y, iw.GradientDescent(0.01, 3), rng=0)
    assert sol.outputs.dtype == np.float32
    with pytest.raises(ValueError, match="width: need an integer >= 1"):
        catapult.TwoLayerLinearNetwork(0)
    with pytest.raises(ValueError, match="X: is missing, and this model learns from data; give X and y"):
        iw.solve(catapult.TwoLayerLinearNetwork(3), method=iw.GradientDescent(0.01, 3))


def test_a_network_wider_than_can_be_drawn_starts_near_infinite_width():
    sol = iw.solve(catapult.TwoLayerLinearNetwork(10**15), np.eye(2), np.zeros(2), iw.GradientDescent(0.1, 0), rng=0)
    _, A, B = sol.problem.parts(sol.state)
    assert np.abs(A - 1).max() < 1e-6 and np.abs(B - np.eye(2)).max() < 1e-6
