"""A step of masses, on two cells of which one drains into the other."""

import numpy as np
import pytest

from infwidth.limits.densities.mass_descent import descend_masses
from infwidth.solvers.problem import Evaluation, MethodFailed


class Draining:
    def evaluate(self, state, velocity, *, step, rows):
        velocity[:] = (-1.0, 1.0)
        return Evaluation(float(step), np.empty((0, 1)))


def step(rate, state):
    evaluation, update = descend_masses(Draining(), state, 7, None, lambda masses: masses[0], "GradientFlow")
    update(rate)
    return evaluation


@pytest.mark.parametrize(("rate", "after"), [(0.25, [0.75, 1.25]), (1.0, [0.0, 2.0]), (1 + 1e-15, [0.0, 2.0])])
def test_masses_move_and_rounding_is_cut(rate, after):
    state = np.ones(2)
    assert step(rate, state).loss == 7
    np.testing.assert_allclose(state, after, atol=2e-15)
    assert state.min() >= 0


def test_a_negative_mass_is_refused_and_nothing_moves():
    state = np.ones(2)
    with pytest.raises(MethodFailed, match=r"learning_rate: 1.1 makes a mass negative at step 7; there 1 keeps .* GradientFlow"):
        step(1.1, state)
    np.testing.assert_array_equal(state, 1)
