"""Whole architectures against the plain recursion on matrices, against mpmath, and every report that users of kernel codes made."""

from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest

from infwidth.limits import activations, gaussian
from infwidth.limits.kernels import Dense, Elementwise, Erf, FanOut, Gelu, LayerNorm, LeakyRelu, Relu, Sin, Tanh, serial
from infwidth.limits.kernels.kernel import Kernel


def cloud(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def deep(layers, activation, W_std=2**0.5, b_std=None):
    return serial(*(layer for _ in range(layers) for layer in (Dense(W_std, b_std), activation)), Dense(W_std, b_std))


def plain(layers, activation, W_std, b_std, X, Y):
    """The recursion as it is written, on whole matrices."""
    w, b = W_std**2, (b_std or 0) ** 2
    K, p, q = X @ Y.T / X.shape[1], (X**2).mean(axis=1), (Y**2).mean(axis=1)
    K, p, q = w * K + b, w * p + b, w * q + b
    T = K
    for _ in range(layers):
        c = np.clip(K / np.sqrt(np.outer(p, q)), -1, 1)
        slope = gaussian.dual(activation, p[:, None], q, c, of="derivative").value
        K = w * gaussian.dual(activation, p[:, None], q, c).value + b
        p, q = (w * gaussian.moments(activation, v).square + b for v in (p, q))
        T = K + w * T * slope
    return K, T


@pytest.mark.parametrize("b_std", [None, 0.3])
@pytest.mark.parametrize(
    "activation", [Relu(), LeakyRelu(0.2), Erf(), Gelu(), Sin(), Elementwise("gaussian"), Elementwise("sign"), Tanh(), Elementwise("elu")],
    ids=lambda a: str(a.activation),
)  # fmt: skip
def test_kernels_are_the_plain_recursion(activation, b_std):
    X, Y = cloud(20, 5), 1.4 * cloud(30, 5, 1)
    K, T = deep(3, activation, 1.3, b_std)(X, Y)
    exact_K, exact_T = plain(3, activations.get(activation.activation), 1.3, b_std, X, Y)
    np.testing.assert_allclose(K, exact_K, rtol=0, atol=2e-11 * np.abs(exact_K).max())
    np.testing.assert_allclose(T, exact_T, rtol=0, atol=2e-11 * np.abs(exact_T).max())


def test_relu_diagonal_is_exact():
    """Neural-tangents' own is off by 3e-9 to 4e-8: L + 1 times the covariance, which sigma_w^2 = 2 keeps."""
    X = cloud(50, 7)
    K, T = deep(20, Relu())(X)
    norms = 2 * (X**2).mean(axis=1)
    np.testing.assert_allclose(np.diag(K), norms, rtol=1e-14)
    np.testing.assert_allclose(np.diag(T), 21 * norms, rtol=1e-14)


@pytest.mark.parametrize("name", ["relu", "erf"])
def test_near_points_against_mpmath(name):
    """Angles from 1e-9 to 3: three layers, to 1e-13 of the diagonal, where rounding c alone would cost 1e-8."""
    angles = np.array([1e-9, 1e-6, 3e-6, 2e-5, 1e-3, 0.5, 3.0])
    X, Y = np.array([[2.0, 0.0]]), 3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    K, T = deep(3, Elementwise(name), 1.5)(X, Y)
    with mpmath.workdps(50):
        for j in range(len(angles)):
            exact_K, exact_T, size = exactly(name, X[0], Y[j])
            assert K[0, j] == pytest.approx(exact_K, abs=1e-13 * size)
            assert T[0, j] == pytest.approx(exact_T, abs=1e-13 * size * 4)


def exactly(name, x, y):
    w = mpmath.mpf(1.5) ** 2
    x, y = [mpmath.mpf(float(v)) for v in x], [mpmath.mpf(float(v)) for v in y]
    k, p, q = (w * sum(a * b for a, b in zip(*pair, strict=True)) / 2 for pair in ((x, y), (x, x), (y, y)))
    t = k
    for _ in range(3):
        if name == "relu":
            theta = mpmath.acos(k / mpmath.sqrt(p * q))
            slope = (mpmath.pi - theta) / (2 * mpmath.pi)
            k = mpmath.sqrt(p * q) * (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / (2 * mpmath.pi)
            p, q = p / 2, q / 2
        else:
            slope = 4 / mpmath.pi / mpmath.sqrt((1 + 2 * p) * (1 + 2 * q) - 4 * k * k)
            k = 2 / mpmath.pi * mpmath.asin(2 * k / mpmath.sqrt((1 + 2 * p) * (1 + 2 * q)))
            p, q = (2 / mpmath.pi * mpmath.asin(2 * v / (1 + 2 * v)) for v in (p, q))
        k, p, q = w * k, w * p, w * q
        t = k + w * t * slope
    return float(k), float(t), float(mpmath.sqrt(p * q))


# Reports that users of other kernel codes made


def test_a_deep_net_in_float32_whose_scale_leaves_it_on_the_way():
    """40 layers with large weights, up to 1e48, and 40 with small ones."""
    X = cloud(6, 3).astype(np.float32)
    up, down = ([layer for _ in range(40) for layer in (Dense(W), Relu())] for W in (5.5, 2 / 5.5))
    K, T = serial(*up, *down, Dense(1.0))(X)
    assert K.dtype == T.dtype == np.float32
    even = deep(80, Relu())(X.astype(float))  # weights of one layer can be moved to another
    np.testing.assert_allclose(K, even.nngp / 2, rtol=1e-4)
    assert np.isfinite(T).all()
    np.testing.assert_allclose(T, serial(*up, *down, Dense(1.0)).ntk(X.astype(float)), rtol=1e-6)


def test_a_deep_net_that_leaves_float32_for_good_is_refused():
    with pytest.raises(ValueError, match=r"X1: the nngp reaches .*e\+\d\d, beyond the range of float32; take float64 inputs"):
        deep(60, Relu(), 3.0)(cloud(3, 2).astype(np.float32))
    with pytest.raises(ValueError, match=r"X1: the nngp reaches inf, beyond the range of float64; take smaller weights, fewer"):
        deep(600, Relu(), 4.0)(cloud(3, 2))
    X = np.full((2, 1), 1e19, np.float32)  # the covariance stays 2e38, the tangent kernel is 21 times as much
    deep(20, Relu()).nngp(X), deep(20, Relu()).diagonal(X, get="nngp")
    for ask in (deep(20, Relu()).ntk, lambda points: deep(20, Relu()).diagonal(points, get="ntk")):
        with pytest.raises(ValueError, match=r"X1: the ntk reaches 4\.2e\+39, beyond the range of float32"):
            ask(X)
    assert np.isfinite(serial(deep(600, Relu(), 4.0), LayerNorm(), Relu(), Dense())(cloud(3, 2)).nngp).all()


@pytest.mark.parametrize("activation", [Relu(), Erf()])
def test_a_line_of_hundred_points_is_positive_definite(activation):
    """NaN elsewhere, for 100 points of linspace(-10 pi, 10 pi) at ridge 1e-4."""
    X = np.linspace(-10 * np.pi, 10 * np.pi, 100)
    for K in deep(2, activation, 1.5, 0.05)(X):
        assert np.isfinite(K).all()
        assert np.linalg.eigvalsh(K).min() > -1e-13 * np.trace(K)
        np.linalg.cholesky(K + 1e-4 * np.eye(100))


@pytest.mark.parametrize("b_std", [None, 0.1])
@pytest.mark.parametrize("activation", [Relu(), Erf(), Gelu(), Sin(), Elementwise("cos"), Elementwise("sign"), Tanh(), Elementwise("elu")])
def test_zero_rows(activation, b_std):
    """Black pixels: no NaN, and the limit of small rows."""
    X = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
    K, T = deep(2, activation, 1.2, b_std)(X)
    assert np.isfinite(K).all() and np.isfinite(T).all()
    assert K[0, 2] == pytest.approx(K[0, 0], abs=1e-11) and T[0, 2] == pytest.approx(T[0, 0], abs=1e-11)
    if activation.activation != "sign" or b_std:  # a sign jumps at 0
        small, _ = deep(2, activation, 1.2, b_std)(X + np.array([[1e-9, 0], [0, 0], [1e-9, 0]]))
        np.testing.assert_allclose(K, small, atol=1e-8)


def test_zero_weights_and_biases():
    K, T = deep(2, Relu(), 0.0, 0.0)(cloud(3, 2))
    assert not K.any() and not T.any()
    K, _ = deep(2, Relu(), 0.0, 2.0)(cloud(3, 2))
    np.testing.assert_allclose(K, 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", [Relu(), Erf(), Gelu(), Tanh(), Elementwise("elu")])
def test_repeated_points_and_the_same_points_twice(activation, dtype):
    """One answer for a point with itself: on the diagonal, off it, and in a rectangle."""
    X = cloud(4, 30).astype(dtype)
    X = np.concatenate([X, X])
    k = deep(3, activation, 1.4, 0.2)
    K, T = k(X)
    again = k(X, X.copy())
    np.testing.assert_array_equal(again.nngp, K)
    np.testing.assert_array_equal(again.ntk, T)
    rectangle = k(X, X[:4])
    diagonal = k.diagonal(X)
    for matrix, other, exact in zip((K, T), rectangle, diagonal, strict=True):
        np.testing.assert_array_equal(np.diag(matrix), exact)
        np.testing.assert_array_equal(np.diag(matrix[:4, 4:]), exact[:4])
        np.testing.assert_array_equal(np.diag(other[:4]), exact[:4])
        assert np.linalg.eigvalsh(matrix.astype(float)).min() > -100 * np.finfo(dtype).eps * np.trace(matrix.astype(float))


@pytest.mark.parametrize(
    ("first", "second"), [(Erf(), Relu()), (Tanh(), Relu()), (Gelu(), Elementwise("step")), (Sin(), Elementwise("abs"))]
)
def test_repeated_points_below_a_kink(first, second):
    """Rounding of the first activation would be 1e-8 in the slopes of a relu, 1e-4 in a step: the Gram matrix would not look singular."""
    X = cloud(6, 4)
    for b_std in (None, 0.3):
        k = serial(Dense(1.5, b_std), first, Dense(1.5, b_std), second, Dense(1.5, b_std), second, Dense(1.0, b_std))
        for matrix, square in zip(k(np.concatenate([X, X])), k(X), strict=True):
            assert np.linalg.matrix_rank(matrix, tol=1e-13 * matrix.max()) == np.linalg.matrix_rank(square, tol=1e-13 * matrix.max()) <= 6
        for rectangle, square in zip(k(X, X[:5]), k(X), strict=True):
            np.testing.assert_allclose(rectangle, square[:, :5], rtol=0, atol=2e-13 * square.max())


def test_a_relu_kernel_without_bias_is_homogeneous():
    """Why a fit on one scale is useless on another: the kernel cannot tell a size from a factor."""
    X = cloud(5, 3)
    k = deep(3, Relu())
    np.testing.assert_allclose(k.ntk(10 * X, X), 10 * k.ntk(X, X + 0), rtol=1e-12)
    assert not np.allclose(deep(3, Relu(), b_std=0.5).ntk(10 * X, X), 10 * deep(3, Relu(), b_std=0.5).ntk(X, X + 0), rtol=0.01)


# The interface


def test_what_is_asked_for_is_given():
    X, Y, k = cloud(3, 2), cloud(4, 2, 1), deep(1, Relu())
    both = k(X, Y)
    assert both.nngp.shape == both.ntk.shape == (3, 4)
    np.testing.assert_array_equal(k.ntk(X, Y), both.ntk)
    np.testing.assert_array_equal(k(X, Y, get="nngp"), both.nngp)
    only = k(X, Y, get=("ntk",))
    assert only.nngp is None and only.ntk.shape == (3, 4)
    assert k.diagonal(X, get="ntk").shape == (3,) and k.diagonal(X, get=("nngp",)).ntk is None
    assert k.ntk([1.0, 2.0]).shape == (2, 2) and k.ntk(np.arange(4).reshape(2, 2)).dtype == np.float64
    assert k.ntk(X.astype(np.float32), Y).dtype == np.float64


def test_huge_and_tiny_inputs_keep_their_cosines():
    X = np.array([[3e200, 4e200], [1e-200, 0.0]])
    assert deep(1, Relu()).nngp(X[:1] / 1e60, X[1:])[0, 0] == pytest.approx(
        deep(1, Relu()).nngp(X[:1] / 1e200, X[1:] * 1e200)[0, 0] * 1e-60
    )


def test_files_and_executors(tmp_path):
    X, k = cloud(30, 4), deep(2, Gelu())
    with ThreadPoolExecutor(2) as pool:
        found = k(X, out=tmp_path, executor=pool)
    np.testing.assert_array_equal(np.load(tmp_path / "ntk.npy"), k.ntk(X))
    assert isinstance(found.nngp, np.memmap)
    with pytest.raises(ValueError, match="out: need an existing folder"):
        k(X, out=tmp_path / "missing")


def test_a_file_is_a_whole_matrix_and_older_maps_keep_theirs(tmp_path, monkeypatch):
    X, k = cloud(30, 4), deep(2, Gelu())
    first = k(X, get="nngp", out=tmp_path)
    kept = np.array(first)
    second = k(X[:5], get="nngp", out=tmp_path)
    assert second.shape == (5, 5) and second.flags.writeable
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(np.load(tmp_path / "nngp.npy"), second)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("infwidth.limits.kernels.kernel.gram", interrupted)
    with pytest.raises(KeyboardInterrupt):
        k(X, get="nngp", out=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["nngp.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "nngp.npy"), second)


def test_inside_scikit_learn():
    from sklearn.svm import SVC

    X = cloud(40, 3)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    assert SVC(kernel=deep(2, Relu(), b_std=0.1).ntk, C=1e3).fit(X, y).score(X, y) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda k: k([[1.0]], [[1.0, 2.0]]), "X2: has 2 columns, and X1 has 1"),
        (lambda k: k([[np.nan]]), "X1: row 0 holds NaN"),
        (lambda k: k(np.empty((0, 2))), "X1: is empty"),
        (lambda k: k([[1.0]], get="kernel"), "get: need 'nngp', 'ntk' or both, got 'kernel'"),
        (lambda k: k([[1.0]], get=()), "get: need 'nngp'"),
        (lambda k: serial(k, FanOut(2))([[1.0]]), "kernel: the architecture ends in 2 branches; join them by FanInSum"),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call(deep(1, Relu()))


def test_memory_is_refused(monkeypatch):
    monkeypatch.setattr("infwidth.solvers.machine.memory.available", lambda: 1e6)
    with pytest.raises(ValueError, match=r"X1: nngp and ntk of 300 x 300 pairs in float64 would take .* out='folder'"):
        deep(1, Relu())(cloud(300, 2))
    monkeypatch.setattr("infwidth.solvers.machine.memory.available", lambda: 2e6)
    deep(1, Relu())(cloud(300, 2))
    with pytest.raises(ValueError, match="X1: nngp and ntk of 300 x 300 pairs"):  # and as much for the coefficients of every point
        deep(1, Tanh(), 3.0)(cloud(300, 2))


def test_a_kernel_is_shown_without_defaults():
    k = serial(Dense(np.sqrt(2.0), 0.3), Relu(), FanOut(2), Dense(1, None, "standard", 64))
    shown = "Dense(W_std=1.4142135623730951, b_std=0.3), Elementwise(activation='relu'), FanOut(number=2)"
    assert repr(k) == f"serial({shown}, Dense(parameterization='standard', fan_in=64))"

    class Plain(Kernel):
        def follow(self, trace, branches):
            return branches

    assert repr(Plain()).startswith("<") and Plain().nngp([[2.0]]) == 4
