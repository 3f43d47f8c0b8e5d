"""Laws of initial weights: moments, orthogonality, balance and its conservation, one's own; limits kept or refused."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import Network, Parameterization, scaling
from infwidth.limits.networks import initial_weights
from infwidth.solvers import Data

P = Parameterization
X, Y = np.array([[1.0, 0.5], [-0.3, 1.0], [0.4, -2.0]]), np.array([1.0, -1.0, 0.5])
RNG = np.random.default_rng
LARGER = RNG(7).standard_normal((8, 5)) / 5**0.5, RNG(8).standard_normal((8, 3))


def weights(net, rng=0):
    problem = net.bind(Data.check(X, Y), RNG(rng))
    return problem, problem.layers(problem.start())[0]


@pytest.mark.parametrize("law, fourth", [("gaussian", 3.0), ("uniform", 9 / 5), ("orthogonal", 3.0)])
def test_mean_variance_and_fourth_moment(law, fourth):
    """The parameterization's standard deviation and mean are those of the weights, whatever the law."""
    xi = initial_weights.entries(law, RNG(0), (400, 400))
    assert abs(xi.mean()) < 5 / 400 and abs((xi**2).mean() - 1) < 5 * np.sqrt(2) / 400
    assert abs((xi**4).mean() - fourth) < 0.2
    p = P((0, 0.5), (0, 0.25), (0, 0), mean=(2.0, 0.0), weight_std=(0.5, 3.0))
    _, (first, last) = weights(Network(2, 1, 4096, "tanh", p, initial=law))
    np.testing.assert_allclose([first.mean(), last.std() * 4096**0.25], [2, 3], rtol=0.06)
    assert abs(first.std() - 0.5) < 0.02


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (5, 5)])
def test_orthogonal_rows_or_columns(shape):
    xi = initial_weights.entries("orthogonal", RNG(1), shape)
    small = xi.T @ xi if shape[0] >= shape[1] else xi @ xi.T
    np.testing.assert_allclose(small, max(shape) * np.eye(min(shape)), atol=1e-12)


def test_square_orthogonal_weights_are_haar():
    """The mean of a Haar matrix is 0; QR without the signs of R has a first entry below 0."""
    first = [initial_weights.frame(RNG(seed), 3, 3)[0, 0] for seed in range(2000)]
    assert abs(np.mean(first)) < 5 * np.sqrt(1 / 3 / 2000)


@pytest.mark.parametrize("p", [P.mup(2), P.ntk(2), P.standard(2)], ids=lambda p: p.name)
def test_balanced_weights_stay_so_under_gradient_flow(p):
    net = Network(2, 2, 16, "linear", p, output_dim=2, initial="balanced")
    y = np.array([[1.0, 0.0], [-1.0, 0.5], [0.5, 2.0]])
    sol = iw.solve(net, X, y, iw.GradientFlow(1.0, rtol=1e-10, atol=1e-12, estimate_error=False), rng=0)
    assert sol.loss[-1] < 0.8 * sol.loss[0]
    problem, rates = sol.problem, sol.problem.rates.weights
    for state in (problem.start(), sol.state):
        w = problem.layers(state)[0]
        for l in range(2):
            above, below = w[l + 1].T @ w[l + 1] / rates[l + 1], w[l] @ w[l].T / rates[l]
            np.testing.assert_allclose(above, below, atol=1e-7 * np.abs(below).max())
    first = problem.layers(problem.start())[0][0]
    assert np.sqrt((first**2).mean()) == pytest.approx(1.0)


def test_own_arrays_are_the_weights_and_own_functions_their_entries():
    own = (np.arange(8.0).reshape(4, 2), np.ones((1, 4)))
    net = Network(2, 1, 4, "tanh", P.mup(1), initial=own)
    _, found = weights(net)
    for w, wanted in zip(found, own, strict=True):
        np.testing.assert_array_equal(w, wanted)
    np.testing.assert_allclose(net.bind(Data.check(X, Y), RNG(0)).predict(np.concatenate([own[0].ravel(), own[1].ravel()]), X)[:, 0],
                               np.tanh(X @ own[0].T).sum(axis=1) / 4)  # fmt: skip
    p = P((0, 0.5), (0, 0.5), (0, 0), mean=(1.0, 0.0), weight_std=(0.5, 2.0))
    _, (first, last) = weights(Network(2, 1, 4, "tanh", p, initial=lambda rng, rows, columns: np.full((rows, columns), 3.0)))
    np.testing.assert_allclose(first, 2.5)
    np.testing.assert_allclose(last, 3.0)


@pytest.mark.parametrize(
    "initial, words",
    [
        ("xavier", "initial: .*gaussian, uniform, orthogonal, balanced"),
        ((np.ones((4, 2)),), "initial: .*2 arrays"),
        ((np.ones((2, 4)), np.ones((1, 4))), r"initial\[0\]: need shape \(4, 2\)"),
    ],
)
def test_bad_initial_weights(initial, words):
    with pytest.raises(ValueError, match=words):
        Network(2, 1, 4, "tanh", P.mup(1), initial=initial)


def test_what_balanced_weights_and_arrays_cannot_have():
    with pytest.raises(ValueError, match="one scale"):
        Network(2, 1, 4, "linear", P((0, 1), (0, 0), (-1, -1), weight_std=(1, 2)), initial="balanced")
    with pytest.raises(ValueError, match="rank 3"):
        Network(3, 1, 2, "linear", P.mup(1), output_dim=3, initial="balanced")
    with pytest.raises(ValueError, match="belong to the laws"):
        Network(2, 1, 4, "tanh", P((0, 1), (0, 0), (-1, -1), weight_std=2), initial=(np.ones((4, 2)), np.ones((1, 4))))
    with pytest.raises(ValueError, match=r"initial: .*rows, columns"):
        weights(Network(2, 1, 4, "tanh", P.mup(1), initial=lambda rng, rows, columns: np.ones(rows)))


KEPT = [("linear", P.mup(2), "uniform"), ("linear", P.ntk(2), "uniform"), ("tanh", P.ntk(2), "orthogonal"), ("tanh", P.mup(1), "uniform"),
        ("relu", P.mup(1), "orthogonal"), ("linear", P.integrable_large_lr(3), "uniform")]  # fmt: skip
REFUSED = [("tanh", P.mup(2), "uniform"), ("tanh", P.ntk(2), "uniform"), ("linear", P.mup(2), "orthogonal"),
           ("linear", P.mup(2), "balanced"),
           ("tanh", P.mup(1), lambda rng, rows, columns: rng.standard_normal((rows, columns)))]  # fmt: skip


@pytest.mark.parametrize("activation, p, law", REFUSED)
def test_limits_that_are_others_are_refused(activation, p, law):
    with pytest.raises((NotImplementedError, ValueError), match="initial: "):
        scaling.limit(Network(2, p.hidden_layers, 8, activation, p, initial=law))


@pytest.mark.parametrize("activation, p, law", KEPT)
def test_limits_that_are_kept(activation, p, law):
    """The same limit as for Gaussian weights, or, of one hidden layer, that of uniform particles."""
    kept, plain = (scaling.limit(Network(2, p.hidden_layers, 8, activation, p, initial=i)) for i in (law, "gaussian"))
    assert type(kept) is type(plain)
    if law == "uniform" and isinstance(kept, iw.TwoLayerMeanField):
        W, a = kept.initial(RNG(0), 5000, 2, 1)
        assert abs(W).max() <= np.sqrt(3) and abs(a).max() <= np.sqrt(3) and W.std() == pytest.approx(1, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    "activation, p, law", [("linear", P.mup(2), "uniform"), ("tanh", P.ntk(2), "orthogonal"), ("tanh", P.mup(1), "uniform")]
)
def test_networks_come_to_these_limits(activation, p, law):
    """Slope of the gap in the width, seeds 0..39; 24 outputs of each network make its gap less random than one would."""
    X, Y = LARGER
    nets = [Network(5, p.hidden_layers, m, activation, p, output_dim=3, initial=law) for m in (32, 64, 128, 256)]
    limit = scaling.limit(nets[0], particles=200_000)
    found = iw.compare(limit, nets, X, Y, iw.GradientDescent(0.1, 20), seeds=40, save_at=[20])
    assert found.slope_error <= 0.05
    assert abs(found.slope + 0.5) < 2 * found.slope_error


def test_different_widths_have_exponents_of_their_fan_in():
    p = P((0.5, 0.5, 1), (0.25, 0.5, 0), (-1, 0.5, -1))
    problem = Network(2, 2, (16, 64), "tanh", p).bind(Data.check(X, Y), RNG(0))
    np.testing.assert_allclose(problem.scales, [16**-0.5, 16**-0.5, 1 / 64])
    np.testing.assert_allclose(problem.rates.weights, [16, 16**-0.5, 64])
    biased = Network(2, 2, (16, 64), "tanh", P.mup(2).with_biases()).bind(Data.check(X, Y), RNG(0))
    np.testing.assert_allclose(biased.rates.biases, [16, 64, 1])
    assert Network(2, 2, (16, 16), "tanh", P.mup(2)).width == 16


def test_limits_of_different_widths():
    """The kernel regime has one limit for all ratios; the variance of f_0 and the tangent kernel say so. Others are refused."""
    limit = scaling.limit(Network(2, 2, (16, 64), "tanh", P.ntk(2)))
    assert type(limit).__name__ == "NeuralTangentLimit"
    with pytest.raises(NotImplementedError, match=r"width: .*ratios"):
        scaling.limit(Network(2, 2, (16, 64), "tanh", P.mup(2)))
    with pytest.raises(ValueError, match=r"width: .*one per hidden layer"):
        Network(2, 2, (16, 64, 3), "tanh", P.mup(2))


@pytest.mark.slow
@pytest.mark.parametrize("p", [P.ntk(2), P.standard(2)], ids=lambda p: p.name)
def test_networks_of_different_widths_come_to_the_kernel_limit(p):
    """Slope in the smallest width, at the ratio 1 : 3, seeds 0..39."""
    X, Y = LARGER
    nets = [Network(5, 2, (m, 3 * m), "tanh", p, output_dim=3) for m in (32, 64, 128, 256)]
    found = iw.compare(scaling.limit(nets[0]), nets, X, Y, iw.GradientDescent(0.1, 20), seeds=40, save_at=[20])
    np.testing.assert_array_equal(found.widths, (32, 64, 128, 256))
    assert found.slope_error <= 0.05
    assert abs(found.slope + 0.5) < 2 * found.slope_error
