"""Classifiers: scikit-learn's own checks, digits, and kernels inside a support vector machine."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import ndtr
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

import infwidth as iw
from infwidth.limits import kernels
from infwidth.limits.estimators import NNGPClassifier, NTKClassifier
from infwidth.limits.estimators.largest import probability_of_largest

KERNEL = kernels.serial(kernels.Dense(1.4, 0.2), kernels.Relu(), kernels.Dense(1.2, 0.1))


def digits():
    X, y = load_digits(return_X_y=True)
    return X[:400] / 8 - 1, y[:400], X[400:900] / 8 - 1, y[400:900]


@pytest.mark.parametrize("estimator", [NNGPClassifier(), NTKClassifier(), NTKClassifier(t=30.0)], ids=str)
def test_scikit_learn_checks(estimator):
    results = check_estimator(estimator, on_skip=None)
    assert len(results) > 40
    assert {r["check_name"] for r in results if r["status"] != "passed"} <= {"check_array_api_input"}  # which needs packages


@pytest.mark.parametrize("model", [NNGPClassifier(KERNEL, 0.05), NTKClassifier(KERNEL, noise_variance=0.05)], ids=["nngp", "ntk"])
def test_ten_classes_are_regression_on_centred_one_hot_rows(model):
    X, y, X_test, y_test = digits()
    get = "nngp" if isinstance(model, NNGPClassifier) else "ntk"
    exact = kernels.kernel_ridge(KERNEL, X, np.eye(10)[y] - 0.1, X_test, noise_variance=0.05, get=get).outputs
    model = clone(model).fit(X, y)
    np.testing.assert_allclose(model.outputs(X_test), exact, atol=1e-9)
    np.testing.assert_array_equal(model.predict(X_test), exact.argmax(axis=1))
    assert model.score(X_test, y_test) > 0.9


def test_two_classes():
    X, y, X_test, y_test = digits()
    pair, pair_test = y < 2, y_test < 2
    names = np.array(["zero", "one"])
    model = NTKClassifier(KERNEL).fit(X[pair], names[y[pair]])
    assert model.classes_.tolist() == ["one", "zero"]
    outputs = model.outputs(X_test[pair_test])
    np.testing.assert_allclose(outputs.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_array_equal(model.predict(X_test[pair_test]), np.where(outputs[:, 1] > outputs[:, 0], "zero", "one"))
    assert model.score(X_test[pair_test], names[y_test[pair_test]]) > 0.98


def draws(mean, covariance, size, seed):
    """Of independent outputs (size, n, k)."""
    root = np.linalg.cholesky(covariance + 1e-10 * np.eye(len(covariance)))
    return mean + root @ np.random.default_rng(seed).standard_normal((size, *mean.shape))


def assert_frequencies(answers, classes, stated):
    """Within 4 standard errors of what is stated."""
    frequencies = (answers[:, :, None] == np.arange(classes)).mean(axis=0)
    error = np.sqrt(np.maximum(stated * (1 - stated), 1 / len(answers)) / len(answers))
    assert (np.abs(frequencies - stated) < 4 * error).all()


def spirals(n, classes, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    angle = 2 * np.pi * y / classes
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.7 * rng.standard_normal((n, 2)), y


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("classes", [2, 4])
def test_probabilities_of_bayes_are_frequencies_of_the_largest_target(noise, classes):
    """Draws from the joint posterior of outputs at all points, noise added: how often each class has the largest."""
    (X, y), (X_test, _) = spirals(12, classes, 0), spirals(6, classes, 1)
    found = kernels.posterior(KERNEL, X, np.eye(classes)[y] - 1 / classes, X_test, noise_variance=noise)
    targets = draws(found.mean, found.covariance, 40000, 2)
    targets += noise**0.5 * np.random.default_rng(3).standard_normal(targets.shape)
    model = NNGPClassifier(KERNEL, noise).fit(X, y)
    stated = model.predict_proba(X_test)
    assert_frequencies(targets.argmax(axis=2), classes, stated)
    np.testing.assert_array_equal(stated.argmax(axis=1), model.predict(X_test))
    np.testing.assert_allclose(stated.sum(axis=1), 1, rtol=1e-14)
    if classes == 2:
        variance = np.diag(found.covariance) + noise
        exact = ndtr((model.outputs(X_test) @ [-1.0, 1.0]) / np.sqrt(2 * variance))
        np.testing.assert_allclose(stated[:, 1], exact, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("t", "ridge"), [(0.0, 0.0), (6.0, 0.0), (np.inf, 0.3)])
def test_probabilities_of_trained_networks_are_frequencies_over_their_starts(t, ridge):
    """Starts drawn jointly at all points, each trained by its own linear flow, integrated step by step."""
    (X, y), (X_test, _) = spirals(9, 3, 0), spirals(6, 3, 1)
    points = np.concatenate((X, X_test))
    K, T = KERNEL(points)
    f = draws(np.zeros((15, 3)), K, 20000, 2)
    ridged, targets = T[:9, :9] + ridge * np.eye(9), np.eye(3)[y] - 1 / 3
    inverse = np.linalg.inv(ridged) @ (np.eye(9) if np.isinf(t) else np.eye(9) - expm(-ridged * t / 9))
    answers = (f[:, 9:] + T[9:, :9] @ inverse @ (targets - f[:, :9])).argmax(axis=2)
    model = NTKClassifier(KERNEL, t, ridge).fit(X, y)
    assert_frequencies(answers, 3, model.predict_proba(X_test))
    if t == 0:
        np.testing.assert_allclose(model.predict_proba(X_test), 1 / 3, rtol=1e-14)


def test_trained_networks_agree_at_the_training_points():
    X, y = spirals(9, 3, 0)
    np.testing.assert_allclose(NTKClassifier(KERNEL).fit(X, y).predict_proba(X), np.eye(3)[y], atol=1e-12)


@pytest.mark.parametrize("model", [NNGPClassifier(KERNEL, 0.0), NTKClassifier(KERNEL)], ids=["nngp", "ntk"])
def test_a_point_of_two_labels_has_both(model):
    X, y = spirals(9, 3, 0)
    found = model.fit(np.concatenate([X, X]), np.concatenate([y, (y + 1) % 3])).predict_proba(X)
    np.testing.assert_allclose(found, (np.eye(3)[y] + np.eye(3)[(y + 1) % 3]) / 2, rtol=0, atol=1e-3)


@pytest.mark.slow
def test_finite_networks_answer_as_often_as_stated():
    """Four hundred networks of width 1024, trained as long: classes of the largest output, within 4 standard errors and .02 of width."""
    (X, y), (X_test, _) = spirals(9, 3, 0), spirals(6, 3, 1)
    network = iw.Network(2, 1, 1024, "relu", iw.Parameterization.ntk(1), 3)
    targets = np.eye(3)[y] - 1 / 3
    answers = []
    for seed in range(400):
        sol = iw.solve(network, X, targets, iw.GradientDescent(0.25, 24), X_test=X_test, rng=seed, save_at=[24])
        answers.append(sol.test_outputs[-1].argmax(axis=1))
    stated = NTKClassifier(kernels.of(network), 6.0).fit(X, y).predict_proba(X_test)
    frequencies = (np.array(answers)[:, :, None] == np.arange(3)).mean(axis=0)
    assert (np.abs(frequencies - stated) < 4 * np.sqrt(stated * (1 - stated) / 400) + 0.02).all()


def test_probabilities_are_good_where_classes_overlap():
    """Two Gaussian clouds whose true posterior is known: the noise is chosen by the likelihood of the targets, as the docstring says."""
    rng = np.random.default_rng(0)
    y, y_test = rng.integers(2, size=200), rng.integers(2, size=2000)
    X, X_test = (rng.standard_normal((len(c), 2)) + (2 * c[:, None] - 1) * [1.0, 0.0] for c in (y, y_test))
    models = [NNGPClassifier(KERNEL, v).fit(X, y) for v in (0.01, 0.03, 0.1, 0.2, 0.4)]
    best = max(models, key=lambda model: model.log_marginal_likelihood_)
    truth = 1 / (1 + np.exp(-2 * X_test[:, 0]))
    least = log_loss(y_test, truth)
    assert log_loss(y_test, best.predict_proba(X_test)) < least + 0.05
    latent, std = best._trained.predict(X_test, return_std=True)  # outputs without noise are far too sure
    assert log_loss(y_test, probability_of_largest(latent, std[:, 0])) > least + 0.5
    searched = GridSearchCV(NNGPClassifier(KERNEL), {"noise_variance": [0.01, 0.1]}, scoring="neg_log_loss", cv=3).fit(X, y)
    assert searched.best_params_ == {"noise_variance": 0.1}


def test_kernels_serve_a_support_vector_machine():
    X, y, X_test, y_test = digits()
    machine = SVC(kernel=KERNEL.ntk, C=10).fit(X, y)
    same = SVC(kernel="precomputed", C=10).fit(KERNEL.ntk(X), y)
    np.testing.assert_array_equal(machine.predict(X_test), same.predict(KERNEL.ntk(X_test, X)))
    assert machine.score(X_test, y_test) > 0.9
    search = GridSearchCV(SVC(), {"kernel": [KERNEL.ntk, KERNEL.nngp], "C": [1e-3, 10.0]}, cv=2).fit(X, y)
    assert search.best_params_["C"] == 10.0 and search.best_score_ > 0.85


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="y: need at least two classes to tell apart, got 1 class"):
        NTKClassifier().fit([[0.0], [1.0]], ["a", "a"])
