"""The error of a flow by its second run."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.solvers.running.error_estimate import _of_grids

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))


def test_a_flow_stopped_before_its_first_saved_time():
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0, save_at=[1.0], callback=lambda point: point.t > 0.1)
    assert sol.success
    assert sol.outputs.shape == (1, 3, 1)  # where it stopped
    assert sol.t[0] > 0.1
    assert 0 < sol.error[0] < 1e-4


def test_ctrl_c_in_the_error_estimate(monkeypatch):
    from infwidth.solvers import solving

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(solving, "refinement_error", interrupted)
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0)
    assert sol.error is None
    assert "the error estimate was not finished (interrupted by Ctrl-C)" in sol.message
    assert sol.stats["interrupted"]


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_it_is_three_times_the_largest_gap_to_the_second_run_so_far_at_training_and_test_points(scale):
    """So it never falls, also where the two runs cross; and test points far away count."""
    method = iw.GradientFlow(6.0, rtol=1e-3)

    def run(method):
        return iw.solve(NET, X, Y, method, rng=0, X_test=scale * X, save_at=np.linspace(0, 6, 40))

    fine = run(method)
    second = run(method.second(fine.stats["steps"]))
    gaps = np.array([np.abs(getattr(second, name) - getattr(fine, name)).max(axis=(1, 2)) for name in ("outputs", "test_outputs")])
    unseen = 1e-10 * (fine.t > 0)  # the tolerance of the second run
    np.testing.assert_array_equal(fine.error, 3 * np.maximum.accumulate(gaps.max(axis=0) + unseen))
    assert (np.diff(gaps.max(axis=0)) < 0).any() and (np.diff(fine.error) >= 0).all()
    assert (gaps[1].max() > gaps[0].max()) == (scale > 1)


def test_a_grid_is_compared_with_two_coarser_ones():
    """The same flow on half of the cells, and on a quarter; where there are no outputs, the loss. Of 3 cells there is one, of 2."""
    model = iw.limits.InteractionMeanField(
        iw.solvers.Grid.uniform(-2, 2, 20), lambda x: np.exp(-(x[:, 0] ** 2)), lambda x: x[:, 0] ** 2 / 2
    )
    method = iw.solvers.TransportFlow(0.3)
    fine = iw.solve(model, method=method, save_at=[0, 0.1, 0.3])
    half, quarter = (
        iw.solve(replace(model, grid=iw.solvers.Grid.uniform(-2, 2, cells)), method=method, save_at=[0, 0.1, 0.3]) for cells in (10, 5)
    )
    gaps = np.abs(half.loss - fine.loss) + np.abs(quarter.loss - half.loss)
    assert fine.error == pytest.approx(np.maximum.accumulate(gaps), rel=1e-3, abs=1e-6)
    assert fine.error[-1] > 1e-4
    three, two = (iw.solve(replace(model, grid=grid), method=method, save_at=[0.1]) for grid in SMALL)
    assert three.error[0] == pytest.approx(3 * abs(three.loss[0] - two.loss[0]), rel=1e-12) and two.error is None


def test_grids_of_another_order_than_two_claim_half_as_much_again_from_then_on():
    """Ratios 4, 2, 4 and 4, 8, 4 of the second distance to the first, and 4, 4, 4."""
    near = np.array([1.0, 1.0, 2.0])
    for ratio, factor in ((2, 1.5), (8, 1.5), (4, 1), (3, 1), (5.5, 1)):
        far = near * [4, ratio, 4]
        np.testing.assert_array_equal(_of_grids([near, far]), (near + far) * [1, factor, factor])
    np.testing.assert_array_equal(_of_grids([near]), 3 * near)
    np.testing.assert_array_equal(_of_grids([np.zeros(2), np.zeros(2)]), 0)  # nothing moves


def test_relu_at_the_edges_of_cells_exceeded_the_plain_sum():
    """Kinks in the cells of the circle; by a grid of 1600 cells."""
    rng = np.random.default_rng([7, 12, 0])
    cells = 4 * int(rng.integers(20, 60))
    data, at = (rng.standard_normal((6, 2)), rng.standard_normal(6)), np.linspace(0, 2, 6)[1:]
    fine = iw.solve(iw.limits.CircleMeanField("relu", cells), *data, iw.GradientFlow(2.0), save_at=at)
    truth = iw.solve(iw.limits.CircleMeanField("relu", 1600), *data, iw.GradientFlow(2.0, estimate_error=False), save_at=at)
    true = np.abs(fine.outputs - truth.outputs).max(axis=(1, 2))
    assert (true < fine.error).all() and (true > 1.2 * fine.error / 1.5).any()


SMALL = [iw.solvers.Grid([-2.0, -1.0, 0.0, 2.0]), iw.solvers.Grid([-2.0, 0.0, 2.0])]


def test_a_flow_of_one_system_says_that_its_monte_carlo_error_is_not_in_it(tmp_path):
    """Also where it is taken from the checkpoint of a finished run."""
    for replicas, alone in ((1, True), (4, False)):
        model, path = iw.TwoLayerMeanField("tanh", 40, replicas=replicas), tmp_path / f"{replicas}.npz"
        for _ in range(2):
            sol = iw.solve(model, X, Y, iw.GradientFlow(1.0), rng=0, save_at=[1.0], checkpoint=path)
            assert ("the Monte-Carlo error, which replicas tell, is not in it" in sol.message) is alone and sol.error[0] > 0


# The truth, by scipy alone


def network_flow(problem, state, times):
    """Outputs of a network under gradient flow."""
    velocity = np.empty_like(state)

    def field(t, theta):
        problem.evaluate(theta, velocity)
        return velocity.copy()

    found = solve_ivp(field, (0, times[-1]), state, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-13)
    return np.array([problem.predict(theta, problem.data.X) for theta in found.y.T])


def atoms_flow(x, y, mean, half, times, atoms=4000):
    """Outputs of the mean of tanh(w x) over a uniform law of w, by its quantiles as atoms."""
    w = mean + half * ((np.arange(atoms) + 0.5) / atoms * 2 - 1)

    def field(t, w):
        h = np.tanh(np.outer(x, w))
        return -((h.mean(axis=1) - y) * x / len(x)) @ (1 - h**2)

    found = solve_ivp(field, (0, times[-1]), w, t_eval=times, rtol=1e-8, atol=1e-10)
    return np.array([np.tanh(np.outer(x, w)).mean(axis=1) for w in found.y.T])[:, :, None]


def largest(sol, truth):
    return (np.abs(sol.outputs - truth).max(axis=(1, 2)) / (sol.error + 1e-12)).max()


def loose(seed, stepper, rtol, end):
    """True over stated error of a short or long flow of few steps."""
    rng = np.random.default_rng(seed)
    net = iw.Network(3, 2, 16, "sin", iw.Parameterization.mup(2))
    times = end * np.array([0.1, 0.3, 0.6, 1])
    flow = iw.GradientFlow(end, rtol=rtol, atol=1e-3 * rtol, stepper=stepper)
    sol = iw.solve(net, 2 * rng.standard_normal((6, 3)), rng.standard_normal(6), flow, rng=seed, save_at=times)
    return largest(sol, network_flow(sol.problem, sol.problem.start(), times))


def jumping(seed, cells):
    """True over stated error of a density that starts with jumps inside cells."""
    rng = np.random.default_rng(seed)
    x, y, mean, half = rng.standard_normal(6), rng.standard_normal(6), rng.uniform(-1, 1), rng.uniform(0.5, 1.2)
    grid = iw.solvers.Grid.uniform(-6, 6, cells)
    model = iw.limits.DensityMeanField(grid, lambda w: (abs(w[:, 0] - mean) < half) + 1e-12, "tanh")
    sol = iw.solve(model, x, y, iw.solvers.TransportFlow(2.0), save_at=[0.0, 0.4, 1.0, 2.0])
    return largest(sol, atoms_flow(x, y, mean, half, [0.0, 0.4, 1.0, 2.0]))


@pytest.mark.parametrize("rtol", [0.3, 0.1])
@pytest.mark.parametrize("stepper", ["RK45", "RK23", "DOP853", "LSODA"])
def test_flows_of_few_steps_state_an_error_that_covers(stepper, rtol):
    """Where a second run at other tolerances took the same steps, it would differ by 0."""
    assert max(loose(seed, stepper, rtol, end) for seed in range(2) for end in (0.3, 3.0)) < 1


def test_the_stated_error_covers_where_the_start_jumps_inside_a_cell():
    ratios = [jumping(seed, cells) for seed, cells in enumerate((83, 100, 150, 201))]
    assert max(ratios) < 1 and np.median(ratios) > 0.03, ratios


@pytest.mark.parametrize("stepper", ["RK23", "RK45", "Radau", "BDF"])
def test_the_first_steps_of_a_flow_state_an_error_that_covers(stepper):
    """They are much shorter than the tolerance asks for, and a second run that begins with the same ones would err alike."""
    worst = []
    for seed, (hidden, rtol) in enumerate([(2, 1e-6), (3, 1e-2), (3, 1e-2), (2, 1e-2), (1, 1e-3), (2, 1e-4)]):
        rng = np.random.default_rng([seed, 3])
        X, y, end = rng.standard_normal((6, 3)), rng.standard_normal(6), (0.2, 0.6)[seed % 2]
        net, times = iw.Network(3, hidden, 16, "tanh", iw.Parameterization.mup(hidden)), end * np.array([0.02, 0.04, 0.08])
        sol = iw.solve(net, X, y, iw.GradientFlow(end, rtol=rtol, atol=1e-3 * rtol, stepper=stepper), rng=seed, save_at=times)
        worst.append(largest(sol, network_flow(sol.problem, sol.problem.start(), times)))
        assert (sol.error < 10 * rtol).all()
    assert max(worst) < 1, worst


@pytest.mark.slow
def test_coverage_of_flows_and_densities_over_many_settings():
    """Nineteen of twenty settings; the rest is exceeded by little."""
    flows = [
        loose(seed, ("RK45", "RK23", "DOP853", "LSODA")[seed % 4], 10.0 ** -(seed % 5 + 0.5), (0.3, 3.0)[seed // 20 % 2])
        for seed in range(80)
    ]
    densities = [jumping(seed, 80 + 7 * seed) for seed in range(30)]
    for ratios in (flows, densities):
        assert np.mean(np.array(ratios) <= 1) >= 0.95 and max(ratios) < 5, ratios
