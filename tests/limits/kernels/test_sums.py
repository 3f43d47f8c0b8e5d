"""Sums and multiples of kernels: those of networks side by side, wherever a kernel can stand."""

import copy
import importlib.util
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import infwidth as iw
from infwidth.limits import kernels
from infwidth.limits.estimators import NNGPRegressor, NTKRegressor
from infwidth.limits.kernels import Dense, Dropout, Erf, FanInSum, FanOut, Identity, Relu, Tanh, parallel, serial

spec = importlib.util.spec_from_file_location("finite", Path(__file__).with_name("finite.py"))
finite = importlib.util.module_from_spec(spec)
spec.loader.exec_module(finite)

X = np.array([[1.0, 0.5], [0.8, -0.7], [0.0, 0.0], [1.0, 0.5]])
OTHER = np.array([[0.3, 0.3], [-1.0, 2.0]])
Y = np.array([1.0, -0.5, 0.3, 1.0])
A = serial(Dense(1.3, 0.2), Erf(), Dense(0.9, 0.1))
B = serial(Dense(1.1), Relu(), Dense(1.2, 0.3), Relu(), Dense(0.8))
C = Dense(0.7, 0.4)
SUM = A + 2.5 * B + C


def expected(*points):
    return [a + 2.5 * b + c for a, b, c in zip(A(*points), B(*points), C(*points), strict=True)]


@pytest.mark.parametrize("points", [(X,), (X, X.copy()), (X, OTHER)], ids=["one side", "equal sides", "two sides"])
def test_both_kernels_add(points):
    for found, exact in zip(SUM(*points), expected(*points), strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-14, atol=1e-14)


def test_in_tiles_in_files_on_an_executor_and_in_float32(tmp_path):
    many = np.random.default_rng(0).standard_normal((1100, 3))
    exact = expected(many)
    with ThreadPoolExecutor(2) as pool:
        for found in (SUM(many), SUM(many, executor=pool), SUM(many, out=tmp_path)):
            for matrix, right in zip(found, exact, strict=True):
                np.testing.assert_allclose(matrix, right, rtol=1e-13, atol=1e-13)
                np.testing.assert_array_equal(matrix, matrix.T)
    single = SUM(many[:50].astype(np.float32))
    assert single.nngp.dtype == np.float32
    np.testing.assert_allclose(single.ntk, exact[1][:50, :50], rtol=3e-6, atol=3e-6)
    for get, right in zip(("nngp", "ntk"), exact, strict=True):
        np.testing.assert_allclose(SUM.diagonal(many, get=get), np.diag(right), rtol=1e-14)


def test_a_term_may_have_a_series():
    k = serial(Dense(1.2), Tanh(), Dense()) + C
    np.testing.assert_allclose(k.ntk(X, OTHER), serial(Dense(1.2), Tanh(), Dense()).ntk(X, OTHER) + C.ntk(X, OTHER), rtol=1e-14)


def test_finite_networks_side_by_side():
    """Weights of their own and outputs added: networks of width 400, by their standard error."""
    side = serial(FanOut(2), parallel(A, B), FanInSum())
    drawn = [finite.kernels(side, X, 400, np.random.default_rng(seed)) for seed in range(30)]
    for i, exact in enumerate((A + B)(X)):
        samples = np.array([pair[i] for pair in drawn])
        error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples)) + 6 * np.abs(exact).max() / 400  # and a bias of order 1/width
        assert (np.abs(samples.mean(axis=0) - exact) < 4 * error).all()


def test_a_residual_block_and_layers_after_a_sum():
    block = serial(FanOut(2), parallel(Identity(), serial(Relu(), Dense(1.1, 0.2))), FanInSum())
    short = Identity() + serial(Relu(), Dense(1.1, 0.2))
    for found, exact in zip(serial(Dense(), short, short, Relu(), C)(X), serial(Dense(), block, block, Relu(), C)(X), strict=True):
        np.testing.assert_array_equal(found, exact)
    scaled = serial(2.0 * Dense(1.1), Erf(), 0.5 * Dense(1.2, 0.4))
    for found, exact in zip(scaled(X), serial(Dense(1.1 * 2**0.5), Erf(), Dense(1.2 * 0.5**0.5, 0.4 * 0.5**0.5))(X), strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-14, atol=1e-14)


def test_the_first_layer_of_every_term_knows_its_fan_in():
    one, two = Dense(1.2, 0.1, "standard"), Dense(0.4, None, "standard")
    np.testing.assert_allclose((one + two).ntk(X), one.ntk(X) + two.ntk(X), rtol=1e-14)
    dropped = serial(Dropout(0.5), one)
    np.testing.assert_allclose(dropped.ntk(X, OTHER), one.ntk(X, OTHER), rtol=1e-14)  # of two points with masks of their own
    with pytest.raises(ValueError, match="fan_in: a dense layer under the standard parameterization needs the width below it"):
        serial(one + two, one)(X)


def test_terms_and_factors_are_gathered():
    assert A + B + C == A + (B + C) == sum([A, B, C]) and (A + B).terms == (A, B)
    assert 2.0 * (3 * A) == 6.0 * A == np.float64(6.0) * A == A * np.float32(6.0)
    assert hash(2 * A + B) == hash(2.0 * A + B) and copy.deepcopy(SUM) == pickle.loads(pickle.dumps(SUM)) == SUM


def test_arrays_of_kernels_are_compared_and_added_one_by_one():
    """As the results of a grid search are."""
    held = np.array([A, 2.0 * B], dtype=object)
    assert (held == 2.0 * B).tolist() == [False, True] and (np.array([1.0, 2.0]) * A).tolist() == [1.0 * A, 2.0 * A]
    assert (held + C).tolist() == [A + C, 2.0 * B + C] and held.sum() == A + 2.0 * B


@pytest.mark.parametrize("k", [SUM, 2.0 * (A + B), 3 * C, kernels.of(iw.Network(3, 2, 8, "erf", iw.Parameterization.standard(2)))], ids=str)
def test_a_kernel_shows_how_it_is_made(k):
    assert eval(repr(k), vars(kernels) | {name: getattr(kernels, name) for name in kernels.__all__}) == k


def test_predictions_with_a_sum_are_those_of_its_matrix():
    K, T = expected(np.concatenate((X[:3], OTHER)))
    mean = K[3:, :3] @ np.linalg.solve(K[:3, :3] + 0.1 * np.eye(3), Y[:3])
    np.testing.assert_allclose(kernels.posterior(SUM, X[:3], Y[:3], OTHER, noise_variance=0.1).mean[:, 0], mean, rtol=1e-12)
    trained = T[3:, :3] @ np.linalg.solve(T[:3, :3], Y[:3])
    np.testing.assert_allclose(kernels.ensemble(SUM, X[:3], Y[:3], OTHER, [np.inf]).mean[0, :, 0], trained, rtol=1e-11)
    sol = iw.solve(iw.NeuralTangentLimit(SUM), X[:3], Y[:3], iw.GradientDescent(0.05, 4), X_test=OTHER)
    steps = kernels.ensemble(SUM, X[:3], Y[:3], OTHER, [0.2], learning_rate=0.05)
    np.testing.assert_allclose(sol.test_outputs[-1], steps.mean[0], rtol=1e-12)
    for model, exact in ((NNGPRegressor(SUM, 0.1), mean), (NTKRegressor(SUM), trained)):
        np.testing.assert_allclose(clone(model).fit(X[:3], Y[:3]).predict(OTHER), exact, rtol=1e-11)


def test_multiples_are_fitted_and_chosen():
    """Targets of a linear network times 2: the multiple of the linear term is found, that of the other goes to its bound."""
    points = np.random.default_rng(3).standard_normal((60, 3))
    targets = points @ np.random.default_rng(4).standard_normal((3, 40)) * 2 / 3**0.5
    targets += 0.1 * np.random.default_rng(5).standard_normal(targets.shape)
    found = kernels.maximize_likelihood(
        lambda linear, curved: linear * Dense() + curved * serial(Dense(), Erf(), Dense()),
        points, targets, {"linear": 1.0, "curved": 0.1}, noise_variance=0.01, bounds={"linear": (0.1, 10), "curved": (1e-4, 10)},
    )  # fmt: skip
    spread = 4 * (2 / 120) ** 0.5  # of the mean square of 120 weights
    assert abs(found.parameters["linear"] - 4) < 3 * spread and found.parameters["curved"] < 2e-3
    search = GridSearchCV(NNGPRegressor(noise_variance=0.01), {"kernel": [A, A + 9.0 * C]}, cv=3).fit(points, targets)
    assert search.best_params_["kernel"] == A + 9.0 * C


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: A + 1.0, TypeError, r"kernel: a kernel and 1\.0 have no sum; a constant b is that of a bias, Dense"),
        (lambda: "relu" + A, TypeError, "kernel: a kernel and 'relu' have no sum"),
        (lambda: A + X, TypeError, r"kernel: a kernel and an array of shape \(4, 2\)"),
        (lambda: A * B, TypeError, "factor: the product of two kernels is not that of a network"),
        (lambda: 0 * A, ValueError, r"factor: need a finite number > 0, got 0; kernels are multiplied by positive numbers"),
        (lambda: A * -1.0, ValueError, "factor: need a finite number > 0, got -1.0"),
        (lambda: A * X, ValueError, "factor: need a finite number > 0, got an array"),
        (lambda: 1e200 * (1e200 * A), ValueError, "factor: need a finite number > 0, got inf"),
        (lambda: (serial(Dense(), Relu()) + serial(Dense(), Relu()))(X), ValueError, "kernel: a sum of values that are correlated"),
        (lambda: (Identity() + Identity())(X), ValueError, "kernel: a sum of values that are correlated"),
        (lambda: serial(FanOut(2), A + B)(X), ValueError, r"kernel: serial.* \+ serial.* takes one branch and got 2"),
        (lambda: serial(FanOut(2), 2.0 * FanInSum())(X), ValueError, "kernel: a sum of values that are correlated"),
    ],
)  # fmt: skip
def test_what_has_no_sum_or_multiple(make, error, words):
    with pytest.raises(error, match=words):
        make()
