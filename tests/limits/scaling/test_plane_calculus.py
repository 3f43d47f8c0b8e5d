"""The plane of scalings: the calculus against closed forms, known limits, and finite networks."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations, scaling

TRAITS = ("stable", "nontrivial", "finite_logits", "finite_kernels", "evolving_kernels", "comparable_change")


def alike(q, rate, method, L):
    """The point of L hidden layers that is (P, rate) with P in the place of q_sigma, at rates that move all layers alike."""
    between = rate - (0.5 if method == "rmsprop" else 0.0) if L > 1 else None
    return scaling.plane_class((q + 0.5) / L - 0.5, rate, method=method, hidden_layers=L, q_tilde_hidden=between)


# One hidden layer: closed forms


def closed(q, a, w, step):
    """In the band, where moves a and w of the two layers do not feed each other. The sum over neurons of f_aw has random signs, but for
    those whose mask the step has switched, and from step 2 on those whose other weight has moved: increments are then correlated."""
    f_aw = max(q + 0.5 + a + w, q + 1 + a + w + (w if step == 1 else max(a, w)))
    terms = {"f_empty": max(q + 0.5, q + 1 + 2 * w), "f_a": q + 1 + a, "f_w": q + 1 + w, "f_aw": f_aw}
    return {
        "f0": q + 0.5,
        "kernel": q + max(a, w) + 1,
        "increment_a": a,
        "increment_w": w,
        **terms,
        "change": max(terms["f_a"], terms["f_w"]),
    }


@pytest.mark.parametrize("method", ["gradient", "rmsprop"])
def test_the_calculus_finds_the_closed_forms_of_one_hidden_layer(method):
    """Band and lines at the thirteen representatives and at random points around, exponents in it; each layer with a rate of its own."""
    rng = np.random.default_rng(0)
    representatives = [(c.q_sigma, c.q_sigma + c.q_tilde) for c in scaling.plane_classes()]
    points = [(q, s, other) for q, s in representatives for other in (s, s - 0.3)] + rng.uniform(
        (-1.6, -0.9, -0.9), (0.4, 0.3, 0.3), (60, 3)
    ).tolist()
    for q, a, w in points:
        unit = 0.0 if method == "rmsprop" else q
        found, s = scaling.plane_class(q, a - unit, w - unit, method), max(a, w)
        assert found.stable == (s <= 1e-9)
        if not found.stable:
            continue
        assert found.nontrivial == (s >= -0.5 - 1e-9) and found.comparable_change == (abs(s + 0.5) < 1e-9)
        assert found.evolving_kernels == (abs(s) < 1e-9)
        assert found.finite_logits == (abs(q + 0.5) < 1e-9) and found.finite_kernels == (abs(q + s + 1) < 1e-9)
        for step in (1, 2, 3):
            assert found.exponents(step) == pytest.approx(closed(q, a, w, step), abs=1e-8), (step, q, a, w)


@pytest.mark.parametrize("method", ["gradient", "rmsprop"])
@pytest.mark.parametrize("L", [2, 3])
def test_layers_that_move_alike_have_the_plane_of_one(L, method):
    """With L (q + 1/2) - 1/2 in the place of q, everywhere: in the band, on its lines and outside."""
    for q in np.arange(-12, 4, L - 1) / 8:
        for s in np.arange(-5, 3) / 8:
            rate = s - (0.0 if method == "rmsprop" else q)
            one, deep = (alike(q, rate, method, layers) for layers in (1, L))
            assert [getattr(one, trait) for trait in TRAITS if one.stable or trait == "stable"] == [
                getattr(deep, trait) for trait in TRAITS if one.stable or trait == "stable"
            ], (q, s)


@pytest.mark.parametrize("L", [2, 3])
def test_the_kernel_is_that_of_the_layer_of_the_largest_rate(L):
    """Of order 2P + 1 + its rate, whichever layer it is."""
    for layer, rates in enumerate(0.1 + 0.3 * np.eye(3)):
        w, between, a = map(float, rates)
        for q in (-0.9, -0.5, -0.2):
            found = scaling.plane_class(q, a, w, hidden_layers=L, q_tilde_hidden=between)
            assert found.exponents()["kernel"] == pytest.approx(2 * L * (q + 0.5) + 0.4), (layer, q)


def test_kernels_evolve_where_the_output_weights_do():
    """Alone: with two hidden layers at q = -1 they move by their own size at the rate 3/2, and pre-activations less."""
    assert [scaling.plane_class(-1, a, 1, hidden_layers=2, q_tilde_hidden=1).evolving_kernels for a in (1.5, 1.4)] == [True, False]


# Deeper: known limits


@pytest.mark.parametrize("L", [2, 3, 4, 5])
def test_the_mean_field_learns_by_gradients_up_to_two_hidden_layers_and_by_rmsprop_at_any_depth(L):
    gradient = scaling.plane_class(-1, 1, hidden_layers=L)
    integrable = scaling.exponents(iw.Parameterization.integrable(L), activations.leaky_relu(0.1))
    assert gradient.rates == tuple(-c for c in iw.Parameterization.integrable(L).c)
    assert gradient.exponents(3)["change"] == integrable.f_change[0]
    assert gradient.finite_kernels == (L == 2)
    rmsprop = scaling.plane_class(-1, 0, method="rmsprop", hidden_layers=L)
    assert rmsprop.rates == (0,) * (L + 1)
    assert rmsprop.finite_kernels and rmsprop.evolving_kernels and rmsprop.stable
    assert rmsprop.name == f"mean field ({L} hidden layers) (RMSProp)"


@pytest.mark.parametrize("method", ["gradient", "rmsprop"])
@pytest.mark.parametrize("L", [2, 3, 4])
def test_in_the_tangent_kernel_limit_each_further_layer_that_moves_costs_one_over_the_width(L, method):
    found = scaling.plane_class(-0.5, 0 if method == "gradient" else -0.5, method=method, hidden_layers=L)
    e = found.exponents(2)
    assert (e["f0"], e["kernel"], e["change"]) == (0, 0, 0)
    assert [e[f"move_{l}"] for l in range(1, L + 1)] == [-0.5] * L
    assert found.name.startswith("NTK") and not found.evolving_kernels
    for name in scaling.output_term_names(L):
        assert e[name] == (0 if name == "f_empty" else 3 - len(name)), name


def test_gradient_descent_has_a_mean_field_at_a_larger_multiplier():
    """Of the published rates: at -1/2 - 1/(2 L) with the rate (L - 1) / L, where only the matrices between hidden layers learn."""
    for L in (2, 3, 4):
        found = scaling.plane_class(-0.5 - 0.5 / L, (L - 1) / L, hidden_layers=L)
        e = found.exponents(2)
        assert found.finite_kernels and found.evolving_kernels and not found.finite_logits
        assert e["move_1"] == pytest.approx(-1 / L) and e["move_2"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("L", "lower", "upper"),
    [
        (2, lambda q: 0 if q < -0.5 else -1 - 2 * q, lambda q: min(1, -q) if q < -0.5 else -0.5 - 2 * q),
        (3, lambda q: -0.5 - q if q < -0.5 else -1.5 - 3 * q, lambda q: -q if q < -0.5 else -1 - 3 * q),
    ],
)
def test_the_band_of_the_published_rates(L, lower, upper):
    """With two hidden layers an update outgrows the matrix and feeds no other; with three that never ends."""
    for q in (-1.3, -1.0, -0.8, -0.6, -0.4, -0.1):
        edges = lower(q), upper(q)
        for rate, inside in ((edges[0] - 0.02, False), (edges[0] + 0.02, True), (edges[1] - 0.02, True), (edges[1] + 0.02, False)):
            found = scaling.plane_class(q, rate, hidden_layers=L)
            assert (found.stable and found.nontrivial) == inside, (q, rate, found.name)


# Finite networks

X = np.array([[1.0, 0.3], [-0.4, 1.0], [0.8, -1.0]])
Y = np.array([[1, -1, 1, 1, -1, 1], [-1, 1, 1, 1, -1, -1], [1, 1, -1, 1, -1, 1.0]])


def rms(a):
    return float(np.sqrt(np.mean(np.square(a))))


def sizes(t, state, problem):
    """Of the terms, the increments, the relative moves, f at the start and its change."""
    first = problem.start()
    weights, start = problem.layers(state)[0], problem.layers(first)[0]
    h, h0 = (problem.forward(at, X)[1] for at in (state, first))
    terms = scaling.output_terms(problem, state)
    found = [rms(term) for term in terms.reshape(-1, *terms.shape[-2:])]
    found += [rms(w - w0) for w, w0 in zip(weights, start, strict=True)]
    found += [rms(a - b) / rms(b) for a, b in zip(h[:-1], h0[:-1], strict=True)]
    return np.array([*found, rms(h0[-1]), rms(h[-1] - h0[-1])])


def measured(where, rate, step, outputs, widths, seeds):
    """Name -> slope in the width after that many steps and its standard error. More outputs spread less, and more of them saturate."""
    L, p = where.hidden_layers, where.parameterization
    method = iw.GradientDescent(rate, step) if where.method == "gradient" else iw.RMSProp(rate, step, epsilon=0)
    logs, errors = [], []
    for m, number in zip(widths, seeds, strict=True):
        network, runs = iw.Network(2, L, m, activations.leaky_relu(0.1), p, outputs), []
        for seed in range(number):
            rng = np.random.SeedSequence([seed, m])
            run = iw.solve(network, X, Y[:, :outputs], method, loss="logistic", rng=rng, save_at=[step], observables={"sizes": sizes})
            runs.append(np.log(run.observables["sizes"][-1]))
        logs.append(np.mean(runs, axis=0))
        errors.append(np.std(runs, axis=0, ddof=1) / number**0.5)
    layers = range(1, L + 1)
    names = [*scaling.output_term_names(L), *(f"increment_{l}" for l in (*layers, L + 1)), *(f"move_{l}" for l in layers), "f0", "change"]
    slope, error = (logs[1] - logs[0], np.hypot(*errors)) / np.log(widths[1] / widths[0])
    return dict(zip(names, zip(slope, error, strict=True), strict=True))


FEW, MANY, WIDE = (1, (64, 512), (48, 32)), (6, (64, 512), (60, 40)), (6, (256, 2048), (20, 8))
SLOW = {"f_empty", "f_1"}  # where masks switch in part of the layers, of small prefactors: the next test has one of them


@pytest.mark.parametrize(
    ("point", "method", "L", "rate", "networks"),
    [
        ((-1, 1), "gradient", 2, 10.0, FEW),
        ((-0.5, 0), "gradient", 2, 1.0, MANY),
        ((-1, 0), "rmsprop", 2, 0.1, FEW),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ((-0.5, -0.5), "rmsprop", 2, 0.03, MANY),
                ((-1, 0.5), "gradient", 2, 3.0, (6, (128, 1024), (24, 12))),
                ((-1, 1), "gradient", 3, 10.0, WIDE),
                ((-2 / 3, 2 / 3), "gradient", 3, 1.0, WIDE),
                ((-0.5, 0), "gradient", 3, 1.0, MANY),
                ((-1, 0), "rmsprop", 3, 0.1, (6, (128, 1024), (24, 12))),
                ((-0.5, -0.5), "rmsprop", 3, 0.03, MANY),
            ]
        ),
    ],
)
def test_exponents_against_finite_networks(point, method, L, rate, networks):
    """At step 2, at a rate that moves what moves by its own size; within .1 and two standard errors, which are not large."""
    where = scaling.plane_class(*point, method=method, hidden_layers=L)
    found, predicted = measured(where, rate, 2, *networks), where.exponents(2)
    for name in found.keys() - (SLOW if where.evolving_kernels else set()):
        slope, error = found[name]
        assert error < 0.13, name
        assert abs(slope - predicted[name]) < 0.1 + 2 * error, name


def test_switched_masks_correlate_a_term_with_the_output_weights():
    r"""Two hidden layers in the mean field: at step 1 the second layer is :math:`w \sum_j r_j K_{ij} \phi'(u_j)` of independent
    output weights w and fields u of the start, and :math:`f_\emptyset \sim d^{-1/2}\,E[w\,\phi'(h)\,u]`: not zero, but far below 1."""
    rng, slope = np.random.default_rng(0), 0.1

    def mask(h):
        return np.where(h > 0, 1.0, slope)

    h = rng.standard_normal((200_000, 2)) @ X.T
    K = (h * mask(h)).T @ (h * mask(h)) / len(h)
    u, w = np.linalg.cholesky(K) @ rng.standard_normal((3, 500_000)), rng.standard_normal(500_000)
    h = w * (K @ (Y[:, :1] * mask(u)))
    term = w * mask(h) * u
    correlation, error = term.mean(axis=1), term.std(axis=1) / len(w) ** 0.5
    assert abs(correlation[0]) > 20 * error[0]
    assert np.all(np.abs(correlation) < 0.1 * np.sqrt(np.diag(K)))
