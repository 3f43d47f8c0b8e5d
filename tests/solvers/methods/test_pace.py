"""Flows that would never end are ended, and no others."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import MethodFailed
from infwidth.solvers.methods.pace import MOST_STEPS, WINDOW, Pace


def walk(t_end, lengths):
    pace, t = Pace(t_end, "wait"), 0.0
    for step, length in enumerate(lengths, 1):
        t += length
        pace.check(step, t)


def test_steps_too_short_for_the_time_that_is_left():
    with pytest.raises(MethodFailed, match=r"^t_end: the steps around t = 0\.5 are 0\.001 long.*; lower t_end, or wait$"):
        walk(1e9, [1e-3] * 2 * WINDOW)
    walk(0.9e-3 * MOST_STEPS, [1e-3] * 4 * WINDOW)


def test_a_flow_that_stands_still_is_ended_and_one_that_speeds_up_is_not():
    with pytest.raises(MethodFailed, match="needs inf more"):
        walk(1.0, [0.0] * 2 * WINDOW)
    walk(1e9, [1e-3] * WINDOW + [1e6] * 3 * WINDOW)


def test_a_stable_but_endless_flow_keeps_what_it_has():
    """At the minimum the explicit stepper goes on by its stability alone."""
    sol = iw.solve(iw.DeepLinearIntegrable(1, "naive"), np.eye(2), [1.0, -1.0], iw.GradientFlow(1e12), save_at=[0, 1, 1e12])
    assert not sol.success and sol.message.startswith("t_end: the steps around t = ")
    assert sol.t[1] == 1.0 and sol.state is not None
