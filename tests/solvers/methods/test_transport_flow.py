"""The explicit flow of densities: orders of convergence on exact solutions, mass over a long run, resume, refusals."""

import re

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.limits.densities.problem import DensityProblem
from infwidth.solvers import Grid, TransportFlow, wasserstein_to_particles
from infwidth.solvers.methods.transport_flow import _dense, _step


class Steady:
    """No interaction: a fixed potential, for exact solutions."""

    def __init__(self, potential, grid):
        self.values = potential(grid.centers)

    def evaluate(self, masses):
        return float(self.values @ masses), np.zeros((0, 1)), self.values

    def predict(self, masses, X):
        return np.zeros((len(X), 0))


class External:
    """Model of a fixed potential and an initial density on a grid."""

    def __init__(self, grid, potential, initial, temperature=0.0):
        self.grid, self.potential, self.initial, self.temperature = grid, potential, initial, temperature

    def bind(self, data, rng):
        return DensityProblem(
            self.grid, lambda grid: Steady(self.potential, grid), lambda grid: grid.masses(self.initial), self.temperature
        )


def pendulum(points):
    return 1 - np.cos(points[:, 0])


def bump(points):
    return 1.2 + np.sin(2 * points[:, 0]) + 0.1 * np.cos(7 * points[:, 0])


def transported(t, power=1.0):
    """Density at time t of the flow x' = -sin x, for which tan(x/2) decays like exp(-t); not normalised."""

    def density(points):
        tangent = np.tan(points[:, 0] / 2) * np.exp(t)
        jacobian = np.exp(t) * (1 + np.tan(points[:, 0] / 2) ** 2) / (1 + tangent**2)
        return bump(2 * np.arctan(tangent)[:, None]) * jacobian

    return density


def order(errors):
    return np.log2(errors[-2] / errors[-1])


@pytest.mark.parametrize("stretch", [False, True])
def test_transport_is_of_second_order(stretch):
    errors = []
    for cells in (100, 200, 400):
        z = np.linspace(-1, 1, cells + 1)
        grid = Grid(np.pi * (z + 0.15 * np.sin(np.pi * z))) if stretch else Grid(np.pi * z)
        sol = iw.solve(External(grid, pendulum, bump), method=TransportFlow(1.0, cfl=0.5), save_at=[1.0])
        errors.append(np.abs(sol.state - grid.masses(transported(1.0))).sum())
    assert order(errors) == pytest.approx(2, abs=0.15)
    assert errors[-1] < 2e-3


def test_cells_adapted_to_a_first_solve_are_three_times_as_accurate():
    """The flow gathers the mass at 0; distance to particles that follow it exactly. Equal cells, adapted ones of the same number."""
    t, x = 4.0, np.pi * (2 * (np.arange(200_000) + 0.5) / 200_000 - 1)
    cumulated = np.cumsum(bump(x[:, None])) / bump(x[:, None]).sum()
    start = np.interp((np.arange(4000) + 0.5) / 4000, cumulated, x)
    exact = 2 * np.arctan(np.tan(start / 2) * np.exp(-t))

    def solve(grid):
        state = iw.solve(External(grid, pendulum, bump), method=TransportFlow(t, estimate_error=False), save_at=[t]).state
        return state, wasserstein_to_particles(grid, state, exact)

    for cells in (50, 100, 200):
        grid = Grid.uniform(-np.pi, np.pi, cells)
        masses, equal = solve(grid)
        assert solve(grid.adapted_to(masses, cells))[1] < equal / 3


def test_diffusion_is_of_second_order():
    """Ornstein-Uhlenbeck: a Gaussian of variance v' = 2 tau - 2 v."""
    tau, t = 0.3, 0.25
    mean, variance = np.exp(-t), tau + (0.1 - tau) * np.exp(-2 * t)
    errors = []
    for cells in (40, 80, 160):
        grid = Grid.uniform(-4, 5, cells)
        model = External(grid, lambda p: p[:, 0] ** 2 / 2, lambda p: np.exp(-((p[:, 0] - 1) ** 2) / 0.2), tau)
        sol = iw.solve(model, method=TransportFlow(t), save_at=[t])
        errors.append(np.abs(sol.state - grid.masses(lambda p: np.exp(-((p[:, 0] - mean) ** 2) / 2 / variance))).sum())
    assert order(errors) == pytest.approx(2, abs=0.15)


def test_steps_are_of_third_order_and_their_error_estimate_of_the_second():
    """A smooth nonlinear system: rotation of three masses at a rate that depends on them."""

    class Wheel:
        def evaluate(self, m, velocity):
            velocity[:] = (1 + m[0]) * (np.roll(m, 1) - m)

    errors, estimates = [], []
    exact = solve_ivp(lambda t, m: (1 + m[0]) * (np.roll(m, 1) - m), (0, 1), [0.7, 0.2, 0.1], rtol=1e-12, atol=1e-14).y[:, -1]
    for steps in (20, 40):
        m, total = np.array([0.7, 0.2, 0.1]), 0.0
        for _ in range(steps):
            v = np.empty(3)
            Wheel().evaluate(m, v)
            m, estimate = _step(Wheel(), m, v, 1 / steps)
            total += estimate
        errors.append(np.abs(m - exact).sum())
        estimates.append(total)
    assert order(errors) == pytest.approx(3, abs=0.15), errors
    assert order(estimates) == pytest.approx(2, abs=0.15) and estimates[-1] > errors[-1]


def test_error_of_time_steps_and_of_dense_output_falls_fast():
    """Against scipy on the same grid and cells, so that the grid drops out."""
    model = External(Grid.uniform(-np.pi, np.pi, 30), pendulum, bump, 0.2)

    def masses(t, state, problem):
        return state.copy()

    def run(method):
        return iw.solve(model, method=method, save_at=[0.137, 0.5], observables={"masses": masses}).observables["masses"]

    exact = run(iw.GradientFlow(0.5, rtol=1e-10, atol=1e-13, estimate_error=False))
    # The limiter has kinks, so no clean order; but steps at the CFL bound are already far more accurate than the grid.
    errors = [np.abs(run(TransportFlow(0.5, cfl=cfl)) - exact).max() for cfl in (0.8, 0.1)]
    assert errors[0] < 2e-5 and errors[1] < errors[0] / 8


def test_a_step_that_makes_a_mass_negative_is_repeated_shorter():
    """A problem that promises steps of ten times what keeps the sign."""
    model = External(Grid.uniform(-np.pi, np.pi, 30), pendulum, lambda p: np.exp(-20 * (p[:, 0] - 1) ** 2))
    honest = model.bind(None, None)

    class Lavish(DensityProblem):
        def max_step(self, state):
            return 10 * super().max_step(state)

    problem = Lavish(model.grid, *honest._make)
    smallest, steps = 1.0, 0
    for point in TransportFlow(0.5, tol=1e9).trajectory(problem, np.random.default_rng(0)):
        smallest, steps = min(smallest, point.state.min()), steps + 1
    v, m = np.empty(30), problem.start()
    problem.evaluate(m, v)
    assert _step(problem, m, v, 18 * honest.max_step(m))[0].min() < 0
    assert smallest >= 0 and point.t == 0.5 and abs(point.state.sum() - 1) < 1e-14


@pytest.mark.parametrize("velocities", [(-3, 9, 9, 9), (0, -3, 9, 9), (0, 0, -9, 9), (0, 0, 0, -3)])
def test_a_stage_below_zero_is_given_back(velocities):
    """The first three end above zero, so the step itself would not tell."""
    later = iter(velocities[1:])

    class Jumps:
        def evaluate(self, m, velocity):
            velocity[:] = next(later)

    new, _ = _step(Jumps(), np.ones(1), np.array([float(velocities[0])]), 1.0)
    assert new[0] == -0.5


def test_dense_output_is_the_hermite_cubic_and_what_it_makes_negative_is_cut_and_the_mass_kept():
    m0, m1, v0, v1 = np.array([0.5, 0.5]), np.array([0.6, 0.4]), np.array([1.0, -1.0]), np.array([-2.0, 2.0])
    s = 0.25
    cubic = (2 * s**3 - 3 * s**2 + 1) * m0 + (3 * s**2 - 2 * s**3) * m1 + 0.5 * (s * (1 - s) ** 2 * v0 + s**2 * (s - 1) * v1)
    assert np.allclose(_dense(1.0, m0, v0, 1.5, m1, v1)(1.125), cubic, rtol=1e-14)
    tail = np.array([1e-9, 1.0]), np.array([-1.0, 1.0]), np.array([1e-9, 1.0]), np.array([0.0, 0.0])
    cut = _dense(0.0, *tail[:2], 1.0, *tail[2:])(0.3)
    assert cut[0] == 0 and cut.sum() == pytest.approx(1 + 1e-9, rel=1e-15)


@pytest.mark.slow
def test_mass_is_kept_to_rounding_over_a_hundred_thousand_steps():
    model = External(Grid.uniform(-np.pi, np.pi, 64), pendulum, bump, 0.02)
    sol = iw.solve(model, method=TransportFlow(14.0, cfl=1e-3), save_at=[0, 14.0])
    assert sol.stats["steps"] > 1e5
    assert np.abs(sol.state - model.bind(None, None).start()).sum() > 0.3  # it did move
    assert abs(sol.state.sum() - 1) < 1e-12 and sol.state.min() >= 0


def test_a_resumed_flow_goes_on_to_the_same_bits(tmp_path):
    model = External(Grid.uniform(-np.pi, np.pi, 30), pendulum, bump)
    whole = iw.solve(model, method=TransportFlow(0.5), save_at=[0.1, 0.3, 0.5], rng=0)
    stop = {"callback": lambda point: point.step == 7, "checkpoint": tmp_path / "flow.npz", "checkpoint_seconds": 0.0}
    first = iw.solve(model, method=TransportFlow(0.5), save_at=[0.1, 0.3, 0.5], rng=0, **stop)
    assert "callback" in first.message
    again = iw.solve(model, method=TransportFlow(0.5), save_at=[0.1, 0.3, 0.5], rng=0, checkpoint=tmp_path / "flow.npz")
    assert again.stats["steps"] == whole.stats["steps"]
    assert np.array_equal(again.state, whole.state) and np.array_equal(again.loss, whole.loss)


def test_models_without_a_density_are_refused():
    with pytest.raises(ValueError, match=r"^method: TransportFlow moves densities .*; use GradientFlow for this model"):
        iw.solve(iw.RadialMeanField(40, 0.8), method=TransportFlow(1.0))


@pytest.mark.parametrize(
    ("arguments", "name", "way_out"),
    [
        ({"t_end": 0.0}, "t_end", "need a finite number > 0"),
        ({"cfl": 1.5}, "cfl", "a longer step can make masses negative"),
        ({"cfl": 0}, "cfl", "need a finite number >= 0.001"),
        ({"tol": -1}, "tol", "need a finite number >= 1e-12"),
    ],
)
def test_bad_arguments_are_named(arguments, name, way_out):
    with pytest.raises(ValueError, match=rf"^{name}: .*{re.escape(way_out)}"):
        TransportFlow(**({"t_end": 1.0} | arguments))
