"""Densities on grids: exact nonlocal solutions in one and two dimensions, particles, networks with data, stated errors."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from threadpoolctl import threadpool_info, threadpool_limits

import infwidth as iw
from infwidth.limits import DensityMeanField, InteractionMeanField, activations
from infwidth.limits.densities.interaction import InteractionEnergy
from infwidth.limits.densities.mean_field import ridge
from infwidth.limits.densities.problem import DensityProblem, density, free_energy
from infwidth.solvers import Grid, ImplicitTransport, TransportFlow, wasserstein_to_particles
from infwidth.solvers.problem import MethodFailed


def order(errors):
    return np.log2(errors[-2] / errors[-1])


def square(x):
    return (x**2).sum(axis=1) / 2


# Pairs: an exact solution that is neither Gaussian nor local, by the method of characteristics


def hill(theta):
    """h(x, y) = (1 - cos x) + (1 - cos y) / 2: its gradient flow is explicit, tan(x/2) e^{-s} and tan(y/2) e^{-s/2}."""
    return (1 - np.cos(theta[:, 0])) + (1 - np.cos(theta[:, 1])) / 2


def mixed(theta):
    return (1.3 + np.sin(theta[:, 0] + theta[:, 1])) * (1.1 + np.cos(2 * theta[:, 1] - theta[:, 0]))


TARGET = 0.4
RATES = np.array([1.0, 0.5])


def moved(s):
    """The density after the flow time s."""

    def at(theta):
        tangent = np.tan(theta / 2)
        before = tangent * np.exp(RATES * s)
        jacobian = np.prod(np.exp(RATES * s) * (1 + tangent**2) / (1 + before**2), axis=1)
        return mixed(2 * np.arctan(before)) * jacobian

    return at


def flow_time(t):
    """U = h h', V = -TARGET h, so Psi = (E h - TARGET) h: the flow of h with the clock ds/dt = E_s h - TARGET."""
    x = np.linspace(-np.pi, np.pi, 241)[:-1]  # the trapezoidal rule is exact to rounding for periodic functions
    start = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = mixed(start) / mixed(start).sum()

    def clock(_, s):
        return [weights @ hill(2 * np.arctan(np.tan(start / 2) * np.exp(-RATES * s[0]))) - TARGET]

    return solve_ivp(clock, (0, t), [0.0], rtol=1e-10, atol=1e-12).y[0, -1]


class Coupled:
    """U is of rank one, so no matrix is stored."""

    def __init__(self, cells):
        self.grid = Grid.uniform((-np.pi, -np.pi), (np.pi, np.pi), (cells, cells))

    def bind(self, data, rng):
        def energy(grid):
            h = hill(grid.centers)
            return InteractionEnergy(-TARGET * h, lambda masses: h * (h @ masses))

        return DensityProblem(self.grid, energy, lambda grid: grid.masses(mixed))


def test_exact_nonlocal_solution_in_two_dimensions():
    t = 0.6
    exact = moved(flow_time(t))
    errors = []
    for cells in (64, 128):
        model = Coupled(cells)
        sol = iw.solve(model, method=TransportFlow(t), save_at=[0, t], observables={"F": free_energy})
        errors.append(np.abs(sol.state - model.grid.masses(exact)).sum())
        assert sol.state.min() >= 0 and abs(sol.state.sum() - 1) < 1e-13
        assert sol.observables["F"][1] < sol.observables["F"][0]
    assert order(errors) == pytest.approx(2, abs=0.15), errors
    assert flow_time(t) > 0.3  # the interaction matters: with V alone the clock would run the other way


# Gaussians: harmonic trap, harmonic attraction, noise. Mean m' = -m, variance v' = 2 tau - 4 v.


def gaussian(mean, variance):
    return lambda x: np.exp(-((x - mean) ** 2).sum(axis=1) / 2 / variance)


@pytest.mark.parametrize(
    ("dims", "method", "convolution"),
    [(1, TransportFlow(0.3), False), (1, ImplicitTransport(0.3, tol=1e-6), True), (2, TransportFlow(0.3), True)],
)
def test_interacting_gaussians_with_noise(dims, method, convolution):
    tau, mean, variance = 0.5, 1.5, 0.4

    def pairs(a, b):
        return square((a[:, None] - b).reshape(-1, dims)).reshape(len(a), len(b))

    errors = []
    for cells in (48, 96) if dims == 2 else (80, 160):
        grid = Grid.uniform([-3.0] * dims, [5.0] * dims, [cells] * dims)
        model = InteractionMeanField(grid, gaussian(mean, variance), square, square if convolution else pairs, convolution, tau)
        sol = iw.solve(model, method=method, save_at=[method.t_end])
        now = gaussian(mean * np.exp(-method.t_end), tau / 2 + (variance - tau / 2) * np.exp(-4 * method.t_end))
        errors.append(np.abs(sol.state - grid.masses(now)).sum())
    assert order(errors) == pytest.approx(2, abs=0.15), errors


def test_rank_one_pairs_are_the_dense_sum():
    grid = Coupled(8).grid
    dense = InteractionMeanField(grid, mixed, lambda a: -TARGET * hill(a), lambda a, b: np.multiply.outer(hill(a), hill(b)))
    m = grid.masses(mixed)
    found, expected = Coupled(8).bind(None, None).potential(m), dense.bind(None, None).potential(m)
    assert found[0].loss == pytest.approx(expected[0].loss) and np.allclose(found[1], expected[1])


def test_convolution_is_the_dense_sum():
    for shape in ((10,), (6, 8)):
        dims = len(shape)
        grid = Grid.uniform([0] * dims, [1.0, 2.0][:dims], shape)

        def bell(x):
            return np.exp(-(x**2) @ np.arange(1, 1 + x.shape[1]))

        def pairs(a, b):
            return bell((a[:, None] - b).reshape(-1, a.shape[1])).reshape(len(a), len(b))

        masses = np.random.default_rng(0).dirichlet(np.ones(grid.cells))
        dense = InteractionMeanField(grid, np.ones_like, None, pairs)._energy(grid).evaluate(masses)
        fast = InteractionMeanField(grid, np.ones_like, None, bell, convolution=True)._energy(grid).evaluate(masses)
        assert fast[0] == pytest.approx(dense[0], rel=1e-13) and np.allclose(fast[2], dense[2], rtol=1e-12)


def test_free_energy_falls_at_every_step_of_both_methods():
    """Repulsion of short range in a double well: several time scales."""
    grid = Grid.uniform(-2.5, 2.5, 100)
    model = InteractionMeanField(
        grid,
        gaussian(0.3, 0.02),
        lambda x: (x[:, 0] ** 2 - 1) ** 2,
        lambda x: np.exp(-(x[:, 0] ** 2) / 0.1),
        convolution=True,
        temperature=0.03,
    )
    ends = []
    for method in (TransportFlow(3.0), ImplicitTransport(3.0, tol=1e-5)):
        sol = iw.solve(model, method=method, observables={"F": free_energy, "density": density})
        assert np.diff(sol.observables["F"]).max() <= 1e-13
        assert sol.observables["density"].min() >= 0
        assert sol.observables["density"].shape == (len(sol.t), 100)
        ends.append(sol.state)
    assert np.abs(ends[0] - ends[1]).sum() < 8e-3  # both err by about this on 100 cells


# Networks


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
        assert gap <= sol.error[1] <= 10 * gap
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


def test_without_outputs_the_stated_error_is_that_of_the_loss():
    coarse, fine = (
        iw.solve(InteractionMeanField(Grid.uniform(-2, 2, cells), gaussian(0, 1), square), method=TransportFlow(0.2), save_at=[0, 0.1, 0.2])
        for cells in (20, 160)
    )
    truth = np.abs(coarse.loss - fine.loss)
    assert (truth <= coarse.error).all() and (coarse.error < 20 * truth.max()).all()


def test_the_solutions_plot_and_save(tmp_path):
    model = InteractionMeanField(Grid.uniform(-2, 2, 20), gaussian(0, 1), square)
    sol = iw.solve(model, method=TransportFlow(0.1))
    assert sol.outputs.shape[1:] == (0, 1)
    sol.plot()
    sol.save(tmp_path / "interaction.npz")
    assert np.array_equal(iw.Solution.load(tmp_path / "interaction.npz").state, sol.state)
    with pytest.raises(ValueError, match="no inputs"):
        sol.predict(np.ones((2, 1)))


def asymmetric(cells):
    """Asymmetric between neighbours alone, which a look at few far points does not see."""
    return InteractionMeanField(Grid.uniform(0, 1, cells), square, None, lambda a, b: (a > b.T) * (np.abs(a - b.T) < 1.5 / cells) * 1.0)


def asymmetric_kernel():
    """Odd, but only near 0."""
    return InteractionMeanField(Grid.uniform(0, 1, 100), square, None, lambda x: np.where(np.abs(x[:, 0]) < 0.02, x[:, 0], 0), True)


LINE, PLANE = Grid.uniform(0, 1, 4), Grid.uniform((0, 0), (1, 1), (4, 4))


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: DensityMeanField(LINE, square, "nonsense"), "activation"),
        (lambda: DensityMeanField(LINE, square, unit="x"), "unit"),
        (lambda: DensityMeanField(LINE, square, unit="aw"), "unit"),
        (lambda: DensityMeanField(LINE, square, temperature=-1), "temperature"),
        (lambda: DensityMeanField(LINE, square, weights=[-1.0, 2.0]), "weights"),
        (lambda: iw.solve(DensityMeanField(LINE, square), method=TransportFlow(1.0)), "X"),
        (lambda: iw.solve(DensityMeanField(LINE, square), np.ones((2, 2)), [1, 2], TransportFlow(1.0)), "X"),
        (lambda: iw.solve(DensityMeanField(LINE, square), np.ones((2, 1)), np.ones((2, 2)), TransportFlow(1.0)), "y"),
        (lambda: iw.solve(DensityMeanField(LINE, square, weights=[1.0]), np.ones((2, 1)), [1, 2], TransportFlow(1.0)), "weights"),
        (lambda: iw.solve(DensityMeanField(LINE, lambda p: p), np.ones((2, 1)), [1, 2], TransportFlow(1.0)), "density"),
        (lambda: InteractionMeanField(LINE, square, None, lambda a, b: a[:, :1] - b[:, 0]), "interaction"),
        (lambda: InteractionMeanField(Grid([0, 1.0, 3.0]), square, None, square, convolution=True), "grid"),
        (lambda: InteractionMeanField(Grid.uniform(0, 1, 5), square, None, square, convolution=True), "grid"),
        (
            lambda: iw.solve(
                DensityMeanField(Grid.uniform(0, 1, 20_000), square), np.ones((10_000, 1)), np.ones(10_000), TransportFlow(1.0)
            ),
            "grid",
        ),
        (lambda: InteractionMeanField(Grid.uniform(0, 1, 20_000), square, None, lambda a, b: 0), "grid"),
        (lambda: iw.solve(InteractionMeanField(LINE, square), np.ones((2, 1)), [1, 2], TransportFlow(1.0)), "X"),
        (lambda: iw.solve(InteractionMeanField(LINE, square, lambda p: p), method=TransportFlow(1.0)), "potential"),
        (lambda: InteractionMeanField(np.linspace(0, 1, 5), square), "grid"),
        (lambda: DensityMeanField(np.linspace(0, 1, 5), square), "grid"),
        (lambda: DensityMeanField(LINE, np.ones(4)), "initial"),
        (lambda: InteractionMeanField(LINE, np.ones(4)), "initial"),
        (lambda: InteractionMeanField(LINE, square, np.ones(4)), "potential"),
        (lambda: InteractionMeanField(LINE, square, None, np.ones((4, 4))), "interaction"),
        (lambda: InteractionMeanField(LINE, square, None, lambda a, b: 1.0), "interaction"),
        (lambda: InteractionMeanField(LINE, square, None, lambda x: 1.0, convolution=True), "interaction"),
        (lambda: InteractionMeanField(LINE, square, None, lambda x: np.where(x[:, 0] == 0, np.inf, 1.0), True), "interaction"),
        (lambda: asymmetric(100).bind(None, None), "interaction"),
        (lambda: asymmetric_kernel().bind(None, None), "interaction"),
        (lambda: InteractionMeanField(LINE, square, lambda x: np.where(x[:, 0] > 0.5, np.inf, 0)).bind(None, None), "potential"),
        (lambda: iw.solve(InteractionMeanField(PLANE, square), method=iw.GradientDescent(0.1, 2, batch_size=2)), "batch_size"),
    ],
)
def test_bad_arguments_are_named(build, name):
    with pytest.raises(ValueError, match=f"^{name}:"):
        build()


@pytest.mark.parametrize("method", [iw.HeavyBall(0.1, 1.0, 5), iw.Langevin(0.1, 0.1, 0.1, 5)])
@pytest.mark.parametrize(
    "model", [InteractionMeanField(Grid.uniform(-1, 1, 20), square, square), iw.RadialMeanField(10, 0.5, "density", 20)]
)
def test_momentum_and_noise_of_a_method_are_refused(method, model):
    with pytest.raises(ValueError, match=r"^method: .*TransportFlow"):
        iw.solve(model, method=method)


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("method", [TransportFlow(0.2), ImplicitTransport(0.2)])
def test_an_observable_cannot_write_into_what_is_remembered(method, part):
    def nasty(t, state, problem):
        evaluation, psi = problem.potential(state)
        (evaluation.outputs, psi)[part][:] *= 2
        return 0.0

    with pytest.raises(ValueError, match="read-only"):
        iw.solve(iw.RadialMeanField(10, 0.5, "density", 20), method=method, observables={"nasty": nasty})


def test_what_is_remembered_is_of_the_state_asked_for():
    """Gradient descent moves its state in place, so the memory must not be that array itself."""
    problem = iw.RadialMeanField(10, 0.5, "density", 20).bind(None, None)
    state, velocity, other = problem.start(), np.empty(20), np.full(20, 1 / 20)
    before = problem.evaluate(state, velocity)
    bound = problem.max_step(state)
    fresh = iw.RadialMeanField(10, 0.5, "density", 20).bind(None, None)
    expected, moves = fresh.evaluate(other, np.empty(20)), np.empty(20)
    fresh.evaluate(other, moves)
    state[:] = other
    after = problem.evaluate(state, velocity)
    assert after.loss == expected.loss != before.loss and np.array_equal(velocity, moves)
    assert problem.max_step(state) == fresh.max_step(other) != bound


def test_gradient_descent_within_the_bound_is_euler_and_beyond_it_ends_naming_the_rate():
    model = iw.RadialMeanField(10, 0.5, "density", 60)
    problem = model.bind(None, None)
    bound = problem.max_step(problem.start())
    velocity = np.empty(60)
    problem.evaluate(problem.start(), velocity)
    sol = iw.solve(model, method=iw.GradientDescent(0.5 * bound, 1), save_at=[1])
    assert np.allclose(sol.state, problem.start() + 0.5 * bound * velocity, rtol=0, atol=1e-16)
    far = iw.solve(model, method=iw.GradientDescent(20 * bound, 200))
    assert not far.success and far.message.startswith("learning_rate: ") and "TransportFlow" in far.message
    step = far.stats["steps"]
    assert f"at step {step};" in far.message and f"{problem.max_step(far.state):.3g}" in far.message
    assert far.state.min() >= 0 and len(far.loss) == step + 1


def test_the_scale_of_the_energy_is_the_sum_of_the_moduli_of_its_terms():
    model = DensityMeanField(Grid.uniform(-2, 2, 30), gaussian(0.3, 0.1), temperature=0.7, weight_decay=0.4)
    problem = model.bind(iw.solvers.Data.check([[1.0], [-2.0]], [3.0, 1.0]), None)
    m, x = problem.start(), problem.grid.axes[0]
    (loss, _), psi = problem.potential(m)
    terms = (1, loss, m @ np.abs(psi), 0.2 * m @ x**2, 0.7 * m @ np.abs(np.log(m / problem.grid.volumes)))
    assert min(terms) > 0.01 and problem.energy_scale(m) == pytest.approx(sum(terms), rel=1e-13)


def test_rounding_alone_is_cut_from_a_mass_that_a_gradient_step_empties():
    """Two cells, all in the left one, which moves at a known rate: a step that asks for 1e-16 too much, and one for 1e-12."""
    problem = InteractionMeanField(Grid.uniform(0, 2, 2), lambda x: x[:, 0] < 1, lambda x: -x[:, 0]).bind(None, None)
    for excess, refused in ((2.3e-16, False), (1e-12, True)):
        state = problem.start()
        update = problem.descend(state)[1]
        if refused:
            with pytest.raises(MethodFailed, match="learning_rate"):
                update(1.0 + excess)
            assert state.tolist() == [1, 0]
        else:
            update(1.0 + excess)
            assert state[0] == 0 and state[1] == pytest.approx(1, abs=1e-15)


def test_a_wrong_number_of_arguments_of_the_interaction_is_explained():
    for function, convolution in ((square, False), (lambda a, b: a @ b.T, True)):
        with pytest.raises(TypeError) as caught:
            InteractionMeanField(LINE, square, None, function, convolution)
        assert "convolution=True" in caught.value.__notes__[0]


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


def test_free_energy_of_a_uniform_law_in_a_parabola():
    """F = tau log(1 / volume) + mean of x^2 / 2 at the centres, for temperature above and at 0."""
    grid = Grid.uniform(0, 2, 40)
    for temperature in (0.0, 0.7):
        problem = InteractionMeanField(grid, lambda x: np.ones(len(x)), square, temperature=temperature).bind(None, None)
        expected = temperature * np.log(1 / 2) + np.mean(grid.axes[0] ** 2) / 2
        assert problem.free_energy(problem.start()) == pytest.approx(expected, rel=1e-13)


def test_a_grid_without_a_coarser_one_keeps_its_run():
    sol = iw.solve(InteractionMeanField(Grid.uniform(-2, 2, 2), gaussian(0, 1), square), method=TransportFlow(0.1))
    assert sol.success and sol.t[-1] == 0.1 and sol.error is None and "three cells or more" in sol.message


def test_densities_have_one_blas_thread():
    """With more, stiff steppers spend most of their time waiting."""
    pools = {"blas": lambda *_: max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")}
    with threadpool_limits(2, "blas"):
        sol = iw.solve(InteractionMeanField(LINE, gaussian(0, 1), square), method=TransportFlow(0.01), save_at=[0, 0.01], observables=pools)
    assert (sol.observables["blas"] == 1).all()
