"""The law of trained networks: against recursions on the outputs, solve, Bayes, and repeated points."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import NeuralTangentLimit, kernels
from infwidth.limits.kernels.ensembles import TrainedEnsemble

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8], [0.1, 0.4]])
Y = np.array([1.0, -0.5, 0.7, 0.0])
X_TEST = np.array([[0.6, 0.6], [-1.0, 0.1], [1.0, 0.2]])
KERNEL = kernels.serial(kernels.Dense(1.4, 0.2), kernels.Erf(), kernels.Dense(1.2, 0.1))
ALL = np.concatenate([X, X_TEST])


def law(steps, rate, momentum, ridge=0.0):
    """Mean and covariance by the recursion on the outputs at all points, which is linear in the start and in the targets."""
    theta, n = KERNEL.ntk(ALL, X), len(X)
    start, targets = np.eye(7), np.zeros((7, n))  # f_s = start f_0 + targets y
    moves = [np.zeros((n, 7)), np.zeros((n, n))]  # of the coefficients
    coefficients = [np.zeros((n, 7)), np.zeros((n, n))]
    for _ in range(steps):
        pull = [start[:n] + ridge * coefficients[0], targets[:n] - np.eye(n) + ridge * coefficients[1]]
        moves = [momentum * move - rate / n * force for move, force in zip(moves, pull, strict=True)]
        coefficients = [c + move for c, move in zip(coefficients, moves, strict=True)]
        start, targets = np.eye(7) + theta @ coefficients[0], theta @ coefficients[1]
    return targets[n:] @ Y, start[n:] @ KERNEL.nngp(ALL) @ start[n:].T


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_steps(momentum, ridge):
    options = {"learning_rate": 0.4, "momentum": momentum, "noise_variance": ridge}
    found = kernels.ensemble(KERNEL, X, Y, X_TEST, 0.4 * np.array([0, 1, 5, 40]), **options)
    diagonal = kernels.ensemble(KERNEL, X, Y, X_TEST, [2.0], covariance="diagonal", **options)
    for i, steps in enumerate((0, 1, 5, 40)):
        mean, covariance = law(steps, 0.4, momentum, ridge)
        np.testing.assert_allclose(found.mean[i, :, 0], mean, atol=1e-12)
        np.testing.assert_allclose(found.covariance[i], covariance, atol=1e-12)
    np.testing.assert_allclose(diagonal.covariance[0], np.diag(found.covariance[2]), atol=1e-12)
    assert kernels.ensemble(KERNEL, X, Y, X_TEST, [2.0], learning_rate=0.4, covariance="none").covariance is None


def test_methods_of_solve():
    limit = NeuralTangentLimit(KERNEL)
    descent = iw.solve(limit, X, Y, iw.GradientDescent(0.3, 20), X_test=X_TEST).test_outputs
    ball = iw.solve(limit, X, Y, iw.HeavyBall(0.4, 1.0, 20), X_test=X_TEST).test_outputs
    steps = np.arange(21)
    np.testing.assert_allclose(kernels.ensemble(KERNEL, X, Y, X_TEST, 0.3 * steps, learning_rate=0.3).mean, descent, atol=1e-12)
    np.testing.assert_allclose(
        kernels.ensemble(KERNEL, X, Y, X_TEST, 0.16 * steps, learning_rate=0.16, momentum=0.6).mean, ball, atol=1e-12
    )


def test_small_steps_are_the_flow():
    """First order in the learning rate: halving it halves the gap."""
    flow = kernels.ensemble(KERNEL, X, Y, X_TEST, [3.0])
    gaps = []
    for steps in (3000, 6000):
        found = kernels.ensemble(KERNEL, X, Y, X_TEST, [3.0], learning_rate=3.0 / steps)
        gaps.append(np.abs(found.covariance - flow.covariance).max())
    assert gaps[0] < 1e-3 and np.log2(gaps[0] / gaps[1]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("rate", [None, 0.5])
def test_training_the_last_layer_alone_samples_the_posterior(rate):
    features = kernels.serial(kernels.Linear(1.4, 0.2, 0, 0), kernels.Erf())
    k = kernels.serial(features, kernels.Linear(1.2, 0.1, 1.44, 0.01))
    trained = kernels.ensemble(k, X, Y, X_TEST, [np.inf], learning_rate=rate)
    bayes = kernels.posterior(k, X, Y, X_TEST)
    np.testing.assert_allclose(trained.mean[0], bayes.mean, atol=1e-9)
    np.testing.assert_allclose(trained.covariance[0], bayes.covariance, atol=1e-9)
    ridge = kernels.ensemble(k, X, Y, X_TEST, [np.inf], noise_variance=0.3)
    np.testing.assert_allclose(ridge.mean[0], kernels.posterior(k, X, Y, X_TEST, noise_variance=0.3).mean, atol=1e-12)


def test_a_ridge_ends_at_kernel_ridge():
    found = kernels.ensemble(KERNEL, X, Y, X_TEST, [np.inf, 1e6], noise_variance=0.2)
    ridge = kernels.kernel_ridge(KERNEL, X, Y, X_TEST, noise_variance=0.2)
    np.testing.assert_allclose(found.mean, np.stack([ridge.outputs] * 2), atol=1e-12)


def test_infinite_time_and_repeated_points():
    """The interpolant of minimum norm: of two contradicting labels of one point their mean, and no NaN."""
    twice = np.vstack([X, X[:1]])
    for rate in (None, 0.5):
        found = kernels.ensemble(KERNEL, twice, [*Y, 0.0], X, [np.inf], learning_rate=rate)
        np.testing.assert_allclose(found.mean[0, :, 0], [0.5, *Y[1:]], atol=1e-6)
        np.testing.assert_allclose(found.covariance[0], 0, atol=1e-6)
        assert found.rank == 4 and 1 < found.condition < 1e4
    nothing = kernels.ensemble(kernels.serial(kernels.Dense(), kernels.Relu(), kernels.Dense()), [[0.0]], [1.0], [[0.0]], [1.0, np.inf])
    np.testing.assert_array_equal(nothing.mean, 0)
    assert nothing.rank == 0 and nothing.condition == np.inf


@pytest.mark.parametrize("names", [("erf", "relu"), ("tanh", "relu"), ("silu", "silu")])
def test_contradicting_labels_are_averaged_whatever_the_activation(names):
    one, two = map(kernels.Elementwise, names)
    k = kernels.serial(kernels.Dense(1.5, 0.2), one, kernels.Dense(1.5, 0.2), two, kernels.Dense())
    first, second = np.random.default_rng(0).standard_normal((2, 4))
    both = kernels.ensemble(k, np.vstack([X, X]), np.concatenate([first, second]), X_TEST, [np.inf])
    mean = kernels.ensemble(k, X, (first + second) / 2, X_TEST, [np.inf])
    assert both.rank == 4
    np.testing.assert_allclose(both.mean, mean.mean, rtol=0, atol=1e-10)
    np.testing.assert_allclose(both.covariance, mean.covariance, rtol=0, atol=1e-10)


def test_all_times_share_one_eigendecomposition(monkeypatch):
    calls, eigh = [], np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda matrix: calls.append(len(matrix)) or eigh(matrix))
    kernels.ensemble(KERNEL, X, Y, X_TEST, np.linspace(0, 10, 50))
    assert calls == [4]


def test_outputs_share_the_covariance():
    both = kernels.ensemble(KERNEL, X, np.stack([Y, -2 * Y], axis=1), X_TEST, [1.0])
    one = kernels.ensemble(KERNEL, X, Y, X_TEST, [1.0])
    np.testing.assert_allclose(both.mean[..., 1], -2 * one.mean[..., 0], atol=1e-14)
    np.testing.assert_allclose(both.covariance, one.covariance)


def test_memory_is_asked_for_some_points_at_a_time(monkeypatch):
    """2000 points take 256 kB on the way if all are there at once, and 16 kB their means."""
    monkeypatch.setattr("infwidth.solvers.machine.memory.available", lambda: 1e5)
    for place in ("infwidth.limits.kernels.ensembles.PART", "infwidth.solvers.machine.memory.PART"):
        monkeypatch.setattr(place, 1600)
    points = np.random.default_rng(0).standard_normal((2000, 2))
    found = TrainedEnsemble(KERNEL, iw.solvers.Data.check(X, Y, "squared"), 0.0)
    mean, _ = found.predict(points, np.array([1.0]), "none")
    np.testing.assert_allclose(mean[0, ::400], found.predict(points[::400], np.array([1.0]), "none")[0][0], atol=1e-14)
    with pytest.raises(ValueError, match=r"^X_test: outputs at 1 times"):
        found.predict(points, np.array([1.0]), "full")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": [-1.0]}, "t: need a vector of times >= 0"),
        ({"t": "soon"}, "t: need an array of real numbers"),
        ({"t": [0.55], "learning_rate": 0.1}, r"t: whole steps end at multiples of learning_rate=0\.1, got"),
        ({"t": [0.501], "learning_rate": 0.1}, r"t: whole steps end at multiples of learning_rate=0\.1, got"),
        ({"t": [1e20], "learning_rate": 0.1}, "t: 1e.20 are more steps than floats can count; ask for inf"),
        ({"learning_rate": -1.0}, "learning_rate: need a finite number > 0"),
        ({"momentum": 0.5}, "momentum: needs a learning_rate"),
        ({"momentum": 1.0, "learning_rate": 0.1}, "momentum: need a finite number >= 0 and < 1"),
        ({"t": [np.inf], "learning_rate": 50.0}, "learning_rate: 50 diverges; take less than"),
        ({"t": [50e6], "learning_rate": 50.0, "momentum": 0.5}, "learning_rate: 50 diverges; take less than"),
        (
            {"t": [300.0], "learning_rate": 0.5, "noise_variance": 1e12},
            "learning_rate: 0.5 diverges; take less than",
        ),  # finite, but its square is not
        ({"noise_variance": -1.0}, "noise_variance: need a finite number >= 0.*diagonal"),
        ({"covariance": "half"}, "covariance: 'half' is not one of full, diagonal, none"),
        ({"X_test": np.ones((2, 3))}, "X_test: need 2 columns"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"kernel": KERNEL, "X": X, "y": Y, "X_test": X_TEST, "t": [1.0], **change}
    with pytest.raises(ValueError, match=message):
        kernels.ensemble(**arguments)
