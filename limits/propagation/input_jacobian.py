r"""How strongly the outputs of a network answer to its inputs, before and after training.

The sensitivity at x is the norm of the input-output Jacobian, :math:`\|\partial f/\partial x\|_F`. Of trained networks of many kinds, those
that are less sensitive on the test points generalise better [novak2018]_ (there f are the class probabilities).

Before training its mean square is known at infinite width. A pre-activation h of layer l and its derivative along a unit vector are
Gaussian. Along a direction across x they are independent, and the derivative's variance follows
:math:`v' = \sigma^2\, \mathbb E\,\phi'(h)^2\, v` from :math:`v = \sigma_1^2`: the factor :math:`\chi_1` of the maps. Along x itself the
derivative :math:`\dot h` has a covariance p with h, :math:`\dot h = (p/q)\, h + \text{rest}`, and

.. math::
    p' = \sigma^2\, \mathbb E\,(\phi'^2 + \phi\phi'')\, p, \qquad
    v' = \sigma^2 \Big( \frac{p^2}{q^2}\, \mathbb E\,h^2\phi'^2 + \big(v - \tfrac{p^2}{q}\big)\, \mathbb E\,\phi'^2 \Big)

from :math:`p = \sigma_1^2 |x|`. With k outputs and d inputs the mean square is :math:`k\,((d - 1)\, v_{across} + v_{along})`; the second
term is what the usual product of the :math:`\chi_1` gets wrong, by a third for tanh networks of three inputs.

References
----------
.. [novak2018] Novak, Bahri, Abolafia, Pennington and Sohl-Dickstein, arXiv:1802.08760.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.checks import array, choice, instance, vector
from .. import activations, gaussian
from ..networks.network import Network
from ..networks.problem import NetworkProblem
from .advice import refuse_other_scales
from .maps import TOLERANCE

__all__ = ["expected_sensitivity", "sensitivity"]

Array = np.ndarray

BLOCK = 2**24  # numbers of the Jacobians in flight
LARGEST = 1e30  # entry, whose tenth powers are finite


def sensitivity(problem: NetworkProblem, state: Array, X: Any, of: str = "outputs") -> Array:
    r"""Norm of the input-output Jacobian of a finite network at each point.

    Parameters
    ----------
    problem : NetworkProblem
        ``sol.problem`` of a solved :class:`infwidth.limits.Network`, or its ``bind(...)``.
    state : ndarray, shape (p,)
        Its parameters: ``sol.state``.
    X : array-like, shape (n, d)
    of : {"outputs", "probabilities"}
        Of f itself, or of the class probabilities :math:`\operatorname{softmax}(f)`, which needs at least two outputs.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    TypeError
        Where the problem is not that of a network.
    ValueError
        Where an argument is of the wrong shape or out of its range.

    Examples
    --------
    >>> import numpy as np, infwidth as iw
    >>> from infwidth.limits import propagation
    >>> X, y = np.eye(3), np.array([1.0, -1.0, 0.5])
    >>> sol = iw.solve(iw.Network(3, 1, 400, "relu", iw.Parameterization.mup(1)), X, y, iw.GradientDescent(0.3, steps=200), rng=0)
    >>> at_data = propagation.sensitivity(sol.problem, sol.state, X)
    >>> bool(np.all(at_data >= abs(y)))  # a relu network without biases is homogeneous: f(x) = x . df/dx
    True
    """
    problem = instance("problem", problem, NetworkProblem, "sol.problem of a solved Network")
    sizes = [shape[1] for shape in problem.shapes] + [problem.shapes[-1][0]]
    X = array("X", X, columns=sizes[0])
    state = vector("state", state, length=problem.size)
    of = choice("of", of, ("outputs", "probabilities"))
    if of == "probabilities" and sizes[-1] == 1:
        raise ValueError('of: one output makes no class probabilities; give of="outputs"')
    size = max(1, BLOCK // (sizes[-1] * max(sizes)))
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.concatenate([_norms(problem, state, X[i : i + size], of == "probabilities") for i in range(0, len(X), size)])
    if not np.isfinite(norms).all():
        raise ValueError("state: outputs or their Jacobian overflow at some points; rescale the parameters, or X")
    return norms


def _norms(problem: NetworkProblem, state: Array, X: Array, probabilities: bool) -> Array:
    weights, _ = problem.layers(state)
    x, h = problem.forward(state, X)
    k = len(weights[-1])
    J = np.broadcast_to(np.eye(k), (len(X), k, k))
    if probabilities:
        p = np.exp(h[-1] - h[-1].max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        J = p[:, :, None] * (np.eye(k) - p[:, None, :])
    for l in range(len(weights) - 1, -1, -1):
        J = problem.scales[l] * (J @ weights[l])
        if l:
            J *= problem.slope(l, x, h)[:, None, :]
    return np.where(np.isfinite(h[-1]).all(axis=1), np.sqrt((J**2).sum(axis=(1, 2))), np.nan)  # the slope at NaN is 0


def expected_sensitivity(network: Network, X: Any) -> Array:
    r"""Root of the mean square of :func:`sensitivity` (of the outputs) over initialisations, at infinite width.

    Parameters
    ----------
    network : Network
        Of a parameterization whose hidden layers and outputs keep their scale (standard, NTK).
    X : array-like, shape (n, d)

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    TypeError
        Where it is no Network.
    ValueError
        Where X is of the wrong shape, or layers vanish or grow with the width (µP's output, integrable parameterizations).

    Examples
    --------
    Of relu networks :math:`\prod_l \sigma_l^2/2` of it is left, wherever the point lies:

    >>> import numpy as np, infwidth as iw
    >>> from infwidth.limits import propagation
    >>> network = iw.Network(5, 4, 100, "relu", iw.Parameterization.ntk(4))
    >>> propagation.expected_sensitivity(network, np.eye(5)[:2]) ** 2  # 5 / 2^4
    array([0.3125, 0.3125])
    """
    network = instance("network", network, Network, 'Network(10, 2, 100, "tanh", Parameterization.ntk(2))')
    refuse_other_scales(network, output=True)
    X = array("X", X, columns=network.input_dim)
    p, phi = network.parameterization, activations.get(network.activation)
    bias = p.bias_std or (0.0,) * (network.hidden_layers + 1)
    if not np.abs(X).max() < LARGEST:
        raise ValueError(f"X: its entries reach {np.abs(X).max():.3g}, whose powers overflow; rescale it to less than {LARGEST:g}")
    size, first = (X.astype(float) ** 2).sum(axis=1), p.weight_std[0] ** 2
    q, covariance = first * size + bias[0] ** 2, first * np.sqrt(size)
    across, along = np.full(len(X), first), np.full(len(X), first)
    for l in range(1, network.hidden_layers + 1):
        m = gaussian.moments(phi, q, TOLERANCE)
        with_h = gaussian.expectation(lambda h: (h * phi.derivative(h)) ** 2, q, phi.kinks, TOLERANCE).value
        ratio = np.divide(covariance, q, out=np.zeros(len(X)), where=q > 0)
        variance = p.weight_std[l] ** 2
        along = variance * (ratio**2 * with_h + (along - ratio * covariance) * m.slope_square)
        across = variance * m.slope_square * across
        covariance = variance * (m.slope_square + m.curvature) * covariance
        q = variance * m.square + bias[l] ** 2
    return np.sqrt(network.output_dim * ((network.input_dim - 1) * across + along))
