"""One call of ``extend`` per step, with the method's coefficients of the past gradients."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import Causal, Evaluation
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

    def history(self, times):
        return {"told": self.told[:times]}

    def restore(self, history):
        self.told = [list(weights) for weights in history["told"]]


def test_each_step_is_one_extension_with_the_coefficients_of_its_past():
    problem = Recording()
    points = list(causal_trajectory(problem, lambda t: 10.0 * t + np.arange(t), 3, 0.5, None))
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
    points = causal_trajectory(first, lambda t: np.full(t, float(t)), 5, 1.0, None)
    for _ in range(3):
        point = next(points)
    resumed = Recording()
    rest = list(causal_trajectory(resumed, lambda t: np.full(t, float(t)), 5, 1.0, {"step": point.step, **point.memory()}))
    assert point.step == 2 and len(point.memory()["history"]["told"]) == 2
    assert [p.step for p in rest] == [2, 3, 4, 5]
    assert resumed.told == [[t] * t for t in range(6)]
