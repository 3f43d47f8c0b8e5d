"""Training data: converted once, of one dtype, with their loss."""

import numpy as np
import pytest

from infwidth.solvers import Data


@pytest.mark.parametrize(
    ("given", "kept"),
    [(np.float32, np.float32), (np.float64, np.float64), (np.float16, np.float64), (np.int32, np.float64), (bool, np.float64)],
)
def test_everything_has_the_precision_of_the_inputs(given, kept):
    data = Data.check(np.eye(3).astype(given), [1, 2, 3], X_test=np.ones((2, 3)))
    assert data.X.dtype == data.y.dtype == data.X_test.dtype == kept
    assert (data.X.shape, data.y.shape, data.X_test.shape) == ((3, 3), (3, 1), (2, 3))
    assert all(a.flags.c_contiguous for a in (data.X, data.y, data.X_test))


def test_vectors_become_columns():
    data = Data.check([1.0, 2.0], [3.0, 4.0], X_test=[5.0])
    assert (data.X.tolist(), data.y.tolist(), data.X_test.tolist()) == ([[1], [2]], [[3], [4]], [[5]])


def test_samples_outputs_and_rows():
    data = Data.check(np.arange(8.0).reshape(4, 2), np.arange(12.0).reshape(4, 3))
    assert (data.n, data.outputs, data.loss.name, data.X_test) == (4, 3, "squared", None)
    assert data.rows(None)[0] is data.X and data.rows(None)[1] is data.y
    X, y = data.rows(np.array([3, 1]))
    assert X.tolist() == [[6, 7], [2, 3]] and y.tolist() == [[9, 10, 11], [3, 4, 5]]


@pytest.mark.parametrize("rows", [None, np.array([2, 0])])
def test_judge_is_the_mean_loss_and_its_gradient_on_those_rows(rows):
    data = Data.check(np.ones((3, 1)), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    y = data.y if rows is None else data.y[rows]
    loss, residual = data.judge(np.zeros_like(y), rows)
    assert loss == pytest.approx((y**2).sum(axis=1).mean() / 2)
    np.testing.assert_allclose(residual, -y / len(y))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Data.check([[1.0]], None), "y: is missing; X was given, so give the targets y as well"),
        (lambda: Data.check([[1.0]], [1.0, 2.0]), "y: has 2 rows but X has 1; they must hold the same samples"),
        (lambda: Data.check([[1.0]], [1.0], X_test=[[1.0, 2.0]]), r"X_test: need 1 columns, one row per sample, got shape \(1, 2\)"),
        (lambda: Data.check([[1.0]], [1.0], "mse"), "loss: .* is not one of squared, logistic, cross_entropy"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(call, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        call()


@pytest.mark.parametrize("rows", [3, [0, 3], [0.5], "first", (0, 0), np.array([[0, 1]]), np.ones(2, bool), True])
def test_rows_that_are_not_there_are_refused(rows):
    data = Data.check(np.ones((3, 2)), np.ones((3, 2)))
    for call in (data.rows, lambda rows: data.judge(np.zeros((2, 2)), rows)):
        with pytest.raises(ValueError, match=r"^rows: need a vector of row numbers from 0 to 2, or None for all, got "):
            call(rows)


@pytest.mark.parametrize("f", [np.zeros(3), np.zeros((3, 2)), np.zeros((2, 1)), np.zeros((1, 1)), [[0.0]] * 3, 0.0, None])
def test_outputs_that_would_be_broadcast_are_refused(f):
    with pytest.raises(ValueError, match=r"^f: need outputs of shape \(3, 1\), one row or more, got "):
        Data.check(np.ones((3, 2)), np.ones(3)).judge(f)


def test_the_mean_over_no_rows_is_refused():
    with pytest.raises(ValueError, match=r"^f: need outputs of shape \(0, 1\), one row or more, got "):
        Data.check(np.ones((3, 2)), np.ones(3)).judge(np.zeros((0, 1)), np.zeros(0, int))
