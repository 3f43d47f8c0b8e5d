r"""Curvature along a run: the sharpness, the largest eigenvalue of the tangent kernel, and the largest rate that trains.

With the velocity :math:`v(\theta) = -D\,\nabla\mathrm{Loss}` of a network (D holds the learning rates of its layers), gradient descent of
rate :math:`\eta` is linearly stable where :math:`\eta\,\lambda_{max} < 2`. There are two such :math:`\lambda`:

* the *sharpness*, the top eigenvalue of :math:`-\partial v/\partial\theta = D\,\nabla^2\mathrm{Loss}`, which full-batch training drives
  up to :math:`2/\eta` and holds there (the edge of stability [cohen2021]_);
* the *tangent sharpness*, that of the tangent kernel over the samples, :math:`J D J^\top/n`, which for the squared loss is the sharpness
  without the curvature of the network, and which decides between lazy training and a catapult [lewkowycz2020]_.

Both are found by Krylov methods on products with vectors, which are finite differences of the velocity and of the outputs.

References
----------
.. [lewkowycz2020] Lewkowycz, Bahri, Dyer, Sohl-Dickstein and Gur-Ari, arXiv:2003.02218.
.. [cohen2021] Cohen, Kaur, Li, Kolter and Talwalkar, arXiv:2103.00065.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np

from ...solvers.checks import integer, observed, real, squarable
from ...solvers.losses import Loss
from ...solvers.methods.gradient_descent import GradientDescent
from ...solvers.noise_abilities import Noisy
from ...solvers.problem import Problem
from ...solvers.solving import solve

__all__ = ["largest_stable_rate", "sharpness", "tangent_sharpness"]

Array = np.ndarray

MOST_DOUBLINGS = 60
TOLERANCE = 1e-4  # relative, of an eigenvalue


def sharpness(t: float, state: Array, problem: Problem) -> float:
    r"""Observable: the top eigenvalue of :math:`-\partial v/\partial\theta`.

    Parameters
    ----------
    t : float
        Not used.
    state : ndarray, shape (p,)
    problem : Problem
        Of a finite network, or of particles.

    Raises
    ------
    ValueError
        Where the problem has fewer than three parameters.

    Examples
    --------
    Full-batch training sharpens the loss until :math:`2/\eta`:

    >>> import infwidth as iw
    >>> from infwidth.limits import catapult
    >>> X = np.random.default_rng(0).standard_normal((8, 2))
    >>> y = np.sign(X[:, 0] * X[:, 1])
    >>> network, rate = iw.Network(2, 2, 32, "tanh", iw.Parameterization.ntk(2)), 0.5
    >>> run = iw.solve(network, X, y, iw.GradientDescent(rate, 400), rng=0, save_at=[0, 400], observables={"s": catapult.sharpness})
    >>> bool(run.observables["s"][1] > run.observables["s"][0])
    True
    """
    from scipy.sparse.linalg import LinearOperator, eigs

    state = _finite(observed(state, problem, Problem, "network"))
    if state.size < 3:
        raise ValueError(f"state: need at least three parameters, got {state.size}; differentiate so small a problem by hand")
    above, below = np.empty_like(state), np.empty_like(state)

    def product(direction: Array) -> Array:
        direction = direction.ravel().copy()
        if isinstance(problem, Noisy):
            direction[problem.added] = 0
        step = _step(state, direction)
        problem.evaluate((state + step * direction).astype(state.dtype), above)
        problem.evaluate((state - step * direction).astype(state.dtype), below)
        return (below.astype(float) - above) / (2 * step)

    operator = LinearOperator((state.size, state.size), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(state.size)  # fixed: the same state has the same sharpness
    return float(eigs(operator, k=1, which="LR", v0=start, tol=TOLERANCE, return_eigenvectors=False)[0].real)


def tangent_sharpness(t: float, state: Array, problem: Problem) -> float:
    r"""Observable: the top eigenvalue of :math:`J D J^\top / n`, the tangent kernel on the training points over their number.

    Parameters
    ----------
    t : float
        Not used.
    state : ndarray, shape (p,)
    problem : Problem
        Of a finite network; its loss does not matter.

    Raises
    ------
    ValueError, TypeError
        Where the problem is not that of a finite network with training points, or the state is not finite.

    Examples
    --------
    Of two-layer linear networks it is known exactly:

    >>> import infwidth as iw
    >>> from infwidth.limits import catapult
    >>> X, y = np.array([[1.0, 0.0], [0.5, 1.0]]), np.zeros(2)
    >>> sol = iw.solve(catapult.TwoLayerLinearNetwork(100), X, y, iw.GradientDescent(0.1, 0), rng=0)
    >>> bool(np.isclose(catapult.tangent_sharpness(0.0, sol.state, sol.problem), sol.problem.top_eigenvalue(sol.state)))
    True
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    state, data = _finite(observed(state, problem, Problem, "network")), problem.data
    if data is None:
        raise ValueError("problem: has no training points, so no kernel on them; give X and y to solve")
    shape = data.y.shape
    velocity = np.empty_like(state)

    def product(residual: Array) -> Array:
        probe = copy.copy(problem)
        probe.data = replace(data, loss=_LINEAR, y=residual.reshape(shape).astype(data.y.dtype))
        probe.evaluate(state, velocity)  # - D J^T r / n
        direction = -velocity.astype(float)
        if not direction.any():
            return np.zeros(residual.size)
        step = _step(state, direction)
        ahead = problem.predict((state + step * direction).astype(state.dtype), data.X)
        behind = problem.predict((state - step * direction).astype(state.dtype), data.X)
        return (ahead.astype(float) - behind).ravel() / (2 * step)

    size = shape[0] * shape[1]
    if size < 3:
        return float(np.linalg.eigvalsh(np.stack([product(e) for e in np.eye(size)]))[-1])
    start = np.random.default_rng(0).standard_normal(size)
    if not product(start).any():
        return 0.0  # a dead network
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    return float(eigsh(operator, k=1, which="LA", v0=start, tol=TOLERANCE, return_eigenvectors=False)[0])


def largest_stable_rate(
    model: Any, X: Any, y: Any, *, steps: int = 100, loss: str | Loss = "squared", tolerance: float = 0.01, rng: int = 0
) -> float:
    r"""Largest learning rate with which full-batch gradient descent ends below its first loss and keeps its tangent kernel, by bisection.

    A relu network survives any rate by dying: one step switches all neurons off, and its loss is finite for ever. So a run trains only
    if its tangent kernel does not vanish at the end.

    Parameters
    ----------
    model : Network or TwoLayerLinearNetwork
    X, y, loss
        As in :func:`infwidth.solve`.
    steps : int
        Length of each run. A catapult of width n peaks after some multiple of log n steps: give it several times that.
    tolerance : float
        Relative, of the rate.
    rng : int
        Of the initial weights, the same in each run.

    Returns
    -------
    float
        A rate that trains; one larger by ``tolerance`` does not. (Between stable rates there may be unstable ones: the bisection finds an
        edge, and starts from below.)

    Raises
    ------
    ValueError
        Where an argument is out of its range, or no rate trains or fails within a factor :math:`2^{60}` of the lazy one.

    Examples
    --------
    A wide linear network trains up to :math:`4/\lambda_0`:

    >>> import infwidth as iw
    >>> from infwidth.limits import catapult
    >>> network = catapult.TwoLayerLinearNetwork(10**4)
    >>> kernel = 2.0  # of wide networks on one sample of length 1
    >>> rate = catapult.largest_stable_rate(network, [[1.0]], [0.0], steps=300)
    >>> bool(abs(rate * kernel - 4) < 0.05)
    True
    """
    steps, tolerance = integer("steps", steps, least=1, most=10_000_000), real("tolerance", tolerance, least=1e-6)

    def trains(rate: float) -> bool:
        run = solve(model, X, y, GradientDescent(rate, steps), loss=loss, rng=rng, save_at=[0, steps])
        return run.success and bool(run.loss[-1] < run.loss[0]) and tangent_sharpness(0.0, run.state, run.problem) > 0

    begin = solve(model, X, y, GradientDescent(1.0, 0), loss=loss, rng=rng)
    curvature = tangent_sharpness(0.0, begin.state, begin.problem)
    if not (math.isfinite(curvature) and curvature > 0):
        raise ValueError("X: the tangent kernel vanishes on these inputs, so no rate trains; give other inputs")
    low = 1 / curvature
    for _ in range(MOST_DOUBLINGS):
        if trains(low):
            break
        low /= 2
    else:
        raise ValueError("steps: no rate ends below the first loss; is the start a minimum? Raise steps")
    high = 2 * low
    for _ in range(MOST_DOUBLINGS):
        if not trains(high):
            break
        low, high = high, 2 * high
    else:
        raise ValueError("model: trains at every rate tried; its outputs saturate")
    while high > low * (1 + tolerance):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if trains(middle) else (low, middle)
    return low


def _finite(state: Array) -> Array:
    """Refuses a state whose derivatives have no digits."""
    if not np.isfinite(state).all():
        raise ValueError("state: holds NaN or infinity, where there is no curvature; look at an earlier one")
    return squarable("state", state)


def _step(state: Array, direction: Array) -> float:
    """Of a central difference along ``direction``: the cube root of the rounding unit, in units of the state."""
    size = float(np.linalg.norm(state)) or 1.0
    return float(np.finfo(state.dtype).eps) ** (1 / 3) * size / float(np.linalg.norm(direction))


def _targets(y: Any, dtype: np.dtype) -> Array:
    return np.asarray(y, dtype)


_LINEAR = Loss("linear", lambda f, r: ((f * r).sum(axis=1), r.copy()), _targets)
