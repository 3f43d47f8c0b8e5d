r"""Which regime a parameterization is in: unstable, trivial, kernel or feature learning, and why.

With the exponents of steps 0..T (:func:`infwidth.limits.scaling.exponents`), their changes in step T included:

* *unstable* if some pre-activation or the output grows with the width;
* *trivial* if it is stable and the output moves by a vanishing amount in every step;
* *feature learning* if the output moves and the features :math:`x^L` of the last hidden layer move by the order of their own size;
* *kernel* if the output moves and the features, relative to their size, do not.

For pre-activations of order 1 and one rate exponent this is the dichotomy of [yang2020feature]_ (:func:`infwidth.limits.scaling.yang_hu`).
Movement relative to size makes it invariant where a factor is shifted from a layer to the next.

References
----------
.. [yang2020feature] Yang and Hu, arXiv:2011.14522, theorem 3.3 (stable) and corollary 3.9 (the dichotomy).
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596: integrable parameterizations with many layers start at a stationary point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...solvers.checks import integer
from ..activations import Activation
from ..integrable.saddle import escape_scaling, is_stationary
from ..integrable.schemes import STATIONARY_FROM
from ..networks.parameterization import Parameterization
from .exponent_calculus import exponents
from .exponent_table import Exponents, power
from .invariance import which
from .nonlinearity import Nonlinearity, nonlinearity

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
    r"""Regime of a parameterization in steps 0..T of gradient descent, as the width grows.

    Parameters
    ----------
    parameterization : Parameterization
    activation : str or Activation, default "relu"
    steps : int, optional
        Last step T. Default: L + 1, since layers can come alive one per step, and then twice and four times as many until the
        last two steps have the same exponents.

    Returns
    -------
    Regime

    Raises
    ------
    ValueError
        Where ``steps`` is smaller than 1 or not an integer, or the activation is not known.

    Notes
    -----
    The name is that of the steps looked at (``.exponents.steps``), and more of them can change it: powers may build up step by step. An
    exponent knows no constants: relu under IP-LLR learns features at every depth, but its first output falls by about a factor 5 per
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
    if steps is not None:
        steps = integer("steps", steps, least=1, way_out="step 1 is the first whose forward pass has learned")
    table = _settled(parameterization, activation) if steps is None else exponents(parameterization, activation, steps)
    size = _sizes(table)
    if size.max() > _TOLERANCE:
        return Regime("unstable", _why_unstable(parameterization, table, size), table)
    moves = table.f_change > -_TOLERANCE
    if not moves.any():
        return Regime("trivial", _why_trivial(parameterization, nonlinearity(activation), table), table)
    moved = _relative(table.moved[1:, -1], table.x[0, -1])
    when = int(np.argmax(moves))
    if moved.max() > -_TOLERANCE:
        return Regime("feature_learning", _why_features(parameterization, table, when, int(np.argmax(moved > -_TOLERANCE))), table)
    return Regime("kernel", _why_kernel(table, when, float(moved.max())), table)


def _settled(p: Parameterization, activation: str | Activation) -> Exponents:
    """The table of L + 1 steps, or of 2 or 4 times as many where it takes them to become unstable or to stop changing."""
    steps = p.hidden_layers + 1 if isinstance(p, Parameterization) else 1  # exponents says what is wrong
    for factor in (1, 2, 4):
        table = exponents(p, activation, factor * steps)
        if _sizes(table).max() > _TOLERANCE or all(np.array_equal(row[-1], row[-2]) for _, row in table.rows()):
            break
    return table


def _sizes(table: Exponents) -> Array:
    """Exponents of h^1 .. h^L and f at steps 0..T + 1, shape (T + 2, L + 1); those of T + 1 from the changes in step T."""
    now = np.column_stack([table.h, table.f])
    after = np.maximum(now, np.column_stack([table.change, table.f_change]))
    return np.concatenate([now[:1], np.maximum(now[1:], after[:-1]), after[-1:]])


def _relative(moved: Array, start: float) -> Array:
    """Movement relative to the larger of its two ends; minus infinity where nothing moved."""
    ends = np.maximum(start, moved)
    return np.where(np.isfinite(moved), moved - np.where(np.isfinite(ends), ends, 0.0), -np.inf)


def _m(e: float) -> str:
    if e == -np.inf:
        return "0 (exactly)"
    text = power(e)
    return f"m^{text}" if text.isdigit() else f"m^({text})"


def _why_unstable(p: Parameterization, table: Exponents, size: Array) -> str:
    L = table.hidden_layers
    step = int(np.argmax(size.max(axis=1) > _TOLERANCE))
    l = int(np.argmax(size[step] > _TOLERANCE))
    text = f"{'f' if l == L else f'h^{l + 1}'} grows like {_m(size[step, l])} at step {step}: "
    if step == 0:
        return text + "make its initial weights smaller (larger a + b)."
    update = table.update[step - 1]  # earlier ones are of order 1 at most, for nothing has grown before
    if update[: l + 1].max() > _TOLERANCE:
        large = [f"layer {k + 1} in step {step - 1}: {_m(update[k])}" for k in range(L + 1) if update[k] > _TOLERANCE]
        return (
            text
            + f"of the updates before, these are too large by themselves ({', '.join(large)}); raise their {_rate_name(p, step - 1, step)}."
        )
    s, k = np.unravel_index(np.argmax(table.update[:step, : l + 1]), (step, l + 1))
    return text + (
        f"no update by itself is that large (the largest is that of layer {k + 1} in step {s}: {_m(table.update[s, k])}), but together,"
        f" through all layers and steps, they grow; raise {_rate_name(p, 0, step)}, or make the initial weights smaller."
    )


def _rate_name(p: Parameterization, start: int, stop: int) -> str:
    """Names of the exponents of the rates in the steps from start to before stop."""
    names = []
    for own, later in (("first_c", "c"), ("first_bias_c", "bias_c")):
        if getattr(p, later) is None:
            continue
        first = getattr(p, own) is not None
        names += [own] * (first and start == 0) + [later] * (not first or stop > 1)
    return " or ".join(names)


def _why_features(p: Parameterization, table: Exponents, when: int, moved: int) -> str:
    layers = [str(l + 1) for l in range(table.hidden_layers) if table.update[:, l].max() > table.h[:, l].max() - _TOLERANCE]
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
    zero = [str(l + 1) for l, std in enumerate(p.weight_std) if not std and not p.mean[l]]
    if zero:  # the escape times below need noise in every layer
        who = f"layer {zero[0]} start" if len(zero) == 1 else f"layers {', '.join(zero)} start"
        return text + f"the weights of {who} at exactly zero. In the limit f stays in these steps what it is at the start."
    kind = which(p)
    if kind is None or kind not in STATIONARY_FROM or not phi.linear_at_zero or not is_stationary(L, kind):
        return text + "in the limit f stays in these steps what it is at the start."
    if kind == "naive":
        return text + (
            "signal and gradient shrink by m^(-1/2) per layer, so that even the largest update of step 0, that of layer"
            f" {int(np.argmax(update)) + 1}, is of order {_m(update.max())}. The limit starts at a stationary point: f = 0 for all time."
            f" A network of finite width only starts near it, and escapes after a time of order {_escape(L, kind)}. A large first step"
            " (IP-LLR) avoids it."
        )
    return text + (
        "the large first step brings every update to order 1, but it breaks the chain: the forward field of a layer is orthogonal to"
        " its backward field, so that the signal dies after layer 2 and the gradient below layer"
        f" {L - 1}, and no layer has both. The limit sits at a second stationary point: f = 0 for all time. A network of finite width"
        f" escapes after a time of order {_escape(L, kind)}. Activations with a mean (relu) avoid it."
    )


def _escape(L: int, scheme: str) -> str:
    """Time to leave the stationary point."""
    exponent, logarithm = escape_scaling(L, scheme)
    power = "" if exponent == 0 else _m(exponent)
    return f"{power} log m".strip() if logarithm else power
