"""Masses on two cells, of which one drains into the other."""

import numpy as np
import pytest

from infwidth.limits.densities.mass_problem import MassProblem
from infwidth.solvers.problem import MethodFailed


class Draining(MassProblem):
    flow = "GradientFlow"
    instead_of_batches = "leave batch_size out"

    def __init__(self, start=(1.0, 1.0)):
        super().__init__(np.array(start), None)
        self.asked = 0

    def predict(self, state, X):
        raise NotImplementedError

    def _energy_of(self, state):
        self.asked += 1
        return float(state[0]), np.zeros((0, 1)), np.array([1.0, 0.0])

    def _motion(self, state, potential):
        return np.array([-1.0, 1.0]), state[0]


def step(rate, state):
    evaluation, update = Draining().descend(state, step=7)
    update(rate)
    return evaluation


@pytest.mark.parametrize(("rate", "after"), [(0.25, [0.75, 1.25]), (1.0, [0.0, 2.0]), (1 + 1e-15, [0.0, 2.0])])
def test_masses_move_and_rounding_is_cut(rate, after):
    state = np.ones(2)
    assert step(rate, state).loss == 1
    np.testing.assert_allclose(state, after, atol=2e-15)
    assert state.min() >= 0


def test_a_negative_mass_is_refused_and_nothing_moves():
    state = np.ones(2)
    with pytest.raises(MethodFailed, match=r"learning_rate: 1.1 makes a mass negative at step 7; there 1 keeps .* GradientFlow"):
        step(1.1, state)
    np.testing.assert_array_equal(state, 1)


def test_a_state_is_asked_for_once_and_what_is_remembered_cannot_be_written():
    problem = Draining()
    state, velocity = problem.start(), np.empty(2)
    problem.evaluate(state, velocity)
    problem.motion(state)
    assert problem.asked == 1 and velocity.tolist() == [-1, 1]
    with pytest.raises(ValueError, match="read-only"):
        problem.potential(state)[1][0] = 5
    state[0] = 0.5  # in place: another state
    assert problem.evaluate(state).loss == 0.5 and problem.motion(state)[1] == 0.5 and problem.asked == 2


def test_the_start_is_a_flat_copy():
    problem = Draining([[1.0, 2.0], [3.0, 4.0]])
    state = problem.start()
    state[:] = 0
    assert problem.start().tolist() == [1, 2, 3, 4]


def test_masses_have_no_minibatches():
    with pytest.raises(ValueError, match="batch_size: masses have no minibatches; leave batch_size out"):
        Draining().evaluate(np.ones(2), rows=[0])
