r"""The tangent kernel of a network of finite width.

.. math::
    \Theta_{(x,a),(x',b)} = \sum_\theta \eta_\theta\, \partial_\theta f_a(x)\, \partial_\theta f_b(x')
    = \sum_l \big(\eta_l\, s_l^2\, x^l \cdot x'^l + \eta^b_l\big)\, g_a^{l+1}(x) \cdot g_b^{l+1}(x')

with the inputs :math:`x^l` of a layer, the derivatives :math:`g_a` of output a with respect to its pre-activations, and the learning
rates :math:`\eta_l` of its parameters as multiples of the base rate: products of layers, never a Jacobian. It moves the outputs,
:math:`\dot f(x) = -\frac1n \sum_i \Theta(x, x_i)\, \ell'_i`, in time = base rate times steps [jacot2018]_.

References
----------
.. [jacot2018] Jacot, Gabriel and Hongler, arXiv:1806.07572, theorem 1: its limit at the start.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.checks import array, flag, instance, observed
from ...solvers.machine.memory import refuse_above_available
from .problem import NetworkProblem

__all__ = ["empirical_ntk"]

Array = np.ndarray


def empirical_ntk(problem: Any, X1: Any, X2: Any = None, state: Any = None, *, trace: bool = False) -> Array:
    r"""Tangent kernel of a finite network at its start, or anywhere on its way.

    Parameters
    ----------
    problem : NetworkProblem
        A network bound to data: ``sol.problem``.
    X1 : array_like, shape (n1, d)
    X2 : array_like, shape (n2, d), optional
        X1 by default.
    state : ndarray, shape (p,), optional
        Parameters, such as ``sol.state``; the initial ones by default.
    trace : bool, default False
        Average over outputs, :math:`\frac1k \sum_a \Theta_{(x,a),(x',a)}`. It is what ``ntk`` of :func:`infwidth.limits.kernels.of` is the
        limit of, in which :math:`\Theta_{(x,a),(x',b)} = \Theta(x, x')\, \delta_{ab}`.

    Returns
    -------
    ndarray, shape (n1, n2, k, k), or (n1, n2) with ``trace``

    Raises
    ------
    TypeError
        Where the problem is not that of a finite network.
    ValueError
        Where points or state do not fit it, or the kernel is more than the free memory.

    Notes
    -----
    Rates are those of the steps after step 0. With rates of 1 (NTK parameterization) it is the plain :math:`J J^\top`.

    Examples
    --------
    As an observable, it shows how far training moves it:

    >>> import infwidth as iw
    >>> from infwidth.limits.networks import empirical_ntk
    >>> X, y = np.array([[1.0, 0.5], [-0.5, 1.0]]), np.array([1.0, -1.0])
    >>> watch = {"ntk": lambda t, state, problem: empirical_ntk(problem, X, state=state, trace=True)}
    >>> network = iw.Network(2, 2, 512, "erf", iw.Parameterization.ntk(2))
    >>> ntk = iw.solve(network, X, y, iw.GradientDescent(0.3, 30), rng=0, observables=watch).observables["ntk"]
    >>> ntk.shape, bool(0 < np.linalg.norm(ntk[-1] - ntk[0]) < 0.1 * np.linalg.norm(ntk[0]))
    ((31, 2, 2), True)
    """
    instance("problem", problem, NetworkProblem, "sol.problem of solve(Network(...), X, y, method)")
    flag("trace", trace)
    state = problem.start() if state is None else observed(state, problem, NetworkProblem, "Network(...)")
    if not np.isfinite(state).all():
        raise ValueError("state: holds NaN or infinity; take a state from before the run diverged")
    columns = problem.shapes[0][1]
    left = array("X1", X1, dtype=state.dtype, columns=columns)
    right = left if X2 is None else array("X2", X2, dtype=state.dtype, columns=columns)
    k = problem.shapes[-1][0]
    pairs, layers = float(len(left)) * len(right), sum(rows for rows, _ in problem.shapes)
    needs = state.itemsize * (3 * pairs * (1 if trace else k * k) + (len(left) + len(right)) * (k + 2.0) * layers)
    refuse_above_available("X1", f"the kernel of {pairs:.3g} pairs with {k} outputs", needs, "give fewer points, or take trace=True")
    inputs, signals = _factors(problem, state, left)
    others, echoes = (inputs, signals) if X2 is None else _factors(problem, state, right)
    total = np.zeros((len(left), len(right)) if trace else (len(left), k, len(right), k), state.dtype)
    for l, scale in enumerate(problem.scales):
        features = (problem.rates.weights[l] * scale**2) * (inputs[l] @ others[l].T)
        if problem.biased:
            features += problem.rates.biases[l]
        if trace:
            total += features * sum(g @ h.T for g, h in zip(signals[l], echoes[l], strict=True)) / k
        else:
            for a, g in enumerate(signals[l]):
                for b, h in enumerate(echoes[l]):
                    total[:, a, :, b] += features * (g @ h.T)
    return total if trace else total.transpose(0, 2, 1, 3)


def _factors(problem: NetworkProblem, state: Array, X: Array) -> tuple[list[Array], list[list[Array]]]:
    """By layer: its inputs (n, size below), and the derivatives of each output with respect to its pre-activations, k of (n, size)."""
    x, h = problem.forward(state, X)
    k = h[-1].shape[1]
    found: list[list[Array]] = [[] for _ in problem.shapes]
    for a in range(k):
        residual = np.zeros_like(h[-1])
        residual[:, a] = 1
        for l, g, _ in problem.signals(state, residual, x, h, 1, None):
            found[l].append(g.copy())
    return x[: len(problem.shapes)], found
