"""Classifiers: scikit-learn's own checks, digits, and kernels inside a support vector machine."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from infwidth.limits import kernels
from infwidth.limits.estimators import NNGPClassifier, NTKClassifier

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
    np.testing.assert_allclose(model.decision_function(X_test), exact, atol=1e-9)
    np.testing.assert_array_equal(model.predict(X_test), exact.argmax(axis=1))
    assert model.score(X_test, y_test) > 0.9


def test_two_classes():
    X, y, X_test, y_test = digits()
    pair, pair_test = y < 2, y_test < 2
    names = np.array(["zero", "one"])
    model = NTKClassifier(KERNEL).fit(X[pair], names[y[pair]])
    assert model.classes_.tolist() == ["one", "zero"]
    decision = model.decision_function(X_test[pair_test])
    np.testing.assert_array_equal(model.predict(X_test[pair_test]), np.where(decision > 0, "zero", "one"))
    assert model.score(X_test[pair_test], names[y_test[pair_test]]) > 0.98


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
