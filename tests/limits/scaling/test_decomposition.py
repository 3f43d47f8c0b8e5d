"""The terms of the output: against inclusion and exclusion of products with frozen slopes, and their powers against the plane's."""

from itertools import product

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations, scaling

P = iw.Parameterization
X = np.array([[1.0, 0.3], [-0.4, 1.0], [0.8, -1.0]])
Y = np.array([1.0, -1.0, 1.0])


def trained(L, activation="relu", rate=0.5):
    return iw.solve(iw.Network(2, L, 24, activation, P.ntk(L)), X, Y, iw.GradientDescent(rate, 5), loss="logistic", rng=3)


def frozen(problem, state, moved):
    """f with the slopes of now and the weights W_0 + moved * dW, by a loop over samples."""
    now, _ = problem.layers(state)
    start, _ = problem.layers(problem.start())
    h = problem.forward(state, X)[1]
    rows = []
    for i, x in enumerate(X):
        for l, on in enumerate(moved):
            x = problem.scales[l] * (now[l] if on else start[l]) @ x
            if l < len(moved) - 1:
                x = np.diag(problem.activation.value(h[l][i]) / h[l][i]) @ x
        rows.append(x)
    return np.array(rows)


@pytest.mark.parametrize("activation", ["relu", "linear", activations.leaky_relu(0.1), activations.monomial(3)], ids=str)
@pytest.mark.parametrize("L", [1, 2, 3])
def test_terms_are_differences_of_products(L, activation):
    sol = trained(L, activation, rate=0.02)
    terms = scaling.output_terms(sol.problem, sol.state)
    assert terms.shape == (2,) * (L + 1) + (3, 1)
    for moved in product((0, 1), repeat=L + 1):
        inside = [s for s in product((0, 1), repeat=L + 1) if all(a <= b for a, b in zip(s, moved, strict=True))]
        expected = sum((-1) ** (sum(moved) - sum(s)) * frozen(sol.problem, sol.state, s) for s in inside)
        assert terms[moved] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert terms.sum(axis=tuple(range(L + 1))) == pytest.approx(sol.outputs[-1], rel=1e-12, abs=1e-13)


def test_one_hidden_layer_as_defined():
    """a is the last axis, w the first; at the start the empty set has everything."""
    sol = trained(1)
    (W, a), (W0, a0) = sol.problem.layers(sol.state)[0], sol.problem.layers(sol.problem.start())[0]
    mask, scale = X @ W.T > 0, sol.problem.scales[1]
    terms = dict(zip(scaling.output_term_names(1), scaling.output_terms(sol.problem, sol.state).reshape(4, 3), strict=True))
    for name, of_a, of_w in (("f_empty", a0, W0), ("f_a", a - a0, W0), ("f_w", a0, W - W0), ("f_aw", a - a0, W - W0)):
        assert terms[name] == pytest.approx(scale * (mask * (X @ of_w.T)) @ of_a[0])
    start = scaling.output_terms(sol.problem, sol.problem.start())
    assert start[0, 0] == pytest.approx(sol.outputs[0]) and not start.any(axis=(2, 3))[[0, 1, 1], [1, 0, 1]].any()


def test_other_points_widths_outputs_and_precisions():
    network = iw.Network(2, 2, (9, 5), "relu", P.mup(2), output_dim=3)
    sol = iw.solve(network, X.astype(np.float32), np.eye(3, dtype=np.float32), iw.GradientDescent(0.3, 4), loss="cross_entropy", rng=0)
    new = np.array([[0.2, 0.7], [-1.0, 0.1]])
    terms = scaling.output_terms(sol.problem, sol.state, new)
    assert terms.dtype == np.float32 and terms.shape == (2, 2, 2, 2, 3)
    assert terms.sum(axis=(0, 1, 2)) == pytest.approx(sol.predict(new), abs=1e-6)


def test_names_follow_the_axes():
    assert scaling.output_term_names(1)[1:3] == ("f_a", "f_w")
    names = np.array(scaling.output_term_names(3)).reshape(2, 2, 2, 2)
    assert names[0, 0, 0, 0] == "f_empty" and names[1, 0, 0, 1] == "f_14" and names[1, 1, 1, 1] == "f_1234"


@pytest.mark.parametrize(("point", "rate"), [((-1, 1), 20.0), ((-0.5, 0), 20.0), ((-1, 0.5), 20.0), ((-0.75, 0.5), 2.0)])
def test_powers_are_those_of_the_plane(point, rate):
    """At step 2, where increments are correlated; seeds declared, tolerance .1 and two standard errors."""
    where = scaling.plane_class(*point)
    p = P((0, -where.q_sigma), (0, 0), (-where.q_tilde, -where.q_tilde))
    run = dict(method=iw.GradientDescent(rate, 2), widths=(512, 4096, 32768), seeds=range(24))
    measured = scaling.output_term_slopes(p, "relu", X, Y, **run)
    predicted = where.exponents(2)
    for name, slope, error in zip(measured.names, measured.slope[:, 2], measured.standard_error[:, 2], strict=True):
        assert abs(slope - predicted[name]) < 0.1 + 2 * error, (name, slope, error, predicted[name])
    assert np.isneginf(measured.log_sizes[:, :, 1:, 0]).all() and np.isfinite(measured.log_sizes[:, :, 0]).all()


def deep_slopes(L, method):
    """Of mean-field networks at the last step; under RMSProp parameters of order 1 move by the rate."""
    ip = P.integrable(L)
    p = P(ip.a, ip.b, (0,) * (L + 1)) if isinstance(method, iw.RMSProp) else ip
    return scaling.output_term_slopes(p, "relu", X, Y, method, widths=(64, 128, 256, 512), seeds=range(8))


@pytest.mark.parametrize(("L", "method"), [(2, iw.GradientDescent(1.0, 8)), (3, iw.RMSProp(0.02, 8, epsilon=0))], ids=["GD", "RMSProp"])
def test_a_hidden_matrix_that_has_not_moved_costs_half_a_power(L, method):
    """It is a random sum where a move adds up; with all of them moved terms stay. Under RMSProp so with three hidden layers."""
    measured = deep_slopes(L, method)
    standing = [L - 1 - sum(moved[1:-1]) for moved in product((0, 1), repeat=L + 1)]
    for name, number, slope, error in zip(measured.names, standing, measured.slope[:, 8], measured.standard_error[:, 8], strict=True):
        assert abs(slope + number / 2) < 0.1 + 2 * error, (name, slope, error)


def test_three_hidden_layers_stand_still_under_gradient_descent():
    """All terms fall, the slowest like the noise of two hidden layers."""
    measured = deep_slopes(3, iw.GradientDescent(1.0, 8))
    assert (measured.slope[:, 8] < -0.5).all()


def test_residuals_are_those_of_the_samples():
    """At the start under the mean field logits vanish with the width: 1/2 each."""
    run = dict(method=iw.GradientDescent(0.1, 0), widths=(256, 40000), seeds=range(2))
    assert scaling.output_term_slopes(P.mup(1), "relu", X, Y, **run).residual[1] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: scaling.output_term_names(0), ValueError, "hidden_layers: need an integer from 1 to 8"),
        (lambda: scaling.output_terms(trained(1, "tanh").problem, trained(1, "tanh").state), ValueError, "activation: tanh is not homogen"),
        (lambda: scaling.output_terms(trained(1).problem, np.zeros(3)), ValueError, "state: need a vector of"),
        (lambda: scaling.output_terms(trained(1).problem, trained(1).state, np.eye(3)), ValueError, "X: need 2 columns"),
        (lambda: scaling.output_terms(trained, np.zeros(3)), TypeError, "problem: need a NetworkProblem"),
        (
            lambda: scaling.output_term_slopes(P.mup(1).with_biases(), "relu", X, Y, iw.GradientDescent(1, 1)),
            ValueError,
            "parameterization: has biases",
        ),
        (lambda: scaling.output_term_slopes(P.mup(1), "gelu", X, Y, iw.GradientDescent(1, 1)), ValueError, "activation: gelu"),
        (
            lambda: scaling.output_term_slopes(P.mup(1), "relu", X, Y, iw.GradientDescent(1, 1), widths=(8, 8)),
            ValueError,
            "widths, seeds: need at least two",
        ),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
