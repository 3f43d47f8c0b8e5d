"""Weighted particles; and the memory that engines keep between steps: looking at a problem between the halves of a step changes nothing."""

import tracemalloc

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations
from infwidth.limits.two_layer.problem import ParticleProblem
from infwidth.solvers.data import Data

CASES = [  # activation, input dimension, outputs, engine
    ("relu", 2, 1, "SortedAngles"),
    ("relu", 3, 1, "ThinEngine"),
    ("relu", 9, 1, "BlockEngine"),
    ("relu", 9, 2, "BlockEngine"),
    ("tanh", 9, 1, "BlockEngine"),
    ("sin", 3, 1, "NumpyEngine"),
]
cases = pytest.mark.parametrize(("activation", "d", "k", "engine"), CASES)


def bind(activation, d, k, seed=0, replicas=3):
    """150 particles, 40 samples; another seed is another problem of the same shapes."""
    rng = np.random.default_rng(seed)
    data = Data.check(rng.standard_normal((40, d)), rng.standard_normal((40, k)), "squared")
    return iw.TwoLayerMeanField(activation, 150, replicas=replicas).bind(data, rng)


def train(problem, disturb=lambda state: None, steps=4):
    """Descent with something in the middle of every step: the last state, and what the evaluations said, looked at afterwards."""
    state, seen = problem.start(), []
    for step in range(steps):
        rows = None if step % 2 else np.arange(7, 31)
        evaluation, update = problem.descend(state, rows=rows)
        disturb(state)
        update(0.3)
        seen.append(evaluation)
    return state, np.concatenate([evaluation.outputs.ravel() for evaluation in seen])


def same(one, other):
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def disturbances(problem, d):
    rng = np.random.default_rng(9)
    elsewhere = rng.standard_normal(len(problem.start()))
    velocity = np.empty_like(elsewhere)
    return {
        "predict": lambda state: problem.predict(state, rng.standard_normal((40, d))),
        "predict at fewer points": lambda state: problem.predict(elsewhere, rng.standard_normal((5, d))),
        "replicas": lambda state: problem.replica_outputs(elsewhere),
        "evaluate": lambda state: problem.evaluate(elsewhere),
        "evaluate twice": lambda state: (problem.evaluate(elsewhere), problem.evaluate(state)),
        "evaluate a batch": lambda state: problem.evaluate(elsewhere, rows=np.arange(24)),
        "velocity": lambda state: problem.evaluate(elsewhere, velocity),
        "velocity of a batch": lambda state: problem.evaluate(elsewhere, velocity, rows=np.arange(24)),
        "another step": lambda state: problem.descend(elsewhere.copy())[1](0.1),
    }


@cases
@pytest.mark.parametrize("replicas", [1, 3])
def test_what_happens_between_evaluation_and_update_does_not_matter(activation, d, k, engine, replicas):
    """To the bit, as observables, callbacks and the record do it in the middle of a step."""
    problem = bind(activation, d, k, replicas=replicas)
    assert type(problem.engine).__name__ == engine
    alone = train(problem)
    assert np.abs(alone[0] - problem.start()).max() > 0.01
    same(train(problem), alone)  # the first run found no memory to use again
    for disturb in disturbances(problem, d).values():
        same(train(problem, disturb), alone)


@cases
def test_problems_that_alternate(activation, d, k, engine):
    """Two problems whose steps are interlaced, and two states of one problem, whichever is updated first."""
    for shared in (False, True):
        problems = [bind(activation, d, k)] * 2 if shared else [bind(activation, d, k, seed) for seed in (0, 1)]
        starts = [problems[0].start(), 0.5 * problems[1].start()[::-1]]

        def step(problem, state):
            evaluation, update = problem.descend(state)
            return evaluation.outputs, update

        alone = []
        for problem, start in zip(problems, starts, strict=True):
            state = start.copy()
            for _ in range(4):
                step(problem, state)[1](0.3)
            alone.append(state)
        together = [start.copy() for start in starts]
        for turn in range(4):
            updates = [step(problem, state)[1] for problem, state in zip(problems, together, strict=True)]
            for update in updates[:: 1 if turn % 2 else -1]:
                update(0.3)
        same(together, alone)


@cases
@pytest.mark.parametrize(
    "method",
    [iw.GradientDescent(0.3, 4), iw.GradientDescent(0.3, 4, batch_size=7), iw.HeavyBall(0.5, 0.5, 4), iw.Langevin(0.3, 0.1, 0.1, 4)],
)
def test_watching_a_solve_does_not_change_it(activation, d, k, engine, method):
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((40, d)), rng.standard_normal((40, k))
    model = iw.TwoLayerMeanField(activation, 60, replicas=2)
    plain = iw.solve(model, X, y, method, rng=0)

    def look(t, state, problem):
        velocity = np.empty_like(state)
        problem.evaluate(state, velocity)
        return velocity @ velocity

    watched = iw.solve(model, X, y, method, rng=0, X_test=X[:5] + 1, observables={"spent": look})
    np.testing.assert_array_equal(watched.state, plain.state)
    np.testing.assert_array_equal(watched.outputs, plain.outputs)


def test_replicas_take_the_same_memory_in_every_step():
    """No more of it for predictions and evaluations that move nothing."""
    X = np.random.default_rng(0).standard_normal((130, 6))
    sol = iw.solve(iw.TwoLayerMeanField("relu", 800, replicas=4), X, X[:, 0], iw.GradientDescent(0.1, 2), X_test=X, rng=0)
    problem, state = sol.problem, sol.state
    problem.evaluate(state, np.empty_like(state))
    memory = list(problem.engine._free)
    assert problem.engine.systems == 4 and len({id(signs) for signs in memory}) == len(memory) == 4
    problem.predict(state, X)
    problem.evaluate(state)
    problem.evaluate(state, np.empty_like(state))
    assert {id(signs) for signs in problem.engine._free} == {id(signs) for signs in memory}


def test_a_million_particles():
    """Memory is that of a few copies of the particles; one number for each particle and sample would be 33 of them."""
    particles, X = 10**6, np.random.default_rng(0).standard_normal((100, 2))
    limit = iw.TwoLayerMeanField("relu", particles)
    iw.solve(iw.TwoLayerMeanField("relu", 10), X, X[:, 0], iw.GradientDescent(0.1, 1), rng=0)  # compiled before the memory is watched
    tracemalloc.start()
    sol = iw.solve(limit, X, X[:, 0], iw.GradientDescent(0.1, 3), rng=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sol.success and sol.loss[-1] < sol.loss[0]
    assert peak < 4 * sol.state.nbytes


def test_weights_are_seen_by_the_output_and_not_by_the_velocity():
    """Two particles at one place, of weights 1 + e and 1 - e, are one of weight 1 for the outputs, and move alike."""
    rng = np.random.default_rng(8)
    data = Data.check(rng.standard_normal((7, 2)), rng.standard_normal(7))
    W, a = np.repeat(rng.standard_normal((4, 2)), 2, axis=0), np.repeat(rng.standard_normal((4, 1)), 2, axis=0)
    plain = ParticleProblem(data, activations.get("tanh"), W, a, False, None, 1, False)
    state, shift = plain.start(), np.repeat([[0.7], [-0.2], [0.0], [0.4]], 2, axis=1).ravel() * np.tile([1, -1], 4)
    velocity, weighted = np.empty_like(state), np.empty_like(state)
    split = plain.weighted(1 + shift)
    expected, found = plain.evaluate(state, velocity), split.evaluate(state, weighted)
    np.testing.assert_allclose(found.outputs, expected.outputs, rtol=1e-13)
    np.testing.assert_allclose(weighted, velocity, rtol=1e-12)
    other = plain.weighted(np.arange(8.0)).predict(state, data.X)  # by the formula
    np.testing.assert_allclose(other, np.tanh(data.X @ W.T) @ (np.arange(8.0)[:, None] * a) / 8, rtol=1e-13)


@pytest.mark.parametrize("method", [iw.GradientDescent(0.3, 12), iw.HeavyBall(0.3, 1.0, 12), iw.GradientDescent(0.3, 12, batch_size=3)])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_output_biases_by_a_frozen_sum(activation, method):
    """b' = -mean_i r_i: recorded outputs minus the bias are those of the particles, and the bias has moved by the residuals."""
    rng = np.random.default_rng(4)
    X, Y = rng.standard_normal((6, 2)), rng.standard_normal((6, 2)) + 1
    model = iw.TwoLayerMeanField(activation, 60, bias=True, replicas=2, output_bias=True)
    sol = iw.solve(
        model,
        X,
        Y,
        method,
        rng=0,
        observables={"bias": lambda t, s, p: p.output_biases(s).copy(), "f": lambda t, s, p: p.replica_outputs(s)},
    )
    biases, outputs = sol.observables["bias"], sol.observables["f"]
    assert biases.shape == (13, 2, 2) and not biases[0].any()
    if isinstance(method, iw.GradientDescent) and method.batch_size is None:
        steps = -0.3 * (outputs[:-1] - Y).mean(axis=2)
        np.testing.assert_allclose(np.diff(biases, axis=0), steps, atol=1e-13)
    assert np.abs(biases[-1]).max() > 0.1
    problem, state = sol.problem, sol.state.copy()
    problem.output_biases(state)[:] += [[1.0, 2.0], [3.0, 4.0]]
    np.testing.assert_allclose(
        problem.replica_outputs(state) - outputs[-1], np.broadcast_to([[[1.0, 2.0]], [[3.0, 4.0]]], (2, 6, 2)), atol=1e-13
    )


def test_velocity_of_output_biases_against_finite_differences():
    rng = np.random.default_rng(5)
    data = iw.solvers.Data.check(rng.standard_normal((5, 2)), rng.standard_normal(5))
    problem = iw.TwoLayerMeanField("tanh", 20, output_bias=True).bind(data, rng)
    state = problem.start() + 0.3
    velocity = np.empty_like(state)
    problem.evaluate(state, velocity)
    e = np.eye(1, len(state), len(state) - 1)[0] * 1e-6
    assert velocity[-1] == pytest.approx(-(problem.evaluate(state + e).loss - problem.evaluate(state - e).loss) / 2e-6, abs=1e-8)
    assert problem.mean_square(velocity) == pytest.approx((velocity[:-1] @ velocity[:-1]) / 20 + velocity[-1] ** 2)


def test_output_biases_have_no_closed_form_and_no_entropy():
    teacher = iw.GaussianTeacher(np.eye(2), [1.0, 1.0], "relu")
    with pytest.raises(ValueError, match="population: biases and an offset have no closed form"):
        iw.solve(iw.TwoLayerMeanField("relu", 20, population=teacher, output_bias=True), method=iw.GradientDescent(0.1, 1))
    from infwidth.limits.two_layer.diagnostics import FreeEnergy

    with pytest.raises(
        ValueError, match="observables: FreeEnergy is that of particles, an output bias has no entropy; leave output_bias out"
    ):
        iw.solve(
            iw.TwoLayerMeanField("relu", 20, output_bias=True),
            np.eye(2),
            [1.0, 0.0],
            iw.Langevin(0.1, 0.1, 0.1, 1),
            observables={"F": FreeEnergy(0.1, 0.1)},
        )
