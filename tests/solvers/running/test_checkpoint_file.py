"""The checkpoint of a run: resumed to the same bits, refused to another run, written when due."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import checkpoint
from infwidth.solvers.running.fingerprint import fingerprint

X, Y = np.eye(2), np.array([1.0, -1.0])
NET = iw.Network(2, 1, 8, "tanh", iw.Parameterization.mup(1))


@pytest.mark.parametrize("kills", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_kill_at_random_moments(kills):
    """Of six kinds of runs, each at a random step and anywhere in it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # forking with BLAS threads is not safe
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(iw.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    script = Path(__file__).with_name("killed_runs.py")
    done = subprocess.run([sys.executable, script, str(kills)], capture_output=True, text=True, env=environment, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("resumed to the same bits") == kills


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"method": iw.GradientDescent(0.2, 5)}, "method"),
        ({"y": -Y}, "data"),
        ({"rng": 1}, "rng"),
        ({"save_at": [0, 5]}, "save_at"),
        ({"model": iw.Network(2, 1, 8, "relu", iw.Parameterization.mup(1))}, "model"),
        ({"model": iw.Network(2, 1, 8, "tanh", iw.Parameterization.ntk(1))}, "model"),
        ({"loss": "logistic"}, "data"),
        ({"observables": {"t": lambda t, state, problem: t}}, "observables"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change, named):
    call = {"model": NET, "X": X, "y": Y, "method": iw.GradientDescent(0.1, 5), "rng": 0}
    path = tmp_path / "run"
    iw.solve(**call, checkpoint=path)
    with pytest.raises(ValueError, match=f"belongs to a run with another {named}"):
        iw.solve(**{**call, **change}, checkpoint=path)


def _scaled(scale):
    return lambda t, state, problem: scale * t


def test_another_lambda_is_another_run(tmp_path):
    call = {"model": NET, "X": X, "y": Y, "method": iw.GradientDescent(0.1, 5), "rng": 0, "checkpoint": tmp_path / "run"}
    functions = [lambda t, state, problem: t, lambda t, state, problem: -t, *((lambda t, s, p, k=k: k * t) for k in (2, 3))]
    captured = [_scaled(2.0), _scaled(3.0)]
    prints = [fingerprint({"a": f}) for f in (functions[0], functions[1], *captured)]
    assert len(set(prints)) == 4
    iw.solve(**call, observables={"a": functions[0]})
    with pytest.raises(ValueError, match="another observables"):
        iw.solve(**call, observables={"a": functions[1]})
    same = iw.solve(**call, observables={"a": lambda t, state, problem: t})
    np.testing.assert_array_equal(same.observables["a"], same.t)


def test_an_observable_that_has_changed_is_another_and_one_made_anew_is_not(tmp_path):
    class Seen:
        def __init__(self):
            self.times = []

        def __call__(self, t, state, problem):
            self.times.append(t)
            return t

    used = Seen()
    call = {"model": NET, "X": X, "y": Y, "rng": 0, "checkpoint": tmp_path / "run"}
    iw.solve(**call, method=iw.GradientDescent(0.1, 3), observables={"a": used})
    with pytest.raises(ValueError, match="another observables; observables that remember what they have seen begin anew: make them again;"):
        iw.solve(**call, method=iw.GradientDescent(0.1, 5), observables={"a": used})
    sol = iw.solve(**call, method=iw.GradientDescent(0.1, 5), observables={"a": Seen()})
    np.testing.assert_array_equal(sol.observables["a"], sol.t)


def test_what_counts_as_the_same_seed(tmp_path):
    call = {"model": NET, "X": X, "y": Y, "method": iw.GradientFlow(1.0), "checkpoint": tmp_path / "run"}
    sequence = np.random.SeedSequence(3)
    sequence.spawn(2)  # a sequence that was spawned from gives the same run
    first = iw.solve(**call, rng=3)
    for same in (np.int64(3), sequence, np.random.SeedSequence(3)):
        again = iw.solve(**call, rng=same)
        np.testing.assert_array_equal(again.outputs, first.outputs)
        np.testing.assert_array_equal(again.error, first.error)
    for other in (4, np.random.SeedSequence(3, spawn_key=(1,)), np.random.default_rng(3)):
        with pytest.raises(ValueError, match="another rng"):
            iw.solve(**call, rng=other)


def test_a_generator_that_went_on_is_another_seed(tmp_path):
    call = {"model": NET, "X": X, "y": Y, "method": iw.GradientDescent(0.1, 5), "checkpoint": tmp_path / "run"}
    generator = np.random.default_rng(3)
    first = iw.solve(**call, rng=generator)
    with pytest.raises(ValueError, match="another rng"):  # it would bind other weights now
        iw.solve(**call, rng=generator)
    np.testing.assert_array_equal(iw.solve(**call, rng=np.random.default_rng(3)).outputs, first.outputs)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda stored: stored["record"]["arrays"]["outputs"].fill(np.nan), "outputs of its record is not finite"),
        (lambda stored: stored["resume"]["stepper"].update(h_abs="a"), "cannot be resumed"),
    ],
)
def test_what_the_next_step_finds_damaged_is_told_by_the_name_of_the_file(tmp_path, change, named):
    path = tmp_path / "run"
    net, flow = iw.Network(3, 1, 8, "tanh", iw.Parameterization.mup(1)), iw.GradientFlow(2.0)
    go = lambda **options: iw.solve(net, np.eye(3), [1.0, -1.0, 2.0], flow, rng=0, checkpoint=path, checkpoint_seconds=0, **options)  # noqa: E731
    go(callback=lambda point: point.step == 2)
    stored = checkpoint.read(path)
    change(stored)
    checkpoint.write(path, stored)
    with pytest.raises(ValueError, match=f"^checkpoint: .*{named}.*delete it to start anew"):
        go()


def test_written_when_due_and_not_between(tmp_path, monkeypatch):
    from infwidth.solvers.running import checkpoint_file

    now = [0.0]
    monkeypatch.setattr(checkpoint_file.time, "monotonic", lambda: now[0])
    written = []
    monkeypatch.setattr(checkpoint_file.checkpoint, "write", lambda path, content: written.append(content.get("resume", {}).get("step")))

    def tick(point):
        now[0] += 4.0

    iw.solve(NET, X, Y, iw.GradientDescent(0.1, 8), rng=0, callback=tick, checkpoint=tmp_path / "run", checkpoint_seconds=10)
    assert written == [2, 5, 8, 8]  # every third step of 4 s, and the end


def test_the_ceiling_of_divergence_survives_a_resume(scripted, tmp_path):
    path = tmp_path / "run"
    losses = [1e4, 1.0, 1e7, 1e8, 1.0, 1.0]
    call = {"model": scripted(losses), "method": iw.GradientDescent(1.0, 5), "rng": 0, "save_at": [5], "checkpoint": path}
    part = iw.solve(**call, callback=lambda point: point.step == 1)
    assert "stopped by the callback" in part.message
    rest = iw.solve(**call)
    assert rest.success, rest.message
    assert rest.loss.tolist() == [1.0]


def test_interrupted_and_resumed(tmp_path):
    """Ctrl-C keeps what was computed; the same call goes on from there."""
    import signal

    method = iw.GradientDescent(0.1, 20)
    whole = iw.solve(NET, X, Y, method, rng=0)

    def press(point):
        if point.step == 7:
            signal.raise_signal(signal.SIGINT)

    path = tmp_path / "run"
    part = iw.solve(NET, X, Y, method, rng=0, checkpoint=path, callback=press)
    assert path.exists()  # although no checkpoint was due by the clock
    assert not part.success
    assert part.message == "interrupted by Ctrl-C at step 8"
    np.testing.assert_array_equal(part.outputs, whole.outputs[:9])
    assert part.step[-1] == part.stats["steps"] == 8
    rest = iw.solve(NET, X, Y, method, rng=0, checkpoint=path)
    assert rest.success
    np.testing.assert_array_equal(rest.outputs, whole.outputs)
    np.testing.assert_array_equal(rest.state, whole.state)


def test_checkpoint_needs_a_seed_and_an_explicit_stepper(tmp_path):
    with pytest.raises(ValueError, match="rng: a run that can be resumed needs a seed"):
        iw.solve(NET, X, Y, iw.GradientDescent(0.1, 5), checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match="explicit stepper"):
        iw.solve(NET, X, Y, iw.GradientFlow(1.0, stepper="Radau"), rng=0, checkpoint=tmp_path / "run")


def test_a_flow_goes_on_from_a_step_that_passed_a_saved_time(tmp_path):
    """What was saved inside the step is not what the state at its end gives."""
    file, whole = tmp_path / "run", iw.GradientFlow(4.0, estimate_error=False)
    call = {"model": NET, "X": X, "y": Y, "method": whole, "rng": 0, "save_at": [0.0, 1.9, 4.0]}
    undisturbed = iw.solve(**call)
    partial = iw.solve(**call, checkpoint=file, callback=lambda point: point.t > 1.9)
    assert partial.t[-1] > 1.9 and len(partial.t) == 3
    resumed = iw.solve(**call, checkpoint=file)
    assert resumed.t.tolist() == [0.0, 1.9, 4.0]
    np.testing.assert_array_equal(resumed.outputs, undisturbed.outputs)
