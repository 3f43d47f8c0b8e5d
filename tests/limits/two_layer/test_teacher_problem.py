"""Particles on the population of a teacher: one-pass SGD, replicas, test outputs, stated errors."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import GaussianTeacher, activations


def test_one_pass_sgd_follows_the_population_flow():
    """At a small rate the fresh samples average out: the risk along one-pass SGD is that of population descent to O(sqrt(rate))."""
    teacher = GaussianTeacher(np.eye(3), [1.0, -1.0, 2.0], "erf")
    model = iw.TwoLayerMeanField("erf", 300, population=teacher)
    population = iw.solve(model, method=iw.GradientDescent(0.05, 200), rng=2, save_at=range(0, 201, 20))
    sampled = iw.solve(model, method=iw.GradientDescent(0.05, 200, batch_size=100), rng=2, save_at=range(0, 201, 20))
    assert population.loss[0] == sampled.loss[0]
    assert population.loss[-1] < 0.5 * population.loss[0]
    np.testing.assert_allclose(sampled.loss, population.loss, atol=0.05 * population.loss[0])
    assert (np.diff(population.loss) < 0).all()
    assert sampled.stats["batch_loss"].std() > 0


def test_replicas_on_a_population_move_alone():
    teacher = GaussianTeacher([[1.0, 0.0]], [1.0], "relu")
    both = iw.solve(iw.TwoLayerMeanField("relu", 20, population=teacher, replicas=2), method=iw.GradientDescent(0.2, 10), rng=3)
    W, a = both.problem.particles(both.problem.start())
    alone = iw.solve(
        iw.TwoLayerMeanField("relu", 10, population=teacher, initial=(W[10:], a[10:])), method=iw.GradientDescent(0.2, 10), rng=3
    )
    W_end, a_end = both.problem.particles(both.state)
    np.testing.assert_allclose(W_end[10:], alone.problem.particles(alone.state)[0], rtol=1e-12)
    assert both.loss[-1] == pytest.approx(teacher.risk(W_end, a_end), rel=1e-12)


X_TEST = np.array([[0.5, 0.5], [-2.0, 1.0], [0.0, 0.1]])


@pytest.mark.parametrize(
    "method", [iw.GradientDescent(0.5, 30), iw.GradientDescent(0.5, 30, batch_size=20), iw.Langevin(0.5, 0.0, 0.0, 30)]
)
def test_test_outputs_of_a_population(method):
    """At the saved steps, those of the formula; learning brings them near the teacher."""
    teacher = GaussianTeacher([[1.0, 1.0]], [1.0], "erf")
    sol = iw.solve(iw.TwoLayerMeanField("erf", 400, population=teacher), method=method, rng=0, save_at=[0, 30], X_test=X_TEST.tolist())
    assert sol.outputs.shape == (2, 0, 1) and sol.test_outputs.shape == (2, 3, 1) and sol.error is None
    for state, found in ((sol.problem.start(), sol.test_outputs[0]), (sol.state, sol.test_outputs[1])):
        W, a = sol.problem.particles(state)
        np.testing.assert_allclose(found, activations.get("erf").value(X_TEST @ W.T) @ a / 400, rtol=1e-12, atol=1e-15)
    gaps = np.abs(sol.test_outputs - teacher(X_TEST)).max(axis=(1, 2))
    assert gaps[1] < 0.4 * gaps[0]


def test_error_of_replicas_on_a_population_is_that_of_the_test_outputs():
    """100 runs of 8 x 50 particles: it covers the limit in 88% to 99.9% of them (s.e. .02); without test points there is none."""
    model = iw.TwoLayerMeanField("erf", 400, population=GaussianTeacher([[1.0, 1.0]], [1.0], "erf"), replicas=8)
    method = iw.GradientDescent(0.5, 5)
    limit = iw.solve(replace(model, particles=2**11, replicas=1, quasi_random=True), method=method, rng=0, save_at=[5], X_test=X_TEST)
    sols = [iw.solve(model, method=method, rng=seed, save_at=[5], X_test=X_TEST) for seed in range(100)]
    assert 0.88 < np.mean([np.abs(sol.test_outputs - limit.test_outputs).max() < sol.error[0] for sol in sols]) < 0.999
    assert iw.solve(model, method=method, rng=0, save_at=[5]).error is None


def test_flow_on_a_population_states_the_error_of_its_stepper():
    """Of the test outputs where there are some, else of the loss; a tight run is the truth."""
    model = iw.TwoLayerMeanField("erf", 50, population=GaussianTeacher([[1.0, 1.0]], [1.0], "erf"))
    exact = iw.solve(model, method=iw.GradientFlow(4.0, rtol=1e-10, atol=1e-12), rng=0, save_at=[2, 4], X_test=X_TEST)
    rough = iw.GradientFlow(4.0, rtol=1e-3)
    of_outputs = iw.solve(model, method=rough, rng=0, save_at=[2, 4], X_test=X_TEST)
    gap = np.abs(of_outputs.test_outputs - exact.test_outputs).max(axis=(1, 2))
    assert (gap < of_outputs.error).all() and (of_outputs.error < 100 * gap).all()
    coarse = iw.solve(model, method=rough.second(of_outputs.stats["steps"]), rng=0, save_at=[2, 4], X_test=X_TEST)
    moved = np.abs(coarse.test_outputs - of_outputs.test_outputs).max(axis=(1, 2))
    np.testing.assert_array_equal(of_outputs.error, 3 * np.maximum.accumulate(moved + rough.unseen))
    of_loss = iw.solve(model, method=rough, rng=0, save_at=[2, 4])
    gap = np.abs(of_loss.loss - exact.loss)
    assert (gap < of_loss.error).all() and (of_loss.error < 100 * gap).all()
    with_replicas = iw.solve(replace(model, replicas=5), method=rough, rng=0, save_at=[2, 4], X_test=X_TEST)
    discrete = iw.solve(replace(model, replicas=5), method=replace(rough, estimate_error=False), rng=0, save_at=[2, 4], X_test=X_TEST)
    assert (with_replicas.error > discrete.error).all()


def test_checkpoint_of_a_population_knows_its_test_inputs(tmp_path):
    model, method = iw.TwoLayerMeanField("erf", 5, population=GaussianTeacher([[1.0, 1.0]], [1.0], "erf")), iw.GradientDescent(0.5, 3)
    path = tmp_path / "run.npz"
    whole = iw.solve(model, method=method, rng=0, X_test=X_TEST, checkpoint=path)
    again = iw.solve(model, method=method, rng=0, X_test=X_TEST.tolist(), checkpoint=path)
    np.testing.assert_array_equal(again.test_outputs, whole.test_outputs)
    with pytest.raises(ValueError, match="belongs to a run with another data"):
        iw.solve(model, method=method, rng=0, X_test=X_TEST + 1, checkpoint=path)


def test_every_step_of_one_pass_sgd_sees_fresh_samples():
    teacher = GaussianTeacher(np.eye(2), [1.0, -1.0], "erf")
    batches = []

    class Watching(type(iw.TwoLayerMeanField("erf", 2, population=teacher).bind(None, np.random.default_rng(0)))):
        def descend(self, state, *, step=1, rows=None):
            batches.append(rows[0].copy())
            return super().descend(state, step=step, rows=rows)

    problem = iw.TwoLayerMeanField("erf", 2, population=teacher).bind(None, np.random.default_rng(0))
    problem.__class__ = Watching
    for _ in iw.GradientDescent(0.1, 5, batch_size=3).trajectory(problem, np.random.default_rng(1)):
        pass
    rows = np.concatenate([batch for batch in batches if batch is not None])
    assert len(rows) >= 15 and len(np.unique(rows, axis=0)) == len(rows)
