r"""The exponent calculus: powers of the width m in every vector of a training run.

A step of gradient descent with residuals of order 1 is a forward pass, a backward pass and an update. Each is a map of labelled vectors
(:mod:`.labels`); g is :math:`\partial f/\partial h` and all layer exponents are those of
:class:`~infwidth.limits.Parameterization`.

* Initial weights of layer l: direction k goes to the new direction ``("N", l, k)``, sizes change by
  :math:`\tfrac12 - a_l - b_l` (no :math:`\tfrac12` from the input, whose dimension is fixed). A direction ``("T", l, k)`` that these same
  weights made on the way back returns as k too, at the same size: :math:`W W^\top k \approx m\,\mathrm{Var}(W)\,k`. The transpose is
  the same with N and T exchanged. A mean adds the constant at :math:`-a_l - b_l` times the sum of the vector.
* The update of layer l at step s is :math:`-\eta\, m^{-a_l - c_l}\, r_s\, g^l_s (x^{l-1}_s)^\top`. Forward it adds the directions of
  :math:`g^l_s` times :math:`m^{-2a_l - c_l}\,(x^{l-1}_s \cdot x^{l-1}_t)`, backward those of :math:`x^{l-1}_s` times
  :math:`m^{-2a_l - c_l}\,(g^l_s \cdot g^l_t)`; a bias adds those of :math:`g^l_s` at :math:`-c^b_l`.
* The activation and its slope: :mod:`.nonlinearity`.

Labels are needed: sizes alone do not say whether a sum over neurons is of order m or :math:`m^{1/2}`. Under IP-LLR all fields of a linear
network have the right sizes, but :math:`x^l` is orthogonal to :math:`g^l`, and from five hidden layers on nothing is learned. All samples
share their directions, and nothing cancels. So the calculus is an upper bound that parity, balanced data or a vanished
residual can undercut, it knows no prefactors, and it holds at a fixed number of steps: times that grow with m are outside.

References
----------
.. [yang2020feature] Yang and Hu, arXiv:2011.14522, appendix H: the closed form for O(1) pre-activations
   (:func:`infwidth.limits.scaling.yang_hu`).
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596: exponents of integrable parameterizations at steps 0 and 1.
"""

from __future__ import annotations

import numpy as np

from ...solvers.checks import integer, shown
from ..activations import Activation
from ..networks.parameterization import Parameterization
from .exponent_table import Exponents
from .label_run import Run
from .labels import dot, largest
from .nonlinearity import nonlinearity

__all__ = ["exponents"]

MOST_WORK = 2_000_000  # steps squared times layers: some minutes


def exponents(parameterization: Parameterization, activation: str | Activation = "relu", steps: int = 3) -> Exponents:
    r"""Powers of the width in every quantity of a training run, by the labelled exponent calculus.

    Parameters
    ----------
    parameterization : Parameterization
        Any a, b, c per layer, first-step rates, means, biases.
    activation : str or Activation, default "relu"
    steps : int, default 3
        Last step T of the table.

    Returns
    -------
    Exponents
        ``print`` it for a table.

    Raises
    ------
    ValueError
        Where ``steps`` is not a non-negative integer, or the activation is not known.

    Notes
    -----
    Squared loss: where f diverges, the residual does too. Full batch; the rate is of order 1 and the data are generic.

    Examples
    --------
    With three hidden layers, naive integrable scaling learns slower the wider the network; a large first step cures it from step 1
    (relu) or 2 (linear) on:

    >>> from infwidth.limits import Parameterization, scaling
    >>> scaling.exponents(Parameterization.integrable(3)).f_change
    array([-1., -1., -1., -1.])
    >>> llr = Parameterization.integrable_large_lr(3)
    >>> scaling.exponents(llr, "relu").f, scaling.exponents(llr, "linear").f
    (array([-1.5,  0. ,  0. ,  0. ]), array([-1.5, -0.5,  0. ,  0. ]))
    """
    if not isinstance(parameterization, Parameterization):
        raise TypeError(f"parameterization: need a Parameterization, got {shown(parameterization)}; for example Parameterization.mup(2)")
    steps = integer("steps", steps, least=0)
    work = (steps + 2) ** 2 * parameterization.hidden_layers
    if work > MOST_WORK:
        raise ValueError(
            f"steps: {steps} steps of {parameterization.hidden_layers} layers take {work:.1g} products of vectors; lower one of them"
        )
    run = Run(parameterization, nonlinearity(activation))
    try:
        for _ in range(steps + 2):  # one more, for the change in step T
            run.step()
    except RecursionError:  # images of images, layer by layer
        raise ValueError(f"parameterization: {parameterization.hidden_layers} hidden layers are too many; lower them") from None
    title = f"{parameterization.name}, {parameterization.hidden_layers} hidden layers, {run.phi.name}: exponents of m"
    return _table(run, steps, title)


def _own_update(run: Run, s: int) -> list[float]:
    """Effect of the update of step s on each layer at its own point, output layer last."""
    x = run.points[s].x
    hidden = [largest(run.learned(l, x[l - 1], s, s + 1)) for l in range(1, run.L + 1)]
    return [*hidden, max(dot(run.top_update(s, s + 1), x[-1]), run.output_bias(s, s + 1))]


def _own_bias_update(run: Run, s: int) -> list[float]:
    """The biases' part of it."""
    hidden = [largest(run.bias_update(l, s, s + 1)) for l in range(1, run.L + 1)]
    return [*hidden, run.output_bias(s, s + 1)]


def _table(run: Run, steps: int, title: str) -> Exponents:
    points = run.points[: steps + 1]
    pairs = {(t, t + 1) for t in range(steps + 1)} | {(0, t) for t in range(steps + 2)}
    moves = {pair: run.difference(*pair) for pair in pairs}
    changes = [moves[t, t + 1] for t in range(steps + 1)]
    return Exponents(
        h=_rounded([[largest(v) for v in p.h[1:]] for p in points]),
        x=_rounded([[largest(v) for v in p.x[1:]] for p in points]),
        gradient=1.0 + _rounded([[largest(v) for v in p.g[1:]] for p in points]),
        f=_rounded([p.f for p in points]),
        update=_rounded([_own_update(run, t) for t in range(steps + 1)]),
        change=_rounded([[largest(v) for v in change[0]] for change in changes]),
        f_change=_rounded([change[2] for change in changes]),
        moved=_rounded([[largest(v) for v in moves[0, t][1]] for t in range(steps + 2)]),
        title=title,
        bias_update=None if run.p.bias_c is None else _rounded([_own_bias_update(run, t) for t in range(steps + 1)]),
    )


def _rounded(values: object) -> np.ndarray:
    """Without the last digits of floating-point sums, and without minus zeros."""
    return np.round(np.asarray(values, dtype=float), 9) + 0.0
