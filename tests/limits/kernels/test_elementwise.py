"""Activations: which method computes them, their tolerance, and activations of one's own."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from infwidth.limits import Network, Parameterization, activations, gaussian, kernels
from infwidth.limits.gaussian.plane import integrate_pairs
from infwidth.limits.kernels import Dense, Elementwise, Hermite, LeakyRelu, Monomial, Relu, Tanh, serial
from infwidth.limits.kernels.elementwise import PairDual
from infwidth.limits.networks import empirical_ntk
from infwidth.solvers import Data


def cloud(n=60, d=3, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def around(layer, W_std=1.5):
    return serial(Dense(W_std, 0.1), layer, Dense(1.0))


def codes(layer, W_std=1.5):
    return [step.code for step in around(layer, W_std)._program(cloud()).steps]


def bare(name):
    return replace(activations.get(name), name="bare", duals=None)


@pytest.mark.parametrize("name", ["erf", "gelu", "sin"])
def test_near_points_lose_nothing_in_a_series(name):
    """What a series leaves out stands in its next power: without that a relu after it would see an angle of 1e-7 between near points."""
    X = cloud(20)
    X = np.concatenate([X, X + 1e-6 * cloud(20, 1)])
    found, exact = (serial(around(Elementwise(phi)), Relu(), Dense())(X) for phi in (bare(name), name))
    np.testing.assert_allclose(found.nngp, exact.nngp, rtol=0, atol=1e-14 * exact.nngp.max())
    np.testing.assert_allclose(found.ntk, exact.ntk, rtol=0, atol=2e-9 * exact.ntk.max())


def test_methods_are_chosen_by_the_activation():
    assert codes(Relu())[1] == codes(LeakyRelu(0.3))[1] == codes(kernels.Abs())[1] == "PIECEWISE"
    assert len(codes(Elementwise("linear"))) == 2
    own = activations.custom("mine", lambda h: np.where(h > 0, 2 * h, h), lambda h: np.where(h > 0, 2, 1).astype(h.dtype), 1.0)
    assert codes(Elementwise(own))[1] == "PIECEWISE"
    assert [codes(layer)[1] for layer in (kernels.Erf(), kernels.Sign(), Tanh(), Hermite(3))] == ["ERF", "JUMP", "SERIES", "SERIES"]
    assert [codes(kernels.Elu(), W_std)[1] for W_std in (1e-4, 0.5, 1.5, 8.0, 60.0)] == ["ELU"] * 4 + ["SERIES"]
    assert codes(serial(Dense(1e-4), kernels.Elu()), 1e-4)[2] == "SERIES"  # smaller than its rules allow
    clip = activations.custom("clip", lambda h: np.clip(h, -1, 1), lambda h: (abs(h) < 1).astype(h.dtype), kinks=(-1.0, 1.0))
    assert codes(Elementwise(clip))[1] == "SERIES"
    known = replace(activations.get("erf"), name="known")
    cut = activations.custom("cut", lambda h: np.tanh(np.minimum(h, 1)), lambda h: (h < 1) * (1 - np.tanh(h) ** 2), kinks=(1.0,))
    assert codes(Elementwise(known))[1] == codes(Elementwise(cut))[1] == "GENERIC"


@pytest.mark.parametrize("name", ["erf", "gelu", "sin", "cos", "gaussian", "relu", "abs"])
@pytest.mark.parametrize("W_std", [0.3, 1.5, 4.0])
def test_a_function_without_its_closed_form_has_the_same_kernel(name, W_std):
    """To the tolerance, at small and large variances: the series, and what it is too short for."""
    phi = replace(bare(name), homogeneity=None)
    X = cloud(30)
    X[3], X[4], X[5] = X[0], 2 * X[1], -X[2]
    for found, exact in zip(around(Elementwise(phi), W_std)(X), around(Elementwise(name), W_std)(X), strict=True):
        np.testing.assert_allclose(found, exact, rtol=0, atol=2e-11 * np.abs(exact).max())


@pytest.mark.parametrize("W_std", [0.001, 0.04, 0.5, 1.4, 2.9, 6.0, 11.0, 30.0, 200.0])
def test_every_rule_of_elu_against_its_dual(W_std):
    """Scales up to the largest of each rule and down to the smallest, and beyond, where it is a series; repeated, opposite and zero points,
    and both kernels."""
    X = cloud(12, 3)
    X *= np.linspace(0.3, 1.0, 12)[:, None] * np.sqrt(3) / np.linalg.norm(X, axis=1, keepdims=True)
    X[1], X[2], X[3] = X[0] * (1 + 1e-7), -X[0], 0.0
    k = serial(Dense(W_std), kernels.Elu())
    step = k._program(X).steps[1]
    assert step.code == ("ELU" if 0.01 < W_std < 100 else "SERIES")
    K, T = k(X)
    q = W_std**2 * (X**2).mean(axis=1)
    c = np.clip(np.divide(W_std**2 * X @ X.T / 3, np.sqrt(np.outer(q, q)), out=np.zeros((12, 12)), where=np.outer(q, q) > 0), -1, 1)
    value, slope = (gaussian.dual("elu", q[:, None], q, c, of=of).value for of in ("value", "derivative"))
    accuracy = 1e-12 if step.code == "ELU" else 1e-11
    np.testing.assert_allclose(K, value, rtol=0, atol=accuracy * np.sqrt(np.outer(np.diag(K), np.diag(K))).max())
    np.testing.assert_allclose(T, W_std**2 * X @ X.T / 3 * slope, rtol=0, atol=accuracy * T.max())


@pytest.mark.parametrize("W_std", [1.5, 20.0])
def test_kinks_cost_no_digits(W_std):
    """A clipped line: the kernels by the integral of every pair, repeated and near points included."""
    clip = activations.custom("clip", lambda h: np.clip(h, -1, 2), lambda h: ((h > -1) & (h < 2)).astype(h.dtype), kinks=(-1.0, 2.0))
    X = cloud(5, 2)
    X[1], X[2], X[3] = X[0], X[0] * (1 + 1e-7) + [1e-7, 0], -X[0]
    K, T = serial(Dense(W_std), Elementwise(clip))(X)
    length = np.linalg.norm(X, axis=1)
    std, directions = W_std * length / np.sqrt(2), X / length[:, None]
    sine = np.abs(np.linalg.det(np.stack(np.broadcast_arrays(directions[:, None], directions[None]), axis=-1)))
    cosine = np.clip(directions @ directions.T, -1, 1)
    i, j = np.triu_indices(5)
    for found, f, rest in ((K, clip.value, 1.0), (T, clip.derivative, np.outer(std, std) * cosine)):
        exact, _ = integrate_pairs(f, std[i] ** 2, std[j] ** 2, cosine[i, j], sine[i, j], clip.kinks, 1e-9)
        expected = (exact * rest[i, j]) if np.ndim(rest) else exact
        np.testing.assert_allclose(found[i, j], expected, rtol=0, atol=3e-11 * np.abs(expected).max())


def test_points_that_nearly_agree_are_two():
    """1 - c = 1e-13: the slopes of a clipped line differ on a share of the order of the angle, 4e-7."""
    clip = activations.custom("clip", lambda h: np.clip(h, -1, 1), lambda h: (abs(h) < 1).astype(h.dtype), kinks=(-1.0, 1.0))
    std = np.ones(3)
    _, slope = PairDual(clip, 1e-11)(std, std, np.array([0.0, 1e-40, 1e-13]))
    assert slope[0] == slope[1]  # one point, up to rounding
    assert slope[0] - slope[2] == pytest.approx(np.exp(-0.5) / np.pi * np.sqrt(2e-13), rel=1e-5)


def test_a_smaller_scale_may_need_more_terms():
    """A bump on a power, which is nothing of its mean square at large scales and much at small ones."""
    peak = activations.custom("peak", lambda h: h**5 + np.exp(-(h**2)), lambda h: 5 * h**4 - 2 * h * np.exp(-(h**2)))
    X = np.array([[1.0], [100.0]])
    large, both = (serial(Dense(), Elementwise(peak))._program(points).steps[1] for points in (X[1:], X))
    assert len(both.values) > len(large.values) and both.tails[-1] <= 1e-11


@pytest.mark.parametrize("std", [1.499, 2.5, 3.999, 6.0, 7.999, 11.0, 13.999, 30.0, 39.99])
def test_rules_of_elu_have_nodes_enough(std):
    """At the largest scale of each rule and well beyond that of the one before, at all angles: 13 digits of the closed form."""
    angle = np.linspace(0, np.pi, 25)
    K, T = serial(Dense(std * np.sqrt(2)), kernels.Elu())(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    q, c = std**2, np.cos(angle)
    value, slope = (gaussian.dual("elu", q, q, c, of=of, sine=np.sin(angle)).value for of in ("value", "derivative"))
    np.testing.assert_allclose(K[0], value, rtol=0, atol=1e-13 * K[0, 0])
    np.testing.assert_allclose(T[0], q * c * slope, rtol=0, atol=1e-13 * T[0, 0])


@pytest.mark.parametrize("name", ["tanh", "softplus", "silu", "sigmoid"])
def test_the_tolerance_is_kept(name):
    """Against a tolerance of 1e-12; and a rough one takes fewer terms and is rougher."""
    X = cloud()
    exact, fine, rough = (np.array(around(Elementwise(name, tolerance))(X)) for tolerance in (1e-12, 1e-10, 1e-4))
    size = np.abs(exact).max()
    assert np.abs(fine - exact).max() < 2e-10 * size
    assert np.abs(rough - exact).max() < 2e-4 * size
    terms = [len(around(Elementwise(name, t))._program(X).steps[1].values) for t in (1e-10, 1e-4)]
    assert terms[1] < 0.6 * terms[0]


def test_polynomials_have_as_many_terms_as_their_degree():
    X = cloud(5)
    assert len(around(Hermite(3))._program(X).steps[1].values) == 4
    np.testing.assert_allclose(serial(Dense(), Monomial(2)).nngp(X), _square(X @ X.T / 3), rtol=1e-12)


def _square(K):
    """E u^2 v^2 = q1 q2 + 2 k^2."""
    q = np.diag(K)
    return np.outer(q, q) + 2 * K**2


def test_hermite_polynomials_raise_the_cosine():
    """At variance 1, E h_n(u) h_n(v) = c^n."""
    angle = np.linspace(0, np.pi, 9)
    X = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    np.testing.assert_allclose(serial(Dense(), Hermite(5)).nngp(X), np.cos(np.subtract.outer(angle, angle)) ** 5, atol=1e-13)


def test_kinks_that_are_not_told_give_a_warning():
    clip = activations.custom("untold", lambda h: np.clip(h, -1, 1), lambda h: (abs(h) < 1).astype(h.dtype))
    with pytest.warns(UserWarning, match="kernel: the expectations of untold are known to .* only, not to 1e-11; tell its kinks"):
        around(Elementwise(clip))(cloud(3))


def test_values_too_large_to_be_squared_are_refused():
    with pytest.raises(ValueError, match=r"X1: values of size 1.73e\+160 enter erf, too large to be squared"):
        serial(Dense(), kernels.Erf())([[3e160, 0.0, 0.0]])
    with pytest.raises(ValueError, match=r"X1: values of size 5.77e\+99 enter sign, too large to be squared; take smaller weights"):
        serial(Dense(), kernels.Sign())([[1e100, 0.0, 0.0]])


def slope_of_tanh(h):
    return 1 - np.tanh(h) ** 2


def test_activations_travel_to_other_processes():
    dual = pickle.loads(pickle.dumps(PairDual(activations.get("tanh"), 1e-9)))
    assert dual == PairDual(activations.get("tanh"), 1e-9)
    for phi in (activations.hermite(3), activations.monomial(2), activations.custom("own", np.tanh, slope_of_tanh)):
        dual = pickle.loads(pickle.dumps(PairDual(phi, 1e-9)))
        assert dual.activation == phi and dual.activation.value(np.array([0.3])) == phi.value(np.array([0.3]))


def test_bad_arguments():
    with pytest.raises(ValueError, match="activation: 'swoosh' is not one of"):
        Elementwise("swoosh")
    with pytest.raises(ValueError, match="tolerance: need a finite number >= 1e-14 and <= 1"):
        Elementwise("tanh", 0.0)


STILL = np.array([[0.0, 0.0], [1.0, 0.5], [0.0, 0.0], [-0.5, 1.0], [1.0, 0.5000001]])  # rows 0 and 2 stay at 0 through every layer
FAMILY = [activations.leaky_relu(slope) for slope in (0.3, 0.999, 2.0, -0.4, -1.0, -3.0)] + [
    activations.get("relu"),
    activations.get("abs"),
]


@pytest.mark.parametrize("phi", FAMILY, ids=lambda phi: phi.name)
def test_points_at_0_pass_by_the_slope_at_0(phi):
    r"""Biases that start at 0 and are trained: :math:`\phi'(0)\,\mathbb E\,\phi'(v)` with other points, :math:`\phi'(0)^2` with each other.
    By the recursion of the two expectations, layer by layer."""
    k = serial(kernels.Linear(1.0, 0.0, 1.0, 1.0), *[Elementwise(phi), kernels.Linear(1.2, 0.0, 1.0, 0.5)] * 3)
    K = STILL @ STILL.T / 2
    T = K + 1
    for _ in range(3):
        q = np.diag(K)
        sizes = np.sqrt(np.outer(q, q))
        c = np.clip(np.divide(K, sizes, out=np.zeros_like(K), where=sizes > 0), -1, 1)
        K, slopes = (gaussian.dual(phi, q[:, None], q, c, of=of).value for of in ("value", "derivative"))
        T = K + 0.5 + 1.44 * slopes * T
        K = 1.44 * K
    np.testing.assert_allclose(k.ntk(STILL), T, rtol=1e-6, atol=1e-12 * T.max())  # rows 1 and 4: their c is known to 1e-16 here
    far = [0, 1, 2, 3]
    np.testing.assert_allclose(k.ntk(STILL)[np.ix_(far, far)], T[np.ix_(far, far)], rtol=1e-12, atol=1e-12 * T.max())
    np.testing.assert_allclose(k.ntk(STILL[:1], STILL), k.ntk(STILL)[:1], rtol=1e-13)
    np.testing.assert_allclose(k.ntk(STILL[1:2], STILL[3:]), k.ntk(STILL)[1:2, 3:], rtol=1e-14)


@pytest.mark.parametrize("slope", [0.3, -3.0])
def test_points_at_0_are_those_of_wide_networks(slope):
    p = replace(Parameterization.ntk(2), bias_std=(0.0, 0.0, 0.0), bias_c=(0.0, 0.0, 0.0))
    net = Network(2, 2, 1000, activations.leaky_relu(slope), p)
    found = [empirical_ntk(net.bind(Data.check(STILL, STILL[:, 0]), np.random.default_rng(seed)), STILL, trace=True) for seed in range(16)]
    gap = (np.mean(found, axis=0) - kernels.of(net).ntk(STILL))[0]
    error = np.std(found, axis=0, ddof=1)[0] / 4
    assert (np.abs(gap) < 4 * error).all() and (error < 0.05 * np.abs(np.mean(found, axis=0))[0]).all()
