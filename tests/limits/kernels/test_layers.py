"""Every layer type against finite networks, and the formulas of linear layers."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from infwidth.limits.kernels import Dense, Dropout, Erf, FanInSum, FanOut, Gelu, Identity, LayerNorm, Linear, Relu, Tanh, parallel, serial

spec = importlib.util.spec_from_file_location("finite", Path(__file__).with_name("finite.py"))
finite = importlib.util.module_from_spec(spec)
spec.loader.exec_module(finite)

X = np.array([[1.0, 0.5, -0.2], [0.8, 0.7, 0.3], [-0.5, 1.5, 1.0]])
BLOCK = serial(FanOut(2), parallel(Identity(), serial(Erf(), Dense(1.2, 0.2))), FanInSum())
ARCHITECTURES = {
    "dense": serial(Dense(1.3, 0.4), Relu(), Dense(1.1, 0.2)),
    "no biases": serial(Dense(1.3), Gelu(), Dense(1.1), Relu(), Dense(0.9)),
    "standard": serial(Dense(1.3, 0.4, "standard"), Tanh(), Dense(1.1, 0.2, "standard", fan_in=400)),
    "residual": serial(Dense(1.0, 0.1), BLOCK, BLOCK, Relu(), Dense(1.2)),
    "layer norm": serial(Dense(1.3, 0.3), LayerNorm(), Relu(), Dense(1.5), LayerNorm(), Erf(), Dense(1.0)),
    "dropout": serial(Dense(1.4), Relu(), Dropout(0.7), Dense(1.2, 0.3), Relu(), Dense(1.0)),
    "two branches": serial(
        Dense(), FanOut(3), parallel(*(serial(a(), Dense(1.1)) for a in (Relu, Erf, Gelu))), FanInSum(), Relu(), Dense()
    ),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_finite_networks_have_these_kernels_on_average(name):
    """40 networks of width 400: every one of the 12 entries within 4.5 standard errors, which are below 3%."""
    k = ARCHITECTURES[name]
    found = np.array([finite.kernels(k, X, 400, np.random.default_rng(seed)) for seed in range(40)])
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(40)
    exact = np.array(k(X))
    assert (np.abs(mean - exact) < 4.5 * error + 1e-12).all(), (mean - exact) / error
    assert (error < 0.03 * exact.max(axis=(1, 2), keepdims=True)).all()


def test_the_gap_falls_like_the_root_of_the_width():
    """rms over 60 seeds of both kernels' relative gaps at widths 32 .. 512; slope -1/2 within two standard errors."""
    k, widths = ARCHITECTURES["no biases"], np.array([32, 64, 128, 256, 512])
    exact = np.array(k(X))
    gaps = np.array([[(finite.kernels(k, X, m, np.random.default_rng([m, s])) / exact - 1).ravel() for s in range(60)] for m in widths])
    squares = (gaps**2).mean(axis=2)  # (widths, seeds)
    logs, errors = np.log(squares.mean(axis=1)) / 2, squares.std(axis=1, ddof=1) / squares.mean(axis=1) / np.sqrt(60) / 2
    x = np.log(widths) - np.average(np.log(widths), weights=errors**-2)
    slope = (x * logs / errors**2).sum() / (x**2 / errors**2).sum()
    uncertainty = (x**2 / errors**2).sum() ** -0.5
    assert uncertainty < 0.05
    assert abs(slope + 0.5) < 2 * uncertainty


def test_dense_by_hand():
    K, T = Dense(1.5, 0.3)(X)
    np.testing.assert_allclose(K, 2.25 * X @ X.T / 3 + 0.09, rtol=1e-14)
    np.testing.assert_allclose(T, K, rtol=1e-13)
    K, T = Dense(1.5, 0.3, "standard")(X)
    np.testing.assert_allclose(T, X @ X.T + 1, rtol=1e-13)
    np.testing.assert_allclose(Dense(1.5, None, "standard").ntk(X), X @ X.T, rtol=1e-13)


def test_two_parameterizations_one_process_other_rates():
    """K is the same; Theta is n times the weights' part and 1 in place of sigma_b^2."""
    ntk = serial(Dense(1.3, 0.4), Relu(), Dense(1.1, 0.2))
    standard = serial(Dense(1.3, 0.4, "standard"), Relu(), Dense(1.1, 0.2, "standard", fan_in=64))
    np.testing.assert_allclose(ntk.nngp(X), standard.nngp(X), rtol=1e-14)
    assert (standard.ntk(X) > 5 * ntk.ntk(X)).all()


def test_linear_has_its_own_way_back():
    """An output that starts at 0 and is trained through weights of size 0.7."""
    below = serial(Dense(1.2), Erf())
    k = serial(below, Linear(0.0, 0.0, 2.0, 0.5, backward_std=0.7))
    np.testing.assert_array_equal(k.nngp(X), 0)
    np.testing.assert_allclose(k.ntk(X), 2 * below.nngp(X) + 0.5 + 0.49 * below.ntk(X), rtol=1e-13)


def test_layer_norm_of_a_zero_row_is_zero():
    K, T = serial(Dense(), LayerNorm(), Relu(), Dense())([[0.0, 0.0], [1.0, 1.0]])
    assert K[0, 0] == 0 and np.isfinite(T).all()


def test_what_layer_norm_adds_to_variances():
    """K and Theta are divided by the same number."""
    K, T = serial(Dense(2.0, 1.0), LayerNorm(1.0))([[1.0, 1.0], [2.0, 0.0]])
    scale = np.sqrt([6.0, 10.0])  # 4 + 1 + 1, 8 + 1 + 1
    np.testing.assert_allclose(K, np.array([[5, 5], [5, 9]]) / np.outer(scale, scale), rtol=1e-14)
    np.testing.assert_allclose(T, K, rtol=1e-14)


def test_a_zero_row_passes_relu_by_its_slope_at_0():
    """Biases that start at 0 and are trained: nothing passes relu from a point at 0, all of it passes erf."""
    for activation, slope in ((Relu(), 0.0), (Erf(), 2 / np.sqrt(np.pi))):
        k = serial(Linear(1.0, 0.0, 1.0, 1.0), activation, Dense())
        assert k.diagonal([[0.0, 0.0]], get="ntk")[0] == pytest.approx(slope**2)


def test_dropout_keeps_covariances():
    plain, dropped = serial(Dense(1.0, 0.5), Relu(), Dense()), serial(Dense(1.0, 0.5), Relu(), Dropout(0.25), Dense())
    off = ~np.eye(3, dtype=bool)
    for a, b in zip(plain(X), dropped(X), strict=True):
        np.testing.assert_allclose(a[off], b[off], rtol=1e-13)
    np.testing.assert_allclose(np.diag(dropped.nngp(X)), 4 * np.diag(plain.nngp(X)), rtol=1e-13)
    with pytest.raises(ValueError, match="kernel: relu needs Gaussian values"):
        serial(Dense(), Dropout(0.5), Relu())(X)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dense(-1.0), "W_std: need a finite number >= 0"),
        (lambda: Dense(1.0, np.nan), "b_std: need a finite number"),
        (lambda: Dense(1.0, parameterization="mup"), "parameterization: 'mup' is not one of ntk, standard"),
        (lambda: Dense(1.0, fan_in=3), "fan_in: has no meaning under the NTK parameterization"),
        (lambda: serial(Dense(), Relu(), Dense(1.0, None, "standard"))(X), "fan_in: a dense layer under the standard"),
        (lambda: Linear(1.0, 1.0, -1.0, 1.0), "weight_rate: need a finite number >= 0"),
        (lambda: Dropout(0.0), "rate: need a finite number > 0"),
        (lambda: Dropout(1.5), "rate: is the probability to keep a neuron, at most 1, got 1.5"),
        (lambda: serial(Dense(), Relu(), LayerNorm())(X), "kernel: LayerNorm needs centred values"),
        (lambda: serial(FanOut(2), Dense())(X), r"kernel: Dense\(.*\) takes one branch and got 2"),
    ],
)
def test_errors_name_the_argument(make, words):
    with pytest.raises(ValueError, match=words):
        make()
