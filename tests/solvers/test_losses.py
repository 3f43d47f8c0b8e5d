import mpmath
import numpy as np
import pytest

from infwidth.solvers import Data, Loss, losses

F = np.array([[0.3, -2.0, 40.0], [-800.0, 700.0, 1.0]])
TARGETS = {
    "squared": np.array([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]]),
    "logistic": np.array([[1.0, -1.0, 1.0], [1.0, -1.0, -1.0]]),
    "cross_entropy": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
}
ORACLES = {
    "squared": lambda f, y: sum((a - b) ** 2 for a, b in zip(f, y, strict=True)) / 2,
    "logistic": lambda f, y: sum(mpmath.log1p(mpmath.exp(-b * a)) for a, b in zip(f, y, strict=True)),
    "cross_entropy": lambda f, y: mpmath.log(sum(mpmath.exp(a) for a in f)) - sum(a * b for a, b in zip(f, y, strict=True)),
}


@pytest.mark.parametrize("name", TARGETS)
def test_values_and_residuals_against_mpmath(name):
    y = TARGETS[name]
    values, residual = losses.get(name).value_and_residual(F, y)
    for i in range(2):
        with mpmath.workdps(400):
            exact = ORACLES[name]([mpmath.mpf(v) for v in F[i]], y[i])
            assert values[i] == pytest.approx(float(exact), rel=1e-13)
            for c in range(3):

                def along(v, i=i, c=c):
                    f = [mpmath.mpf(u) for u in F[i]]
                    f[c] = v
                    return ORACLES[name](f, y[i])

                slope = float(mpmath.diff(along, mpmath.mpf(F[i, c])))
                assert residual[i, c] == pytest.approx(slope, rel=1e-9, abs=1e-14)


def test_judge_is_the_mean():
    mean, gradient = losses.get("squared").judge(F, TARGETS["squared"])
    values, residual = losses.get("squared").value_and_residual(F, TARGETS["squared"])
    assert mean == pytest.approx(values.mean())
    np.testing.assert_allclose(gradient, residual / 2)


@pytest.mark.parametrize("name", TARGETS)
def test_float32_is_kept(name):
    f, y = np.zeros((2, 3), np.float32), TARGETS[name].astype(np.float32)
    values, residual = losses.get(name).value_and_residual(f, y)
    assert values.dtype == residual.dtype == losses.get(name).judge(f, y)[1].dtype == np.float32


def test_targets_become_matrices():
    assert Data.check([[1.0]], [2]).y.shape == (1, 1)
    one_hot = Data.check(np.ones((3, 1)), [0, 2, 1], "cross_entropy").y
    np.testing.assert_array_equal(one_hot, np.eye(3)[[0, 2, 1]])
    soft = np.array([[0.25, 0.75], [1, 0], [0, 1]])
    np.testing.assert_array_equal(Data.check(np.ones((3, 1)), soft, "cross_entropy").y, soft)


def test_a_loss_of_your_own():
    import infwidth as iw

    quartic = Loss("quartic", lambda f, y: (((f - y) ** 4).sum(axis=1), 4 * (f - y) ** 3), losses.get("squared").targets)
    net = iw.Network(2, 1, 16, "tanh", iw.Parameterization.mup(1))
    sol = iw.solve(net, np.eye(2), [1.0, -1.0], iw.GradientDescent(0.05, 50), loss=quartic, rng=0)
    assert sol.loss[0] == pytest.approx(np.mean((sol.outputs[0, :, 0] - [1, -1]) ** 4))
    assert sol.loss[-1] < 0.2 * sol.loss[0]


@pytest.mark.parametrize("which", [0, 1], ids=["outputs", "targets"])
def test_a_loss_that_changes_what_it_is_given_is_refused(which):
    def changing(f, y):
        residual, value = f - y, ((f - y) ** 2).sum(axis=1) / 2
        (f, y)[which][:] = 0
        return value, residual

    loss = Loss("mine", changing, lambda y, dtype: np.asarray(y, dtype).reshape(len(y), -1))
    with pytest.raises(ValueError, match="value_and_residual: changes the outputs or the targets"):
        loss.check([1.0, 2.0], np.dtype(float))
