"""RMSProp: its recursion with rates of each layer, what it refuses, and its mean-field limit."""

import numpy as np
import pytest

import infwidth as iw
from infwidth import limits

P = iw.Parameterization
X = np.array([[1.0, 0.3], [-0.4, 0.8], [0.2, -1.1]])
Y = np.array([1.0, -0.7, 0.4])
UNIT = P((-1, 0), (1, 1), (1, 1), name="gradients of order 1")  # f = 1/m sum of a phi(w x), with a and w stored divided by m
PLAIN = P((0, 1), (0, 0), (0, 0), name="moves of order 1")  # the same with a and w themselves


def test_the_recursion_with_rates_of_each_layer():
    """Against gradients by central differences; biases and weights, rates that are powers of the width, and one that is 0."""
    p = P((0, 0.5, 0.5), (0, 0, 0), (0.5, 0, -0.5), rates=(1.0, 0.0, 2.0), bias_std=0.3, bias_c=(0, 0, 1))
    method, m = iw.RMSProp(0.01, 4, decay=0.7, epsilon=0.02), 3
    sol = iw.solve(iw.Network(2, 2, m, "tanh", p), X, Y, method, rng=1)
    problem = sol.problem
    theta = start = problem.start()
    counts = (2 * m, m * m, m, m, m, 1)
    rates = np.repeat([m**-0.5, 0.0, 2 * m**0.5, 1.0, 0.0, 2 / m], counts)
    mean, h = np.zeros_like(theta), 1e-5
    for _ in range(4):
        probes = h * np.eye(len(theta))
        gradient = np.array([(problem.evaluate(theta + e).loss - problem.evaluate(theta - e).loss) / (2 * h) for e in probes])
        mean = 0.7 * mean + 0.3 * gradient**2
        theta = theta - 0.01 * rates * gradient / (np.sqrt(mean) + 0.02)
    np.testing.assert_allclose(sol.state - start, theta - start, rtol=1e-6, atol=1e-9)
    assert np.abs(sol.state - start)[rates == 0].max() == 0 and np.abs(sol.state - start)[rates > 0].min() > 1e-4
    assert sol.t.tolist() == [0.0, 0.01, 0.02, 0.03, 0.04]


def test_first_step_is_the_sign_of_the_gradient():
    """Without epsilon by the rate over the root of 1 - decay, and nothing for a parameter without a gradient."""
    limit = iw.TwoLayerMeanField(
        "relu",
        50,
        initial=lambda rng, N, D, k: (
            np.abs(rng.standard_normal((N, D))) - 2 * (np.arange(N) < 9)[:, None] * 9,
            rng.standard_normal((N, k)),
        ),
    )
    sol = iw.solve(limit, np.eye(2), [1.0, 0.5], iw.RMSProp(0.01, 1, decay=0.75, epsilon=0), rng=0)
    moves = sol.state - sol.problem.start()
    assert set(np.round(np.abs(moves), 12)) == {0.0, 0.02}
    W, a = sol.problem.particles(moves)
    assert np.abs(W[:9]).max() == 0 == np.abs(a[:9]).max() and np.abs(W[9:]).min() > 0


def scaled(factor):
    """The squared loss times a factor."""

    def value_and_residual(f, y):
        return factor * 0.5 * ((f - y) ** 2).sum(axis=1), factor * (f - y)

    return iw.Loss(f"squared times {factor}", value_and_residual, lambda y, dtype: np.asarray(y, dtype)[:, None])


def test_the_scale_of_a_loss_does_not_matter_without_epsilon():
    network, method = iw.Network(2, 2, 8, "tanh", P.mup(2)), iw.RMSProp(1e-3, 9, epsilon=0)
    runs = [iw.solve(network, X, Y, method, loss=scaled(factor), rng=0) for factor in (1.0, 1000.0)]
    np.testing.assert_allclose(runs[0].state, runs[1].state, rtol=1e-9)
    assert runs[0].loss[-1] < runs[0].loss[0]


@pytest.mark.parametrize("epsilon", [0.0, 1e-3])
def test_particles_are_networks_of_their_number(epsilon):
    """To rounding: with epsilon in the form whose gradients are of order 1, without it in the other form too."""
    m, method = 40, iw.RMSProp(0.02, 30, epsilon=epsilon)
    forms = [UNIT] + [PLAIN] * (epsilon == 0)
    rng = np.random.default_rng(3)
    W, a = rng.standard_normal((m, 2)), rng.standard_normal((m, 1))
    limit = iw.solve(iw.TwoLayerMeanField("tanh", m, initial=(W, a)), X, Y, method)
    assert limit.loss[-1] < 0.7 * limit.loss[0]
    for p in forms:
        scale = float(m) ** -p.b[0]
        network = iw.Network(2, 1, m, "tanh", p, initial=(scale * W, scale * a.T))
        np.testing.assert_allclose(iw.solve(network, X, Y, method).outputs, limit.outputs, atol=1e-8)


@pytest.mark.parametrize(("activation", "p", "epsilon"), [("tanh", UNIT, 1e-2), ("relu", UNIT, 1e-2), ("tanh", PLAIN, 0.0)])
def test_finite_networks_approach_the_particle_limit(activation, p, epsilon):
    """Declared seeds 0..39."""
    limit = iw.TwoLayerMeanField(activation, 20_000, quasi_random=True)
    networks = [iw.Network(2, 1, m, activation, p) for m in (64, 256, 1024)]
    found = iw.compare(limit, networks, X, Y, iw.RMSProp(0.02, 20, epsilon=epsilon), seeds=40)
    assert found.slope_error <= 0.05
    assert abs(found.slope + 0.5) < 2 * found.slope_error


def test_minibatches_and_resume(tmp_path):
    """To the same bits after a checkpoint in the middle."""
    model, method = iw.Network(2, 2, 8, "tanh", P.ntk(2)), iw.RMSProp(0.01, 20, batch_size=2)
    whole = iw.solve(model, X, Y, method, rng=4)
    file = tmp_path / "run.npz"

    def stop(point):
        if point.step == 11:
            raise KeyboardInterrupt

    cut = iw.solve(model, X, Y, method, rng=4, checkpoint=file, checkpoint_seconds=0, callback=stop)
    assert not cut.success
    resumed = iw.solve(model, X, Y, method, rng=4, checkpoint=file)
    np.testing.assert_array_equal(resumed.state, whole.state)
    np.testing.assert_array_equal(resumed.loss, whole.loss)


def test_float32_stays_float32():
    sol = iw.solve(iw.Network(2, 1, 8, "relu", P.ntk(1)), X.astype(np.float32), Y.astype(np.float32), iw.RMSProp(0.01, 5), rng=0)
    assert sol.state.dtype == np.float32 and sol.success


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (iw.DeepLinearIntegrable(2, "naive"), "coordinates that stand for many parameters"),
        (iw.DeepLinearMuP(2), "only the fields that they pass on"),
        (iw.CircleMeanField("relu", 16), "masses of a density"),
        (iw.DeepIntegrable(2, "tanh", 8, "naive"), "parameters whose rates and gradients are not known apart"),
    ],
)
def test_other_limits_refuse_it(model, what):
    with pytest.raises(ValueError, match=f"^method: RMSProp divides .*{what}.*; use GradientDescent, RMSProp on a finite Network"):
        iw.solve(model, X, Y, iw.RMSProp(0.01, 3))


def test_a_large_first_step_is_refused():
    with pytest.raises(ValueError, match=r"^method: this parameterization starts with one large step, .*without first_c"):
        iw.solve(iw.Network(2, 2, 8, "tanh", P.integrable_large_lr(2)), X, Y, iw.RMSProp(0.01, 3))


def test_compare_does_not_take_the_limit_of_gradients():
    networks = [iw.Network(2, 1, m, "tanh", P.mup(1)) for m in (8, 16)]
    with pytest.raises(ValueError, match=r"^limit: the one that networks name is that of gradients"):
        iw.compare(networks=networks, X=X, y=Y, method=iw.RMSProp(0.01, 3))


def test_a_linearized_network_moves_as_the_network_does_at_first():
    """Same start, same gradient: the same first step; then apart."""
    network = iw.Network(2, 2, 16, "tanh", P.ntk(2))
    runs = [iw.solve(model, X, Y, iw.RMSProp(0.01, 1), rng=0).state for model in (network, limits.LinearizedNetwork(network))]
    np.testing.assert_allclose(runs[0], runs[1], atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: iw.RMSProp(0, 3), "learning_rate: need a finite number > 0"),
        (lambda: iw.RMSProp(0.1, 3, decay=1.0), "decay: need a finite number >= 0 and < 1"),
        (lambda: iw.RMSProp(0.1, 3, epsilon=-1), "epsilon: need a finite number >= 0"),
        (lambda: iw.RMSProp(0.1, 3, batch_size=0), "batch_size: need an integer >= 1"),
        (
            lambda: iw.solve(iw.TwoLayerMeanField("relu", 4), X, Y, iw.RMSProp(0.1, 3, batch_size=9)),
            "batch_size: is 9 but there are only 3",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
