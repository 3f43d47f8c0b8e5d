import mpmath
import numpy as np
import pytest

from infwidth.limits import activations

EVERY = [activations.get(name) for name in activations.names()] + [
    activations.leaky_relu(0.1),
    *(activations.hermite(k) for k in range(5)),
    *(activations.monomial(p) for p in range(4)),
]
POINTS = np.linspace(-3, 3, 41) + 0.0123

ORACLES = {
    "linear": lambda h: h,
    "relu": lambda h: max(h, 0),
    "leaky_relu(0.01)": lambda h: h if h > 0 else mpmath.mpf("0.01") * h,
    "leaky_relu(0.1)": lambda h: h if h > 0 else mpmath.mpf("0.1") * h,
    "abs": abs,
    "sign": mpmath.sign,
    "step": lambda h: mpmath.mpf(h > 0),
    "gaussian": lambda h: mpmath.exp(-(h**2)),
    "erf": mpmath.erf,
    "tanh": mpmath.tanh,
    "sigmoid": lambda h: 1 / (1 + mpmath.exp(-h)),
    "gelu": lambda h: h * mpmath.ncdf(h),
    "elu": lambda h: h if h > 0 else mpmath.expm1(h),
    "softplus": lambda h: mpmath.log1p(mpmath.exp(h)),
    "silu": lambda h: h / (1 + mpmath.exp(-h)),
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    **{f"hermite({k})": lambda h, k=k: mpmath.hermite(k, h / mpmath.sqrt(2)) / mpmath.sqrt(2**k * mpmath.factorial(k)) for k in range(5)},
    **{f"monomial({p})": lambda h, p=p: h**p for p in range(4)},
}


@pytest.mark.parametrize("activation", EVERY, ids=lambda a: a.name)
def test_value_and_derivative_against_mpmath(activation):
    oracle = ORACLES[activation.name]
    exact = np.array([float(oracle(mpmath.mpf(h))) for h in POINTS])
    slopes = np.array([float(mpmath.diff(oracle, mpmath.mpf(h))) for h in POINTS])
    np.testing.assert_allclose(activation.value(POINTS), exact, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(activation.derivative(POINTS), slopes, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", EVERY, ids=lambda a: a.name)
def test_float32_is_kept(activation):
    h = POINTS.astype(np.float32)
    assert activation.value(h).dtype == np.float32
    assert activation.derivative(h).dtype == np.float32
    assert activation.second_derivative is None or activation.second_derivative(h).dtype == np.float32


@pytest.mark.parametrize("activation", EVERY, ids=lambda a: a.name)
def test_stated_homogeneity(activation):
    doubled = activation.value(2 * POINTS) / np.where(activation.value(POINTS) == 0, np.nan, activation.value(POINTS))
    factors = doubled[~np.isnan(doubled)]
    homogeneous = np.ptp(factors) < 1e-9
    assert homogeneous == (activation.homogeneity is not None)
    if homogeneous:
        np.testing.assert_allclose(factors, 2.0**activation.homogeneity)


def test_large_arguments_stay_finite():
    h = np.array([-1e4, 1e4])
    for activation in EVERY[: len(activations.names())]:
        assert np.isfinite(activation.value(h)).all(), activation.name
        assert np.isfinite(activation.derivative(h)).all(), activation.name


def test_hermite_polynomials_are_orthonormal():
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    values = np.array([activations.hermite(k).value(nodes) for k in range(8)])
    np.testing.assert_allclose(values @ (weights[:, None] * values.T) / np.sqrt(2 * np.pi), np.eye(8), atol=1e-12)


def test_custom_catches_a_wrong_derivative():
    with pytest.raises(ValueError, match=r"derivative: gives .* at h"):
        activations.custom("square", lambda h: h**2, lambda h: h)


def test_custom_catches_a_wrong_second_derivative():
    with pytest.raises(ValueError, match=r"second_derivative: gives .* finite differences of derivative give"):
        activations.custom("square", lambda h: h**2, lambda h: 2 * h, second_derivative=np.ones_like)
    square = activations.custom("square", lambda h: h**2, lambda h: 2 * h, second_derivative=lambda h: np.full_like(h, 2))
    assert square.second_derivative(np.zeros(1)) == 2


def test_custom_catches_a_wrong_homogeneity_and_a_taken_name():
    with pytest.raises(ValueError, match=r"^homogeneity: .*; leave it out"):
        activations.custom("mine", np.tanh, lambda h: 1 - np.tanh(h) ** 2, homogeneity=1)
    with pytest.raises(ValueError, match="name: 'relu' is a built-in"):
        activations.custom("relu", np.abs, np.sign)
    with pytest.raises(ValueError, match=r"^value: must return shape \(41,\) .*elementwise, gave \(\)"):
        activations.custom("total", np.sum, np.sign)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(lambda h: 3.003 * h**2, "derivative: gives"), (lambda h: np.where(h < 0, np.nan, 3 * h**2), "derivative: must return finite")],
    ids=["small error", "nan"],
)
def test_custom_catches_small_errors_and_nan(wrong, message):
    with pytest.raises(ValueError, match=message):
        activations.custom("cubic", lambda h: h**3, wrong)


def test_custom_casts_what_numpy_promotes():
    scaled = activations.custom("scaled", lambda h: np.float64(2.0) * h, lambda h: np.full(h.shape, 2.0), homogeneity=1)
    h = np.array([-1.0, 3.0], np.float32)
    assert scaled.value(h).dtype == scaled.derivative(h).dtype == np.float32
    np.testing.assert_array_equal(scaled.value(h), 2 * h)


def test_close_slopes_have_names_of_their_own():
    assert activations.leaky_relu(0.1) != activations.leaky_relu(0.1 + 1e-9)


def test_derivative_at_the_kink():
    zero = np.zeros(1)
    assert activations.get("relu").derivative(zero) == activations.get("abs").derivative(zero) == 0
    assert activations.leaky_relu(0.2).derivative(zero) == 0.2


def test_a_function_in_single_precision_is_taken():
    single = activations.custom("single", lambda h: np.tanh(h).astype(np.float32), lambda h: (1 - np.tanh(h) ** 2).astype(np.float32))
    np.testing.assert_allclose(single.value(np.array([0.5])), np.tanh(0.5), rtol=1e-6)
    with pytest.raises(ValueError, match="derivative: gives"):
        activations.custom("single", lambda h: np.tanh(h).astype(np.float32), lambda h: 1.01 - np.tanh(h) ** 2)


@pytest.mark.parametrize("which", ["value", "derivative"])
def test_a_function_that_writes_into_its_argument_is_refused(which):
    parts = {"value": np.tanh, "derivative": lambda h: 1 - np.tanh(h) ** 2}
    plain = parts[which]

    def in_place(h):
        h[:] = plain(h)
        return h

    with pytest.raises(ValueError, match=f"^{which}: changes the array that it is given; return a new one"):
        activations.custom("mine", **(parts | {which: in_place}))
