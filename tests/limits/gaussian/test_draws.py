"""What fits into memory is said before it is taken."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import kernels
from infwidth.limits.gaussian.draws import refuse_too_many_draws
from infwidth.solvers import Data
from infwidth.solvers.machine import memory

DATA = Data.check(np.ones((100, 1)), np.ones((100, 2)), X_test=np.ones((20, 1)))


def test_outputs_and_covariance_are_counted(monkeypatch):
    """120 points with 2 outputs: 6 arrays of R x 240 numbers, and for several replicas four matrices of 240 x 240."""
    for replicas, size in ((1, 8 * 6 * 240), (50, 8 * (6 * 50 * 240 + 4 * 240**2))):
        monkeypatch.setattr(memory, "available", lambda size=size: float(size))
        refuse_too_many_draws(replicas, DATA)
        monkeypatch.setattr(memory, "available", lambda size=size: size - 1.0)
        with pytest.raises(ValueError, match=rf"^replicas: outputs of {replicas} draws at 120 points .*or take one draw"):
            refuse_too_many_draws(replicas, DATA)


def test_the_process_has_a_largest_number_of_paths():
    refuse_too_many_draws(5000, DATA)
    with pytest.raises(ValueError, match=r"^replicas: 5001 draws of 2 outputs are 10002 paths"):
        refuse_too_many_draws(5001, DATA)


def test_training_points_come_first():
    """Equal points have equal rows of the covariance; and without test points there are none."""
    X = np.array([[1.0, 0.5], [-0.3, 1.0], [0.7, -1.2]])
    kernel = kernels.of(iw.Network(2, 1, 8, "relu", iw.Parameterization.ntk(1)))
    limit, method = iw.NeuralTangentLimit(kernel, "gaussian", replicas=9), iw.GradientDescent(0.1, 2)
    sol = iw.solve(limit, X, [1.0, 0.0, 2.0], method, X_test=X[2:], rng=0, save_at=[2])
    np.testing.assert_allclose(sol.covariance[0, 3], sol.covariance[0, 2], atol=1e-5)
    alone = iw.solve(limit, X, [1.0, 0.0, 2.0], method, rng=0, save_at=[2])
    np.testing.assert_allclose(alone.covariance[0], sol.covariance[0, :3, :, :3], atol=1e-12)
