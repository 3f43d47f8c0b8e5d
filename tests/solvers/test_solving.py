"""What solve joins: model, data, method, record."""

from itertools import product

import numpy as np
import pytest

import infwidth as iw

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))
DESCENT = iw.GradientDescent(0.2, 20)


def test_shapes():
    net = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2), output_dim=2)
    sol = iw.solve(net, X, np.ones((3, 2)), DESCENT, rng=0, X_test=np.ones((5, 3)))
    assert sol.t.shape == sol.loss.shape == sol.step.shape == (21,)
    assert sol.outputs.shape == (21, 3, 2)
    assert sol.test_outputs.shape == (21, 5, 2)
    assert sol.predict(np.ones((4, 3))).shape == (4, 2)
    np.testing.assert_allclose(sol.t, 0.2 * np.arange(21))


def test_recorded_values_are_those_of_the_state():
    seen = []
    sol = iw.solve(NET, X, Y, DESCENT, rng=0, X_test=X + 1, callback=lambda point: seen.append(point.state.copy()))
    for i, state in enumerate(seen):
        loss, outputs = sol.problem.evaluate(state)
        assert sol.loss[i] == loss
        np.testing.assert_array_equal(sol.outputs[i], outputs)
        np.testing.assert_array_equal(sol.test_outputs[i], sol.problem.predict(state, X + 1))
    np.testing.assert_array_equal(seen[-1], sol.state)
    np.testing.assert_array_equal(sol.predict(X), sol.outputs[-1])


MODELS = [iw.DeepLinearMuP(2), NET, iw.DeepLinearIntegrable(2, "naive")]
METHODS = [DESCENT, iw.HeavyBall(0.3, 1.0, 20), iw.GradientDescent(0.2, 20, batch_size=2), iw.GradientFlow(2.0)]


@pytest.mark.parametrize(("model", "method"), [*product(MODELS, METHODS)])
def test_watching_does_not_change_the_run(model, method):
    """Observables and callbacks may evaluate the problem anywhere."""

    def elsewhere(t, state, problem):
        if not hasattr(problem, "start"):
            return problem.predict(state, X + 1).sum()
        other = problem.start() + 1
        return problem.predict(other, X).sum() + problem.evaluate(other, np.empty_like(other)).loss

    alone = iw.solve(model, X, Y, method, rng=0)
    watched = iw.solve(model, X, Y, method, rng=0, observables={"elsewhere": elsewhere})
    assert np.abs(alone.outputs[-1] - alone.outputs[0]).max() > 0.1
    np.testing.assert_array_equal(watched.outputs, alone.outputs)
    if alone.state is not None and isinstance(alone.state, np.ndarray):
        np.testing.assert_array_equal(watched.state, alone.state)


def test_predict_keeps_the_dtype_of_the_data():
    sol = iw.solve(NET, X.astype(np.float32), Y, DESCENT, rng=0)
    assert sol.predict(X).dtype == np.float32


def test_population_problems_need_no_data(Exploding):
    sol = iw.solve(Exploding(), method=iw.GradientDescent(0.01, 10))
    assert sol.outputs.shape == (11, 1, 1)


def test_block_mode_limits_blas_to_one_thread(Exploding):
    from threadpoolctl import threadpool_info, threadpool_limits

    class Watched(Exploding):
        threads = "block"

        def evaluate(self, *arguments, **options):
            self.pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
            return super().evaluate(*arguments, **options)

    model = Watched()
    with threadpool_limits(2, "blas"):
        iw.solve(model, method=iw.GradientDescent(0.01, 1))
        after = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    assert set(model.pools) == {1}
    assert len(model.pools) == 2  # numpy's and scipy's
    assert after == {2}
