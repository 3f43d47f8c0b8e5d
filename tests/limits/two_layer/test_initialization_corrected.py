"""The initialization-corrected limit: its law at the start, its tests points, and finite networks."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import InitCorrectedMeanField, InitCorrectedNetwork, gaussian, kernels
from infwidth.solvers.model_abilities import FiniteModel, HasLimit, RandomStart

X = np.array([[1.0, 0.5], [-0.3, 1.0], [0.7, -1.2], [0.2, 0.1]])
Y = np.array([1.0, -1.0, 0.5, 0.0])
X_TEST = np.array([[0.4, 0.9], [1.0, 0.5]])
START = iw.GradientDescent(0.1, 0)
STDS = 0.5, 3.0
SIZE = 0.5**2 * 3.0**2  # of the covariance of relu beside that of standard weights


def covariance(A, B):
    sizes = np.linalg.norm(A, axis=1)[:, None], np.linalg.norm(B, axis=1)
    return gaussian.dual("relu", sizes[0] ** 2, sizes[1] ** 2, np.clip(A @ B.T / (sizes[0] * sizes[1]), -1, 1)).value


def test_the_law_of_the_start_of_networks():
    """Covariance of the outputs on training and test points over seeds: the kernel of the Gaussian process."""
    both = np.concatenate([X, X_TEST])
    draws = []
    for seed in range(600):
        sol = iw.solve(InitCorrectedNetwork(200, "relu", *STDS), X, Y, START, X_test=X_TEST, rng=seed)
        draws.append(np.concatenate([sol.outputs[0, :, 0], sol.test_outputs[0, :, 0]]))
    found, exact = np.cov(np.array(draws).T), SIZE * covariance(both, both)
    sd = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / 600)
    assert (np.abs(found - exact) < 4.5 * sd).all()
    assert np.abs(np.mean(draws, axis=0) / np.sqrt(np.diag(exact) / 600)).max() < 4


def test_one_path_is_one_function():
    """A test point that is a training point has its output, whenever it is asked for; so has a point predicted later."""
    sol = iw.solve(InitCorrectedMeanField("erf", 500), X, Y, iw.GradientDescent(0.1, 20), X_test=X_TEST, rng=3)
    np.testing.assert_allclose(sol.test_outputs[:, 1], sol.outputs[:, 0], atol=1e-6)
    np.testing.assert_allclose(sol.predict(X), sol.outputs[-1], atol=1e-12)
    np.testing.assert_allclose(sol.predict(X_TEST), sol.test_outputs[-1], atol=1e-12)
    near = sol.predict(X + 1e-7)
    np.testing.assert_allclose(near, sol.outputs[-1], atol=1e-4)


def test_training_moves_the_mean_field_part_alone():
    """f_t - f_0 is the change of the mean-field network trained with that offset."""
    network = InitCorrectedNetwork(64, "relu")
    sol = iw.solve(network, X, Y, iw.GradientDescent(0.3, 30), rng=5)
    (W, a), (W0, a0) = (sol.problem.particles(s) for s in (sol.state, sol.problem.start()))
    mean_field = [np.maximum(X @ w.T, 0) @ b / 64 for w, b in ((W, a), (W0, a0))]
    np.testing.assert_allclose(sol.outputs[-1] - sol.outputs[0], mean_field[0] - mean_field[1], atol=1e-12)
    np.testing.assert_allclose(sol.outputs[0], 8 * mean_field[1], atol=1e-12)


def test_covariance_at_the_start_is_that_of_the_process():
    """At training and test points, within the stated error, which is small; the mean is zero within its own."""
    sol = iw.solve(InitCorrectedMeanField("relu", 4000, *STDS, replicas=1000), X, Y, START, X_test=X_TEST, rng=0)
    both = np.concatenate([X, X_TEST])
    exact = SIZE * covariance(both, both)
    assert np.abs(sol.covariance[0, :, 0, :, 0] - exact).max() < sol.covariance_error[0] < 0.25 * exact.max()
    assert max(np.abs(sol.outputs).max(), np.abs(sol.test_outputs).max()) < sol.error[0] < 0.2 * SIZE**0.5


@pytest.mark.parametrize("method", [iw.GradientDescent(0.3, 12), iw.HeavyBall(0.4, 1.0, 12)], ids=["descent", "heavy ball"])
def test_a_large_reference_width_is_lazy(method):
    """The reference network moves by the tangent kernel alone, and mean and covariance are those of the ensemble, in closed form: within
    the stated errors, and the part that the fluctuation of 400 particles a draw adds to the variances, of order 1/400."""
    model = InitCorrectedMeanField("relu", 400 * 400, replicas=400, reference_width=10**8)
    sol = iw.solve(model, X, Y, method, X_test=X_TEST, rng=1, save_at=[12])
    closed = {"learning_rate": 0.3} if isinstance(method, iw.GradientDescent) else {"learning_rate": 0.16, "momentum": 0.6}
    kernel = kernels.of(iw.Network(2, 1, 8, "relu", iw.Parameterization.ntk(1)))
    exact = kernels.ensemble(kernel, X, Y, np.concatenate([X, X_TEST]), [12 * closed["learning_rate"]], **closed)
    law, mean = sol.covariance[0, :, 0, :, 0], np.concatenate([sol.outputs[0], sol.test_outputs[0]])
    assert np.abs(law - exact.covariance[0]).max() < sol.covariance_error[0] < 0.5 * np.abs(exact.covariance).max()
    assert np.abs(mean - exact.mean[0]).max() < sol.error[0] < 0.3
    assert np.abs(exact.covariance[0] - covariance(*2 * [np.concatenate([X, X_TEST])])).max() > 3 * sol.covariance_error[0]


@pytest.mark.parametrize(("reference_width", "steps"), [(1, 15), (64, 8)])
def test_finite_networks_have_the_covariance_of_the_limit(reference_width, steps):
    """300 networks of width 400, seeds 0..299, against 300 draws: mean and covariance on training and test points after steps that change
    both, entry by entry within 4 standard errors. (Later the spread on training points is so small that terms of order 1/400 are seen.)"""
    method, outputs = iw.GradientDescent(0.3, steps), []
    options = {"X_test": X_TEST, "save_at": [steps]}
    for seed in range(300):
        run = iw.solve(InitCorrectedNetwork(400, "relu", reference_width=reference_width), X, Y, method, rng=seed, **options)
        outputs.append(np.concatenate([run.outputs[0], run.test_outputs[0]])[:, 0])
    model = InitCorrectedMeanField("relu", 400 * 300, replicas=300, reference_width=reference_width)
    sol = iw.solve(model, X, Y, method, rng=300, **options)
    draws = sol.problem.draws(sol.state, X_TEST)[:, :, 0]
    for first, second in ((outputs, draws), (products(outputs), products(draws))):
        error = np.hypot(np.std(first, axis=0), np.std(second, axis=0)) / np.sqrt(300)
        assert (np.abs(np.mean(first, axis=0) - np.mean(second, axis=0)) < 4 * error).all()


def products(outputs):
    """Of deviations from the mean, whose mean is the covariance."""
    scatter = outputs - np.mean(outputs, axis=0)
    return scatter[:, :, None] * scatter[:, None]


@pytest.mark.slow
@pytest.mark.parametrize("reference_width", [1, 128])
def test_stated_errors_cover_a_law_that_is_known_well(reference_width):
    """40 runs of 48 draws of 200 particles, against 2000 draws of 512: mean and covariance hold in at least 85% (s.e. .035 of 95%), and not
    those at the start, which training has changed. With 256 draws of 20 particles each the fluctuation that every draw has is above the
    error of the covariance, which holds in few runs."""

    def train(replicas, size, seed, quasi_random=False):
        model = InitCorrectedMeanField(
            "relu", replicas * size, replicas=replicas, reference_width=reference_width, quasi_random=quasi_random
        )
        return iw.solve(model, X, Y, iw.GradientDescent(0.3, 15), rng=seed, X_test=X_TEST, save_at=[0, 15])

    exact = train(2000, 512, 0, quasi_random=True)
    near = lambda sol, time: np.abs(sol.covariance[1] - exact.covariance[time]).max() < sol.covariance_error[1]  # noqa: E731
    held = []
    for seed in range(1, 41):
        sol = train(48, 200, seed)
        mean = np.abs(sol.test_outputs[1] - exact.test_outputs[1]).max() < sol.error[1]
        held.append((mean, near(sol, 1), near(sol, 0)))
    mean, law, other = np.mean(held, axis=0)
    assert min(mean, law) >= 0.85 and other < 0.5
    assert np.mean([near(train(256, 20, seed), 1) for seed in range(1, 13)]) < 0.5


@pytest.mark.parametrize("method", [iw.GradientDescent(0.5, 8), iw.RMSProp(0.05, 20, epsilon=0.3)], ids=["descent", "RMSProp"])
def test_at_the_reference_width_it_is_the_ordinary_network(method):
    """From the same weights, with the unit of the gradients in which RMSProp has its epsilon."""
    sol = iw.solve(InitCorrectedNetwork(32, "tanh", 0.8, 1.5, reference_width=32), X, Y, method, X_test=X_TEST, rng=0)
    W, a = sol.problem.particles(sol.problem.start())
    ordinary = iw.Network(2, 1, 32, "tanh", iw.Parameterization((0, 0.5), (0, 0), (0, 0)), initial=[W, a.T])
    same = iw.solve(ordinary, X, Y, method, X_test=X_TEST, rng=0)
    assert np.abs(same.outputs[-1] - same.outputs[0]).max() > 0.1
    np.testing.assert_allclose(sol.outputs, same.outputs, atol=1e-12)
    np.testing.assert_allclose(sol.test_outputs, same.test_outputs, atol=1e-12)


METHODS = {
    "descent": lambda c: iw.GradientDescent(0.3 * c, 10),
    "minibatches": lambda c: iw.GradientDescent(0.3 * c, 10, batch_size=2),
    "heavy ball": lambda c: iw.HeavyBall(0.4 * c**0.5, 0.5 / c**0.5, 10),
    "RMSProp": lambda c: iw.RMSProp(0.05, 10),
    "RMSProp by minibatches": lambda c: iw.RMSProp(0.05, 10, batch_size=2),
}
TARGETS = {"squared": Y, "logistic": np.array([1, -1, 1, -1]), "cross_entropy": np.array([0, 1, 2, 1])}
QUICK = {("RMSProp", "squared", 128), ("heavy ball", "cross_entropy", 1)}
CELLS = [  # all of them are in benchmarks/random_limits.py
    *sorted(QUICK), ("descent", "squared", 1), ("RMSProp", "logistic", 1), ("descent", "logistic", 128), ("minibatches", "squared", 128),
    ("heavy ball", "squared", 128), ("RMSProp", "cross_entropy", 128), ("RMSProp by minibatches", "cross_entropy", 128),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "loss", "reference_width"),
    [pytest.param(*cell, id=" ".join(map(str, cell)), marks=[] if cell in QUICK else [pytest.mark.slow]) for cell in CELLS],
)
def test_finite_networks_approach_the_limit(method, loss, reference_width):
    """The gap of networks to the limit from their own start falls like width^{-1/2}, on test points too; declared seeds 0..63,
    0..35 for three outputs."""
    networks = [InitCorrectedNetwork(m, "relu", reference_width=reference_width) for m in (64, 256, 1024)]
    chosen = METHODS[method](1.0 if reference_width == 1 else 8.0)  # rates at which 128 neurons move as one does
    result = iw.compare(
        networks[0].limit(), networks, X, TARGETS[loss], chosen, seeds=36 if loss == "cross_entropy" else 64, loss=loss, X_test=X_TEST
    )
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) < 2 * result.slope_error, str(result)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "reference_width"), [("noise", 128), ("flow", 1)])
def test_finite_networks_approach_the_limit_under_noise_and_in_a_flow(kind, reference_width):
    """As above, for Langevin steps, whose noise is each model's own and averages out with the width, and gradient flow; seeds 0..63."""
    c = 1.0 if reference_width == 1 else 8.0
    networks = [InitCorrectedNetwork(m, "tanh", reference_width=reference_width) for m in (16, 64, 256)]
    if kind == "noise":
        method, options = iw.Langevin(0.2 * reference_width**0.25, 0.1, 0.2, 8), {}
    else:
        method, options = iw.GradientFlow(2.0 * c, rtol=1e-4), {"save_at": [c, 2 * c]}
    limit = InitCorrectedMeanField("tanh", 2**14, reference_width=reference_width, quasi_random=True)
    result = iw.compare(limit, networks, X, Y, method, seeds=64, **options)
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) < 2 * result.slope_error, str(result)


def test_networks_know_their_limit():
    network = InitCorrectedNetwork(8, "tanh", 0.5, 2.0, reference_width=16)
    limit = network.limit()
    assert isinstance(network, FiniteModel) and isinstance(network, HasLimit) and isinstance(limit, RandomStart)
    assert (limit.activation, limit.weight_std, limit.output_std, limit.reference_width) == ("tanh", 0.5, 2.0, 16)
    many = InitCorrectedMeanField("tanh", 60, replicas=3)
    one = many.started_at(np.sin)
    assert many.random_start and not one.random_start and (one.replicas, one.particles) == (1, 20)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: InitCorrectedMeanField("relu", 0), "particles: need an integer >= 1"),
        (lambda: InitCorrectedMeanField("relu", 5, weight_std=-1), "weight_std: need a finite number >= 0"),
        (lambda: InitCorrectedNetwork(0, "relu"), "width: need an integer >= 1"),
        (lambda: InitCorrectedMeanField("relu", 10, replicas=4), "replicas: 4 does not divide particles=10; take particles=12"),
        (
            lambda: InitCorrectedMeanField("relu", 10, replicas=2, start=np.sin),
            "replicas: with the start that is given .*leave replicas out",
        ),
        (lambda: InitCorrectedMeanField("relu", 10, reference_width=0), "reference_width: need an integer >= 1"),
        (lambda: InitCorrectedNetwork(4, "relu", reference_width=2.5), "reference_width: need an integer"),
        (lambda: iw.solve(InitCorrectedMeanField("relu", 5, start=lambda Z: Z), X, Y, START), r"start: must return shape \(4, 1\)"),
        (
            lambda: iw.solve(InitCorrectedMeanField("relu", 6000, replicas=6000), X, np.c_[Y, Y], START),
            "replicas: 6000 draws of 2 outputs are 12000 paths",
        ),
        (lambda: iw.solve(InitCorrectedNetwork(4, "relu"), method=START), "X: is missing, and this model learns from data; give X and y"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
