"""The problem of a density: its memory, its energy, the masses that a step empties, and what is refused."""

import re

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import infwidth as iw
from infwidth.limits import DensityMeanField, InteractionMeanField
from infwidth.solvers import Grid, ImplicitTransport, TransportFlow
from infwidth.solvers.problem import MethodFailed


def square(x):
    return (x**2).sum(axis=1) / 2


def gaussian(mean, variance):
    return lambda x: np.exp(-((x - mean) ** 2).sum(axis=1) / 2 / variance)


LINE, PLANE = Grid.uniform(0, 1, 4), Grid.uniform((0, 0), (1, 1), (4, 4))


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
            with pytest.raises(MethodFailed, match=r"^learning_rate: .* makes a mass negative .* keeps all of them"):
                update(1.0 + excess)
            assert state.tolist() == [1, 0]
        else:
            update(1.0 + excess)
            assert state[0] == 0 and state[1] == pytest.approx(1, abs=1e-15)


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


@pytest.mark.parametrize(("half", "share"), [(1, 0.5), (2, 0.05)])
def test_mass_at_the_edge_of_the_grid_is_told(half, share):
    """The start is a standard Gaussian: a grid of one or two standard deviations holds mass back, one of eight does not."""

    def message(width):
        model = DensityMeanField(
            Grid.uniform(-width, width, 60), lambda w: np.exp(-(w**2).sum(axis=1) / 2), "tanh", "w", temperature=0.1, weight_decay=0.2
        )
        return iw.solve(model, np.array([[0.5]]), [0.3], ImplicitTransport(2.0, estimate_error=False), save_at=[2]).message

    assert message(8) == "finished"
    found = re.search(r"at the edge of the grid the density is (\S+) of its largest value: .*; widen the grid", message(half))
    assert float(found[1]) > share
