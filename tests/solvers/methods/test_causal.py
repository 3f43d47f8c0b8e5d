"""One call of ``extend`` per step, with the method's coefficients of the past gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import Batched, Causal, Data, Evaluation, Settling
from infwidth.solvers.methods.causal import causal_trajectory


class Recording(Causal):
    """Knows only what it was told: the coefficients of each time."""

    data = None

    def __init__(self):
        self.told = []

    def bind(self, data, rng):
        return self

    def extend(self, weights):
        self.told.append(list(weights))
        return Evaluation(float(len(self.told)), np.full((1, 1), float(len(self.told))))

    def predict(self, state, X):
        return X

    def history(self, times=None):
        return {"told": self.told[:times]}

    def restore(self, history):
        self.told = [list(weights) for weights in history["told"]]


@dataclass
class Script:
    """A method of given coefficients."""

    weights: Callable
    steps: int

    def settled(self, step):
        return 0


def follow(problem, weights, steps, time_step, resume=None):
    method = Script(lambda step, since: weights(step)[since:], steps)
    return causal_trajectory(problem, method, time_step, np.random.default_rng(0), resume)


def test_each_step_is_one_extension_with_the_coefficients_of_its_past():
    problem = Recording()
    points = list(follow(problem, lambda t: 10.0 * t + np.arange(t), 3, 0.5))
    assert problem.told == [[], [10], [20, 21], [30, 31, 32]]
    assert [(p.step, p.t, p.loss) for p in points] == [(0, 0, 1), (1, 0.5, 2), (2, 1, 3), (3, 1.5, 4)]
    assert all(p.state is problem for p in points)


@pytest.mark.parametrize("method", [iw.GradientDescent(0.3, 4, first_learning_rate=2.0), iw.HeavyBall(0.3, 0.8, 4)])
def test_methods_give_their_own_coefficients(method):
    sol = iw.solve(Recording(), method=method)
    assert [np.allclose(found, method.weights(t)) for t, found in enumerate(sol.state.told)] == [True] * 5
    np.testing.assert_allclose(sol.t, 0.3 * np.arange(5))


def test_a_resumed_run_repeats_its_last_time_from_those_before_it():
    first = Recording()
    points = follow(first, lambda t: np.full(t, float(t)), 5, 1.0)
    for _ in range(3):
        point = next(points)
    resumed = Recording()
    rest = list(follow(resumed, lambda t: np.full(t, float(t)), 5, 1.0, {"step": point.step, **point.memory()}))
    assert point.step == 2 and len(point.memory()["history"]["told"]) == 2
    assert [p.step for p in rest] == [2, 3, 4, 5]
    assert resumed.told == [[t] * t for t in range(6)]


class Forgetful(Recording, Settling):
    """Is told nothing again about the gradients whose coefficients are settled."""

    settled = 0

    def settle(self, times):
        self.settled = times


@pytest.mark.parametrize("method", [iw.GradientDescent(0.3, 5, first_learning_rate=2.0), iw.HeavyBall(1.0, 1.0, 5)])
def test_settled_gradients_keep_their_coefficients(method):
    """Without momentum (beta = 0) each coefficient is settled as soon as it was told."""
    told = iw.solve(Forgetful(), method=method).state.told
    assert [len(weights) for weights in told] == [0, 1, 1, 1, 1, 1]
    np.testing.assert_array_equal([weights[0] for weights in told[1:]], method.weights(5))


class Batches(Recording, Batched):
    """Learns from minibatches of five samples: its loss is the number of the first."""

    data = Data.check(np.eye(5), np.arange(5.0))

    def extend(self, weights, rows=None):
        super().extend(weights)
        self.rows = [*getattr(self, "rows", []), list(rows)]
        return Evaluation(float(rows[0]), np.zeros((2, 1)))

    def evaluate(self, state):
        return Evaluation(float(len(self.told)), np.zeros((5, 1)))


def test_minibatches_of_a_causal_limit():
    sol = iw.solve(Batches(), np.eye(5), np.arange(5.0), iw.GradientDescent(0.1, 4, batch_size=2), rng=3)
    assert [len(set(rows)) for rows in sol.state.rows] == [2] * 5 and len({tuple(rows) for rows in sol.state.rows}) > 1
    np.testing.assert_array_equal(sol.stats["batch_loss"], [rows[0] for rows in sol.state.rows])
    np.testing.assert_array_equal(sol.loss, [1, 2, 3, 4, 5])  # of the full data


def test_a_resumed_run_draws_the_same_minibatches():
    method, problem = iw.GradientDescent(0.1, 5, batch_size=2), Batches()
    rng = np.random.default_rng(7)
    points = method.trajectory(problem, rng)
    for _ in range(3):
        point = next(points)
    kept = {"step": point.step, **point.memory()}
    for _ in points:
        pass
    resumed = Batches()
    for _ in method.trajectory(resumed, np.random.default_rng(0), kept):
        pass
    assert resumed.rows == problem.rows[2:]
