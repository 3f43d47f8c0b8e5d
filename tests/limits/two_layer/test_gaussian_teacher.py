"""Closed-form population risk and gradients against Monte Carlo, quadrature and finite differences."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import GaussianTeacher, activations


def cloud(N, d, seed=11):
    rng = np.random.default_rng([seed, N, d])
    return rng.standard_normal((N, d)), rng.standard_normal((N, 1))


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_risk_against_quadrature_in_two_dimensions(activation):
    """A product rule on a disc: exact in the angle where relu kinks (many nodes), Gauss-Laguerre in the radius."""
    teacher = GaussianTeacher([[1.0, 0.5], [-0.3, 2.0]], [1.0, -2.0], activation)
    W, a = cloud(4, 2)
    angle = np.linspace(0, 2 * np.pi, 4001)[:-1]
    u, weight = np.polynomial.laguerre.laggauss(60)  # u = r^2 / 2 is exponential
    x = (np.sqrt(2 * u)[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)).reshape(-1, 2)
    gap = activations.get(activation).value(x @ W.T) @ a / 4 - teacher(x)
    expected = 0.5 * weight @ (gap.reshape(60, -1) ** 2).mean(axis=1)
    assert teacher.risk(W, a) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear", "leaky_relu", "abs", "gelu", "sin", "cos", "gaussian"])
def test_velocity_is_minus_n_times_the_gradient(activation):
    teacher = GaussianTeacher(*cloud(3, 4, seed=12), activation)
    W, a = cloud(5, 4)
    _, dW, da = teacher.risk_and_velocity(W, a)
    h = 1e-6
    for part, moved in ((W, dW), (a, da)):
        for i in np.ndindex(part.shape):
            keep = part[i]
            part[i] = keep + h
            up = teacher.risk(W, a)
            part[i] = keep - h
            down = teacher.risk(W, a)
            part[i] = keep
            assert moved[i] == pytest.approx(-5 * (up - down) / (2 * h), abs=1e-7)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear", "gelu", "cos"])
def test_student_at_the_teacher_is_at_rest(activation):
    W, a = cloud(6, 3)
    risk, dW, da = GaussianTeacher(W, a, activation).risk_and_velocity(W, a)
    assert abs(risk) < 1e-14
    assert np.abs(dW).max() < 1e-12 and np.abs(da).max() < 1e-12


def test_blocks_do_not_matter(monkeypatch):
    teacher = GaussianTeacher(*cloud(3, 2, seed=12), "relu")
    W, a = cloud(50, 2)
    whole = teacher.risk_and_velocity(W, a)
    for entries in (400, 1):  # 7 particles at once, or one whose entries are more than a block
        monkeypatch.setattr("infwidth.limits.two_layer.gaussian_teacher.BLOCK", entries)
        for found, expected in zip(teacher.risk_and_velocity(W, a), whole, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_particles_so_large_that_erf_is_a_sign():
    """K = (2 / pi) arcsin of a cosine, which rounding may bring above 1."""
    W, a = cloud(200, 3)
    risk = GaussianTeacher(1e9 * W, a, "erf").risk(1e9 * W, a)
    assert abs(risk) < 1e-7
    half = GaussianTeacher([[0.0, 1e9]], [1.0], "erf").risk(np.array([[1e9, 0.0]]), np.ones((1, 1)))
    assert half == pytest.approx(1, rel=1e-8)  # of two independent signs, (1 + 1) / 2


def test_zero_particles_are_no_trouble():
    risk, dW, _ = GaussianTeacher([[1.0, 0.0]], [1.0], "relu").risk_and_velocity(np.zeros((2, 2)), np.ones((2, 1)))
    assert np.isfinite(risk) and np.isfinite(dW).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GaussianTeacher([[1.0]], [1.0], "tanh"), "'tanh' is not one of .*no closed-form"),
        (lambda: GaussianTeacher([[1.0]], [1.0, 2.0], "erf"), "output_weights: need one per teacher neuron"),
        (lambda: solve_on(activation="relu"), "activation: the student's is 'relu', the teacher's 'erf'"),
        (lambda: solve_on(bias=True), "population: biases and an offset"),
        (lambda: solve_on(data=([[1.0]], [1.0])), "X: was given, and this model has a population .*leave out the population"),
        (lambda: solve_on().predict([[1.0, 2.0]]), "X: need 1 columns"),
        (lambda: solve_on(X_test=[[1.0, 2.0]]), "X_test: need 1 columns"),
        (lambda: solve_on(X_test=[[np.nan]]), "X_test: row 0 holds NaN"),
    ],
)
def test_errors_name_the_argument(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_population_of_another_type():
    with pytest.raises(TypeError, match="population: need a GaussianTeacher, got 'x'"):
        iw.TwoLayerMeanField("erf", 4, population="x")


def test_risk_of_a_teacher_in_single_precision_is_not_negative():
    W, a = cloud(200, 5)
    W, a = W.astype(np.float32), a.astype(np.float32)
    for activation in ("erf", "relu", "linear"):
        teacher = GaussianTeacher(W, a, activation)
        assert teacher(np.ones((1, 5))).dtype == np.float64
        assert abs(teacher.risk(W.astype(float), a.astype(float))) < 1e-15


def solve_on(activation="erf", data=(), X_test=None, **more):
    model = iw.TwoLayerMeanField(activation, 4, population=GaussianTeacher([[1.0]], [1.0], "erf"), **more)
    return iw.solve(model, *data, method=iw.GradientDescent(0.1, 1), X_test=X_test)
