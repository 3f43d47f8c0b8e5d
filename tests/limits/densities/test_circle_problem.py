"""The equations on the circle: balances, the particles' own units, the sign of masses."""

import tracemalloc

import numpy as np
import pytest
from scipy.integrate import simpson

import infwidth as iw
from infwidth.limits import CircleMeanField
from infwidth.limits.densities.circle_problem import dissipation
from infwidth.limits.densities.problem import density
from infwidth.solvers import Data
from infwidth.solvers.machine import memory
from infwidth.solvers.problem import MethodFailed

from .circle_cases import TEACHER, plane_data, smooth


def order(errors):
    return np.log2(errors[-2] / errors[-1])


def test_the_coarser_problem_is_that_of_half_the_cells():
    problem = CircleMeanField("relu", 64).bind(Data.check(*plane_data()), None).coarser()
    assert problem.grid.cells == 32 and problem.start().sum() == pytest.approx(1)


@pytest.mark.parametrize("population", [None, TEACHER])
def test_transport_keeps_mass_and_growth_is_that_of_the_equation(population):
    data = Data.check(*plane_data()) if population is None else None
    problem = CircleMeanField(cells=40, population=population).bind(data, None)
    state = np.random.default_rng(0).random(80)
    velocity = np.empty(80)
    problem.evaluate(state, velocity)
    _, V = problem.potential(state)
    positive, negative = problem.measures(state)
    change = problem.measures(velocity).sum(axis=1)
    assert change == pytest.approx([-2 * V @ positive, 2 * V @ negative], rel=1e-12)


@pytest.mark.parametrize(("population", "loss"), [(None, "squared"), (None, "logistic"), (TEACHER, "squared")])
def test_potential_is_the_derivative_of_the_loss(population, loss):
    X, y = plane_data()
    data = Data.check(X, np.sign(y), loss) if population is None else None
    problem = CircleMeanField(cells=40, population=population).bind(data, None)
    state = np.random.default_rng(1).random(80) / 40
    _, V = problem.potential(state)
    direction = np.random.default_rng(2).standard_normal(80) / 40
    rise = problem.evaluate(state + 1e-4 * direction).loss - problem.evaluate(state - 1e-4 * direction).loss
    assert np.concatenate((V, -V)) @ direction == pytest.approx(rise / 2e-4, rel=1e-6)


def test_the_loss_falls_at_the_rate_of_the_dissipation():
    """- d Loss / dt = sum over signs of the integral of V'^2 + 2 V^2, on the grid up to order two; and over a run, by Simpson's rule."""
    gaps = []
    for cells in (80, 160):
        problem = CircleMeanField(cells=cells, initial=smooth, population=TEACHER).bind(None, None)
        state, velocity = problem.start(), np.empty(2 * cells)
        problem.evaluate(state, velocity)
        _, V = problem.potential(state)
        fall = -np.concatenate((V, -V)) @ velocity
        gaps.append(abs(problem.dissipation(state) / fall - 1))
    assert order(gaps) == pytest.approx(2, abs=0.15), gaps
    times, defects = np.linspace(0, 2, 41), []
    for cells in (80, 160):
        model, watch = CircleMeanField(cells=cells, initial=smooth, population=TEACHER), {"spent": dissipation, "density": density}
        sol = iw.solve(model, method=iw.GradientFlow(2.0, estimate_error=False), save_at=times, observables=watch)
        defects.append(abs(simpson(sol.observables["spent"], x=times) / (sol.loss[0] - sol.loss[-1]) - 1))
    assert order(defects) == pytest.approx(2, abs=0.15), defects
    assert sol.observables["density"].shape == (41, 2, 160)
    assert sol.observables["density"][0] * 2 * np.pi / 160 == pytest.approx(sol.problem.measures(sol.problem.start()))


@pytest.mark.parametrize(("phi", "bias", "loss"), [("relu", False, "squared"), ("abs", True, "logistic"), ("leaky_relu", False, "squared")])
def test_atoms_at_the_cells_are_balanced_particles(phi, bias, loss):
    """One particle per cell and sign: same outputs, loss and growth, 2 a da/dt, as the particle system gives in its own time."""
    X, y = plane_data()
    X, y = (X[:, :1] if bias else X), np.sign(y)
    problem = CircleMeanField(phi, 32, bias).bind(Data.check(X, y, loss), None)
    state = np.random.default_rng(0).random(64) / 32
    radius = np.sqrt(64 * state)
    W = radius[:, None] * np.tile(np.column_stack((np.cos(problem.angles), np.sin(problem.angles))), (2, 1))
    a = np.repeat([1.0, -1.0], 32) * radius
    particles = iw.TwoLayerMeanField(phi, 64, bias, initial=(W, a[:, None])).bind(Data.check(X, y, loss), np.random.default_rng(0))
    velocity, theta = np.empty(192), particles.start()
    expected = particles.evaluate(theta, velocity)
    found, V = problem.potential(state)
    assert found.loss == pytest.approx(expected.loss, rel=1e-12) and np.allclose(found.outputs, expected.outputs, rtol=1e-12)
    assert np.allclose(problem.predict(state, X[:3]), expected.outputs[:3], rtol=1e-12)
    assert -2 * np.tile(V, 2) * np.repeat([1, -1], 32) * state == pytest.approx(2 * a * velocity[128:] / 64, rel=1e-10)


def test_population_is_that_of_the_teacher():
    model = CircleMeanField(cells=32, population=TEACHER)
    problem = model.bind(None, None)
    state = np.random.default_rng(0).random(64) / 32
    radius = np.sqrt(64 * state)
    W = radius[:, None] * np.tile(np.column_stack((np.cos(problem.angles), np.sin(problem.angles))), (2, 1))
    a = np.repeat([1.0, -1.0], 32) * radius
    risk, _, push = TEACHER.risk_and_velocity(W, a[:, None])
    found, V = problem.potential(state)
    assert found.loss == pytest.approx(risk, rel=1e-12) and found.outputs.shape == (0, 1)
    assert V == pytest.approx(-push[:32, 0] / radius[:32], abs=1e-12)
    X = np.random.default_rng(1).standard_normal((5, 2))
    assert problem.predict(state, X) == pytest.approx(np.maximum(X @ W.T, 0) @ a[:, None] / 64, rel=1e-12)


@pytest.mark.parametrize("population", [None, TEACHER])
def test_predictions_at_many_points_take_the_memory_of_some(population, monkeypatch):
    data = Data.check(*plane_data()) if population is None else None
    problem = CircleMeanField(cells=40, population=population).bind(data, None)
    state, X = np.random.default_rng(0).random(80), np.random.default_rng(1).standard_normal((53, 2))
    together = problem.predict(state, X)
    monkeypatch.setattr(memory, "PART", 400)
    assert together.shape == (53, 1) and problem.predict(state, X) == pytest.approx(together, rel=1e-13)
    tracemalloc.start()
    problem.predict(state, np.tile(X, (400, 1)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 40 * 400 * 53 / 4  # bytes of the outputs of all neurons


def test_relu_does_not_see_odd_harmonics():
    problem = CircleMeanField(cells=60).bind(Data.check(*plane_data()), None)
    state = problem.start()
    hidden = state.copy()
    problem.measures(hidden)[0] *= 1 + np.cos(3 * problem.angles)
    assert np.abs(hidden - state).max() > 0.9 * state.max()
    assert problem.evaluate(hidden).outputs == pytest.approx(problem.evaluate(state).outputs, abs=1e-15)


def test_gradient_descent_at_the_stable_rate_keeps_every_mass_non_negative():
    problem = CircleMeanField(cells=40).bind(Data.check(*plane_data()), None)
    rng, velocity, broken = np.random.default_rng(0), np.empty(80), 0
    for _ in range(50):
        state = rng.random(80) * (rng.random(80) < 0.5)
        problem.evaluate(state, velocity)
        rate = problem.stable_rate(state)
        assert (state + rate * velocity).min() >= -1e-15
        kept = state.copy()
        problem.descend(kept)[1](rate)
        assert kept.min() >= 0
        if (state + 3 * rate * velocity).min() < -1e-13:
            broken += 1
            with pytest.raises(MethodFailed, match=r"^learning_rate: .* makes a mass negative .* keeps all of them"):
                problem.descend(state)[1](3 * rate)
    assert broken > 25  # the bound is no more cautious than it must be


def test_gradient_descent_refuses_a_rate_that_makes_a_mass_negative():
    X, y = plane_data()
    model = CircleMeanField(cells=40)
    rate = model.bind(Data.check(X, y), None).stable_rate(model.bind(Data.check(X, y), None).start())
    calm = iw.solve(model, X, y, iw.GradientDescent(rate / 4, 20))
    assert calm.success and calm.state.min() >= 0 and calm.loss[-1] < calm.loss[0]
    wild = iw.solve(model, X, y, iw.GradientDescent(20 * rate, 20))
    assert not wild.success and "learning_rate" in wild.message and f"{rate:.3g}" in wild.message


@pytest.mark.parametrize("bias", [False, True])
def test_the_flow_keeps_the_sign_where_gaps_open(bias):
    X, y = plane_data(5)
    X = X[:, :1] if bias else X
    floors = {"floor": lambda t, state, problem: state.min()}
    sol = iw.solve(CircleMeanField(cells=200, bias=bias), X, y, iw.GradientFlow(20.0, estimate_error=False), observables=floors)
    assert sol.observables["floor"].min() >= -1e-9  # the absolute tolerance of the steps
    assert sol.state.min() < 1e-6 * sol.state.max()  # there are gaps
