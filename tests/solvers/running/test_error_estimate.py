"""The error of a flow by its second run."""

import numpy as np

import infwidth as iw

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))


def test_a_flow_stopped_before_its_first_saved_time():
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0, save_at=[1.0], callback=lambda point: point.t > 0.1)
    assert sol.success
    assert sol.outputs.shape == (1, 3, 1)  # where it stopped
    assert sol.t[0] > 0.1
    assert 0 < sol.error[0] < 1e-4


def test_ctrl_c_in_the_error_estimate(monkeypatch):
    from infwidth.solvers import solving

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(solving, "refinement_error", interrupted)
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0)
    assert sol.error is None
    assert "the error estimate was not finished (interrupted by Ctrl-C)" in sol.message
    assert sol.stats["interrupted"]
