"""The limit at every point of the plane: special points that have names, a linear network in closed form, and finite networks."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import kernels, scaling
from infwidth.limits.two_layer import PlaneLimit

X = np.array([[-0.3, -0.6], [-1.1, -1.2], [0.8, 0.6]])
Y = np.array([1.0, -1.0, 1.0])


def solve(model, steps=6, rate=1.0, **options):
    return iw.solve(model, X, Y, iw.GradientDescent(rate, steps), **({"loss": "logistic", "rng": 3} | options))


@pytest.mark.parametrize("loss", ["logistic", "squared"])
def test_at_the_tangent_kernel_it_is_that_limit(loss):
    start = lambda Z: np.cos(Z[:, :1])  # noqa: E731
    known = iw.NeuralTangentLimit(kernels.of(iw.Network(2, 1, 8, "relu", iw.Parameterization.ntk(1))), initial=start)
    limit = PlaneLimit(-0.5, 0, "relu").started_at(start)
    np.testing.assert_allclose(solve(limit, loss=loss).outputs, solve(known, loss=loss).outputs, atol=1e-12)
    np.testing.assert_allclose(solve(limit, loss=loss).loss, solve(known, loss=loss).loss, atol=1e-12)


def test_at_the_mean_field_it_is_that_limit():
    """From the same particles, without what they give at the start."""
    sol = solve(PlaneLimit(-1, 1, "tanh", 400))
    W, a = sol.problem.particles(sol.problem.start())
    offset = lambda Z: -np.tanh(Z @ W.T) @ a / 400  # noqa: E731
    known = solve(iw.TwoLayerMeanField("tanh", 400, initial=(W, a), offset=offset))
    np.testing.assert_allclose(sol.outputs, known.outputs, atol=1e-12)
    np.testing.assert_allclose(sol.loss, known.loss, atol=1e-12)


def test_linear_networks_with_vanishing_logits_in_closed_form():
    """Residuals -y/2: each particle (w, a) is multiplied by one matrix per step, and g is the covariance of its a and w at x."""
    steps, rate = 8, 0.7
    c = rate * (Y / 2) @ X / 3
    M = np.eye(3)
    M[:2, 2], M[2, :2] = c, c
    power = np.linalg.matrix_power(M, steps)
    law = np.diag([0.5**2, 0.5**2, 2.0**2])
    exact = X @ (power @ law @ power.T)[:2, 2]
    for seed, particles in ((0, 2**15), (1, 2**15)):
        limit = PlaneLimit(-1.2, 1.2, "linear", particles, weight_std=0.5, output_std=2.0, quasi_random=True)
        np.testing.assert_allclose(solve(limit, steps, rate, rng=seed).outputs[-1, :, 0], exact, rtol=0.01)


def test_below_the_upper_edge_vanishing_logits_move_linearly():
    sol = solve(PlaneLimit(-1, 0.75, "relu"))
    np.testing.assert_allclose(sol.outputs, np.arange(7)[:, None, None] * sol.outputs[1], atol=1e-12)
    np.testing.assert_allclose(sol.loss, [np.mean(-Y / 2 * g[:, 0]) for g in sol.outputs], atol=1e-12)


@pytest.mark.slow
def test_the_start_is_the_process_of_wide_networks():
    """Covariance over draws at the lower edge."""
    exact = kernels.of(iw.Network(2, 1, 8, "relu", iw.Parameterization.ntk(1))).nngp(X)
    draws = np.array([solve(PlaneLimit(-1, 0.5, "relu"), 0, rng=seed).outputs[0, :, 0] for seed in range(400)])
    sd = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / 400)
    assert (np.abs(np.cov(draws.T) - exact) < 4 * sd).all()


def test_the_start_is_drawn_where_it_counts():
    random = {found.name for found in scaling.plane_classes() if PlaneLimit(found.q_sigma, found.q_tilde, "relu").random_start}
    assert random == {
        "NTK",
        "sym-default",
        "finite logits, diverging kernels, interior",
        "diverging logits, diverging kernels, upper edge",
        "vanishing logits, vanishing kernels, lower edge",
        "diverging logits, diverging kernels, lower edge",
        "diverging logits, diverging kernels, interior",
    }
    known = PlaneLimit(-0.75, 0.5, "relu")
    np.testing.assert_array_equal(solve(known, rng=1).outputs, solve(known, rng=2).outputs)


def test_at_the_reference_width_all_points_are_one_network():
    runs = []
    for found in scaling.plane_classes():
        limit = PlaneLimit(found.q_sigma, found.q_tilde, "tanh", weight_std=0.8, output_std=1.5, reference_width=32)
        assert limit.unit(32) == 1
        runs.append(solve(iw.Network(2, 1, 32, "tanh", limit.parameterization)).outputs)
    np.testing.assert_allclose(runs, np.broadcast_to(runs[0], np.shape(runs)), atol=1e-12)


POINTS = {  # rate, and whether the test is among the quick ones
    (-1, 1): (2.0, True),
    (-0.5, 0): (2.0, False),
    (-0.5, 0.5): (20.0, False),
    (-0.75, 0.5): (2.0, True),
    (-0.5, 1 / 3): (8.0, False),
    (-0.65, 0.65): (5.0, False),
    (-1.5, 1.5): (2.0, True),
    (0, 0): (20.0, False),
    (-1, 0.5): (2.0, False),
    (0, -0.5): (4.0, False),
    (-2 / 3, 0.5): (20.0, False),
    (-1, 0.75): (2.0, True),
    (0, -1 / 6): (4.0, False),
}


def network_gaps(limit, rate, width, seeds):
    """Of networks to the limit, in the unit of the change, over steps 1 and 2."""
    found, unit = [], width ** limit.where.exponents()["f0"]
    reference = None if limit.random_start else solve(limit, 2, rate).outputs
    for seed in range(seeds):
        sol = solve(
            iw.Network(2, limit.hidden_layers, width, limit.activation, limit.parameterization),
            2,
            rate,
            rng=np.random.SeedSequence([seed, width]),
        )
        start = sol.outputs[0] / unit
        other = reference if reference is not None else solve(limit.started_at(lambda Z, G=start: G), 2, rate).outputs
        found.append(np.sqrt(np.mean((sol.outputs / limit.unit(width) - other)[1:] ** 2)))
    return found


@pytest.mark.parametrize(
    ("point", "rate"),
    [
        pytest.param(p, rate, marks=[] if quick else [pytest.mark.slow], id=scaling.plane_class(*p).name)
        for p, (rate, quick) in POINTS.items()
    ],
)
def test_networks_approach_the_limit_of_their_class(point, rate):
    """By the predicted power of the width, which is slower than -1/2 where the limit leaves out larger terms; declared seeds 0..71."""
    limit = PlaneLimit(*point, "tanh", 2**15, quasi_random=True)
    widths = (64, 512, 4096) if limit.gap_exponent < -0.4 else (2048, 16384, 131072)
    slope, error = iw.power_law(widths, [network_gaps(limit, rate, width, 72) for width in widths])
    assert error <= 0.05
    # The next terms are not far below; and where signs of a random function decide, a few networks are on the other side of a tie, by an
    # amount of order 1 and with a probability that falls like the gap itself, so that the mean logarithm is no clean power.
    ties = limit.random_start and limit.exponent > 0
    assert abs(slope - limit.gap_exponent) < 2 * error + (0.05 if ties else 0.02)


def test_the_thirteen_points_are_in_the_thirteen_classes():
    assert {scaling.plane_class(*point).name for point in POINTS} == {found.name for found in scaling.plane_classes()}


# More hidden layers: the plane of one, at the rates that move all layers alike


def alike(q, rate, L, **options):
    return PlaneLimit((q + 0.5) / L - 0.5, rate, "relu", hidden_layers=L, q_tilde_hidden=rate, **options)


@pytest.mark.parametrize("L", [2, 3])
def test_deeper_tangent_kernels(L):
    start = lambda Z: np.cos(Z[:, :1])  # noqa: E731
    known = iw.NeuralTangentLimit(kernels.of(iw.Network(2, L, 8, "tanh", iw.Parameterization.ntk(L))), initial=start)
    limit = PlaneLimit(-0.5, 0, "tanh", hidden_layers=L).started_at(start)
    np.testing.assert_allclose(solve(limit).outputs, solve(known).outputs, atol=1e-12)


def test_deeper_networks_of_the_reference_width_are_one():
    """Those of the eight classes of constant kernels."""
    runs = []
    for found in scaling.plane_classes():
        if not found.evolving_kernels:
            limit = alike(found.q_sigma, found.q_tilde, 2, weight_std=0.8, output_std=1.5, reference_width=32)
            assert limit.unit(32) == 1 and limit.exponent == pytest.approx(PlaneLimit(found.q_sigma, found.q_tilde, "relu").exponent)
            runs.append(solve(iw.Network(2, 2, 32, "relu", limit.parameterization)).outputs)
    np.testing.assert_allclose(runs, np.broadcast_to(runs[0], (8, *runs[0].shape)), atol=1e-10)


def test_layers_of_smaller_rates_do_not_count():
    """Left of the NTK the published rates move the matrices between hidden layers alone: part of the kernel, the outer layers frozen."""
    only = replace(iw.Parameterization.ntk(2), rates=(0.0, 1.0, 0.0))
    kernel = kernels.of(iw.Network(2, 2, 8, "relu", only))
    limit = PlaneLimit(-1, 0.25, "relu", hidden_layers=2)
    assert limit.where.rates == (0.25, 1.25, 0.25)
    exact = np.arange(7)[:, None] * (kernel.ntk(X) @ (Y / 2) / 3)
    np.testing.assert_allclose(solve(limit).outputs[:, :, 0], exact, atol=1e-12)  # residuals -y/2 for all time


@pytest.mark.slow
@pytest.mark.parametrize(
    "limit",
    [PlaneLimit(-1, 1, "relu", hidden_layers=2, q_tilde_hidden=1), PlaneLimit(-1, 0.5, "relu", hidden_layers=3)],
    ids=["rates alike", "published rates"],
)
def test_deeper_networks_approach_the_limit_of_their_class(limit):
    """At the lower edge, where nothing is left out but fluctuations; declared seeds 0..79."""
    assert limit.gap_exponent == -0.5 and limit.where.comparable_change
    widths = (128, 512, 1024)
    slope, error = iw.power_law(widths, [network_gaps(limit, 4.0, width, 80) for width in widths])
    assert error <= 0.05
    assert abs(slope - limit.gap_exponent) < 2 * error


@pytest.mark.slow
def test_a_layer_that_the_limit_leaves_out_has_its_own_power():
    """One step at residuals of zero logits, the change alone: its mean over networks is off by the layer of the smaller rate, and the
    rest, fluctuations and the kernel's move, are averaged or smaller; declared seeds 0..127."""
    limit = PlaneLimit(-1, 1.25, "relu", hidden_layers=2, q_tilde_hidden=1.125)
    assert limit.gap_exponent == -0.125
    exact, widths, logs, errors = solve(limit, 1, 0.3).outputs[1], (256, 1024), [], []
    for width in widths:
        network = iw.Network(2, 2, width, "relu", limit.parameterization)
        runs = [solve(network, 1, 0.3, rng=np.random.SeedSequence([seed, width])).outputs for seed in range(128)]
        missing = [np.sum((f[1] - f[0]) / limit.unit(width) * exact) / np.sum(exact**2) - 1 for f in runs]
        logs.append(np.log(np.mean(missing)))
        errors.append(np.std(missing, ddof=1) / 128**0.5 / np.mean(missing))
    slope, error = (logs[1] - logs[0]) / np.log(4), np.hypot(*errors) / np.log(4)
    assert error <= 0.05
    assert abs(slope - limit.gap_exponent) < 2 * error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PlaneLimit(1, 1, "relu"), r"q_tilde: at \(1, 1\) parameters move by powers 2 of the width, .*from -1.5 to -1"),
        (lambda: PlaneLimit(-1, -1, "relu"), r"q_tilde: at \(-1, -1\) f stays what it is at the start; take q_tilde from 0.5 to 1"),
        (lambda: PlaneLimit(np.nan, 0, "relu"), "q_sigma: need a finite number"),
        (lambda: PlaneLimit(-1, 1, "relu", 0), "particles: need an integer >= 1"),
        (lambda: PlaneLimit(-1, 1, "relu", reference_width=0), "reference_width: need an integer >= 1"),
        (lambda: PlaneLimit(-1, 1, "relu", weight_std=0), "weight_std: need a finite number > 0"),
        (lambda: PlaneLimit(-1, 1, "relu").unit(0), "width: need an integer >= 1"),
        (lambda: solve(PlaneLimit(-0.5, 0, "relu").started_at(lambda Z: Z)), r"start: must return shape \(3, 1\)"),
        (lambda: solve(PlaneLimit(0, 0, "relu"), loss="squared"), "loss: logits diverge in this class"),
        (lambda: iw.solve(PlaneLimit(-1, 1, "relu"), method=iw.GradientDescent(0.1, 2)), "X: is missing"),
        (
            lambda: PlaneLimit(-1, 1, "relu", hidden_layers=2),
            "q_tilde: with 2 hidden layers .* kernels are constant, and at .* they evolve",
        ),
        (lambda: PlaneLimit(1, 1, "relu", hidden_layers=2), "q_tilde: at .* parameters move by more than their size"),
        (lambda: PlaneLimit(-1, 0.25, "tanh", hidden_layers=2), "activation: with 2 hidden layers and q_sigma=-1 .* such as relu"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
