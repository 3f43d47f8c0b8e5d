"""The progress bar."""

import numpy as np

import infwidth as iw

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))
DESCENT = iw.GradientDescent(0.2, 20)


def test_progress_bar(capsys):
    iw.solve(NET, X, Y, DESCENT, rng=0, progress=True)
    assert "20/20" in capsys.readouterr().err
    iw.solve(NET, X, Y, iw.GradientFlow(1.0, estimate_error=False), rng=0, progress=True)
    assert "100%" in capsys.readouterr().err
