"""Heavy ball: its recursion, its coefficients of past gradients, its first step and its order."""

import numpy as np
import pytest
from scipy.linalg import expm

import infwidth as iw


def test_heavy_ball_in_closed_form(quadratic):
    """theta_{s+1} = theta_s + beta (theta_s - theta_{s-1}) - h^2 K theta_s."""
    h, friction = 0.3, 0.8
    before, now = quadratic.start, quadratic.start
    for _ in range(9):
        before, now = now, now + (1 - friction * h) * (now - before) - h**2 * quadratic.K @ now
    np.testing.assert_allclose(quadratic.end(iw.HeavyBall(h, friction, 9)), now, rtol=1e-13)


def test_heavy_ball_weights_are_its_trajectory(quadratic):
    """Coefficients of past gradients (for causal limits) against the momentum recursion."""
    for friction, first in ((0.8, None), (0.0, None), (0.8, 0.07)):
        method = iw.HeavyBall(0.3, friction, 6, first_learning_rate=first)
        states = []
        iw.solve(quadratic.problem, method=method, callback=lambda point, states=states: states.append(point.state.copy()))
        for t in range(7):
            gradients = [quadratic.K @ z for z in states[:t]]
            np.testing.assert_allclose(
                states[t], quadratic.start - sum((w * g for w, g in zip(method.weights(t), gradients, strict=True)), 0 * quadratic.start)
            )


@pytest.mark.parametrize("friction", [0.8, 2.0, 3.2])
def test_settled_coefficients_do_not_change(friction):
    """As many as possible: the first one beyond them still changes."""
    method = iw.HeavyBall(0.3, friction, 400)
    now, later = method.weights(300), method.weights(400)[:300]
    settled = method.settled(300)
    np.testing.assert_allclose(now[:settled], later[:settled], rtol=4e-16)
    assert 0 < settled < 300 and now[-1] != later[-1]
    assert iw.HeavyBall(0.3, 0.0, 400).settled(300) == 0
    np.testing.assert_array_equal(method.weights(300, since=120), now[120:])


def test_heavy_ball_first_step_starts_the_momentum_at_zero(quadratic):
    method = iw.HeavyBall(0.3, 0.8, 2, first_learning_rate=0.05)
    after = quadratic.start - 0.05 * 10 * quadratic.K @ quadratic.start
    np.testing.assert_allclose(quadratic.end(method, quadratic.special), after - 0.09 * quadratic.K @ after)
    with pytest.raises(ValueError, match=r"first_learning_rate: .*; give HeavyBall its base rate"):
        quadratic.end(iw.HeavyBall(0.3, 0.8, 2), quadratic.special)


def test_the_limit_of_small_steps_is_the_damped_oscillator(quadratic):
    """To first order in h."""
    block = np.block([[np.zeros((2, 2)), np.eye(2)], [-quadratic.K, -np.eye(2)]])
    exact = (expm(2 * block) @ np.concatenate([quadratic.start, [0, 0]]))[:2]
    errors = [np.linalg.norm(quadratic.end(iw.HeavyBall(h, 1.0, round(2 / h))) - exact) for h in (0.002, 0.001)]
    assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.15
