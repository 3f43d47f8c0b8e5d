"""What a run keeps: every step or those asked for, observables, whole rows, within the memory."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers.machine import memory

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))
DESCENT = iw.GradientDescent(0.2, 20)


@pytest.mark.parametrize("model", [NET, iw.DeepLinearMuP(2), iw.DeepLinearIntegrable(2, "naive")])
def test_save_at_steps_picks_from_the_full_record(model):
    every = iw.solve(model, X, Y, DESCENT, rng=0)
    some = iw.solve(model, X, Y, DESCENT, rng=0, save_at=[20, 3, 3, 0])
    np.testing.assert_array_equal(some.step, [0, 3, 20])
    np.testing.assert_array_equal(some.outputs, every.outputs[[0, 3, 20]])


def test_save_at_leaves_the_final_state_alone():
    some = iw.solve(NET, X, Y, DESCENT, rng=0, save_at=[4])
    np.testing.assert_array_equal(some.state, iw.solve(NET, X, Y, DESCENT, rng=0).state)
    assert some.t.tolist() == [0.8]
    assert some.stats["steps"] == 20


def test_flows_record_every_step_or_the_times_asked_for():
    flow = iw.GradientFlow(2.0)
    every = iw.solve(NET, X, Y, flow, rng=0)
    assert every.t[0] == 0
    assert every.t[-1] == 2
    assert len(every.t) == every.stats["steps"] + 1 == len(every.error)
    some = iw.solve(NET, X, Y, flow, rng=0, save_at=[0, 0.5, every.t[3], 2])
    np.testing.assert_array_equal(some.outputs[some.t == every.t[3]], every.outputs[[3]])
    np.testing.assert_array_equal(some.outputs[-1], every.outputs[-1])
    assert some.step[0] == 0


def test_a_time_that_is_the_end_but_for_rounding():
    times = 0.1 * np.arange(4)
    assert times[-1] > 0.3
    assert iw.solve(NET, X, Y, iw.GradientFlow(0.3), rng=0, save_at=times).t.tolist() == [0, 0.1, 0.2, 0.3]
    with pytest.raises(ValueError, match=r"save_at: 0\.3000000001 lies beyond t_end=0\.3; lower it or raise t_end"):
        iw.solve(NET, X, Y, iw.GradientFlow(0.3), rng=0, save_at=[0.3 + 1e-10])


def test_observables():
    def norms(t, state, problem):
        return [np.linalg.norm(w) for w in problem.layers(state)[0]]

    sol = iw.solve(NET, X, Y, DESCENT, rng=0, observables={"norms": norms, "time": lambda t, state, problem: t}, save_at=[0, 20])
    assert sol.observables["norms"].shape == (2, 3)
    np.testing.assert_array_equal(sol.observables["time"], sol.t)
    np.testing.assert_allclose(sol.observables["norms"][1], [np.linalg.norm(w) for w in sol.problem.layers(sol.state)[0]])


def test_rows_are_kept_whole():
    def fails(t, state, problem):
        if t > 0.3:
            raise RuntimeError("mine")
        return t

    with pytest.raises(RuntimeError, match="mine") as caught:
        iw.solve(NET, X, Y, DESCENT, rng=0, X_test=X, observables={"a": fails, "b": lambda t, s, p: t})
    sol = caught.value.solution
    assert len(sol.t) == len(sol.outputs) == len(sol.test_outputs) == len(sol.observables["a"]) == len(sol.observables["b"]) == 2


def test_memory_is_refused_by_name(monkeypatch):
    from infwidth.solvers.running import recorder

    monkeypatch.setattr(recorder, "LARGEST_RECORD", 400)
    with pytest.raises(ValueError, match="save_at: keeping every step would take"):
        iw.solve(NET, X, Y, DESCENT, rng=0)
    flow = iw.solve(NET, X, Y, iw.GradientFlow(2.0, rtol=1e-9), rng=0)  # its steps are not known beforehand
    assert not flow.success
    assert "save_at" in flow.message
    assert len(flow.t) == 400 // 24  # rows of 3 outputs
    assert iw.solve(NET, X, Y, DESCENT, rng=0, save_at=[0, 20]).success
    monkeypatch.setattr(recorder, "LARGEST_RECORD", 21 * 24)
    assert iw.solve(NET, X, Y, DESCENT, rng=0).success
    with pytest.raises(ValueError, match=r"^save_at: keeping every step would take .*; give the steps or times to save"):
        iw.solve(NET, X, Y, DESCENT, rng=0, X_test=X)


def test_explicit_points_that_do_not_fit_are_refused_before_the_second(monkeypatch):
    """Of 500 points with 3 outputs of 8 bytes, more than the model itself takes."""
    monkeypatch.setattr(memory, "available", lambda: 500 * 3 * 8 - 1)
    seen, method = [], iw.GradientDescent(0.1, 999)
    with pytest.raises(ValueError, match=r"^save_at: what 500 saved points keep would take .* give fewer"):
        iw.solve(iw.DeepLinearIntegrable(1), np.eye(3), np.ones(3), method, save_at=range(0, 1000, 2), callback=seen.append)
    assert not seen


def test_an_observable_that_changes_the_state_is_refused_by_name():
    """It would train another network. What it did is undone: the partial solution is that of the run without it."""

    def greedy(t, state, problem):
        state *= 0.5
        return float(state[0])

    with pytest.raises(ValueError, match=r"^observables\['greedy'\]: changed the state that it was given; work on a copy") as caught:
        iw.solve(NET, X, Y, DESCENT, rng=0, observables={"greedy": greedy}, save_at=[3])
    plain = iw.solve(NET, X, Y, iw.GradientDescent(DESCENT.learning_rate, 3), rng=0)
    np.testing.assert_array_equal(caught.value.solution.state if caught.value.solution.state is not None else plain.state, plain.state)
    fine = iw.solve(NET, X, Y, DESCENT, rng=0, observables={"mine": lambda t, state, problem: greedy(t, state.copy(), problem)})
    np.testing.assert_array_equal(fine.outputs, iw.solve(NET, X, Y, DESCENT, rng=0).outputs)
