"""Measures on the circle: an exact solution, conservation and dissipation, the particles' own units, rates towards particles."""

import itertools
import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.limits import CircleMeanField, GaussianTeacher
from infwidth.solvers import Data, TransportFlow, power_law
from infwidth.solvers.distances.circle import circular_wasserstein

from .circle_cases import TEACHER, plane_data, smooth


def order(errors):
    return np.log2(errors[-2] / errors[-1])


# Linear neurons: all move by one linear map of (w, a), so the measures at any time are explicit.

X3, Y3 = np.array([[1.0, 0.5], [-0.3, 1.2], [0.7, -1.0]]), np.array([1.5, -0.7, 0.9])


def linear_map(t):
    """The map P of (w, a) after time t, by its nine equations, and the outputs."""
    angles = np.linspace(-np.pi, np.pi, 401)[:-1]  # the trapezoidal rule is exact to rounding here
    circle = np.stack((np.cos(angles), np.sin(angles)))
    neurons = np.concatenate([np.vstack((circle, np.full(400, s))) for s in (1.0, -1.0)], axis=1)
    moments = (neurons * smooth(angles).ravel() * 2 * np.pi / 400) @ neurons.T

    def outputs(P):
        return X3 @ (P @ moments @ P.T)[:2, 2]

    def slope(_, flat):
        P = flat.reshape(3, 3)
        generator = np.zeros((3, 3))
        generator[:2, 2] = generator[2, :2] = (outputs(P) - Y3) @ X3 / 3
        return -(generator @ P).ravel()

    P = solve_ivp(slope, (0, t), np.eye(3).ravel(), rtol=1e-11, atol=1e-13).y[:, -1].reshape(3, 3)
    return P, outputs(P)


def linear_masses(P, grid):
    """Exact masses of the cells: the density at an angle is that of its origin, times growth, times the turning of neighbours."""
    nodes, weights = np.polynomial.legendre.leggauss(4)
    back, masses = np.linalg.inv(P), np.zeros((2, grid.cells))
    for node, weight in zip(nodes, weights, strict=True):
        angles = grid.axes[0] + grid.volumes * node / 2
        for i, s in enumerate((1.0, -1.0)):
            origin = back @ np.stack((np.cos(angles), np.sin(angles), np.full_like(angles, s)))
            turning = back @ np.stack((-np.sin(angles), np.cos(angles), np.zeros_like(angles)))
            before = origin[0] ** 2 + origin[1] ** 2
            spread = (origin[0] * turning[1] - origin[1] * turning[0]) / before
            masses[i] += weight / 2 * grid.volumes * smooth(np.arctan2(origin[1], origin[0]))[i] / before * spread
    return masses


def test_exact_solution_of_linear_neurons_is_reached_with_order_two_and_within_the_stated_error():
    P, f = linear_map(1.0)
    errors = []
    for cells in (120, 240):
        sol = iw.solve(CircleMeanField("linear", cells, initial=smooth), X3, Y3, iw.GradientFlow(1.0), save_at=[0, 1])
        measures = sol.problem.measures(sol.state)
        gap = np.abs(sol.outputs[1, :, 0] - f).max()
        errors.append([np.abs(measures - linear_masses(P, sol.problem.grid)).sum(), gap])
        assert gap <= sol.error[1] < 20 * gap
        assert measures.min() > 0 and np.abs(sol.outputs[1] - sol.outputs[0]).max() > 0.5
    assert order(np.array(errors)) == pytest.approx([2, 2], abs=0.15), errors


def test_smooth_measures_of_relu_neurons_converge_with_order_two():
    """No exact solution: the differences of three grids."""
    ends = []
    for cells in (120, 240, 480):
        model = CircleMeanField(cells=cells, initial=smooth, population=TEACHER)
        sol = iw.solve(model, method=iw.GradientFlow(1.0, rtol=1e-8, atol=1e-12, estimate_error=False), save_at=[1])
        ends.append(sol.problem.measures(sol.state).reshape(2, 60, -1).sum(axis=2))
    assert order([np.abs(b - a).sum() for a, b in itertools.pairwise(ends)]) == pytest.approx(2, abs=0.15)


def test_the_stated_error_covers_the_true_one_where_the_potential_has_kinks():
    """Order 1 on data; the reference has eight times as many cells."""
    covered = []
    for seed in range(10):
        X = np.random.default_rng(seed).standard_normal((12, 2))
        y = np.sin(2 * X[:, 0]) + X[:, 1]
        rough = iw.solve(CircleMeanField(cells=120), X, y, iw.GradientFlow(1.0), save_at=[0, 1])
        fine = iw.solve(CircleMeanField(cells=960), X, y, iw.GradientFlow(1.0, estimate_error=False), save_at=[0, 1])
        covered.append(np.abs(rough.outputs - fine.outputs).max() / rough.error[1])
    assert np.sum(np.array(covered) <= 1) >= 9 and np.median(covered) > 0.1, covered


@pytest.mark.parametrize(("phi", "bias"), [("relu", False), ("abs", True)])
def test_independent_particles_approach_it_at_rate_one_half(phi, bias):
    """Outputs, and the measure of positive neurons in Wasserstein-1."""
    X, y = plane_data()
    X = X[:, :1] if bias else X
    t, rate, replicas, sizes = 1.0, 0.004, 24, (64, 256, 1024)
    limit = iw.solve(CircleMeanField(phi, 2880, bias), X, y, iw.GradientFlow(t), save_at=[0, t])
    gaps, distances = [], []
    for N in sizes:
        model = iw.TwoLayerMeanField(phi, replicas * N, bias, initial="sphere", replicas=replicas)
        sol = iw.solve(model, X, y, iw.GradientDescent(rate, round(t / rate)), rng=N, save_at=[round(t / rate)])
        gaps.append(np.sqrt(((sol.problem.replica_outputs(sol.state) - limit.outputs[-1]) ** 2).mean(axis=(1, 2))))
        W, a = (part.reshape(replicas, N, -1) for part in sol.problem.particles(sol.state))
        row = []
        for w, positive in zip(W, a[..., 0] > 0, strict=True):
            w = w[positive]
            row.append(
                circular_wasserstein(
                    np.arctan2(w[:, 1], w[:, 0]), (w**2).sum(axis=1), limit.problem.angles, limit.problem.measures(limit.state)[0]
                )
            )
        distances.append(row)
    assert limit.error[-1] < np.mean(gaps[-1]) / 3  # the grid is fine enough to tell
    assert np.abs(limit.outputs[-1] - limit.outputs[0]).max() > 10 * np.mean(gaps[-1])
    for values in (gaps, distances):
        slope, error = power_law(sizes, values)
        assert error <= 0.05 and abs(slope + 0.5) < 2 * error, (slope, error)


def test_quasi_random_particles_agree_within_the_errors_of_grid_and_time_step():
    """N = 2^14, so that their own fluctuation is small beside both; half the rate tells the error of the Euler steps."""
    X, y = plane_data()
    limit = iw.solve(CircleMeanField(cells=1440), X, y, iw.GradientFlow(1.0), save_at=[0, 1])
    model = iw.TwoLayerMeanField("relu", 2**14, initial="sphere", quasi_random=True)
    rough, fine = (iw.solve(model, X, y, iw.GradientDescent(0.005 / k, 200 * k), rng=0, save_at=[200 * k]).outputs[0] for k in (1, 2))
    gap, tolerance = np.abs(fine - limit.outputs[1]).max(), limit.error[1] + np.abs(fine - rough).max()
    assert gap <= tolerance < 0.01 * np.abs(limit.outputs[1] - limit.outputs[0]).max()


# Symmetries


def test_turning_the_data_turns_the_measures_and_changing_their_sign_swaps_them():
    X, y = plane_data()
    cells, shift, method = 40, 7, iw.GradientFlow(1.0, estimate_error=False)
    turn = shift * 2 * np.pi / cells
    R = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    plain, turned, flipped = (
        iw.solve(CircleMeanField(cells=cells), *data, method, save_at=[1]) for data in ((X, y), (X @ R.T, y), (X, -y))
    )
    measures = plain.problem.measures(plain.state)
    assert np.ptp(measures[0]) > 0.01
    assert turned.problem.measures(turned.state) == pytest.approx(np.roll(measures, shift, axis=1), abs=1e-9)
    assert flipped.problem.measures(flipped.state) == pytest.approx(measures[::-1], abs=1e-12)


# Arguments


def solve(model, X=((1.0, 0.0), (0.0, 1.0)), y=(1.0, -1.0), method=None, **options):
    return iw.solve(model, X, y, method or iw.GradientFlow(0.1), **options)


@pytest.mark.parametrize(
    ("build", "name", "way_out"),
    [
        (lambda: CircleMeanField("tanh"), "activation", "use relu, leaky_relu or abs, or TwoLayerMeanField"),
        (lambda: CircleMeanField("nonsense"), "activation", "build others with activations.leaky_relu, .hermite, .monomial or"),
        (lambda: CircleMeanField(cells=12), "cells", "need an integer >= 16"),
        (lambda: CircleMeanField(cells=30), "cells", "take 32"),
        (lambda: CircleMeanField(initial=-1.0), "initial", "or give a function of the angle"),
        (lambda: CircleMeanField(population=TEACHER, bias=True), "population", "leave them out, or sample data from the teacher"),
        (lambda: CircleMeanField("abs", population=TEACHER), "population", "student and teacher must be relu"),
        (
            lambda: CircleMeanField(population=GaussianTeacher(np.eye(3), np.ones(3), "relu")),
            "population",
            "its teacher must live in the plane",
        ),
        (
            lambda: CircleMeanField(population=GaussianTeacher(np.eye(2), np.ones(2), "linear")),
            "population",
            "student and teacher must be relu",
        ),
        (
            lambda: iw.solve(CircleMeanField(), method=iw.GradientFlow(0.1)),
            "X",
            "give X and y, or a population=GaussianTeacher(...) to the model",
        ),
        (lambda: solve(CircleMeanField(population=TEACHER)), "X", "call solve without X and y, or leave out the population"),
        (lambda: solve(CircleMeanField(bias=True)), "X", "with bias=True the inputs are numbers, so need 1 column(s)"),
        (lambda: solve(CircleMeanField(), X=[1.0, 2.0]), "X", "the inputs lie in the plane (or on the line, with bias=True), so need"),
        (lambda: solve(CircleMeanField(), y=np.eye(2)), "y", "use TwoLayerMeanField"),
        (lambda: solve(CircleMeanField(cells=10**12)), "cells", "use fewer"),
        (lambda: solve(CircleMeanField(initial=np.cos)), "initial", "must return shape (2, 360) at 360 angles"),
        (
            lambda: solve(CircleMeanField(initial=lambda angles: -smooth(angles))),
            "initial",
            "must be non-negative, not zero on the whole circle",
        ),
        (
            lambda: solve(CircleMeanField(initial=lambda angles: smooth(angles) * [[1.0], [-0.1]])),
            "initial",
            "must be non-negative, not zero on the whole circle",
        ),
        (
            lambda: solve(CircleMeanField(initial=lambda angles: 0 * smooth(angles))),
            "initial",
            "must be non-negative, not zero on the whole circle",
        ),
        (
            lambda: solve(CircleMeanField(), method=iw.GradientDescent(0.1, 2, batch_size=1)),
            "batch_size",
            "leave batch_size out, or use TwoLayerMeanField",
        ),
        (lambda: solve(CircleMeanField(), method=iw.HeavyBall(0.1, 1.0, 2)), "method", "use GradientFlow, or particles"),
        (lambda: solve(CircleMeanField(), method=TransportFlow(1.0)), "method", "use GradientFlow for this model"),
        (
            lambda: CircleMeanField(population=TEACHER).bind(None, None).predict(np.ones(720), np.eye(3)),
            "X",
            "need 2 columns, one row per sample",
        ),
    ],
)
def test_bad_arguments_are_named(build, name, way_out):
    with pytest.raises(ValueError, match=rf"^{name}: .*{re.escape(way_out)}"):
        build()


def test_a_population_that_is_no_teacher_is_refused():
    with pytest.raises(TypeError, match=r"^population: need a GaussianTeacher, got 'relu'; .*leave it out to train on X and y"):
        CircleMeanField(population="relu")


def test_a_uniform_start_has_the_total_mass_that_was_asked_for():
    problem = CircleMeanField(cells=16, initial=3.2).bind(Data.check(*plane_data()), None)
    assert problem.measures(problem.start()) == pytest.approx(np.full((2, 16), 0.1))
    coarser = CircleMeanField(cells=32, initial=3.2).bind(problem.data, None).coarser()
    assert coarser.start() == pytest.approx(np.full(32, 0.1)) and coarser.data is problem.data


def test_a_density_is_integrated_over_each_cell():
    model = CircleMeanField(cells=16, initial=lambda angles: np.stack((1 + np.cos(angles), np.zeros_like(angles))))
    problem = model.bind(Data.check(*plane_data()), None)
    edges = problem.grid.edges[0]
    expected = np.diff(edges + np.sin(edges))
    assert problem.measures(problem.start())[0] == pytest.approx(expected, abs=1e-8)  # three Gauss points: order 6
    assert not problem.measures(problem.start())[1].any()
