"""Closed-form population risk and gradients against Monte Carlo, quadrature and finite differences."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import GaussianTeacher, activations

RNG = np.random.default_rng(11)


def cloud(N, d):
    return RNG.standard_normal((N, d)), RNG.standard_normal((N, 1))


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_risk_against_quadrature_in_two_dimensions(activation):
    """A product rule on a disc: exact in the angle where relu kinks (many nodes), Gauss-Laguerre in the radius."""
    teacher = GaussianTeacher([[1.0, 0.5], [-0.3, 2.0]], [1.0, -2.0], activation)
    W, a = cloud(4, 2)
    angle = np.linspace(0, 2 * np.pi, 4001)[:-1]
    u, weight = np.polynomial.laguerre.laggauss(60)  # u = r^2 / 2 is exponential
    x = (np.sqrt(2 * u)[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)).reshape(-1, 2)
    gap = activations.get(activation).value(x @ W.T) @ a / 4 - teacher(x)
    expected = 0.5 * weight @ (gap.reshape(60, -1) ** 2).mean(axis=1)
    assert teacher.risk(W, a) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_velocity_is_minus_n_times_the_gradient(activation):
    teacher = GaussianTeacher(RNG.standard_normal((3, 4)), RNG.standard_normal(3), activation)
    W, a = cloud(5, 4)
    _, dW, da = teacher.risk_and_velocity(W, a)
    h = 1e-6
    for part, moved in ((W, dW), (a, da)):
        for i in np.ndindex(part.shape):
            keep = part[i]
            part[i] = keep + h
            up = teacher.risk(W, a)
            part[i] = keep - h
            down = teacher.risk(W, a)
            part[i] = keep
            assert moved[i] == pytest.approx(-5 * (up - down) / (2 * h), abs=1e-7)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_student_at_the_teacher_is_at_rest(activation):
    W, a = cloud(6, 3)
    risk, dW, da = GaussianTeacher(W, a, activation).risk_and_velocity(W, a)
    assert abs(risk) < 1e-14
    assert np.abs(dW).max() < 1e-12 and np.abs(da).max() < 1e-12


def test_blocks_do_not_matter(monkeypatch):
    teacher = GaussianTeacher(RNG.standard_normal((3, 2)), RNG.standard_normal(3), "relu")
    W, a = cloud(50, 2)
    whole = teacher.risk_and_velocity(W, a)
    for entries in (400, 1):  # 7 particles at once, or one whose entries are more than a block
        monkeypatch.setattr("infwidth.limits.two_layer.gaussian_teacher.BLOCK", entries)
        for found, expected in zip(teacher.risk_and_velocity(W, a), whole, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_particles_so_large_that_erf_is_a_sign():
    """K = (2 / pi) arcsin of a cosine, which rounding may bring above 1."""
    W, a = cloud(200, 3)
    risk = GaussianTeacher(1e9 * W, a, "erf").risk(1e9 * W, a)
    assert abs(risk) < 1e-7
    half = GaussianTeacher([[0.0, 1e9]], [1.0], "erf").risk(np.array([[1e9, 0.0]]), np.ones((1, 1)))
    assert half == pytest.approx(1, rel=1e-8)  # of two independent signs, (1 + 1) / 2


def test_zero_particles_are_no_trouble():
    risk, dW, _ = GaussianTeacher([[1.0, 0.0]], [1.0], "relu").risk_and_velocity(np.zeros((2, 2)), np.ones((2, 1)))
    assert np.isfinite(risk) and np.isfinite(dW).all()


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
    coarse = iw.solve(model, method=rough.coarser(), rng=0, save_at=[2, 4], X_test=X_TEST)
    moved = np.abs(coarse.test_outputs - of_outputs.test_outputs).max(axis=(1, 2))
    np.testing.assert_array_equal(of_outputs.error, np.maximum.accumulate(moved))
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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GaussianTeacher([[1.0]], [1.0], "tanh"), "'tanh' has no closed-form"),
        (lambda: GaussianTeacher([[1.0]], [1.0, 2.0], "erf"), "output_weights: need one per teacher neuron"),
        (lambda: solve_on(activation="relu"), "activation: the student's is 'relu', the teacher's 'erf'"),
        (lambda: solve_on(bias=True), "population: biases and an offset"),
        (lambda: solve_on(data=([[1.0]], [1.0])), "population: the model has its own, and X and y were given too"),
        (lambda: solve_on().predict([[1.0, 2.0]]), "X: need 1 columns"),
        (lambda: solve_on(X_test=[[1.0, 2.0]]), "X_test: need 1 columns"),
        (lambda: solve_on(X_test=[[np.nan]]), "X_test: row 0 holds NaN"),
    ],
)
def test_errors_name_the_argument(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_population_of_another_type():
    with pytest.raises(TypeError, match="population: need a GaussianTeacher, got str"):
        iw.TwoLayerMeanField("erf", 4, population="x")


def test_risk_of_a_teacher_in_single_precision_is_not_negative():
    W, a = cloud(200, 5)
    W, a = W.astype(np.float32), a.astype(np.float32)
    for activation in ("erf", "relu", "linear"):
        teacher = GaussianTeacher(W, a, activation)
        assert teacher(np.ones((1, 5))).dtype == np.float64
        assert abs(teacher.risk(W.astype(float), a.astype(float))) < 1e-15


def test_every_step_of_one_pass_sgd_sees_fresh_samples():
    teacher = GaussianTeacher(np.eye(2), [1.0, -1.0], "erf")
    batches = []

    class Watching(type(iw.TwoLayerMeanField("erf", 2, population=teacher).bind(None, np.random.default_rng(0)))):
        def descend(self, state, *, step=1, rows=None):
            batches.append(rows.copy())
            return super().descend(state, step=step, rows=rows)

    problem = iw.TwoLayerMeanField("erf", 2, population=teacher).bind(None, np.random.default_rng(0))
    problem.__class__ = Watching
    for _ in iw.GradientDescent(0.1, 5, batch_size=3).trajectory(problem, np.random.default_rng(1)):
        pass
    rows = np.concatenate([batch for batch in batches if batch is not None])
    assert len(rows) >= 15 and len(np.unique(rows, axis=0)) == len(rows)


def solve_on(activation="erf", data=(), X_test=None, **more):
    model = iw.TwoLayerMeanField(activation, 4, population=GaussianTeacher([[1.0]], [1.0], "erf"), **more)
    return iw.solve(model, *data, method=iw.GradientDescent(0.1, 1), X_test=X_test)
