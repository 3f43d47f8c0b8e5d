"""The plane of scalings: its thirteen classes, and its exponents against finite networks."""

import numpy as np
import pytest
from scipy import special

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
    later = default.exponents(2)  # the output weights have grown by the root of the width, and the input weights' gradients with them
    assert (later["increment_a"], later["increment_w"], later["f_aw"]) == (0.5, 0, 1)


def measured(q, rate, width, seed, method="gradient", masks="now"):
    """One step with the logistic loss on the network of the plane, at base width 1; RMSProp's first step is the sign of the gradient."""
    rng = np.random.default_rng([seed, width])
    X, y = np.array([[1.0, 0.3], [-0.4, 1.0], [0.8, -1.0]]), np.array([1.0, -1.0, 1.0])
    W, a = rng.standard_normal((width, 2)), rng.standard_normal(width)
    sigma, eta = width**q, 10 * width**rate
    h = X @ W.T
    x, mask = np.maximum(h, 0), h > 0
    f = sigma * x @ a
    residual = -y * special.expit(-y * f) / 3
    da, dW = -eta * sigma * x.T @ residual, -eta * sigma * (mask * residual[:, None] * a).T @ X
    if method == "rmsprop":
        da, dW = (width**rate * np.sign(move) for move in (da, dW))
    kernel = eta * sigma**2 * (x @ x.T + (mask * a) @ (mask * a).T * (X @ X.T))
    masks = (X @ (W + dW).T) > 0 if masks == "now" else mask
    f_a, f_w, f_aw = sigma * x @ da, sigma * (masks * (X @ dW.T)) @ a, sigma * (masks * (X @ dW.T)) @ da
    sizes = {
        "f0": f,
        "kernel": kernel if method == "gradient" else f_a + sigma * (mask * (X @ dW.T)) @ a,
        "increment_a": da,
        "increment_w": dW,
        "f_a": f_a,
        "f_w": f_w,
        "f_aw": f_aw,
        "change": sigma * np.maximum(X @ (W + dW).T, 0) @ (a + da) - f,
    }
    with np.errstate(divide="ignore"):  # moves by saturated residuals
        return {key: np.log(np.sqrt(np.mean(np.square(v)))) for key, v in sizes.items()}


OUTSIDE = {"gradient": ((1, 1), (-1, -1), (-1, 1.25)), "rmsprop": ((-0.5, 0.5), (-1, -1))}
POINTS = [*scaling.plane_classes(), *scaling.plane_classes("rmsprop")]
POINTS += [scaling.plane_class(*point, method=method) for method, points in OUTSIDE.items() for point in points]


@pytest.mark.parametrize("found", POINTS, ids=lambda c: c.name)
def test_exponents_against_finite_networks(found):
    """At step 1 and a rate that moves parameters by their own size, where mask flips show; where logits diverge the residual saturates, so
    the start alone. Above the band all masks switch at once, and the change is that of both increments together."""
    widths = (512, 4096, 32768)
    predicted = found.exponents(1)
    seeds = 160 if predicted["f0"] == 0 and found.method == "gradient" else 24  # the residuals are random where logits are of order 1
    logs = [[measured(found.q_sigma, found.q_tilde, m, seed, found.method) for seed in range(seeds)] for m in widths]
    saturated = found.method == "gradient" and predicted["f0"] > 0
    keys = ["f0", "kernel"] if saturated else list(logs[0][0])
    for key in keys:
        mean = [np.mean([run[key] for run in row]) for row in logs]
        slope = np.polyfit(np.log(widths), mean, 1)[0]
        assert slope == pytest.approx(predicted[key], abs=0.1), key


def test_switched_masks_correlate_the_increments():
    """The term of order one in both: with the masks of the start it has random signs; the few that the step switches have not."""
    predicted = scaling.plane_class(-1, 1).exponents(1)["f_aw"]
    for masks, expected in (("now", predicted), ("start", -0.5)):
        logs = [np.mean([measured(-1, 1, m, seed, masks=masks)["f_aw"] for seed in range(48)]) for m in (512, 4096, 32768)]
        assert np.polyfit(np.log((512, 4096, 32768)), logs, 1)[0] == pytest.approx(expected, abs=0.1)


def test_classes_of_rmsprop_lie_where_parameters_move_alike():
    """The same line of properties at the same q and s; the same thirteen names, and no exponent of later steps that differs."""
    for found, other in zip(scaling.plane_classes(), scaling.plane_classes("rmsprop"), strict=True):
        assert other.name == f"{found.name} (RMSProp)" and other.method == "rmsprop"
        assert str(other).split(": ", 1)[1] == str(found).split(": ", 1)[1]
        for step in (1, 2):
            assert other.exponents(step) == pytest.approx(found.exponents(step))
    adam = iw.Parameterization.mup(1).table(1024, optimizer="adam", form="unit initial weights")
    assert [layer.learning_rate for layer in adam.rows] == [1, 1]  # q_tilde = 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scaling.plane_class(np.nan, 0), "q_sigma: need a finite number"),
        (lambda: scaling.plane_class(0, np.inf), "q_tilde: need a finite number"),
        (lambda: scaling.plane_class(0, 0, "a"), "q_tilde_w: need a finite number"),
        (lambda: scaling.plane_class(0, 0, method="adam"), "method: 'adam' is not one of gradient, rmsprop"),
        (lambda: scaling.plane_class(0, 0).exponents(0), "step: need an integer from 1 to 100"),
        (lambda: scaling.plane_class(1, 1).exponents(101), "step: need an integer from 1 to 100"),
        (lambda: scaling.plane_class(0, 0, hidden_layers=2).exponents(101), "step: need an integer from 1 to 100"),
        (lambda: scaling.plane_class(0, 0, hidden_layers=0), "hidden_layers: need an integer from 1 to 8"),
        (lambda: scaling.plane_class(0, 0, hidden_layers=2, q_tilde_hidden=np.nan), "q_tilde_hidden: need a finite number"),
        (lambda: scaling.plane_class(0, 200, hidden_layers=2), "q_tilde: need a finite number >= -100 and <= 100, got 200"),
        (lambda: scaling.plane_class(0, 0, q_tilde_hidden=0), "q_tilde_hidden: one hidden layer has no matrix between"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rates_of_deeper_networks():
    """Published ones by default: the matrices between, with their multiplier, at the rate of the input weights over the width."""
    gradient, rmsprop = (scaling.plane_class(-0.75, 0.5, 0.25, method, 3) for method in ("gradient", "rmsprop"))
    assert gradient.rates == (0.25, 0.75, 0.75, 0.5) and rmsprop.rates == (0.25, 0, 0, 0.5)
    assert scaling.plane_class(-0.75, 0.5, hidden_layers=3, q_tilde_hidden=0).rates == (0.5, 0, 0, 0.5)
    assert scaling.plane_class(-0.75, 0.5, 0.25).rates == (0.25, 0.5)
    p = gradient.parameterization
    assert (p.a, p.b, p.c) == ((0, 0.75, 0.75, 0.75), (0, 0, 0, 0), (-0.25, -0.75, -0.75, -0.5))


def test_names_of_exponents_of_deeper_networks():
    """Those of one hidden layer with the layers numbered, and the terms as finite networks have them."""
    e = scaling.plane_class(-0.5, 0, hidden_layers=2).exponents(2)
    assert list(e)[:8] == ["f0", "kernel", "increment_1", "increment_2", "increment_3", "move_1", "move_2", "change"]
    assert set(list(e)[8:]) == set(scaling.output_term_names(2))
    assert [e[f"increment_{l}"] for l in (1, 2, 3)] == [-0.5, -1, -0.5]


def test_the_special_points_are_the_parameterizations():
    """The two stable parameterizations of one hidden layer that the plane contains: the mean field and the tangent kernel."""
    for p, point in ((iw.Parameterization.mup(1), (-1, 1)), (iw.Parameterization.ntk(1), (-0.5, 0))):
        assert scaling.plane_class(-p.a[1], -p.c[1]).name == scaling.plane_class(*point).name
