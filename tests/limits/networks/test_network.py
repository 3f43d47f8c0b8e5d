"""Finite networks: the reference for everything else, so their gradients are checked in every combination."""

import numpy as np

import infwidth as iw
from infwidth.limits import Network, Parameterization
from infwidth.solvers import Data

LOSSES = {
    "squared": np.array([[0.3, -1.0], [1.2, 0.4], [-0.5, 0.1]]),
    "logistic": np.array([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]),
    "cross_entropy": np.array([0, 1, 1]),
}
X = np.random.default_rng(5).standard_normal((3, 2))


def test_float32_and_float64_start_alike_and_train_alike():
    net = Network(2, 3, 64, "gelu", Parameterization.mup(3), output_dim=2)
    runs = {}
    for dtype in (np.float32, np.float64):
        sol = iw.solve(net, X.astype(dtype), LOSSES["squared"], iw.GradientDescent(0.2, steps=20), rng=3)
        assert sol.state.dtype == sol.outputs.dtype == dtype
        runs[dtype] = sol.outputs
    assert np.abs(runs[np.float64][-1] - runs[np.float64][0]).max() > 0.3
    np.testing.assert_allclose(runs[np.float32], runs[np.float64], atol=2e-5)


def test_non_contiguous_and_integer_inputs():
    net = Network(2, 1, 8, "relu", Parameterization.mup(1))
    wide = np.arange(12).reshape(3, 4)
    method = iw.GradientDescent(0.01, steps=3)
    strided = iw.solve(net, wide[:, ::2], [1, 2, 3], method, rng=0)
    copied = iw.solve(net, wide[:, ::2].astype(float).copy(), [1.0, 2.0, 3.0], method, rng=0)
    np.testing.assert_array_equal(strided.outputs, copied.outputs)


def test_hp_equals_large_lr_for_relu():
    """THEORY 1.2: with the same residual at step 0, IP-LLR has the outputs of µP whose middle initial weights are then divided by √m."""
    m, d, eta = 64, 2, 0.1
    rng = np.random.default_rng(0)
    y = rng.standard_normal((3, 1))
    data = Data.check(X, y)
    llr = Network(d, 3, m, "relu", Parameterization.integrable_large_lr(3)).bind(data, np.random.default_rng(1))
    mup = Network(d, 3, m, "relu", Parameterization.mup(3)).bind(data, np.random.default_rng(1))
    initial = mup.start()
    np.testing.assert_array_equal(initial, llr.start())
    # the same residual for both: targets shifted by the initial outputs
    shifted = Data.check(X, y + mup.predict(initial, X)), Data.check(X, y + llr.predict(initial, X))
    mup.data, llr.data = shifted
    states = [initial.copy(), initial.copy()]
    for problem, state in zip((mup, llr), states, strict=True):
        problem.descend(state, step=0)[1](eta)
    hp = [w.copy() for w in mup.layers(states[0])[0]]
    for l in (1, 2):
        w0 = mup.layers(initial)[0][l]
        hp[l] += w0 / np.sqrt(m) - w0  # m^{-1/2} (w0 m^{-1/2}) = m^{-1} w0
    f_hp = X
    for l, w in enumerate(hp):
        f_hp = m ** -mup_a(l) * f_hp @ w.T
        f_hp = np.maximum(f_hp, 0) if l < 3 else f_hp
    np.testing.assert_allclose(llr.predict(states[1], X), f_hp, rtol=1e-9)
    assert np.abs(mup.predict(states[0], X) - f_hp).max() > 10 * np.abs(f_hp).max()  # µP itself is elsewhere


def mup_a(l):
    return Parameterization.mup(3).a[l]
