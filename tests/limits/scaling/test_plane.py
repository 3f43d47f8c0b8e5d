"""The plane of scalings: its thirteen classes, and its exponents against finite networks."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import scaling


def test_thirteen_classes_in_the_band():
    """A fine grid, lines included, meets exactly the thirteen names of the representatives, and two outside."""
    found = {scaling.plane_class(q / 8, s / 8 - q / 8).name for q in range(-16, 9) for s in range(-8, 5)}
    known = {c.name for c in scaling.plane_classes()}
    assert len(known) == 13
    assert found == known | {"diverges", "does not learn"}


@pytest.mark.parametrize(
    ("point", "logits", "kernels", "evolving", "comparable"),
    [
        ((-1, 1), False, True, True, False),
        ((-0.5, 0), True, True, False, True),
        ((-0.5, 0.5), True, False, True, False),
        ((-0.75, 0.5), False, True, False, False),
        ((-1, 0.5), False, False, False, True),
        ((0, -0.25), False, False, False, False),
    ],
)
def test_properties(point, logits, kernels, evolving, comparable):
    found = scaling.plane_class(*point)
    assert found.stable
    assert found.nontrivial
    assert (found.finite_logits, found.finite_kernels, found.evolving_kernels, found.comparable_change) == (
        logits,
        kernels,
        evolving,
        comparable,
    )


def test_no_class_of_the_plane_has_everything():
    """Finite logits, finite kernels and evolving kernels exclude each other: the reason for the initialization-corrected limit."""
    assert not any(c.finite_logits and c.finite_kernels and c.evolving_kernels for c in scaling.plane_classes())


def test_the_default_scaling_has_a_place_of_its_own():
    default = scaling.plane_class(-0.5, 1, 0)
    assert default.name == "diverges (rates of a larger)"
    assert default.exponents()["increment_w"] == -0.5
    assert default.exponents()["kernel"] == 1


def measured(q, rate, width, seed):
    """One step of gradient descent with the logistic loss on the network of the plane, at base width 1."""
    rng = np.random.default_rng([seed, width])
    X, y = np.array([[1.0, 0.3], [-0.4, 1.0], [0.8, -1.0]]), np.array([1.0, -1.0, 1.0])
    W, a = rng.standard_normal((width, 2)), rng.standard_normal(width)
    sigma, eta = width**q, 0.01 * width**rate
    h = X @ W.T
    x, mask = np.maximum(h, 0), h > 0
    f = sigma * x @ a
    residual = -y / (1 + np.exp(y * f)) / 3
    da, dW = -eta * sigma * x.T @ residual, -eta * sigma * (mask * residual[:, None] * a).T @ X
    kernel = eta * sigma**2 * (x @ x.T + (mask * a) @ (mask * a).T * (X @ X.T))
    masks = (X @ (W + dW).T) > 0
    f_a, f_w, f_aw = sigma * x @ da, sigma * (masks * (X @ dW.T)) @ a, sigma * (masks * (X @ dW.T)) @ da
    sizes = {"f0": f, "kernel": kernel, "increment_a": da, "increment_w": dW, "f_a": f_a, "f_w": f_w, "f_aw": f_aw}
    return {key: np.log(np.sqrt(np.mean(np.square(v)))) for key, v in sizes.items()}


@pytest.mark.parametrize("found", scaling.plane_classes(), ids=lambda c: c.name)
def test_exponents_against_finite_networks(found):
    """At step 1 and a small rate, where the random terms are not drowned by mask flips; where logits diverge the residual saturates, so
    the start alone."""
    widths = (512, 4096, 32768)
    logs = [[measured(found.q_sigma, found.q_tilde, m, seed) for seed in range(24)] for m in widths]
    predicted = found.exponents(1)
    keys = ["f0", "kernel"] if predicted["f0"] > 0 else list(logs[0][0])
    for key in keys:
        mean = [np.mean([run[key] for run in row]) for row in logs]
        slope = np.polyfit(np.log(widths), mean, 1)[0]
        assert slope == pytest.approx(predicted[key], abs=0.1), key


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scaling.plane_class(np.nan, 0), "q_sigma: need a finite number"),
        (lambda: scaling.plane_class(0, np.inf), "q_tilde: need a finite number"),
        (lambda: scaling.plane_class(0, 0, "a"), "q_tilde_w: need a finite number"),
        (lambda: scaling.plane_class(0, 0).exponents(0), "step: need an integer >= 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_special_points_are_the_parameterizations():
    """The two stable parameterizations of one hidden layer that the plane contains: the mean field and the tangent kernel."""
    for p, point in ((iw.Parameterization.mup(1), (-1, 1)), (iw.Parameterization.ntk(1), (-0.5, 0))):
        assert scaling.plane_class(-p.a[1], -p.c[1]).name == scaling.plane_class(*point).name
