from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable, activations
from infwidth.limits.integrable.germ import Germ
from infwidth.limits.integrable.history import HistoryProblem, history_bytes
from infwidth.limits.integrable.neurons import NeuronProblem
from infwidth.limits.integrable.nonlinear import SCHEMES
from infwidth.limits.integrable.start import Setting
from infwidth.limits.integrable.systems import Histories

from .runs import Bound

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3))
Y = RNG.standard_normal((4, 2))
METHODS = [iw.GradientDescent(0.4, 10, first_learning_rate=1.5), iw.HeavyBall(0.5, 0.8, 10, first_learning_rate=1.0)]


def both(scheme, L, activation, data, N=40):
    """Matrices and factors of the same start."""
    phi = activations.get(activation)
    bias_std = (0.8,) * L if scheme == "bias" else None
    setting = Setting(data, L, N, phi, Germ.of(phi), (1.3,) * (L + 1), bias_std, True, np.random.default_rng(1))
    start = SCHEMES[scheme](setting)
    first_step = scheme in ("large_lr", "bias")
    return NeuronProblem(data, phi, setting.germ, start, first_step), HistoryProblem(data, phi, setting.germ, start)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("y", "loss"), [(Y, "squared"), (np.arange(4) % 3, "cross_entropy")])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize(
    ("scheme", "L"), [("naive", 1), ("naive", 2), ("large_lr", 1), ("large_lr", 3), ("bias", 1), ("bias", 3), ("non_centered", 2)]
)
def test_factors_are_the_matrices(scheme, L, activation, y, loss, method):
    data = iw.solvers.Data.check(X, y, loss)
    a, b = (iw.solve(Bound(p), X, y, method, loss=loss, X_test=X[:2] + 1) for p in both(scheme, L, activation, data))
    scale = np.abs(a.outputs).max()
    assert scale > 1e-3
    np.testing.assert_allclose(b.outputs / scale, a.outputs / scale, atol=1e-12)
    np.testing.assert_allclose(b.test_outputs / scale, a.test_outputs / scale, atol=1e-12)
    np.testing.assert_allclose(b.loss, a.loss, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_runs_resume_to_the_same_bits(method, activation, tmp_path):
    model = DeepIntegrable(3, activation, 80, kernels="factored", replicas=2)
    whole = iw.solve(model, X, Y, method, rng=5)
    options = {"rng": 5, "checkpoint": tmp_path / "run", "checkpoint_seconds": 0}
    iw.solve(model, X, Y, method, callback=lambda point: point.step == 4, **options)
    resumed = iw.solve(model, X, Y, method, **options)
    np.testing.assert_array_equal(resumed.outputs, whole.outputs)
    np.testing.assert_array_equal(resumed.predict(X + 1), whole.predict(X + 1))
    again = iw.solve(model, X, Y, method, **options)  # finished: read back
    np.testing.assert_array_equal(again.predict(X + 1), whole.predict(X + 1))
    whole.save(tmp_path / "end")
    back = iw.Solution.load(tmp_path / "end", problem=model.bind(iw.solvers.Data.check(X, Y), iw.solvers.running.streams.streams(5)[0]))
    np.testing.assert_array_equal(back.predict(X + 1), whole.predict(X + 1))


def test_memory_is_refused_beforehand():
    model = DeepIntegrable(3, "tanh", 400_000, kernels="factored")
    calls = []
    with pytest.raises(
        ValueError, match=r"neurons: 1001 times of 4 samples take 64\.1 GB as factors, more than 4 GB; lower neurons or steps"
    ):
        iw.solve(model, X, Y, iw.GradientDescent(0.1, 1000), callback=calls.append)
    assert not calls
    assert history_bytes(3, 400_000, 4, 1001, 8) == 5 * 400_000 * 4 * 1001 * 8


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (iw.GradientFlow(1.0), "first_learning_rate: this parameterization starts with one large step"),
        (iw.GradientFlow(1.0, stepper="Radau", first_learning_rate=1.0), "stepper: 'Radau' needs a state"),
        (iw.HeavyBall(0.1, 1.0, 3), "first_learning_rate: this parameterization starts with one large step"),
        (iw.Langevin(0.1, 1.0, 0.1, 3), "noise on the parameters of a network is not noise on the history"),
    ],
)
def test_methods_that_need_matrices_are_refused(method, message):
    with pytest.raises(ValueError, match=message):
        iw.solve(DeepIntegrable(2, "tanh", 40, kernels="factored"), X, Y, method, save_at=[0, 1])


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize(("scheme", "L"), [("naive", 2), ("large_lr", 1), ("large_lr", 3), ("bias", 3), ("non_centered", 2)])
def test_minibatches_and_flows_too(scheme, L, activation):
    data = iw.solvers.Data.check(X, Y)
    batches = iw.GradientDescent(0.4, 10, batch_size=2, first_learning_rate=1.5)
    a, b = (iw.solve(Bound(p), X, Y, batches, X_test=X[:2] + 1, rng=3) for p in both(scheme, L, activation, data))
    scale = np.abs(a.outputs).max()
    assert scale > 1e-3
    np.testing.assert_allclose(b.outputs / scale, a.outputs / scale, atol=1e-12)
    np.testing.assert_allclose(b.test_outputs / scale, a.test_outputs / scale, atol=1e-12)
    np.testing.assert_allclose(b.stats["batch_loss"], a.stats["batch_loss"], atol=1e-12)


@pytest.mark.parametrize(("scheme", "L"), [("naive", 2), ("large_lr", 3), ("bias", 2)])
def test_flows_are_those_of_the_matrices(scheme, L):
    data = iw.solvers.Data.check(X, Y)
    flow = iw.GradientFlow(1.0, rtol=1e-8, atol=1e-10, first_learning_rate=1.0, estimate_error=False)
    dense, factored = both(scheme, L, "tanh", data)
    pair = dense, Histories([factored], dense.first_step)
    a, b = (iw.solve(Bound(p), X, Y, flow, save_at=[0, 0.3, 1.0]) for p in pair)
    assert np.abs(a.outputs[2] - a.outputs[0]).max() > 1e-2
    np.testing.assert_allclose(b.outputs, a.outputs, atol=1e-7)


def test_a_flow_states_its_error_and_resumes(tmp_path):
    model = DeepIntegrable(2, "tanh", 80, kernels="factored", replicas=2)
    flow = iw.GradientFlow(3.0, rtol=1e-3, first_learning_rate=1.0)
    whole = iw.solve(model, X, Y, flow, rng=5)
    alone = iw.solve(model, X, Y, replace(flow, rtol=1e-8, estimate_error=False), rng=5, save_at=[0, 3.0])
    bare = iw.solve(model, X, Y, replace(flow, estimate_error=False), rng=5)
    assert np.abs(whole.outputs[-1] - alone.outputs[-1]).max() < whole.error[-1] - bare.error[-1] < 1e-2  # beside the Monte-Carlo error
    options = {"rng": 5, "checkpoint": tmp_path / "run", "checkpoint_seconds": 0}
    iw.solve(model, X, Y, flow, callback=lambda point: point.step == 2, **options)
    np.testing.assert_array_equal(iw.solve(model, X, Y, flow, **options).outputs, whole.outputs)


def test_minibatches_resume_to_the_same_bits(tmp_path):
    model, method = DeepIntegrable(3, "tanh", 80, kernels="factored"), iw.GradientDescent(0.4, 9, batch_size=2, first_learning_rate=1.5)
    whole = iw.solve(model, X, Y, method, rng=5)
    options = {"rng": 5, "checkpoint": tmp_path / "run", "checkpoint_seconds": 0}
    iw.solve(model, X, Y, method, callback=lambda point: point.step == 4, **options)
    np.testing.assert_array_equal(iw.solve(model, X, Y, method, **options).outputs, whole.outputs)
    whole.save(tmp_path / "end")
    back = iw.Solution.load(tmp_path / "end", problem=model.bind(iw.solvers.Data.check(X, Y), iw.solvers.running.streams.streams(5)[0]))
    np.testing.assert_array_equal(back.predict(X + 1), whole.predict(X + 1))


def test_minibatches_need_all_signs():
    with pytest.raises(ValueError, match="batch_size: with relu the signs of vanishing fields are needed on all neurons"):
        iw.solve(DeepIntegrable(2, "relu", 40, kernels="factored"), X, Y, iw.GradientDescent(0.1, 3, batch_size=2))


def test_a_history_that_grows_too_long_ends(monkeypatch):
    monkeypatch.setattr("infwidth.limits.integrable.history.LARGEST", 40_000.0)
    flow = iw.GradientFlow(5.0, first_learning_rate=1.0, estimate_error=False)
    sol = iw.solve(DeepIntegrable(2, "tanh", 40, kernels="factored"), X, Y, flow)
    assert not sol.success and "the history takes" in sol.message and len(sol.t) > 1


def test_coefficients_of_another_number_of_steps_are_refused():
    problem = both("large_lr", 2, "tanh", iw.solvers.Data.check(X, Y))[1]
    with pytest.raises(ValueError, match=r"weights: need one coefficient per past step, shape \(0,\), got \(2,\)"):
        problem.extend(np.ones(2))
