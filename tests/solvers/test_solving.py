"""Recording, stopping, reporting."""

import signal

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers.abilities import FirstStep

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))
DESCENT = iw.GradientDescent(0.2, 20)


def test_shapes():
    net = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2), output_dim=2)
    sol = iw.solve(net, X, np.ones((3, 2)), DESCENT, rng=0, X_test=np.ones((5, 3)))
    assert sol.t.shape == sol.loss.shape == sol.step.shape == (21,)
    assert sol.outputs.shape == (21, 3, 2)
    assert sol.test_outputs.shape == (21, 5, 2)
    assert sol.predict(np.ones((4, 3))).shape == (4, 2)
    np.testing.assert_allclose(sol.t, 0.2 * np.arange(21))


def test_recorded_values_are_those_of_the_state():
    seen = []
    sol = iw.solve(NET, X, Y, DESCENT, rng=0, X_test=X + 1, callback=lambda point: seen.append(point.state.copy()))
    for i, state in enumerate(seen):
        loss, outputs = sol.problem.evaluate(state)
        assert sol.loss[i] == loss
        np.testing.assert_array_equal(sol.outputs[i], outputs)
        np.testing.assert_array_equal(sol.test_outputs[i], sol.problem.predict(state, X + 1))
    np.testing.assert_array_equal(seen[-1], sol.state)
    np.testing.assert_array_equal(sol.predict(X), sol.outputs[-1])


@pytest.mark.parametrize("model", [NET, iw.DeepLinearMuP(2), iw.DeepLinearIntegrable(2, "standard")])
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


def test_observables():
    def norms(t, state, problem):
        return [np.linalg.norm(w) for w in problem.layers(state)[0]]

    sol = iw.solve(NET, X, Y, DESCENT, rng=0, observables={"norms": norms, "time": lambda t, state, problem: t}, save_at=[0, 20])
    assert sol.observables["norms"].shape == (2, 3)
    np.testing.assert_array_equal(sol.observables["time"], sol.t)
    np.testing.assert_allclose(sol.observables["norms"][1], [np.linalg.norm(w) for w in sol.problem.layers(sol.state)[0]])


def test_seeds():
    def run(rng):
        return iw.solve(NET, X, Y, DESCENT, rng=rng).outputs

    np.testing.assert_array_equal(run(3), run(3))
    np.testing.assert_array_equal(run(np.random.default_rng(3)), run(np.random.default_rng(3)))
    sequence = np.random.SeedSequence(3)
    np.testing.assert_array_equal(run(sequence), run(sequence))
    assert np.abs(run(3) - run(4)).max() > 1e-3
    assert np.abs(run(None) - run(None)).max() > 1e-3


def test_minibatches_do_not_change_the_start():
    batches = iw.solve(NET, X, Y, iw.GradientDescent(0.2, 2, batch_size=1), rng=0)
    np.testing.assert_array_equal(batches.outputs[0], iw.solve(NET, X, Y, DESCENT, rng=0).outputs[0])


def test_callback_stops():
    sol = iw.solve(NET, X, Y, DESCENT, rng=0, callback=lambda point: point.step == 6)
    assert sol.success
    assert sol.message == "stopped by the callback at step 6"
    assert sol.step[-1] == sol.stats["steps"] == 6


def test_ctrl_c_between_and_inside_steps():
    def press(point):
        if point.step == 4:
            signal.raise_signal(signal.SIGINT)

    sol = iw.solve(NET, X, Y, DESCENT, rng=0, callback=press)
    assert not sol.success
    assert sol.message == "interrupted by Ctrl-C at step 5"
    np.testing.assert_array_equal(sol.outputs, iw.solve(NET, X, Y, DESCENT, rng=0).outputs[:6])
    np.testing.assert_array_equal(sol.predict(X), sol.outputs[-1])

    def press_twice(point):
        press(point)
        press(point)

    sol = iw.solve(NET, X, Y, DESCENT, rng=0, callback=press_twice)
    assert not sol.success
    assert "interrupted inside the step" in sol.message
    assert len(sol.t) == 5
    with pytest.raises(ValueError, match="state: there is none"):
        sol.predict(X)
    with pytest.raises(KeyboardInterrupt):  # Python's own handler is back
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("model", [NET, iw.DeepLinearMuP(2), iw.DeepLinearIntegrable(2, "standard")])
def test_divergence_stops_keeps_and_advises(model):
    sol = iw.solve(model, X, 10 * Y, iw.GradientDescent(5.0, 500), rng=0)
    assert not sol.success
    assert "diverged at step" in sol.message
    assert 1 <= len(sol.t) < 100
    assert np.isfinite(sol.outputs).all()
    for _ in range(12):  # the advice leads to a rate that works
        advice = float(sol.message.split("learning_rate=")[1])
        sol = iw.solve(model, X, 10 * Y, iw.GradientDescent(advice, 50), rng=0)
        if sol.success:
            break
    assert sol.success
    assert advice > 1e-3


def test_divergence_of_heavy_ball_and_flow():
    sol = iw.solve(NET, X, 10 * Y, iw.HeavyBall(5.0, 0.0, 500), rng=0)
    assert "try step_size=2.5" in sol.message
    runaway = iw.solve(_Explosion(), method=iw.GradientFlow(2.0))
    assert not runaway.success
    assert len(runaway.t) > 3


@pytest.mark.parametrize(
    ("losses", "steps"), [([1e4, 9e9, 1.0], 2), ([1e4, 1.1e10, 1.0], 0), ([1e-3, 9e5, 1.0], 2), ([1e-3, 1.1e6, 1.0], 0)]
)
def test_the_ceiling_is_a_million_times_the_first_loss(losses, steps):
    """DESIGN 4: loss > 1e6 max(1, loss_0) is divergence."""

    class Scripted(_Explosion):
        def start(self):
            return np.zeros(1)

        def evaluate(self, state, velocity=None, *, step=1, rows=None):
            if velocity is not None:
                velocity[:] = 1
            return losses[min(int(state[0]), 2)], state[:, None].copy()

    sol = iw.solve(Scripted(), method=iw.GradientDescent(1.0, 2))
    assert (sol.success, sol.stats["steps"]) == (steps == 2, steps)


def test_no_state_after_a_step_that_diverged_in_place():
    sol = iw.solve(NET, X, 10 * Y, iw.GradientDescent(5.0, 500), rng=0)
    assert sol.state is None
    with pytest.raises(ValueError, match=r"state: there is none at the end of this run \(diverged"):
        sol.predict(X)
    flow = iw.solve(_Explosion(), method=iw.GradientFlow(2.0))
    assert flow.state[0] == flow.outputs[-1, 0, 0]
    assert flow.error is None


def test_not_finite_at_the_start():
    sol = iw.solve(NET, 1e200 * X, 1e200 * Y, DESCENT, rng=0)
    assert not sol.success
    assert "this is the start, so rescale" in sol.message
    assert sol.outputs.shape == (0, 3, 1)
    with pytest.raises(ValueError, match="nothing was recorded"):
        sol.plot()


def test_a_stepper_that_stops():
    class Wall(_Explosion):  # the loss does not show it
        def evaluate(self, state, velocity=None, *, step=1, rows=None):
            return 1.0, super().evaluate(state, velocity)[1]

    sol = iw.solve(Wall(), method=iw.GradientFlow(2.0))
    assert not sol.success
    assert sol.message.startswith("RK45 stopped at t = 1 ")
    assert len(sol.t) > 3


@pytest.mark.parametrize("method", [DESCENT, iw.GradientDescent(0.2, 20, batch_size=2), iw.HeavyBall(0.3, 1.0, 20), iw.GradientFlow(2.0)])
@pytest.mark.parametrize("model", [NET, iw.DeepLinearMuP(2), iw.DeepLinearIntegrable(2, "standard")])
def test_watching_does_not_change_the_run(model, method):
    """Observables and callbacks may evaluate the problem anywhere."""
    if isinstance(model, iw.DeepLinearMuP) and (isinstance(method, iw.GradientFlow) or getattr(method, "batch_size", None)):
        return  # refused: see test_malformed

    def elsewhere(t, state, problem):
        if not hasattr(problem, "start"):
            return problem.predict(state, X + 1).sum()
        other = problem.start() + 1
        return problem.predict(other, X).sum() + problem.evaluate(other, np.empty_like(other)).loss

    alone = iw.solve(model, X, Y, method, rng=0)
    watched = iw.solve(model, X, Y, method, rng=0, observables={"elsewhere": elsewhere})
    assert np.abs(alone.outputs[-1] - alone.outputs[0]).max() > 0.1
    np.testing.assert_array_equal(watched.outputs, alone.outputs)
    if alone.state is not None and isinstance(alone.state, np.ndarray):
        np.testing.assert_array_equal(watched.state, alone.state)


def test_a_flow_stopped_before_its_first_saved_time():
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0, save_at=[1.0], callback=lambda point: point.t > 0.1)
    assert sol.success
    assert sol.error is None
    assert sol.outputs.shape == (0, 3, 1)


def test_ctrl_c_in_the_error_estimate(monkeypatch):
    from infwidth.solvers import solving

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(solving, "refinement_error", interrupted)
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0)
    assert sol.error is None
    assert "the error estimate was not finished (interrupted by Ctrl-C)" in sol.message
    assert sol.stats["interrupted"]


def test_a_handler_of_the_user_stays():
    received = []
    signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        mine = signal.getsignal(signal.SIGINT)
        sol = iw.solve(NET, X, Y, DESCENT, rng=0, callback=lambda point: signal.raise_signal(signal.SIGINT) if point.step == 3 else None)
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert sol.success
    assert received == [signal.SIGINT]


def test_rows_are_kept_whole():
    def fails(t, state, problem):
        if t > 0.3:
            raise RuntimeError("mine")
        return t

    with pytest.raises(RuntimeError, match="mine") as caught:
        iw.solve(NET, X, Y, DESCENT, rng=0, X_test=X, observables={"a": fails, "b": lambda t, s, p: t})
    sol = caught.value.solution
    assert len(sol.t) == len(sol.outputs) == len(sol.test_outputs) == len(sol.observables["a"]) == len(sol.observables["b"]) == 2


def test_model_and_method_draw_from_different_streams():
    from infwidth.solvers.running.streams import streams

    for rng in (0, np.random.SeedSequence(0), np.random.default_rng(0)):
        one, two = streams(rng)
        assert one.random() != two.random()


def test_predict_keeps_the_dtype_of_the_data():
    sol = iw.solve(NET, X.astype(np.float32), Y, DESCENT, rng=0)
    assert sol.predict(X).dtype == np.float32


class _Explosion(FirstStep):
    """dz/dt = z^2 from 1: infinite at t = 1."""

    data = None
    coordinates = "parameters"
    first_step = False

    def bind(self, data, rng):
        return self

    def start(self):
        return np.ones(1)

    def evaluate(self, state, velocity=None, *, step=1, rows=None):
        if velocity is not None:
            velocity[:] = state**2
        return float(state[0]), state[:, None].copy()

    def predict(self, state, X):
        return X * state


def test_errors_of_the_user_carry_the_solution():
    def fails(point):
        if point.step == 3:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as caught:
        iw.solve(NET, X, Y, DESCENT, rng=0, callback=fails)
    assert len(caught.value.solution.t) == 4
    assert "`solution`" in caught.value.__notes__[0]


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
    with pytest.raises(ValueError, match="save_at"):
        iw.solve(NET, X, Y, DESCENT, rng=0, X_test=X)


def test_progress_bar(capsys):
    iw.solve(NET, X, Y, DESCENT, rng=0, progress=True)
    assert "20/20" in capsys.readouterr().err
    iw.solve(NET, X, Y, iw.GradientFlow(1.0, estimate_error=False), rng=0, progress=True)
    assert "100%" in capsys.readouterr().err


def test_population_problems_need_no_data():
    sol = iw.solve(_Explosion(), method=iw.GradientDescent(0.01, 10))
    assert sol.outputs.shape == (11, 1, 1)


def test_block_mode_limits_blas_to_one_thread():
    from threadpoolctl import threadpool_info, threadpool_limits

    class Watched(_Explosion):
        threads = "block"

        def evaluate(self, *arguments, **options):
            self.pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
            return super().evaluate(*arguments, **options)

    model = Watched()
    with threadpool_limits(2, "blas"):
        iw.solve(model, method=iw.GradientDescent(0.01, 1))
        after = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    assert set(model.pools) == {1}
    assert len(model.pools) == 2  # numpy's and scipy's
    assert after == {2}
