"""Langevin dynamics: the discrete Ornstein-Uhlenbeck process, the noiseless case, resuming, errors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, special, stats

import infwidth as iw

X = np.array([[1.0, 0.5], [-0.3, 1.0]])
Y = np.array([1.0, -1.0])


def test_variance_of_the_discrete_process_without_a_force():
    """theta' = (1 - lambda h) theta + sqrt(2 tau h) xi has a variance in closed form, exact at every step."""
    h, tau, decay = 0.2, 0.5, 0.8
    sol = iw.solve(
        iw.TwoLayerMeanField("relu", 100_000, initial=(np.full((100_000, 1), 2.0), np.full((100_000, 1), 2.0))),
        [[0.0]],
        [0.0],
        iw.Langevin(h, tau, decay, steps=12),
        rng=0,
        observables={"mean": lambda t, state, problem: state.mean(), "variance": lambda t, state, problem: state.var()},
    )
    shrink = 1 - decay * h
    steps = np.arange(13)
    variance = 2 * tau * h * (1 - shrink ** (2 * steps)) / (1 - shrink**2)
    np.testing.assert_allclose(sol.observables["mean"], 2 * shrink**steps, atol=5 * np.sqrt(0.7 / 2e5))
    np.testing.assert_allclose(sol.observables["variance"], variance, rtol=5 * np.sqrt(2 / 2e5))


def test_without_noise_and_decay_it_is_gradient_descent():
    model = iw.TwoLayerMeanField("tanh", 30)
    noisy = iw.solve(model, X, Y, iw.Langevin(0.3, 0.0, 0.0, steps=10), rng=3)
    plain = iw.solve(model, X, Y, iw.GradientDescent(0.3, steps=10), rng=3)
    np.testing.assert_allclose(noisy.outputs, plain.outputs, rtol=1e-12)
    np.testing.assert_array_equal(noisy.t, plain.t)


def test_stationary_law_of_interacting_particles():
    """Linear activation on (x, y) = (1, 1): given r = f - 1 the particles are Gaussian along (a + w) and (a - w), where each step
    shrinks by 1 - h (lambda +- r); so f = <a w> solves a scalar equation, exact for the discrete process. At this step size the
    variances exceed those of h -> 0 by 9% and 49%; the six saved clouds are independent and tell them to .3%."""
    h, tau, decay, N = 0.4, 0.3, 1.0, 40_000

    def variances(f, h):
        return np.array([2 * tau * h / (1 - (1 - h * (decay + sign * (f - 1))) ** 2) for sign in (1, -1)])

    def stationary(h):
        f = optimize.brentq(lambda f: -np.diff(variances(f, h)).item() / 2 - f, 0.1, 0.9)
        return f, variances(f, h)

    def along(t, state, problem):
        W, a = problem.particles(state)
        return np.concatenate([a + W, a - W], axis=1) / np.sqrt(2)

    sol = iw.solve(
        iw.TwoLayerMeanField("linear", N),
        [[1.0]],
        [1.0],
        iw.Langevin(h, tau, decay, steps=200),
        rng=0,
        save_at=range(100, 201, 20),
        observables={"along": along},
    )
    (f, exact), (f_flow, of_flow) = stationary(h), stationary(1e-6)
    found = sol.observables["along"]  # (6, N, 2)
    error = np.sqrt(2 / (6 * N))
    np.testing.assert_allclose(found.var(axis=(0, 1)), exact, rtol=4 * error)
    assert (exact > (1 + 20 * error) * of_flow).all()
    assert sol.outputs.mean() == pytest.approx(f, abs=error * exact.sum())  # four times the scatter over seeds
    assert f_flow - f > 1.5 * error * exact.sum()
    assert np.abs(stats.kurtosis(found.reshape(-1, 2))).max() < 5 * np.sqrt(24 / (6 * N))
    assert np.abs(np.corrcoef(found[-1].T)[0, 1]) < 5 / np.sqrt(N)


def test_resumes_to_the_same_bits(tmp_path):
    model = iw.TwoLayerMeanField("tanh", 30)
    method = iw.Langevin(0.1, 0.01, 0.1, steps=20)
    whole = iw.solve(model, X, Y, method, rng=3)
    path = tmp_path / "run.npz"
    iw.solve(model, X, Y, method, rng=3, checkpoint=path, checkpoint_seconds=0, callback=lambda point: point.step == 7)
    resumed = iw.solve(model, X, Y, method, rng=3, checkpoint=path)
    np.testing.assert_array_equal(resumed.state, whole.state)
    np.testing.assert_array_equal(resumed.outputs, whole.outputs)


def test_float32_is_kept():
    sol = iw.solve(iw.TwoLayerMeanField("sin", 30), X.astype(np.float32), Y, iw.Langevin(0.1, 0.01, 0.1, steps=3), rng=3)
    assert sol.state.dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0.0, 0.1, 0.1, 5), "step_size: need a finite number > 0"),
        ((0.1, -0.1, 0.1, 5), "temperature: need a finite number >= 0"),
        ((0.5, 0.1, 3.0, 5), "weight_decay: weight_decay . step_size = 1.5 exceeds 1; lower step_size to 0.333"),
        ((0.5, 0.1, 0.1, -1), "steps: need an integer from 0"),
    ],
)
def test_errors_name_the_argument(arguments, words):
    with pytest.raises(ValueError, match=words):
        iw.Langevin(*arguments)


def test_causal_limits_and_first_steps_are_refused():
    with pytest.raises(ValueError, match=r"^method: noise on the parameters of a network is not noise on the history"):
        iw.solve(iw.DeepLinearMuP(1), X, Y, iw.Langevin(0.1, 0.1, 0.1, 5))
    large = iw.Network(X.shape[1], 2, 8, "linear", iw.Parameterization.integrable_large_lr(2))
    with pytest.raises(ValueError, match="starts with one large step"):
        iw.solve(large, X, Y, iw.Langevin(0.1, 0.1, 0.1, 5), rng=0)


def test_reduced_coordinates_are_refused():
    """Noise on every parameter of a network is not noise of the same strength on coordinates in which only the gradient closes."""
    with pytest.raises(ValueError, match=r"^method: noise on the parameters .* reduced coordinates in which this limit is solved; use"):
        iw.solve(iw.DeepLinearIntegrable(2, "naive"), X, Y, iw.Langevin(0.1, 0.1, 0.1, 5), rng=0)


def test_leimkuhler_matthews_is_exact_for_a_quadratic_potential():
    """The stationary variance is tau / lambda at any step; Euler's is tau / (lambda (1 - lambda h / 2)), 25% more here."""
    h, tau, decay, N = 0.4, 0.5, 1.0, 100_000
    model = iw.TwoLayerMeanField("relu", N, initial=(np.zeros((N, 1)), np.zeros((N, 1))))
    for stepper, variance in (("leimkuhler_matthews", tau / decay), ("euler", tau / (decay * (1 - decay * h / 2)))):
        sol = iw.solve(model, [[0.0]], [0.0], iw.Langevin(h, tau, decay, 40, stepper=stepper), rng=0, save_at=[40])
        assert sol.state.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / (2 * N)))


class Rotor:
    """Independent particles in the potential cos(theta) on the circle."""

    data, coordinates, threads, frozen = None, "parameters", "gemm", ()

    def start(self):
        return np.linspace(-3, 3, 7)

    def evaluate(self, state, velocity=None, *, step=1, rows=None):
        velocity[:] = np.sin(state)
        return 0.0, None


def test_steps_of_leimkuhler_and_matthews():
    """The formula, with noise from the same generator: xi_0, xi_1, ... in that order."""
    h, tau, decay = 0.3, 0.5, 0.2
    points = iw.Langevin(h, tau, decay, 4, stepper="leimkuhler_matthews").trajectory(Rotor(), np.random.default_rng(5))
    found = [point.state.copy() for point in points]
    xi = np.random.default_rng(5).standard_normal((5, 7))
    theta = Rotor().start()
    for s in range(4):
        theta = theta + h * (np.sin(theta) - decay * theta) + np.sqrt(2 * tau * h) * (xi[s] + xi[s + 1]) / 2
        np.testing.assert_allclose(found[s + 1], theta, rtol=1e-12)


def test_orders_of_the_stationary_law_in_the_step():
    """E cos(theta) for cos(theta) / tau on the circle against Bessel functions: its error falls like h, and like h^2 with shared noise.

    y = theta - sigma xi / 2 is a Markov chain, y' = y + h v(y + sigma xi / 2) + sigma xi. Its moments E exp(i j y) solve a linear system,
    whose entries are Gauss-Hermite sums over xi and Fourier sums over y."""
    tau, modes = 1.0, np.arange(-15, 16)
    grid = np.arange(64) * 2 * np.pi / 64
    nodes, masses = np.polynomial.hermite_e.hermegauss(40)
    masses = masses / masses.sum()

    def moment(h, shared):
        sigma = np.sqrt(2 * tau * h)
        after = grid[:, None] + h * np.sin(grid[:, None] + shared * sigma * nodes / 2) + sigma * nodes
        moved = np.einsum("yxj,x->yj", np.exp(1j * after[:, :, None] * modes), masses)  # E exp(i j y') given y
        A = np.exp(-1j * modes[:, None] * grid) @ moved / 64
        system, right = (A - np.eye(31)).T, np.zeros(31, complex)
        system[15], right[15] = modes == 0, 1
        return np.linalg.solve(system, right)[16].real * np.exp(-shared * sigma**2 / 8)

    exact = -special.iv(1, 1 / tau) / special.iv(0, 1 / tau)
    for shared, order in ((False, 1), (True, 2)):
        errors = np.array([moment(h, shared) - exact for h in (0.1, 0.05)])
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.05), errors


@pytest.mark.parametrize("stepper", ["euler", "leimkuhler_matthews"])
def test_noise_on_output_biases_is_the_same_in_every_width_and_replica(stepper):
    """One parameter at every width: without a force and decay it is the same random walk for all, of variance 2 tau t."""
    biased = iw.Parameterization.mup(1).with_biases()
    method = iw.Langevin(0.1, 0.3, 0.0, 50, stepper=stepper)
    models = [iw.Network(2, 1, m, "tanh", biased, output_dim=2) for m in (3, 8)]
    models += [iw.TwoLayerMeanField("tanh", 6, bias=True, output_bias=True, replicas=r) for r in (1, 3)]
    models += [iw.limits.DeepIntegrable(2, "tanh", 6, "naive", bias_std=1.0, replicas=r) for r in (1, 3)]
    walks = []
    for model in models:
        problem = model.bind(iw.solvers.Data.check(np.zeros((1, 2)), np.zeros((1, 2))), np.random.default_rng(0))
        problem.evaluate = lambda state, velocity, step: velocity.fill(0) or iw.solvers.problem.Evaluation(0.0, np.zeros((1, 2)))
        points = method.trajectory(problem, np.random.default_rng(7))
        walks.append(np.array([point.state[problem.common].copy() for point in points]))
    np.testing.assert_array_equal(walks[0], walks[1])
    for one, three in (walks[2:4], walks[4:6]):
        np.testing.assert_array_equal(walks[0], one)
        np.testing.assert_array_equal(walks[0], three[:, 2:4])
    steps = np.diff(walks[0], axis=0) / np.sqrt(2 * 0.3 * 0.1)
    assert abs(steps.mean()) < 4 / 10 and abs((steps**2).mean() - (1 if stepper == "euler" else 0.5)) < 4 * 0.2


def test_units_of_networks_that_their_limit_has_not_are_refused():
    p = iw.Parameterization.mup(1)
    moved = iw.Parameterization((0.5, 0.5), (-0.5, 0.5), (-2.0, 0.0))  # the same network under gradients
    for activation in ("linear", "tanh"):
        one, other = (iw.limits.scaling.limit(iw.Network(2, 1, 8, activation, q)) for q in (p, moved))
        assert repr(one) == repr(replace(other, takes_noise=True)) != repr(other)
        hot, cold = iw.Langevin(0.1, 0.1, 0.2, 3), iw.Langevin(0.1, 0.0, 0.2, 3)
        for limit in (other, replace(other)):
            with pytest.raises(ValueError, match=r"^temperature: noise .* b != 0.* take the equivalent parameterization"):
                iw.solve(limit, X, Y, hot, rng=0)
        np.testing.assert_array_equal(iw.solve(other, X, Y, cold, rng=0).outputs, iw.solve(one, X, Y, cold, rng=0).outputs)
        assert np.abs(iw.solve(one, X, Y, hot, rng=0).outputs - iw.solve(one, X, Y, cold, rng=0).outputs).max() > 1e-3
    deep = iw.Parameterization((0.5, 1, 0.5), (-0.5, 0, 0.5), (-2, -2, 0))
    with pytest.raises(ValueError, match=r"^temperature: "):
        iw.solve(iw.limits.scaling.limit(iw.Network(2, 2, 8, "tanh", deep), neurons=64), X, Y, iw.Langevin(0.1, 0.1, 0.2, 3), rng=0)


def test_leimkuhler_matthews_resumes_to_the_same_bits(tmp_path):
    model, long = iw.TwoLayerMeanField("tanh", 20, output_bias=True), iw.Langevin(0.1, 0.3, 0.2, 20, stepper="leimkuhler_matthews")
    whole = iw.solve(model, X, Y, long, rng=4)
    path = tmp_path / "run.npz"
    stopped = iw.solve(model, X, Y, long, rng=4, checkpoint=path, checkpoint_seconds=0, callback=lambda point: point.step == 9)
    assert len(stopped.t) < 21
    resumed = iw.solve(model, X, Y, long, rng=4, checkpoint=path)
    np.testing.assert_array_equal(resumed.state, whole.state)
    np.testing.assert_array_equal(resumed.loss, whole.loss)


def test_bad_stepper():
    with pytest.raises(ValueError, match=r"stepper: .*euler, leimkuhler_matthews"):
        iw.Langevin(0.1, 0.1, 0.1, 3, stepper="milstein")
