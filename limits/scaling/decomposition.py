r"""The output of a trained network, taken apart by the layers that have moved.

With a p-homogeneous activation :math:`\phi(h) = D h`, :math:`D = \phi'(h)/p`, the output is a product of matrices

.. math:: f = s_{L+1} W^{L+1} D^L\, s_L W^L D^{L-1} \cdots D^1\, s_1 W^1 x ,

and with :math:`W^l = W^l_0 + \Delta W^l` a sum over the sets S of layers,

.. math::
    f = \sum_{S \subseteq \{1, \ldots, L+1\}} f_S, \qquad
    f_S:\ \Delta W^l \text{ for } l \in S,\ W^l_0 \text{ for the others, and the slopes } D \text{ of now} .

One hidden layer has :math:`f_\emptyset, f_w, f_a, f_{aw}` [golikov2020dynamically]_; which of the terms survive at large width, and with
which powers of it, tells what the limit is like [golikov2020towards]_.

References
----------
.. [golikov2020dynamically] Golikov, arXiv:2006.06574.
.. [golikov2020towards] Golikov, arXiv:2003.05884.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ...solvers.checks import array, instance, integer, integers, observed
from ...solvers.data import Data
from ...solvers.machine.memory import refuse_above_available
from ...solvers.machine.work import watched
from ...solvers.problem import Method
from ...solvers.solving import solve
from .. import activations
from ..activations import Activation
from ..networks.network import Network
from ..networks.parameterization import Parameterization
from ..networks.problem import NetworkProblem
from .measured import Slopes

__all__ = ["output_term_names", "output_term_slopes", "output_terms"]

Array = np.ndarray

COPIES = 3  # of the terms of a layer: from W_0, from the increment, and both together


def output_terms(problem: NetworkProblem, state: Array, X: Array | None = None) -> Array:
    """The terms of the output of a finite network at a moment of its training, one for each set of layers that have moved.

    Parameters
    ----------
    problem : NetworkProblem
        Such as ``sol.problem``, of a :class:`~infwidth.limits.Network` without biases and of a p-homogeneous activation, p > 0.
    state : ndarray, shape (p,)
        Such as ``sol.state``; the weights of the start are those of the problem.
    X : array_like, shape (n, d), optional
        Default: the training inputs.

    Returns
    -------
    ndarray, shape (2, ..., 2, n, k)
        One axis for each of the L + 1 weight layers, first to last: 0 for its weights at the start, 1 for its increment. The sum over them
        is the output.

    Raises
    ------
    ValueError
        Where the network has biases, its activation is not homogeneous, an input does not fit, or the terms do not fit into memory.
    TypeError
        Where the problem is not that of a finite network.

    Examples
    --------
    Near the limit of the tangent kernel the output is linear in the increments: that of both layers is small.

    >>> import infwidth as iw
    >>> from infwidth.limits import scaling
    >>> X, y = np.eye(3), np.array([1.0, -1.0, 0.5])
    >>> network = iw.Network(3, 1, 4096, "relu", iw.Parameterization.ntk(1))
    >>> sol = iw.solve(network, X, y, iw.GradientDescent(0.5, 50), rng=0)
    >>> terms = scaling.output_terms(sol.problem, sol.state)
    >>> bool(np.allclose(terms.sum(axis=(0, 1)), sol.outputs[-1]))
    True
    >>> [round(float(np.sqrt(np.mean(terms[w, a] ** 2))), 2) for w, a in ((0, 0), (1, 0), (0, 1), (1, 1))]
    [0.7, 0.41, 0.47, 0.0]
    """
    state = observed(state, problem, NetworkProblem, "Network(3, 1, 64, 'relu', Parameterization.ntk(1))")
    weights, biases = problem.layers(state)
    _refuse(problem.activation, bool(biases))
    X = problem.data.X if X is None else array("X", X, dtype=problem.data.X.dtype, columns=weights[0].shape[1])
    widest = max(len(w) << l for l, w in enumerate(weights))
    refuse_above_available(
        "X", f"the terms of {len(X)} inputs in {len(weights)} layers", COPIES * X.itemsize * len(X) * widest, "give fewer at once"
    )
    slopes = [problem.activation.derivative(h) / problem.activation.homogeneity for h in problem.forward(state, X)[1][:-1]]
    terms = X
    for l, (scale, w, start) in enumerate(zip(problem.scales, weights, problem.layers(problem.start())[0], strict=True)):
        terms = np.stack([terms @ start.T, terms @ (w - start).T], axis=l)
        terms *= scale
        if l < len(slopes):
            terms *= slopes[l]
    return terms


def output_term_names(hidden_layers: int) -> tuple[str, ...]:
    """Names of the terms in the order of :func:`output_terms`, its axes over the layers flattened.

    Parameters
    ----------
    hidden_layers : int
        One has the keys of :meth:`PlaneClass.exponents`; more have the numbers of the layers that have moved, the output being L + 1.

    Raises
    ------
    ValueError
        Where that is not a number from 1 to 8: the terms are as many as the sets of layers.

    Examples
    --------
    >>> from infwidth.limits import scaling
    >>> scaling.output_term_names(1)
    ('f_empty', 'f_a', 'f_w', 'f_aw')
    >>> scaling.output_term_names(2)
    ('f_empty', 'f_3', 'f_2', 'f_23', 'f_1', 'f_13', 'f_12', 'f_123')
    """
    L = integer("hidden_layers", hidden_layers, least=1, most=8)
    if L == 1:
        return ("f_empty", "f_a", "f_w", "f_aw")
    moved = ("".join(str(l + 1) for l, own in enumerate(bits) if own) for bits in product((0, 1), repeat=L + 1))
    return tuple(f"f_{layers or 'empty'}" for layers in moved)


def output_term_slopes(
    parameterization: Parameterization,
    activation: str | Activation,
    X: Array,
    y: Array,
    method: Method,
    *,
    loss: str = "logistic",
    widths: Sequence[int] = (64, 128, 256, 512, 1024),
    seeds: Sequence[int] = (0, 1, 2, 3),
) -> Slopes:
    """Train finite networks, and measure the powers of the width that the terms of their outputs have.

    Parameters
    ----------
    parameterization : Parameterization
        Without biases.
    activation : str or Activation
        Homogeneous of degree p > 0.
    X : array_like, shape (n, d)
    y : array_like, shape (n,) or (n, k)
    method : GradientDescent, RMSProp or another method that takes networks
        Of few steps: all of them are measured. At rates so small that parameters move by less than their size random terms hide those of
        masks that switch, whose prefactors are small.
    loss : str, default "logistic"
        Its residuals are bounded; those of the squared loss have powers of the width of their own where the output has.
    widths, seeds : sequence of int
        At least two of each.

    Returns
    -------
    Slopes
        Rows are those of :func:`output_term_names`, columns the steps from 0 on, sizes root mean squares over samples and outputs. At step
        0 there is f_empty alone: the other sizes are zero, and their slopes NaN.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or the network has no such terms.

    Examples
    --------
    The mean field at a large rate: all terms stay, as ``plane_class(-1, 1)`` has it.

    >>> import infwidth as iw
    >>> from infwidth.limits import scaling
    >>> X, y = np.array([[1.0, 0.3], [-0.4, 1.0], [0.8, -1.0]]), np.array([1.0, -1.0, 1.0])
    >>> run = dict(method=iw.GradientDescent(20.0, 2), widths=(256, 1024, 4096), seeds=range(6))
    >>> measured = scaling.output_term_slopes(iw.Parameterization.mup(1), "relu", X, y, **run)
    >>> measured.names, bool(np.all(np.abs(measured.slope[1:, 2]) < 0.15))
    (('f_empty', 'f_a', 'f_w', 'f_aw'), True)
    """
    p = instance("parameterization", parameterization, Parameterization, "Parameterization.mup(1)")
    names = output_term_names(p.hidden_layers)
    ms, labels = integers("widths", widths, least=1, least_length=2), integers("seeds", seeds, least=0, least_length=2)
    if len(set(ms)) < 2 or len(set(labels)) < 2:
        raise ValueError(f"widths, seeds: need at least two of each for slopes and their errors, got {ms} and {labels}")
    data = Data.check(X, y, loss)
    _refuse(activations.get(activation), p.bias_std is not None)
    sizes, residuals = [], []
    for m in watched("widths", ms):
        network = Network(data.X.shape[1], p.hidden_layers, m, activation, p, data.outputs)
        for seed in watched("seeds", labels):
            run = solve(network, data.X, data.y, method, loss=loss, rng=np.random.SeedSequence([seed, m]), observables=OBSERVED)
            sizes.append(run.observables["sizes"].T)
            residuals.append(run.observables["residual"])
    shape = (len(ms), len(labels))
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(sizes))
    return Slopes(names, ms, logs.reshape(*shape, *logs.shape[1:]), np.array(residuals).reshape(*shape, -1))


def _sizes(t: float, state: Array, problem: NetworkProblem) -> Array:
    terms = output_terms(problem, state)
    return np.sqrt(np.mean(terms.reshape(-1, *terms.shape[-2:]) ** 2, axis=(1, 2)))


def _residual(t: float, state: Array, problem: NetworkProblem) -> float:
    data = problem.data
    return float(np.sqrt(np.mean((data.n * data.judge(problem.predict(state, data.X))[1]) ** 2)))


OBSERVED = {"sizes": _sizes, "residual": _residual}


def _refuse(activation: Activation, biased: bool) -> None:
    if not activation.homogeneity:
        raise ValueError(
            f"activation: {activation.name} is not homogeneous of a degree above 0, so that the output is no product of weights; "
            "take relu, leaky relu, linear or another such one"
        )
    if biased:
        raise ValueError("parameterization: has biases, and the output is no product of weights then; take one without")
