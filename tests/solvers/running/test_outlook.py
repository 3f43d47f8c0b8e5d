"""Runs that would not end: refused before they begin, told of while they go; predictions at many points that Ctrl-C can stop."""

import itertools
import os
import signal
import warnings
from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations
from infwidth.solvers.running import outlook
from infwidth.solvers.running.outlook import Outlook, predict_by_parts, predict_in_time, refuse_endless

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 1, 8, "tanh", iw.Parameterization.mup(1))
ENDLESS = 10**12


@pytest.mark.parametrize(
    "method",
    [
        iw.GradientDescent(0.1, ENDLESS),
        iw.GradientDescent(0.1, ENDLESS, batch_size=2),
        iw.HeavyBall(0.1, 1.0, ENDLESS),
        iw.RMSProp(0.1, ENDLESS),
        iw.Langevin(0.1, 0.1, 0.1, ENDLESS),
    ],
    ids=lambda method: type(method).__name__,
)
def test_steps_that_never_end_are_refused(method):
    with pytest.raises(ValueError, match=r"^steps: 1e\+12 steps would take 116 days or more .*; lower steps, or give a callback"):
        iw.solve(NET, X, Y, method, rng=0, save_at=[0])


def test_steps_of_a_history_too():
    with pytest.raises(ValueError, match=r"^steps: 1e\+12 steps would take"):
        iw.solve(iw.DeepLinearMuP(2), X, Y, iw.GradientDescent(0.1, ENDLESS), save_at=[0])


def test_a_callback_may_stop_them():
    sol = iw.solve(NET, X, Y, iw.GradientDescent(0.1, ENDLESS), rng=0, save_at=[0], callback=lambda point: point.step == 3)
    assert sol.success and sol.stats["steps"] == 3


class Large(iw.solvers.Problem):
    """A million particles on a million points."""

    coordinates = "parameters"

    def __init__(self, samples=10**6, size=4 * 10**6):
        self.data = type("Data", (), {"n": samples})
        self.size = size

    def start(self):
        return np.broadcast_to(0.0, (self.size,))


def test_steps_that_are_large_are_counted(monkeypatch):
    """4e12 products a step: 40 s of one core at least, so that 30 days have 64 800 of them."""
    monkeypatch.setattr("infwidth.solvers.machine.work._cores", lambda: 1)
    refuse_endless(Large(), iw.GradientDescent(0.1, 10), None, None, False)
    with pytest.warns(RuntimeWarning, match=r"steps: 500 steps would take 5.6 hours or more on 1 cores"):
        refuse_endless(Large(), iw.GradientDescent(0.1, 500), None, None, False)
    refuse_endless(Large(), iw.GradientDescent(0.1, 500), None, None, True)
    with pytest.raises(ValueError, match=r"^steps: 6.5e\+04 steps would take 30 days or more on 1 cores; lower steps"):
        refuse_endless(Large(), iw.GradientDescent(0.1, 65_000), None, None, False)
    with pytest.raises(ValueError, match=r"^X: the steps of a flow of 4e\+18 products each would take 13 years or more"):
        refuse_endless(Large(10**12), iw.GradientFlow(1.0), None, None, False)


def test_test_points_count_at_the_saved_steps_alone(monkeypatch):
    monkeypatch.setattr("infwidth.solvers.machine.work._cores", lambda: 1)
    X_test = np.broadcast_to(0.0, (10**6, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refuse_endless(Large(1), iw.GradientDescent(0.1, 10**5), [0.0, 1e5], X_test, False)
    with pytest.raises(ValueError, match="steps: "):
        refuse_endless(Large(1), iw.GradientDescent(0.1, 10**5), None, X_test, False)


def test_masses_are_charged_and_minibatches_are_not(monkeypatch):
    """The samples that a method draws at a step may be few."""
    monkeypatch.setattr("infwidth.solvers.machine.work._cores", lambda: 1)
    masses = Large()
    masses.coordinates = "masses"
    with pytest.raises(ValueError, match=r"^steps: "):
        refuse_endless(masses, iw.GradientDescent(0.1, 65_000), None, None, False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refuse_endless(Large(), iw.GradientDescent(0.1, 65_000, batch_size=2), None, None, False)


def test_other_coordinates_are_not_charged_for_samples():
    """A product with every sample in every step would take months."""
    reduced = Large()
    reduced.coordinates = "reduced"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refuse_endless(reduced, iw.GradientDescent(0.1, 10**6), None, None, False)


def test_a_problem_that_does_not_say_is_not_asked(monkeypatch):
    monkeypatch.delattr(Large, "coordinates")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refuse_endless(Large(), iw.GradientDescent(0.1, 10**6), None, None, False)


def clock(monkeypatch, seconds):
    times = itertools.count(0.0, seconds)
    monkeypatch.setattr("time.perf_counter", lambda: next(times))


def test_a_pace_of_days_is_told_once_and_the_run_goes_on(monkeypatch):
    clock(monkeypatch, 30.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        sol = iw.solve(NET, X, Y, iw.GradientDescent(0.1, 10**4), rng=0, save_at=[0], callback=lambda point: point.step == 20)
    assert sol.success and sol.stats["steps"] == 20
    (one,) = [str(line.message) for line in told]
    assert one == (
        "steps: at the pace of the last 60 seconds (2 steps) the rest takes 3.5 days; "
        "lower steps, or let it run: Ctrl-C returns what there is by then, and checkpoint= keeps it"
    )


def test_a_flow_is_seen_by_its_time_and_what_ends_in_hours_is_not_told(monkeypatch):
    def ahead(method, t):
        clock(monkeypatch, 61.0)
        look = Outlook(method)
        for i in range(3):
            look.look(iw.solvers.Point(i, i * t, None, 0.0, None, dict))

    with pytest.warns(RuntimeWarning, match=r"^t_end: at the pace of the last 61 seconds \(0.001 time\) the rest takes 7"):
        ahead(iw.GradientFlow(100.0), 1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ahead(iw.GradientFlow(1.0), 1e-3)
        ahead(iw.GradientDescent(0.1, 1000), 0.1)


def test_predictions_by_parts_are_those_at_once(monkeypatch):
    sol = iw.solve(iw.TwoLayerMeanField("tanh", 50), X, Y, iw.GradientDescent(0.1, 2), rng=0)
    Z = np.random.default_rng(0).standard_normal((101, 3))
    whole = sol.predict(Z)
    monkeypatch.setattr(outlook, "PART", 10.0 * sol.state.size)
    sizes = []
    predict = sol.problem.predict
    monkeypatch.setattr(sol.problem, "predict", lambda state, part: sizes.append(len(part)) or predict(state, part))
    np.testing.assert_allclose(sol.predict(Z), whole, rtol=1e-12)
    assert sizes == [10] * 10 + [1]


def test_test_points_go_by_parts_too(monkeypatch):
    Z = np.random.default_rng(0).standard_normal((40, 3))
    run = (iw.TwoLayerMeanField("tanh", 50), X, Y, iw.GradientDescent(0.1, 2))
    whole = iw.solve(*run, rng=0, X_test=Z)
    sizes = []
    problem = type(whole.problem)
    predict = problem.predict
    monkeypatch.setattr(problem, "predict", lambda self, state, part: sizes.append(len(part)) or predict(self, state, part))
    monkeypatch.setattr(outlook, "PART", 10.0 * whole.state.size)
    np.testing.assert_allclose(iw.solve(*run, rng=0, X_test=Z).test_outputs, whole.test_outputs, rtol=1e-12)
    assert sizes == [10] * 4 * len(whole.t)


def test_predictions_that_take_hours_are_told_and_for_ever_refused(monkeypatch):
    sol = iw.solve(iw.TwoLayerMeanField("tanh", 50), X, Y, iw.GradientDescent(0.1, 2), rng=0)
    monkeypatch.setattr(outlook, "PART", 1.0 * sol.state.size)
    clock(monkeypatch, 30.0)
    with pytest.warns(RuntimeWarning, match=r"^X: the outputs at 1e\+03 points would take 8.3 hours or more") as told:
        assert sol.predict(np.zeros((1000, 3))).shape == (1000, 1)
    assert told[0].filename == __file__
    clock(monkeypatch, 3000.0)
    with pytest.raises(ValueError, match=r"^X: the outputs at 1e\+03 points would take 35 days or more .*; predict some at a time"):
        sol.predict(np.zeros((1000, 3)))


def test_ctrl_c_stops_a_long_prediction(monkeypatch):
    """In the part where it is pressed: a compiled call over all points would not hear it."""
    parts = []

    def value(h):
        parts.append(len(h))
        if len(parts) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return np.tanh(h)

    mine = activations.custom("mine", value, lambda h: 1 - np.tanh(h) ** 2)
    sol = iw.solve(iw.TwoLayerMeanField("tanh", 50), X, Y, iw.GradientDescent(0.1, 2), rng=0)
    other = iw.TwoLayerMeanField(mine, 50).bind(sol.problem.data, np.random.default_rng(0))
    parts.clear()
    monkeypatch.setattr(outlook, "PART", 10.0 * sol.state.size)
    with pytest.raises(KeyboardInterrupt):
        predict_by_parts(other, sol.state, np.zeros((1000, 3)))
    assert 6 <= len(parts) < 20


def test_a_history_predicts_at_once():
    sol = iw.solve(iw.DeepLinearMuP(2), X, Y, iw.GradientDescent(0.1, 2))
    np.testing.assert_array_equal(predict_in_time(sol.problem, sol.state, X), sol.problem.predict(sol.state, X))


def test_the_rest_of_a_method_is_as_it_was():
    """The same steps under a count that is not refused: the check changes no number."""
    few = iw.solve(NET, X, Y, iw.GradientDescent(0.1, 5), rng=0)
    many = iw.solve(NET, X, Y, replace(iw.GradientDescent(0.1, 5), steps=10**9), rng=0, save_at=range(6), callback=lambda p: p.step == 5)
    np.testing.assert_array_equal(few.outputs, many.outputs)
