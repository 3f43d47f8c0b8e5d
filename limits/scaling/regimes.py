r"""Which regime a parameterization is in: unstable, trivial, kernel or feature learning, and why.

With the exponents of steps 0..T (:func:`infwidth.limits.scaling.exponents`):

* *unstable* if some pre-activation or the output grows with the width;
* *trivial* if it is stable and the output moves by a vanishing amount in every step;
* *feature learning* if the output moves and the features :math:`x^L` of the last hidden layer move by the order of their own size;
* *kernel* if the output moves and the features, relative to their size, do not.

For pre-activations of order 1 and one rate exponent this is the dichotomy of [1]_ (:func:`infwidth.limits.scaling.yang_hu`). Movement
relative to size makes it invariant where a factor is shifted from a layer to the next.

References
----------
.. [1] Yang and Hu, arXiv:2011.14522, theorems 3.3 and 3.4.
.. [2] Hajjar, Chizat and Giraud, arXiv:2110.15596: integrable parameterizations with many layers start at a stationary point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...solvers.checks import integer
from ..activations import Activation
from ..parameterization import Parameterization
from ..saddle import escape_law
from .exponent_table import Exponents, power
from .invariance import which
from .nonlinearity import Nonlinearity, nonlinearity
from .propagation import exponents

__all__ = ["Regime", "regime"]

Array = np.ndarray

_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Regime:
    """A regime and its reasons.

    Attributes
    ----------
    name : str
        "unstable", "trivial", "kernel" or "feature_learning".
    why : str
        The exponent that decides, in words.
    exponents : Exponents
    """

    name: str
    why: str
    exponents: Exponents

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


def regime(parameterization: Parameterization, activation: str | Activation = "relu", steps: int | None = None) -> Regime:
    r"""Regime of a parameterization in a fixed number of gradient steps, as the width grows.

    Parameters
    ----------
    parameterization : Parameterization
    activation : str or Activation, default "relu"
    steps : int, optional
        Steps 0..T are looked at. Default: L + 1, since layers can come alive one per step.

    Returns
    -------
    Regime

    Raises
    ------
    ValueError
        Where ``steps`` is smaller than 1 or not an integer, or the activation is not known.

    Notes
    -----
    An exponent knows no constants: relu under IP-LLR learns features at every depth, but its first output falls by about a factor 5 per
    layer. And the regime is that of a fixed number of steps: a network of finite width leaves a stationary point of its limit after a
    time that grows with m.

    Examples
    --------
    >>> from infwidth.limits import Parameterization, scaling
    >>> [scaling.regime(Parameterization.integrable(L)).name for L in (1, 2, 3)]
    ['feature_learning', 'feature_learning', 'trivial']
    >>> print(scaling.regime(Parameterization.ntk(2)))
    kernel: f moves by order 1 in step 0, but the features of the last hidden layer move only by m^(-1/2) relative to their size...
    """
    if steps is None:
        steps = parameterization.hidden_layers + 1 if isinstance(parameterization, Parameterization) else 1
    steps = integer("steps", steps, least=1, way_out="step 1 is the first whose forward pass has learned")
    table = exponents(parameterization, activation, steps)
    grown = np.maximum(table.h.max(axis=1), table.f)
    if np.max(grown) > _TOLERANCE:
        return Regime("unstable", _why_unstable(table, int(np.argmax(grown > _TOLERANCE))), table)
    moves = table.f_change > -_TOLERANCE
    if not moves.any():
        return Regime("trivial", _why_trivial(parameterization, nonlinearity(activation), table), table)
    moved = _relative(table.moved[1:, -1], table.x[0, -1])
    when = int(np.argmax(moves))
    if moved.max() > -_TOLERANCE:
        return Regime("feature_learning", _why_features(parameterization, table, when, int(np.argmax(moved > -_TOLERANCE))), table)
    return Regime("kernel", _why_kernel(table, when, float(moved.max())), table)


def _relative(moved: Array, start: float) -> Array:
    """Movement relative to the larger of its two ends; minus infinity where nothing moved."""
    ends = np.maximum(start, moved)
    return np.where(np.isfinite(moved), moved - np.where(np.isfinite(ends), ends, 0.0), -np.inf)


def _m(e: float) -> str:
    if e == -np.inf:
        return "0 (exactly)"
    text = power(e)
    return f"m^{text}" if text.isdigit() else f"m^({text})"


def _why_unstable(table: Exponents, step: int) -> str:
    sizes = [*table.h[step], table.f[step]]
    l = int(np.argmax(np.array(sizes) > _TOLERANCE))
    what = "f" if l == table.hidden_layers else f"h^{l + 1}"
    if step == 0:
        cure = "make its initial weights smaller (larger a + b)"
    else:
        update = table.update[step - 1]
        cure = (
            f"the updates before are too large (that of layer {int(np.argmax(update)) + 1} in step {step - 1}: {_m(update.max())}); raise c"
        )
    return f"{what} grows like {_m(sizes[l])} at step {step}: {cure}."


def _why_features(p: Parameterization, table: Exponents, when: int, moved: int) -> str:
    layers = [str(l + 1) for l in range(table.hidden_layers) if table.update[:, l].max() > table.x[:, l].max() - _TOLERANCE]
    who = "no hidden layer by itself learns" if not layers else f"hidden layer {layers[0]} learns"
    if len(layers) > 1:
        who = f"hidden layers {', '.join(layers)} learn"
    text = (
        f"f moves by order 1 from step {when} on, and after step {moved} the features of the last hidden layer have moved by the order of"
        f" their own size; {who} at full speed."
    )
    if which(p) == "bias" and p.hidden_layers >= 3:
        text += (
            " But the input enters only through small overlaps of layer 2's update: expect the mean of y to be learned first, and a long"
            " plateau at the constant predictor."
        )
    return text


def _why_kernel(table: Exponents, when: int, moved: float) -> str:
    return (
        f"f moves by order 1 in step {when}, but the features of the last hidden layer move only by {_m(moved)} relative to their size:"
        " the tangent kernel stays what it was at the start, and the limit is linear in the parameters."
    )


def _why_trivial(p: Parameterization, phi: Nonlinearity, table: Exponents) -> str:
    L, update = p.hidden_layers, table.update[0, : p.hidden_layers]
    text = (
        f"f is of order {_m(table.f[0])} at the start and changes by at most {_m(table.f_change.max())} in each of the steps"
        f" 0..{table.steps}: "
    )
    kind = which(p)
    if kind == "standard" and phi.linear_at_zero and L >= 3:
        return text + (
            "signal and gradient shrink by m^(-1/2) per layer, so that even the largest update of step 0, that of layer"
            f" {int(np.argmax(update)) + 1}, is of order {_m(update.max())}. The limit starts at a stationary point: f = 0 for all time."
            f" A network of finite width only starts near it, and escapes after a time of order {_escape(L, kind)}. A large first step"
            " (IP-LLR) avoids it."
        )
    if kind == "large_lr" and phi.linear_at_zero and L >= 5:
        return text + (
            "the large first step brings every update to order 1, but it breaks the chain: the forward field of a layer is orthogonal to"
            " its backward field, so that the signal dies after layer 2 and the gradient below layer"
            f" {L - 1}, and no layer has both. The limit sits at a second stationary point: f = 0 for all time. A network of finite width"
            f" escapes after a time of order {_escape(L, kind)}. Activations with a mean (relu) avoid it."
        )
    return text + "in the limit f stays for any fixed number of steps what it is at the start. The rates are too small for these weights."


def _escape(L: int, scheme: str) -> str:
    """Time to leave the stationary point."""
    exponent, logarithm = escape_law(L, scheme)
    power = "" if exponent == 0 else _m(exponent)
    return f"{power} log m".strip() if logarithm else power
