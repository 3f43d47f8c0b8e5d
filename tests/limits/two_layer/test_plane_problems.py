"""The two dynamics of the plane of scalings, against recursions in plain numpy."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import kernels, scaling

X = np.array([[-0.3, -0.6], [-1.1, -1.2], [0.8, 0.6]])
Y = np.array([1.0, -1.0, 1.0])
X_TEST = np.array([[0.4, 0.9], [1.0, 0.5]])
GD = iw.GradientDescent(2.0, 4)


def solve(limit, method=GD, **options):
    return iw.solve(limit, X, Y, method, loss="logistic", X_test=X_TEST, **({"rng": 3} | options))


def theta(A, B=None):
    return kernels.of(iw.Network(2, 1, 4, "tanh", iw.Parameterization.ntk(1))).ntk(A, B)


def kernel_path(start, residuals):
    """Coefficients of four steps of gradient descent; ``residuals(g, start)``, not divided by the number of samples."""
    alpha, found = np.zeros(3), []
    for _ in range(5):
        found.append(alpha.copy())
        alpha = alpha - 2.0 * residuals(theta(X) @ alpha, start) / 3
    return np.array(found)


PERCEPTRON = lambda g, G: -Y * (Y * g < 0)  # noqa: E731
LOGISTIC = lambda g, G: -Y / (1 + np.exp(Y * g))  # noqa: E731
KERNEL = {
    "vanishing, interior": ((-1, 0.75), lambda g, G: -Y / 2),
    "finite, interior": ((-0.75, 0.5), LOGISTIC),
    "diverging, interior, small start": ((-2 / 3, 0.5), lambda g, G: PERCEPTRON(g, G) if g.any() else -Y / 2),
    "diverging, interior, finite start": ((-0.5, 0.25), lambda g, G: PERCEPTRON(g, G) if g.any() else LOGISTIC(G, G)),
    "diverging, interior, large start": ((0, -0.25), lambda g, G: PERCEPTRON(g if g.any() else G, G)),
    "vanishing, lower edge": ((-1, 0.5), lambda g, G: -Y / 2),
    "NTK": ((-0.5, 0), lambda g, G: LOGISTIC(g + G, G)),
    "diverging, lower edge": ((0, -0.5), lambda g, G: PERCEPTRON(g + G, G)),
}


@pytest.mark.parametrize("name", KERNEL)
def test_kernel_dynamics(name):
    """Outputs at training and test points; the start is added at the lower edge alone."""
    point, residuals = KERNEL[name]
    G = lambda Z: (np.sin(3 * Z[:, 0]) + 0.4 - Z[:, 1])[:, None]  # noqa: E731
    limit = scaling.plane_limit(*point, "tanh").started_at(G)
    alpha = kernel_path(G(X)[:, 0], residuals)
    assert np.abs(alpha[-1]).max() > 0.3
    sol = solve(limit)
    for Z, outputs in ((X, sol.outputs), (X_TEST, sol.test_outputs)):
        level = G(Z)[:, 0] if limit.where.comparable_change else 0
        np.testing.assert_allclose(outputs[:, :, 0], alpha @ theta(X, Z) + level, atol=1e-10)


PARTICLES = {
    "vanishing": ((-1.5, 1.5), lambda g, G: -Y / 2),
    "mean field": ((-1, 1), LOGISTIC),
    "diverging, small start": ((-0.75, 0.75), lambda g, G: PERCEPTRON(g, G) if g.any() else -Y / 2),
    "sym-default": ((-0.5, 0.5), lambda g, G: PERCEPTRON(g, G) if g.any() else LOGISTIC(G, G)),
    "diverging, large start": ((0, 0), lambda g, G: PERCEPTRON(g if g.any() else G, G)),
}


@pytest.mark.parametrize("name", PARTICLES)
@pytest.mark.parametrize("reference", [1, 16])
def test_particle_dynamics(name, reference):
    """The reference width scales outputs by its root and moves by one over it."""
    point, residuals = PARTICLES[name]
    G = lambda Z: (np.sin(3 * Z[:, 0]) + 0.4 - Z[:, 1])[:, None]  # noqa: E731
    limit = scaling.plane_limit(*point, "tanh", 50, reference_width=reference).started_at(G)
    sol = solve(limit)
    W, a = (part.copy() for part in sol.problem.particles(sol.problem.start()))
    a, c = a[:, 0], reference**0.5
    output = lambda Z: c * np.tanh(Z @ W.T) @ a / 50  # noqa: E731
    starts, found, tests = (output(X), output(X_TEST)), [], []
    for step in range(5):
        g = output(X) - starts[0] if step else np.zeros(3)
        found.append(g)
        tests.append(output(X_TEST) - starts[1])
        rho, h = residuals(g, G(X)[:, 0]) / 3, np.tanh(X @ W.T)
        da, dW = -2.0 / c * rho @ h, -2.0 / c * ((1 - h**2) * rho[:, None] * a).T @ X
        a, W = a + da, W + dW
    np.testing.assert_allclose(sol.outputs[:, :, 0], found, atol=1e-10)
    np.testing.assert_allclose(sol.test_outputs[:, :, 0], tests, atol=1e-10)
    assert np.abs(found[-1]).max() > 0.05


@pytest.mark.parametrize("point", [(-1.5, 1.5), (-1, 1), (-0.5, 0), (-1, 0.75), (0, 0), (0, -0.25)])
def test_minibatches_of_all_rows_are_full_batches(point):
    """And momentum is that of its gradients: at friction 1/h it is gradient descent at the square of the step."""
    limit = scaling.plane_limit(*point, "tanh", 20)
    full = solve(limit)
    np.testing.assert_allclose(solve(limit, iw.GradientDescent(2.0, 4, batch_size=3)).outputs, full.outputs, atol=1e-12)
    ball, larger = iw.HeavyBall(2.0, 0.5, 4), iw.GradientDescent(4.0, 4)
    np.testing.assert_allclose(solve(limit, ball).outputs, solve(limit, larger).outputs, atol=1e-12)


def test_flows_where_logits_stay_finite():
    """Small steps come near them; where logits diverge at once there is no such time."""
    for point in ((-1.5, 1.5), (-1, 1), (-0.75, 0.5), (-0.5, 0), (-1, 0.75)):
        limit = scaling.plane_limit(*point, "tanh", 20)
        flow, steps = (
            solve(limit, method, save_at=[save]) for method, save in ((iw.GradientFlow(1.0), 1.0), (iw.GradientDescent(1e-3, 1000), 1000))
        )
        np.testing.assert_allclose(flow.outputs, steps.outputs, atol=2e-3)
    for point in ((-0.75, 0.75), (-2 / 3, 0.5), (-0.5, 0.25), (-0.5, 0.5)):
        with pytest.raises(ValueError, match=r"^method: logits diverge in the first step, .*; use GradientDescent or HeavyBall"):
            solve(scaling.plane_limit(*point, "tanh", 20), iw.GradientFlow(1.0))


@pytest.mark.parametrize("point", [(-1, 1), (-0.5, 0)])
def test_noise_and_rmsprop_are_refused(point):
    limit = scaling.plane_limit(*point, "tanh", 20)
    with pytest.raises(ValueError, match=r"^method: noise on the parameters .*; use a finite Network"):
        solve(limit, iw.Langevin(0.1, 0.1, 0.1, 3))
    with pytest.raises(ValueError, match=r"^method: .*RMSProp.*; use GradientDescent or HeavyBall"):
        solve(limit, iw.RMSProp(0.1, 3))
