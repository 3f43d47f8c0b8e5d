"""The upper edge of RMSProp in the plane: a recursion in plain numpy, the mean field, and finite networks of its five classes."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import scaling
from infwidth.limits.two_layer import PlaneLimit

X = np.array([[-0.3, -0.6], [-1.1, -1.2], [0.8, 0.6]])
Y = np.array([1.0, -1.0, 1.0])
UPPER = [found for found in scaling.plane_classes("rmsprop") if found.evolving_kernels]


def normalised(q, particles=4096, **options):
    return PlaneLimit(q, 0, "tanh", particles, method="rmsprop", **options)


def solve(model, method, **options):
    return iw.solve(model, X, Y, method, **({"loss": "logistic", "rng": 3} | options))


def test_five_classes_are_at_the_upper_edge():
    assert [(found.q_sigma, found.q_tilde) for found in UPPER] == [(-1, 0), (-0.5, 0), (-0.75, 0), (-1.5, 0), (0, 0)]
    for found in UPPER:
        limit = scaling.plane_limit(found.q_sigma, found.q_tilde, "tanh", method="rmsprop")
        assert limit.where == found and limit.exponent == found.q_sigma + 1 and limit == normalised(found.q_sigma)


PERCEPTRON = lambda g: -Y * (Y * g < 0)  # noqa: E731
LOGISTIC = lambda g: -Y / (1 + np.exp(Y * g))  # noqa: E731
RESIDUALS = {  # of g and of the start
    -1.5: lambda g, G: -Y / 2,
    -1: lambda g, G: LOGISTIC(g),
    -0.75: lambda g, G: PERCEPTRON(g) if g.any() else -Y / 2,
    -0.5: lambda g, G: PERCEPTRON(g) if g.any() else LOGISTIC(G),
    0: lambda g, G: PERCEPTRON(g if g.any() else G),
}


@pytest.mark.parametrize("q", RESIDUALS)
def test_particles_move_by_normalised_gradients(q):
    G = lambda Z: (np.sin(3 * Z[:, 0]) + 0.4 - Z[:, 1])[:, None]  # noqa: E731
    sol = solve(normalised(q, 50).started_at(G), iw.RMSProp(0.1, 5, decay=0.8, epsilon=0.03))
    W, a = (part.copy() for part in sol.problem.particles(sol.problem.start()))
    a, output = a[:, 0], lambda: np.tanh(X @ W.T) @ a / 50
    first, found, squares = output(), [], (0.0, 0.0)
    for step in range(6):
        g = output() - first if step else np.zeros(3)
        found.append(g)
        rho, h = RESIDUALS[q](g, G(X)[:, 0]) / 3, np.tanh(X @ W.T)
        gradients = ((1 - h**2) * rho[:, None] * a).T @ X, rho @ h
        squares = tuple(0.8 * v + 0.2 * p**2 for v, p in zip(squares, gradients, strict=True))
        moves = [0.1 * p / (np.sqrt(v) + 0.03) for v, p in zip(squares, gradients, strict=True)]
        W, a = W - moves[0], a - moves[1]
    np.testing.assert_allclose(sol.outputs[:, :, 0], found, atol=1e-10)
    assert np.abs(found[-1]).max() > 0.03


def test_at_the_mean_field_it_is_that_limit():
    """From the same particles, without what they give at the start."""
    method = iw.RMSProp(0.05, 8, epsilon=0.01)
    sol = solve(normalised(-1, 400), method)
    W, a = sol.problem.particles(sol.problem.start())
    known = solve(iw.TwoLayerMeanField("tanh", 400, initial=(W, a), offset=lambda Z: -np.tanh(Z @ W.T) @ a / 400), method)
    np.testing.assert_allclose(sol.outputs, known.outputs, atol=1e-12)
    np.testing.assert_allclose(sol.loss, known.loss, atol=1e-12)


def test_at_the_reference_width_all_points_are_one_network():
    runs = []
    for found in UPPER:
        limit = normalised(found.q_sigma, weight_std=0.8, output_std=1.5, reference_width=32)
        assert limit.unit(32) == 1
        runs.append(solve(iw.Network(2, 1, 32, "tanh", limit.parameterization), iw.RMSProp(0.05, 6, epsilon=0)).outputs)
    ordinary = iw.Parameterization((0, 0.5), (0, 0), (0, 0), weight_std=(0.8, 1.5))
    same = solve(iw.Network(2, 1, 32, "tanh", ordinary), iw.RMSProp(0.05, 6, epsilon=0)).outputs
    assert np.abs(same[-1] - same[0]).max() > 0.1
    np.testing.assert_allclose(runs, np.broadcast_to(same, np.shape(runs)), atol=1e-9)


@pytest.mark.parametrize("q", [-1.5, -0.75, 0])
def test_networks_have_the_gradients_of_the_particles(q):
    """At any width, from the same weights and residuals: those of zero logits, of an antisymmetric start. So epsilon is the same."""
    limit, width = normalised(q), 40
    p, rng = limit.parameterization, np.random.default_rng(5)
    W, a = np.tile(rng.standard_normal((width // 2, 2)), (2, 1)), np.kron([[1.0], [-1.0]], rng.standard_normal((width // 2, 1)))
    factors = float(width) ** -np.array(p.b)
    network = iw.Network(2, 1, width, "tanh", p, initial=(factors[0] * W, factors[1] * a.T))
    sol, particles = solve(network, iw.RMSProp(0.1, 1, epsilon=0.05)), iw.TwoLayerMeanField("tanh", width, initial=(W, a))
    assert abs(sol.outputs[0]).max() < 1e-12 < limit.unit(width)
    same = solve(particles, iw.RMSProp(0.1, 1, epsilon=0.05))
    np.testing.assert_allclose(sol.outputs[1] / limit.unit(width), same.outputs[1], rtol=1e-9)
    assert abs(same.outputs[1]).min() > 1e-3


def network_gaps(limit, method, width, seeds):
    """Of networks to the limit, in the unit of the change, over steps 1 and 2."""
    found, unit = [], width ** limit.where.exponents()["f0"]
    reference = None if limit.random_start else solve(limit, method).outputs
    for seed in seeds:
        network = iw.Network(2, 1, width, "tanh", limit.parameterization)
        sol = solve(network, method, rng=np.random.SeedSequence([seed, width]))
        start = sol.outputs[0] / unit
        other = reference if reference is not None else solve(limit.started_at(lambda Z, G=start: G), method).outputs
        found.append(np.sqrt(np.mean((sol.outputs / limit.unit(width) - other)[1:] ** 2)))
    return found


POINTS = {  # rate, epsilon, widths, and whether the test is among the quick ones
    -1.5: (0.2, 0.0, (64, 512, 4096), True),
    -1.1: (1.0, 0.5, (2048, 16384, 131072), False),
    -1: (0.2, 0.1, (64, 512, 4096), False),
    -0.65: (2.0, 0.5, (2048, 16384, 131072), False),
    -0.5: (0.5, 0.1, (256, 2048, 16384), False),  # steeper below
    0: (0.2, 0.1, (64, 512, 4096), True),
}


@pytest.mark.parametrize(
    ("q", "rate", "epsilon", "widths"),
    [pytest.param(q, *p, marks=[] if quick else [pytest.mark.slow], id=f"{q:g}") for q, (*p, quick) in POINTS.items()],
)
def test_networks_approach_the_limit_of_their_class(q, rate, epsilon, widths):
    """By the predicted power of the width; declared seeds 72..143."""
    limit = normalised(q, 2**15, quasi_random=True)
    assert limit.gap_exponent == pytest.approx({-1.1: -0.1, -0.65: -0.15}.get(q, -0.5))
    method = iw.RMSProp(rate, 2, decay=0.9, epsilon=epsilon)
    slope, error = iw.power_law(widths, [network_gaps(limit, method, width, range(72, 144)) for width in widths])
    assert error <= 0.05
    assert abs(slope - limit.gap_exponent) < 2 * error


def test_without_epsilon_networks_move_by_gradients_however_small():
    """All signs right at a start of large logits: the limit rests, and networks too once there is an epsilon."""
    limit, width, rng = normalised(0), 400, np.random.default_rng(2)
    W = rng.standard_normal((width, 2))
    a = np.sign(W @ [1.0, 1.0])[:, None]  # logits of some hundreds, of the sign of x_1 + x_2
    labels = np.sign(X.sum(axis=1))
    network = iw.Network(2, 1, width, "tanh", limit.parameterization, initial=(W, a.T))
    for epsilon, moves in ((0.0, True), (1e-3, False)):
        method = iw.RMSProp(0.01, 1, decay=0.75, epsilon=epsilon)
        sol = iw.solve(network, 0.3 * X, labels, method, loss="logistic")
        assert (labels * sol.outputs[0, :, 0]).min() > 30
        assert (np.abs(sol.state - sol.problem.start()).max() > 0.019) == moves
        still = iw.solve(limit.started_at(lambda Z: Z.sum(axis=1, keepdims=True)), 0.3 * X, labels, method, loss="logistic")
        assert np.abs(still.outputs).max() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PlaneLimit(-1, -0.25, "relu", method="rmsprop"), "method: under RMSProp .* one hidden layer at the upper edge, q_tilde=0"),
        (lambda: PlaneLimit(-1, 0, "relu", method="rmsprop", hidden_layers=2), "method: under RMSProp .*'mean field .2 hidden layers"),
        (lambda: PlaneLimit(-1, 1, "relu", method="rmsprop"), r"q_tilde: at \(-1, 1\) parameters move by powers 1 .*from -0.5 to 0"),
        (lambda: PlaneLimit(-1, -1, "relu", method="rmsprop"), "q_tilde: .* f stays what it is at the start; take q_tilde from -0.5 to 0"),
        (lambda: PlaneLimit(-1, 0, "relu", method="adam"), "method: 'adam' is not one of gradient, rmsprop"),
        (lambda: solve(normalised(0), iw.RMSProp(0.1, 2), loss="squared"), "loss: logits diverge in this class"),
        (lambda: solve(normalised(-1), iw.GradientDescent(0.1, 2)), "method: this is the limit of networks under RMSProp, .*; use RMSProp"),
        (lambda: solve(normalised(-1.5), iw.GradientFlow(0.1)), "method: this is the limit of networks under RMSProp"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
