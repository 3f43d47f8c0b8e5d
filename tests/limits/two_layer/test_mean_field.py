"""The particle system against exact cases, an independent integration, finite differences and finite networks."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.limits import activations
from infwidth.solvers.data import Data

RNG = np.random.default_rng(20260101)
X = RNG.standard_normal((6, 2))
Y = RNG.standard_normal(6)


def bind(model, X=X, y=Y, loss="squared", seed=0):
    return model.bind(Data.check(X, y, loss), np.random.default_rng(seed))


def test_one_linear_particle_is_the_hyperbola():
    """f = a w with y = 2: a = w = c grows by dc/dt = (2 - c^2) c, so c^2 = 2 / (1 + (2/c0^2 - 1) e^{-4t})."""
    model = iw.TwoLayerMeanField("linear", 1, initial=([[0.1]], [[0.1]]))
    sol = iw.solve(model, [[1.0]], [2.0], iw.GradientFlow(2.0, rtol=1e-9, atol=1e-12))
    exact = 2 / (1 + (2 / 0.01 - 1) * np.exp(-4 * sol.t))
    np.testing.assert_allclose(sol.outputs.ravel(), exact, rtol=1e-6)


def test_equals_the_network_in_the_mean_field_parameterization():
    """A finite muP network with one hidden layer is the same system, whatever the loss."""
    net = iw.Network(2, 1, 50, "tanh", iw.Parameterization.mup(1), output_dim=3)
    labels = np.array([0, 1, 2, 0, 1, 2])
    method = iw.GradientDescent(0.3, steps=25)
    reference = iw.solve(net, X, labels, method, loss="cross_entropy", rng=4)
    w, a = reference.problem.layers(reference.problem.start())[0]
    ours = iw.solve(iw.TwoLayerMeanField("tanh", 50, initial=(w, a.T)), X, labels, method, loss="cross_entropy")
    np.testing.assert_allclose(ours.outputs, reference.outputs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "sin"])
def test_flow_against_an_independent_integration(activation):
    """The formula written again, per particle, integrated by another stepper at 1e-10."""
    model = iw.TwoLayerMeanField(activation, 12, bias=True)
    problem = bind(model)
    W, a = (v.copy() for v in problem.particles(problem.start()))
    phi = {"tanh": math.tanh, "sin": math.sin}[activation]
    slope = {"tanh": lambda h: 1 / math.cosh(h) ** 2, "sin": math.cos}[activation]

    def rhs(t, theta):
        p = theta.reshape(12, 4)
        f = [sum(q[3] * phi(q[:2] @ x + q[2]) for q in p) / 12 for x in X]
        move = np.zeros_like(p)
        for x, y, fx in zip(X, Y, f, strict=True):
            for q, v in zip(p, move, strict=True):
                h = q[:2] @ x + q[2]
                v[:2] -= (fx - y) / 6 * q[3] * slope(h) * x
                v[2] -= (fx - y) / 6 * q[3] * slope(h)
                v[3] -= (fx - y) / 6 * phi(h)
        return move.ravel()

    end = solve_ivp(rhs, (0, 3.0), np.column_stack([W, a]).ravel(), method="DOP853", rtol=1e-10, atol=1e-10).y[:, -1]
    sol = iw.solve(
        iw.TwoLayerMeanField(activation, 12, bias=True, initial=(W, a)), X, Y, iw.GradientFlow(3.0, rtol=1e-9, atol=1e-11), save_at=[3.0]
    )
    ours = np.column_stack(sol.problem.particles(sol.state)).ravel()
    np.testing.assert_allclose(ours, end, atol=1e-6)
    assert np.abs(ours - np.column_stack([W, a]).ravel()).max() > 0.1  # it moved


@pytest.mark.parametrize("loss", ["squared", "logistic", "cross_entropy"])
@pytest.mark.parametrize("activation", [name for name in activations.names() if name != "linear"])
def test_velocity_is_minus_n_times_the_gradient(activation, loss):
    """Central differences of the loss, for every activation and loss, with two outputs, biases and an offset."""
    targets = np.random.default_rng(3).standard_normal((6, 2))
    y = {
        "squared": targets,
        "logistic": np.sign(targets),
        "cross_entropy": np.eye(2)[[0, 1, 1, 0, 1, 0]],
    }
    model = iw.TwoLayerMeanField(activation, 5, bias=True, offset=lambda X: np.column_stack([X[:, 0], np.sin(X[:, 1])]))
    problem = bind(model, y=y[loss], loss=loss)
    state = problem.start()
    velocity = np.empty_like(state)
    problem.evaluate(state, velocity)
    h = 1e-6
    slopes = []
    for i in range(len(state)):
        ends = []
        for sign in (1, -1):
            moved = state.copy()
            moved[i] += sign * h
            ends.append(problem.evaluate(moved).loss)
        slopes.append((ends[0] - ends[1]) / (2 * h))
    np.testing.assert_allclose(velocity, -5 * np.array(slopes), atol=2e-8)


def test_loss_and_outputs_are_those_of_the_formula():
    problem = bind(iw.TwoLayerMeanField("erf", 7, offset=lambda X: X[:, 0]), loss="squared")
    W, a = problem.particles(problem.start())
    loss, outputs = problem.evaluate(problem.start())
    expected = X[:, 0] + np.array(
        [np.mean([a_j * activations.get("erf").value(np.array([w_j @ x])) for w_j, a_j in zip(W, a, strict=True)]) for x in X]
    )
    np.testing.assert_allclose(outputs[:, 0], expected, rtol=1e-13)
    assert loss == pytest.approx(((expected - Y) ** 2).mean() / 2, rel=1e-13)
    np.testing.assert_allclose(problem.predict(problem.start(), X[:2]), outputs[:2], rtol=1e-13)


def test_prediction_with_biases_takes_inputs_without_the_constant():
    problem = bind(iw.TwoLayerMeanField("erf", 6, bias=True, replicas=2))
    state = problem.start()
    np.testing.assert_allclose(problem.predict(state, X), problem.evaluate(state).outputs, rtol=1e-13)
    with pytest.raises(ValueError, match="X: need 2 columns"):
        problem.predict(state, np.ones((4, 3)))


def test_offset_follows_its_inputs():
    """In minibatches, whose rows come in any order, and at test inputs, as many as training inputs or not."""
    model = iw.TwoLayerMeanField("erf", 7, offset=lambda X: 10 * X[:, 0] + X[:, 1] ** 2)
    problem = bind(model, loss="squared")
    state, rows = problem.start(), np.array([4, 1, 3])
    whole = problem.evaluate(state).outputs
    np.testing.assert_allclose(problem.evaluate(state, rows=rows).outputs, whole[rows], rtol=1e-13)
    velocity, alone = np.empty_like(state), np.empty_like(state)
    problem.evaluate(state, velocity, rows=rows)
    bind(model, X[rows], Y[rows]).evaluate(state, alone)
    np.testing.assert_allclose(velocity, alone, rtol=1e-12)
    for X_test in (X[::-1].copy(), X[2:5] + 1):
        sol = iw.solve(model, X, Y, iw.GradientDescent(0.1, 0), X_test=X_test, rng=0)
        bare = iw.solve(iw.TwoLayerMeanField("erf", 7), X, Y, iw.GradientDescent(0.1, 0), X_test=X_test, rng=0)
        shift = (sol.test_outputs - bare.test_outputs)[0, :, 0]
        np.testing.assert_allclose(shift, 10 * X_test[:, 0] + X_test[:, 1] ** 2, rtol=1e-12)


def test_function_that_draws_the_particles():
    """Called with (rng, N / R, D, k) for each replica."""
    calls = []

    def draw(rng, N, D, k):
        calls.append((N, D, k))
        return rng.standard_normal((N, D)), rng.standard_normal((N, k))

    model = iw.TwoLayerMeanField("tanh", 10, bias=True, initial=draw, replicas=2)
    bind(model, y=np.column_stack([Y, Y, Y, Y]))
    assert calls == [(5, 3, 4)] * 2


def test_descend_is_evaluate_and_add():
    problem = bind(iw.TwoLayerMeanField("relu", 9, bias=True, replicas=3))
    state = problem.start()
    velocity = np.empty_like(state)
    for rows in (None, np.array([4, 1])):
        expected = problem.evaluate(state, velocity, rows=rows)
        moved = state.copy()
        found, update = problem.descend(moved, rows=rows)
        update(0.25)
        assert found.loss == expected.loss
        np.testing.assert_allclose(moved, state + 0.25 * velocity, rtol=1e-13, atol=1e-15)
    assert problem.evaluate(state, rows=np.array([4, 1])).outputs.shape == (2, 1)


def test_replicas_do_not_interact():
    """Each replica moves as it would alone; the output is their mean."""
    model = iw.TwoLayerMeanField("tanh", 40, replicas=4)
    method = iw.GradientDescent(0.5, steps=20)
    sol = iw.solve(model, X, Y, method, rng=1)
    W, a = sol.problem.particles(sol.problem.start())
    alone = [
        iw.solve(iw.TwoLayerMeanField("tanh", 10, initial=(W[i : i + 10], a[i : i + 10])), X, Y, method).outputs for i in range(0, 40, 10)
    ]
    np.testing.assert_allclose(sol.outputs, np.mean(alone, axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(sol.problem.replica_outputs(sol.state), np.array(alone)[:, -1], rtol=1e-12, atol=1e-14)
    assert sol.error.shape == (21,) and (sol.error > 0).all()


def test_one_system_states_no_error():
    assert iw.solve(iw.TwoLayerMeanField("relu", 40), X, Y, iw.GradientDescent(0.5, steps=1), rng=1).error is None


def test_flow_adds_its_own_error_to_that_of_the_replicas():
    model = iw.TwoLayerMeanField("tanh", 40, replicas=4)
    with_stepper = iw.solve(model, X, Y, iw.GradientFlow(1.0, rtol=1e-3), rng=1, save_at=[0, 1])
    without = iw.solve(model, X, Y, iw.GradientFlow(1.0, rtol=1e-3, estimate_error=False), rng=1, save_at=[0, 1])
    assert with_stepper.error[0] == without.error[0]
    assert with_stepper.error[1] > without.error[1] > 0


def test_error_of_a_flow_covers_the_test_points():
    """It is three times how far a run at smaller tolerances differs, at the training or test point where that is farthest."""
    model, method = iw.TwoLayerMeanField("linear", 40), iw.GradientFlow(1.0, rtol=1e-3)

    def run(method, X_test):
        return iw.solve(model, X, Y, method, rng=1, save_at=[0.5, 1], X_test=X_test)

    for scale in (0.01, 100.0):
        fine = run(method, scale * X[:2])
        second = run(method.second(fine.stats["steps"]), scale * X[:2])
        gaps = [np.abs(getattr(second, name) - getattr(fine, name)).max(axis=(1, 2)) for name in ("outputs", "test_outputs")]
        np.testing.assert_array_equal(fine.error, 3 * np.maximum.accumulate(np.max(gaps, axis=0) + method.unseen))
        assert ((gaps[1] > gaps[0]) == (scale > 1)).all() and gaps[0].min() > 0


def test_float32_is_kept_and_close():
    method = iw.GradientDescent(0.2, steps=20)
    double = iw.solve(iw.TwoLayerMeanField("relu", 300, bias=True), X, Y, method, rng=3)
    single = iw.solve(iw.TwoLayerMeanField("relu", 300, bias=True), X.astype(np.float32), Y.astype(np.float32), method, rng=3)
    assert single.outputs.dtype == single.state.dtype == np.float32
    np.testing.assert_allclose(single.outputs, double.outputs, atol=2e-5)


@pytest.mark.parametrize("law", ["gaussian", "sphere"])
@pytest.mark.parametrize("quasi", [False, True])
def test_laws_have_their_moments(law, quasi):
    problem = bind(iw.TwoLayerMeanField("relu", 2**14, bias=True, initial=law, quasi_random=quasi, weight_std=2.0, output_std=0.5))
    W, a = problem.particles(problem.start())
    cloud = np.column_stack([W, a])
    second = cloud.T @ cloud / len(cloud)
    expected = np.diag([4.0 if law == "gaussian" else 4 / 3] * 3 + [0.25])
    np.testing.assert_allclose(second, expected, atol=0.01 if quasi else 0.15)
    np.testing.assert_allclose(cloud.mean(axis=0), 0, atol=0.005 if quasi else 0.06)
    if law == "sphere":
        np.testing.assert_allclose(np.linalg.norm(W, axis=1), 2, rtol=1e-12)
        assert set(np.unique(a)) == {-0.5, 0.5}


def test_quasi_random_replicas_differ():
    problem = bind(iw.TwoLayerMeanField("relu", 64, quasi_random=True, replicas=2))
    W, _ = problem.particles(problem.start())
    assert np.abs(W[:32] - W[32:]).min() > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"particles": 10, "replicas": 3}, "replicas: 3 does not divide particles=10; take particles=12"),
        ({"particles": 0}, "particles: need an integer"),
        ({"particles": 5, "initial": "cauchy"}, "initial: 'cauchy' is not one of"),
        ({"particles": 5, "weight_std": -1.0}, "weight_std: need"),
        ({"particles": 5, "initial": (np.zeros((5, 2)), np.zeros((5, 1))), "quasi_random": True}, "belong to the named laws"),
        ({"particles": 5, "initial": 3.0}, "initial: need a law"),
        ({"particles": 5, "initial": (np.zeros((5, 3)), np.zeros((5, 1)))}, r"need weights of shape \(5, 2\)"),
        ({"particles": 5, "initial": (np.full((5, 2), np.nan), np.zeros((5, 1)))}, "initial: row 0 holds NaN"),
        ({"particles": 5, "offset": lambda X: np.zeros(3)}, "offset: must return shape"),
        ({"particles": 5, "offset": lambda X: np.full(6, np.nan)}, "offset: must return finite numbers"),
    ],
)
def test_errors_name_the_argument(arguments, words):
    with pytest.raises(ValueError, match=words):
        bind(iw.TwoLayerMeanField("relu", **arguments))


def test_offset_that_is_no_function():
    with pytest.raises(TypeError, match="offset: need a function"):
        iw.TwoLayerMeanField("relu", 5, offset=np.zeros(3))


def test_no_data_and_no_population():
    with pytest.raises(ValueError, match=r"X: is missing, .*; give X and y, or a population"):
        iw.solve(iw.TwoLayerMeanField("relu", 5), method=iw.GradientDescent(0.1, 1))


def test_minibatches_train_and_resume_to_the_same_bits(tmp_path):
    model = iw.TwoLayerMeanField("tanh", 64)
    method = iw.GradientDescent(0.2, steps=30, batch_size=3)
    whole = iw.solve(model, X, Y, method, rng=5)
    assert whole.loss[-1] < whole.loss[0]
    path = tmp_path / "run.npz"
    iw.solve(model, X, Y, method, rng=5, checkpoint=path, checkpoint_seconds=0, callback=lambda point: point.step == 11)
    resumed = iw.solve(model, X, Y, method, rng=5, checkpoint=path)
    np.testing.assert_array_equal(resumed.outputs, whole.outputs)
    np.testing.assert_array_equal(resumed.state, whole.state)


@pytest.mark.parametrize("replicas, n", [(1, 3), (4, 3), (2, 900)])
@pytest.mark.parametrize(
    "method", [iw.GradientDescent(0.3, 8), iw.GradientFlow(1.0), iw.Langevin(0.1, 0.2, 0.3, 8)], ids=lambda m: type(m).__name__
)
def test_frozen_output_weights(method, replicas, n):
    """They stay to the bit, and the others move as in a network whose output layer has the rate 0."""
    X = np.random.default_rng(0).standard_normal((n, 2))
    y = np.sin(X[:, 0])
    W, a = np.random.default_rng(1).standard_normal((2, 16, 2))
    model = iw.TwoLayerMeanField("tanh", 16, initial=(W, a[:, :1]), replicas=replicas, train_output=False)
    sol = iw.solve(model, X, y, method, rng=0)
    (W0, a0), (W1, a1) = (sol.problem.particles(state) for state in (sol.problem.start(), sol.state))
    np.testing.assert_array_equal(a1, a0)
    assert np.abs(W1 - W0).min() > 1e-6
    if replicas == 1:
        p = iw.Parameterization((0, 1), (0, 0), (-1, -1), rates=(1, 0))
        net = iw.Network(2, 1, 16, "tanh", p, initial=(W, a[:, :1].T))
        network = iw.solve(net, X, y, method, rng=0)
        if not isinstance(method, iw.Langevin):
            np.testing.assert_allclose(network.outputs[-1], sol.outputs[-1], rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(network.problem.layers(network.state)[0][1], a[:, :1].T)


def test_limit_of_a_network_with_a_frozen_output_layer():
    """Slope of the gap in the width, seeds 0..59."""
    p = iw.Parameterization((0, 1), (0, 0), (-1, -1), weight_std=(1, 0.5), rates=(1, 0))
    nets = [iw.Network(2, 1, m, "tanh", p) for m in (32, 128, 512)]
    limit = iw.limits.scaling.limit(nets[0], particles=100_000)
    assert not limit.train_output
    X, y = np.array([[1.0, 0.5], [-0.3, 1.0]]), np.array([1.0, -1.0])
    found = iw.compare(limit, nets, X, y, iw.GradientDescent(0.5, 20), seeds=60, save_at=[20])
    assert found.slope_error <= 0.05 and abs(found.slope + 0.5) < 2 * found.slope_error
