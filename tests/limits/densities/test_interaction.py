"""Pairs: exact nonlocal solutions in one and two dimensions, convolutions, energies."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.limits import InteractionMeanField
from infwidth.limits.densities.interaction import InteractionEnergy
from infwidth.limits.densities.problem import DensityProblem, density, free_energy
from infwidth.solvers import Grid, ImplicitTransport, TransportFlow


def order(errors):
    return np.log2(errors[-2] / errors[-1])


def square(x):
    return (x**2).sum(axis=1) / 2


# An exact solution that is neither Gaussian nor local, by the method of characteristics


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


def test_without_outputs_the_stated_error_is_that_of_the_loss():
    coarse, fine = (
        iw.solve(InteractionMeanField(Grid.uniform(-2, 2, cells), gaussian(0, 1), square), method=TransportFlow(0.2), save_at=[0, 0.1, 0.2])
        for cells in (20, 160)
    )
    truth = np.abs(coarse.loss - fine.loss)
    assert (truth <= coarse.error).all() and (coarse.error < 30 * truth.max()).all()


def semicircle(cells, convolution=True):
    """Charges on the line in a harmonic trap."""

    def kernel(*points):
        z = points[0][:, 0] if convolution else points[0] - points[1].T
        return z**2 / 2 - np.log(abs(z))

    grid = Grid.uniform(-3, 3, cells)
    return InteractionMeanField(grid, gaussian(0, 0.125), None, kernel, convolution, own_cell=lambda h: 1 - np.log(h[:, 0] / 2))


@pytest.mark.parametrize(("cells", "convolution"), [(100, True), (102, True), (100, False)])
def test_the_stated_error_of_a_singular_kernel(cells, convolution):
    r"""They end in Wigner's semicircle on [-sqrt 2, sqrt 2], of energy 1/4 + (ln sqrt 2 + 1/4) / 2; a grid of 102 cells has one coarser
    grid of equal cells."""
    sol = iw.solve(semicircle(cells, convolution), method=TransportFlow(15.0), save_at=[15.0])
    truth = abs(sol.loss[0] - (0.25 + 0.5 * (np.log(2**0.5) + 0.25)))
    assert truth < sol.error[0] < 6 * truth


@pytest.mark.parametrize("cells", [100, 200])
def test_a_singular_kernel_that_holds_its_average_states_the_error_of_one_that_has_it(cells):
    """-log|z| whose value at 0 is the average over a cell of this grid; the coarser grids have theirs (of z^2 too)."""
    right = semicircle(cells)
    h = 6 / cells
    held = replace(right, own_cell=None, interaction=lambda z: z[:, 0] ** 2 / 2 + minus_log(z, at_zero=1 - np.log(h / 2)))
    one, other = (iw.solve(model, method=TransportFlow(1.0), save_at=[0.5, 1.0]) for model in (right, held))
    assert other.error == pytest.approx(one.error, rel=0.05) and other.message == "finished"


@pytest.mark.parametrize("convolution", [True, False])
def test_a_singular_kernel_with_another_value_states_no_error_and_says_why(convolution):
    right = semicircle(20, convolution)
    held = replace(right, own_cell=None, interaction=lambda *points: minus_log(*points, at_zero=0.5))
    sol = iw.solve(held, method=TransportFlow(0.2), save_at=[0.2])
    assert sol.success and sol.error is None and "singular at equal points" in sol.message and "give own_cell=" in sol.message
    root = (lambda z: abs(z[:, 0]) ** 0.5) if convolution else (lambda a, b: abs(a - b.T) ** 0.5)
    smooth = replace(right, own_cell=None, interaction=root)
    assert iw.solve(smooth, method=TransportFlow(0.2), save_at=[0.2]).error[0] > 0


def minus_log(*points, at_zero):
    """-log|z| of differences, or of two sets of points, and a value at 0."""
    z = points[0] - points[1].T if len(points) == 2 else points[0][:, 0]
    return np.where(z == 0, at_zero, -np.log(abs(z) + (z == 0)))


def test_cells_of_their_own_are_averages_over_cells_of_any_width():
    grid = Grid([-1.0, -0.5, 0.5, 1.0])
    model = InteractionMeanField(grid, gaussian(0, 1), None, lambda a, b: 1 / abs(a - b.T), own_cell=lambda h: h[:, 0])
    _, _, psi = model.bind(None, None).energy.evaluate(np.array([0.2, 0.5, 0.3]))
    expected = [[0.5, 1 / 0.75, 1 / 1.5], [1 / 0.75, 1.0, 1 / 0.75], [1 / 1.5, 1 / 0.75, 0.5]]
    assert psi == pytest.approx(np.array(expected) @ [0.2, 0.5, 0.3], rel=1e-14)
    with pytest.raises(ValueError, match=r"interaction: must return finite numbers, gave NaN or infinity for .*give own_cell="):
        InteractionMeanField(grid, gaussian(0, 1), None, lambda a, b: np.where(a == b.T, np.inf, 1.0))


def test_the_solutions_plot_and_save(tmp_path):
    model = InteractionMeanField(Grid.uniform(-2, 2, 20), gaussian(0, 1), square)
    sol = iw.solve(model, method=TransportFlow(0.1))
    assert sol.outputs.shape[1:] == (0, 1)
    sol.plot()
    sol.save(tmp_path / "interaction.npz")
    assert np.array_equal(iw.Solution.load(tmp_path / "interaction.npz").state, sol.state)
    with pytest.raises(ValueError, match="no inputs"):
        sol.predict(np.ones((2, 1)))


LINE, PLANE = Grid.uniform(0, 1, 4), Grid.uniform((0, 0), (1, 1), (4, 4))


def test_a_wrong_number_of_arguments_of_the_interaction_is_explained():
    for function, convolution in ((square, False), (lambda a, b: a @ b.T, True)):
        with pytest.raises(ValueError, match=r"interaction: failed with TypeError .*with convolution=True differences"):
            InteractionMeanField(LINE, square, None, function, convolution)
