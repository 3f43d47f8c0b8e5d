"""The reference width: ordinary networks at that width, and what it scales elsewhere."""

import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.limits.two_layer.scaled_problem import REMEMBERED, ScaledParticles
from infwidth.solvers import Data

X = np.array([[1.0, 0.5], [-0.3, 1.0], [0.7, -1.2], [0.2, 0.1]])
Y = np.array([[1.0, 0.2], [-1.0, 0.3], [0.5, -0.4], [0.0, 1.0]])
STARTS = np.random.default_rng(2).standard_normal((3, 4, 2))


def bind(scale, replicas=3, activation="tanh", inputs=X):
    rng = np.random.default_rng(0)
    W, a = rng.standard_normal((12, 2)), rng.standard_normal((12, 2))
    start = lambda Z: STARTS[:replicas, : len(Z)].astype(Z.dtype)  # noqa: E731
    data = Data.check(inputs, Y[: len(inputs)], "squared")
    return ScaledParticles(data, activations.get(activation), W, a, start, scale, replicas)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_outputs_and_moves_are_those_of_the_formula(activation):
    """Every replica by itself in plain numpy, at a state that has moved; minibatches are rows of it."""
    problem, phi = bind(3.0, activation=activation), activations.get(activation)
    state = problem.start() + 0.1 * np.cos(np.arange(48.0))
    for rows in (None, np.array([2, 0])):
        chosen = slice(None) if rows is None else rows
        Z, y, n = X[chosen], Y[chosen], len(X[chosen])
        velocity = np.empty_like(state)
        evaluation = problem.evaluate(state, velocity, rows=rows)
        (W, a), (W0, a0), (vW, va) = (problem.particles(v) for v in (state, problem.start(), velocity))
        outputs = []
        for r in range(3):
            part = slice(4 * r, 4 * r + 4)
            F, F0 = (phi.value(Z @ w[part].T) @ b[part] / 4 for w, b in ((W, a), (W0, a0)))
            f = 3 * (F - F0) + STARTS[r, chosen]
            residual = (f - y) / n
            h = W[part] @ Z.T
            np.testing.assert_allclose(va[part], -phi.value(h) @ residual / 3, atol=1e-12)
            np.testing.assert_allclose(vW[part], -(phi.derivative(h) * (a[part] @ residual.T)) @ Z / 3, atol=1e-12)
            outputs.append(f)
        np.testing.assert_allclose(evaluation.outputs, np.mean(outputs, axis=0), atol=1e-12)


def test_at_the_start_outputs_are_the_start_to_the_bit():
    problem = bind(1e6)
    np.testing.assert_array_equal(problem.replica_outputs(problem.start()), STARTS)


def test_without_a_start_outputs_are_the_change():
    W, a = np.ones((4, 2)), np.ones((4, 1))
    problem = ScaledParticles(Data.check(X, Y[:, 0]), activations.get("tanh"), W, a, None, 2.0)
    state = problem.start()
    assert not problem.replica_outputs(state).any()
    state[-4:] += 0.5
    np.testing.assert_allclose(problem.replica_outputs(state)[0], np.tanh(X.sum(axis=1, keepdims=True)), atol=1e-12)


def test_float32_is_kept():
    problem = bind(3.0, inputs=X.astype(np.float32))
    evaluation, update = problem.descend(problem.start().astype(np.float32))
    update(0.1)
    assert evaluation.outputs.dtype == np.float32


def test_the_start_at_the_last_points_is_remembered_and_not_that_at_all():
    asked = []

    def start(Z):
        asked.append(len(Z))
        return np.zeros((1, len(Z), 1))

    problem = ScaledParticles(Data.check(X, Y[:, 0]), activations.get("tanh"), np.ones((4, 2)), np.ones((4, 1)), start, 2.0)
    grids = [np.full((n, 2), 0.1 * n) for n in range(5, 5 + 3 * REMEMBERED)]
    outputs = [problem.predict(problem.start() + 0.1, Z) for Z in grids]
    assert asked == [4, *map(len, grids)] and len(problem._known) == REMEMBERED
    again = problem.predict(problem.start() + 0.1, grids[-1])
    assert len(asked) == 1 + len(grids)
    np.testing.assert_array_equal(again, outputs[-1])
    np.testing.assert_array_equal(problem.predict(problem.start() + 0.1, grids[0]), outputs[0])
    assert len(asked) == 2 + len(grids)
