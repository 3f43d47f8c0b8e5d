"""Densities of the neurons of a network, with data: against particles, finite differences and stated errors."""

import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.limits import DensityMeanField, InteractionMeanField, activations
from infwidth.limits.densities.mean_field import ridge
from infwidth.solvers import Grid, TransportFlow, wasserstein_to_particles


def order(errors):
    return np.log2(errors[-2] / errors[-1])


def square(x):
    return (x**2).sum(axis=1) / 2


def gaussian(mean, variance):
    return lambda x: np.exp(-((x - mean) ** 2).sum(axis=1) / 2 / variance)


def teacher_data(n, inputs, seed=5):
    X = np.random.default_rng(seed).standard_normal((n, inputs))
    return X, np.tanh(1.5 * X[:, 0]) * 0.8


def finite_network(unit, phi, theta0, X, y, t):
    """Particles of equal weight by scipy, from scratch: theta' = -N d Loss / d theta."""

    def features(theta):
        if unit == "w":
            return phi.value(X @ theta.T), None
        if unit == "wb":
            return phi.value(X @ theta[:, :-1].T + theta[:, -1]), None
        return theta[:, 0] * phi.value(X @ theta[:, 1:].T), None

    def slope(_, flat):
        theta = flat.reshape(theta0.shape)
        residual = (features(theta)[0].mean(axis=1) - y) / len(y)
        if unit == "aw":
            h = X @ theta[:, 1:].T
            back = residual[:, None] * theta[:, 0] * phi.derivative(h)
            return -np.column_stack((residual @ phi.value(h), back.T @ X)).ravel()
        h = X @ theta.T if unit == "w" else X @ theta[:, :-1].T + theta[:, -1]
        back = residual[:, None] * phi.derivative(h)
        return -(back.T @ (X if unit == "w" else np.column_stack((X, np.ones(len(X)))))).ravel()

    theta = solve_ivp(slope, (0, t), theta0.ravel(), rtol=1e-8, atol=1e-10).y[:, -1].reshape(theta0.shape)
    return theta, features(theta)[0].mean(axis=1)


def test_one_weight_per_neuron_against_particles_and_the_stated_error():
    X, y = teacher_data(40, 1)
    phi = activations.get("tanh")
    from scipy import stats

    start = stats.norm(0.3, 0.4).ppf((np.arange(8000) + 0.5) / 8000)[:, None]
    theta, f = finite_network("w", phi, start, X, y, 6.0)
    errors = []
    for cells in (50, 100, 200):
        model = DensityMeanField(Grid.uniform(-3, 4, cells), gaussian(0.3, 0.16), phi)
        sol = iw.solve(model, X, y, TransportFlow(6.0), save_at=[0, 6], X_test=X[:3])
        gap = np.abs(sol.outputs[1, :, 0] - f).max()
        assert gap <= sol.error[1] <= 25 * gap
        assert np.allclose(sol.predict(X), sol.outputs[-1], atol=1e-14) and np.allclose(sol.test_outputs, sol.outputs[:, :3])
        errors.append(wasserstein_to_particles(sol.problem.grid, sol.state, theta))
    assert order(errors) == pytest.approx(2, abs=0.15), errors
    assert sol.loss[1] == pytest.approx(np.mean((f - y) ** 2) / 2, rel=1e-3)


@pytest.mark.parametrize(("unit", "name", "loss"), [("aw", "tanh", "squared"), ("wb", "erf", "squared"), ("w", "sin", "squared")])
def test_two_parameters_per_neuron_against_particles(unit, name, loss):
    X, y = teacher_data(25, 2 if unit == "w" else 1)
    phi = activations.get(name)
    from scipy import stats

    quantiles = stats.norm(0, 0.5).ppf((np.arange(60) + 0.5) / 60)
    start = np.stack(np.meshgrid(quantiles + 0.5, quantiles, indexing="ij"), axis=-1).reshape(-1, 2)
    _, f = finite_network(unit, phi, start, X, y, 3.0)
    model = DensityMeanField(
        Grid.uniform((-2.5, -3), (3.5, 3), (96, 96)), lambda p: np.exp(-2 * ((p - [0.5, 0]) ** 2).sum(axis=1)), phi, unit
    )
    sol = iw.solve(model, X, y, TransportFlow(3.0, estimate_error=False), save_at=[0, 3], loss=loss)
    assert np.abs(sol.outputs[0, :, 0] - sol.outputs[1, :, 0]).max() > 0.1
    assert np.abs(sol.outputs[1, :, 0] - f).max() < 4e-3


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_first_variation_is_the_derivative_of_the_loss(loss):
    X, y = teacher_data(15, 1)
    weights = np.random.default_rng(1).random(15)
    model = DensityMeanField(Grid.uniform((-2, -2), (2, 2), (6, 7)), np.ones_like, "tanh", "wb", weights=weights)
    model = DensityMeanField(model.grid, lambda p: np.ones(len(p)), "tanh", "wb", weights=weights, weight_decay=0.3)
    problem = iw.solve(model, X, np.sign(y), TransportFlow(1e-6), loss=loss).problem
    m = np.random.default_rng(2).dirichlet(np.ones(42))
    _, psi = problem.potential(m)
    direction = np.random.default_rng(3).standard_normal(42) * m
    slope = (problem.free_energy(m + 1e-5 * direction) - problem.free_energy(m - 1e-5 * direction)) / 2e-5
    assert psi @ direction == pytest.approx(slope, rel=1e-7)


def test_a_population_is_data_with_weights():
    x, weights = np.polynomial.hermite_e.hermegauss(100)
    model = DensityMeanField(Grid.uniform(-3, 3, 60), gaussian(0, 1), "erf", weights=weights)
    problem = model.bind(iw.solvers.Data.check(x, 0 * x), None)
    # E erf(w x) erf(v x) = (2/pi) arcsin(2 w v / sqrt((1 + 2 w^2)(1 + 2 v^2)))
    w = problem.grid.axes[0]
    kernel = 2 / np.pi * np.arcsin(2 * np.outer(w, w) / np.sqrt(np.outer(1 + 2 * w**2, 1 + 2 * w**2)))
    m = np.random.default_rng(0).dirichlet(np.ones(60))
    assert problem.evaluate(m).loss == pytest.approx(m @ kernel @ m / 2, rel=1e-5)


def asymmetric(cells):
    """Asymmetric between neighbours alone, which a look at few far points does not see."""
    return InteractionMeanField(Grid.uniform(0, 1, cells), square, None, lambda a, b: (a > b.T) * (np.abs(a - b.T) < 1.5 / cells) * 1.0)


def asymmetric_kernel():
    """Odd, but only near 0."""
    return InteractionMeanField(Grid.uniform(0, 1, 100), square, None, lambda x: np.where(np.abs(x[:, 0]) < 0.02, x[:, 0], 0), True)


LINE, PLANE = Grid.uniform(0, 1, 4), Grid.uniform((0, 0), (1, 1), (4, 4))


@pytest.mark.parametrize(
    ("build", "name", "way_out"),
    [
        (
            lambda: DensityMeanField(LINE, square, "nonsense"),
            "activation",
            "build others with activations.leaky_relu, .hermite, .monomial or",
        ),
        (lambda: DensityMeanField(LINE, square, unit="x"), "unit", "'x' is not one of w, wb, aw"),
        (lambda: DensityMeanField(LINE, square, unit="aw"), "unit", "give Grid two"),
        (lambda: DensityMeanField(LINE, square, temperature=-1), "temperature", "need a finite number >= 0"),
        (lambda: DensityMeanField(LINE, square, weights=[-1.0, 2.0]), "weights", "need finite numbers >= 0, got -1"),
        (
            lambda: iw.solve(DensityMeanField(LINE, square), method=TransportFlow(1.0)),
            "X",
            "give X and y, for a population the nodes of a rule with its weights",
        ),
        (
            lambda: iw.solve(DensityMeanField(LINE, square), np.ones((2, 2)), [1, 2], TransportFlow(1.0)),
            "X",
            "unit 'w' on 1 axes takes 1 column(s)",
        ),
        (
            lambda: iw.solve(DensityMeanField(LINE, square), np.ones((2, 1)), np.ones((2, 2)), TransportFlow(1.0)),
            "y",
            "use TwoLayerMeanField",
        ),
        (
            lambda: iw.solve(DensityMeanField(LINE, square, weights=[1.0]), np.ones((2, 1)), [1, 2], TransportFlow(1.0)),
            "weights",
            "need one per sample (2)",
        ),
        (
            lambda: iw.solve(DensityMeanField(LINE, lambda p: p), np.ones((2, 1)), [1, 2], TransportFlow(1.0)),
            "initial",
            "must return shape (4,) at points of shape (4, 1)",
        ),
        (lambda: InteractionMeanField(LINE, square, None, lambda a, b: a[:, :1] - b[:, 0]), "interaction", "use (U(a, b) + U(b, a)) / 2"),
        (
            lambda: InteractionMeanField(Grid([0, 1.0, 3.0]), square, None, square, convolution=True),
            "grid",
            "use Grid.uniform, or convolution=False",
        ),
        (
            lambda: InteractionMeanField(Grid.uniform(0, 1, 5), square, None, square, convolution=True),
            "grid",
            "use Grid.uniform, or convolution=False",
        ),
        (
            lambda: iw.solve(
                DensityMeanField(Grid.uniform(0, 1, 2_000_000), square), np.ones((10**6, 1)), np.ones(10**6), TransportFlow(1.0)
            ),
            "grid",
            "use fewer of one, or particles",
        ),
        (
            lambda: InteractionMeanField(Grid.uniform(0, 1, 2_000_000), square, None, lambda a, b: 0),
            "grid",
            "coarsen it, or use convolution=True",
        ),
        (
            lambda: iw.solve(InteractionMeanField(LINE, square), np.ones((2, 1)), [1, 2], TransportFlow(1.0)),
            "X",
            "call solve without X and y, or use DensityMeanField",
        ),
        (
            lambda: iw.solve(InteractionMeanField(LINE, square, lambda p: p), method=TransportFlow(1.0)),
            "potential",
            "must return shape (4,) at the centres of the cells, gave (4, 1)",
        ),
        (lambda: InteractionMeanField(np.linspace(0, 1, 5), square), "grid", "for example Grid.uniform(-4, 4, 200)"),
        (lambda: DensityMeanField(np.linspace(0, 1, 5), square), "grid", "for example Grid.uniform(-4, 4, 200)"),
        (lambda: DensityMeanField(LINE, np.ones(4)), "initial", "need a function, "),
        (lambda: InteractionMeanField(LINE, np.ones(4)), "initial", "need a function, "),
        (lambda: InteractionMeanField(LINE, square, np.ones(4)), "potential", "need a function, "),
        (lambda: InteractionMeanField(LINE, square, None, np.ones((4, 4))), "interaction", "need a function, "),
        (
            lambda: InteractionMeanField(LINE, square, None, lambda a, b: 1.0),
            "interaction",
            "must return shape (4, 4)",
        ),
        (
            lambda: InteractionMeanField(LINE, square, None, lambda x: 1.0, convolution=True),
            "interaction",
            "must return shape (4,) at",
        ),
        (
            lambda: InteractionMeanField(LINE, square, None, lambda x: np.where(x[:, 0] == 0, np.inf, 1.0), True),
            "interaction",
            "give own_cell=, the average over a cell of a kernel that is singular",
        ),
        (lambda: asymmetric(100).bind(None, None), "interaction", "use (U(a, b) + U(b, a)) / 2"),
        (lambda: asymmetric_kernel().bind(None, None), "interaction", "use (U(a, b) + U(b, a)) / 2"),
        (
            lambda: InteractionMeanField(LINE, square, lambda x: np.where(x[:, 0] > 0.5, np.inf, 0)).bind(None, None),
            "potential",
            "end the grid at a hard wall, and replace a singularity by its average",
        ),
        (
            lambda: iw.solve(InteractionMeanField(PLANE, square), method=iw.GradientDescent(0.1, 2, batch_size=2)),
            "batch_size",
            "leave batch_size out",
        ),
    ],
)
def test_bad_arguments_are_named(build, name, way_out):
    with pytest.raises((ValueError, TypeError), match=rf"^{name}: .*{re.escape(way_out)}"):
        build()


def test_outputs_have_the_precision_of_the_data_and_masses_are_double():
    X, y = (a.astype(np.float32) for a in teacher_data(12, 1))
    model = DensityMeanField(Grid.uniform(-2, 2, 40), gaussian(0, 0.2))
    single, double = (iw.solve(model, X.astype(t), y.astype(t), TransportFlow(1.0), save_at=[0, 1]) for t in (np.float32, np.float64))
    assert single.outputs.dtype == single.predict(X).dtype == np.float32
    assert single.state.dtype == double.outputs.dtype == double.predict(X).dtype == np.float64
    assert np.abs(single.state - double.state).max() < 1e-7 and abs(single.state.sum() - 1) < 1e-14


def test_ridge_is_half_its_rate_times_the_square():
    points = np.array([[1.0, 2.0], [0.0, -3.0]])
    assert ridge(0.4)(points).tolist() == pytest.approx([1.0, 1.8]) and ridge(0.0) is None
