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

from dataclasses import dataclass, field

import numpy as np

from ...solvers.checks import integer, shown
from ..activations import Activation
from ..networks.parameterization import Parameterization
from .exponent_table import Exponents
from .labels import NONE, Vector, add, direction, dot, largest, scaled, thinned
from .nonlinearity import Nonlinearity, nonlinearity

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
    run = _Run(parameterization, nonlinearity(activation))
    for _ in range(steps + 2):  # one more, for the change in step T
        run.step()
    title = f"{parameterization.name}, {parameterization.hidden_layers} hidden layers, {run.phi.name}: exponents of m"
    return run.table(steps, title)


@dataclass
class _Point:
    """Vectors of one step: x[0] is the input, x[l], h[l], g[l] of layer l."""

    h: list[Vector]
    x: list[Vector]
    g: list[Vector]
    f: float
    residual: float = field(init=False)

    def __post_init__(self) -> None:
        self.residual = max(0.0, self.f)


class _Run:
    """A network in training; ``points`` holds its steps so far, which are its updates as well."""

    def __init__(self, p: Parameterization, phi: Nonlinearity) -> None:
        self.p, self.phi, self.L = p, phi, p.hidden_layers
        self.points: list[_Point] = []

    def step(self) -> None:
        """Forward and backward pass of the next step."""
        t = len(self.points)
        h: list[Vector] = [{}]
        x: list[Vector] = [direction("x")]
        for l in range(1, self.L + 1):
            h.append(thinned(add(self._weights(l, x[-1]), self._learned(l, x[-1], 0, t), self._bias(l))))
            x.append(self.phi.value(h[-1]))
        top = self._top(t)
        f = max(dot(top, x[-1]), self._output_bias(0, t), 0.0 if self._bias(self.L + 1) else NONE)
        g: list[Vector] = [{} for _ in h]
        back = top
        for l in range(self.L, 0, -1):
            g[l] = self.phi.times_slope(back, h[l])
            back = self._weights_back(l, g[l], t) if l > 1 else {}
        self.points.append(_Point(h, x, g, f))

    # The layers and their parts.

    def _weights(self, l: int, v: Vector) -> Vector:
        """Initial weights of layer l applied to v; l = 1 acts on the input."""
        size = -self.p.a[l - 1] - self.p.b[l - 1]
        out: Vector = {}
        if self.p.weight_std[l - 1]:
            noise = scaled(v, size + (0.5 if l > 1 else 0.0))
            returned = {label[2]: e for label, e in noise.items() if label[:2] == ("T", l)}
            out = add({("N", l, label): e for label, e in noise.items()}, returned)  # type: ignore[arg-type]
        if self.p.mean[l - 1]:
            out = add(out, direction("one", size + (dot(direction("one"), v) if l > 1 else largest(v))))
        return out

    def _weights_back(self, l: int, v: Vector, t: int) -> Vector:
        """Transpose of layer l's weights at step t, applied to v; the updates included."""
        size = -self.p.a[l - 1] - self.p.b[l - 1]
        out: Vector = {}
        if self.p.weight_std[l - 1]:
            noise = scaled(v, size + 0.5)
            returned = {label[2]: e for label, e in noise.items() if label[:2] == ("N", l)}
            out = add({("T", l, label): e for label, e in noise.items()}, returned)  # type: ignore[arg-type]
        if self.p.mean[l - 1]:
            out = add(out, direction("one", size + dot(direction("one"), v)))
        for s in range(t):
            past = self.points[s]
            out = add(out, scaled(past.x[l - 1], self._rate(l, s) + dot(past.g[l], v)))
        return thinned(out)

    def _update(self, l: int, v: Vector, start: int, stop: int) -> Vector:
        """Weight updates of layer l in the steps from start to before stop, applied to v."""
        out: Vector = {}
        for s in range(start, stop):
            past = self.points[s]
            overlap = dot(past.x[l - 1], v) if l > 1 else largest(v)
            out = add(out, scaled(past.g[l], self._rate(l, s) + overlap))
        return out

    def _bias_update(self, l: int, start: int, stop: int) -> Vector:
        """Bias updates of hidden layer l in those steps."""
        return add(*(scaled(self.points[s].g[l], self._bias_rate(l, s)) for s in range(start, stop)))

    def _learned(self, l: int, v: Vector, start: int, stop: int) -> Vector:
        """All that the updates of layer l in those steps add to its pre-activation at input v."""
        return add(self._update(l, v, start, stop), self._bias_update(l, start, stop))

    def _top(self, t: int) -> Vector:
        """Output weights at step t, multiplier included: df/dx^L."""
        size = -self.p.a[-1] - self.p.b[-1]
        w = direction("w", size) if self.p.weight_std[-1] else {}
        if self.p.mean[-1]:
            w = add(w, direction("one", size))
        return thinned(add(w, self._top_update(0, t)))

    def _top_update(self, start: int, stop: int) -> Vector:
        return add(*(scaled(self.points[s].x[-1], self._rate(self.L + 1, s)) for s in range(start, stop)))

    def _bias(self, l: int) -> Vector:
        return direction(("b", l)) if self.p.bias_std and self.p.bias_std[l - 1] else {}

    def _output_bias(self, start: int, stop: int) -> float:
        return max((self._bias_rate(self.L + 1, s) for s in range(start, stop)), default=NONE)

    # Exponents of the factors of an update.

    def _rate(self, l: int, s: int) -> float:
        c = self.p.first_c if s == 0 and self.p.first_c else self.p.c
        return -2 * self.p.a[l - 1] - c[l - 1] + self.points[s].residual

    def _bias_rate(self, l: int, s: int) -> float:
        c = self.p.first_bias_c if s == 0 and self.p.first_bias_c else self.p.bias_c
        return NONE if c is None else -c[l - 1] + self.points[s].residual

    def own_update(self, s: int) -> list[float]:
        """Effect of the update of step s on each layer at its own point, output layer last."""
        x = self.points[s].x
        hidden = [largest(self._learned(l, x[l - 1], s, s + 1)) for l in range(1, self.L + 1)]
        return [*hidden, max(self._rate(self.L + 1, s) + dot(x[-1], x[-1]), self._output_bias(s, s + 1))]

    def own_bias_update(self, s: int) -> list[float]:
        """The biases' part of it."""
        hidden = [largest(self._bias_update(l, s, s + 1)) for l in range(1, self.L + 1)]
        return [*hidden, self._output_bias(s, s + 1)]

    def difference(self, s: int, t: int) -> tuple[list[float], list[float], float]:
        """Exponents of ``h_t - h_s`` and ``x_t - x_s``, layer by layer, and of ``f_t - f_s``."""
        old, new = self.points[s], self.points[t]
        dh: list[Vector] = [{}]
        dx: list[Vector] = [{}]
        for l in range(1, self.L + 1):
            carried = add(self._weights(l, dx[-1]), self._update(l, dx[-1], 0, s)) if l > 1 else {}
            dh.append(thinned(add(self._learned(l, new.x[l - 1], s, t), carried)))
            # between two points of one line the slope is that at their larger one
            dx.append(self.phi.times_slope(dh[-1], add(old.h[l], new.h[l])))
        df = max(dot(self._top_update(s, t), new.x[-1]), dot(self._top(s), dx[-1]), self._output_bias(s, t))
        return [largest(v) for v in dh[1:]], [largest(v) for v in dx[1:]], df

    def table(self, steps: int, title: str) -> Exponents:
        points = self.points[: steps + 1]
        pairs = {(t, t + 1) for t in range(steps + 1)} | {(0, t) for t in range(steps + 2)}
        difference = {pair: self.difference(*pair) for pair in pairs}
        changes = [difference[t, t + 1] for t in range(steps + 1)]
        return Exponents(
            h=_rounded([[largest(v) for v in p.h[1:]] for p in points]),
            x=_rounded([[largest(v) for v in p.x[1:]] for p in points]),
            gradient=1.0 + _rounded([[largest(v) for v in p.g[1:]] for p in points]),
            f=_rounded([p.f for p in points]),
            update=_rounded([self.own_update(t) for t in range(steps + 1)]),
            change=_rounded([change[0] for change in changes]),
            f_change=_rounded([change[2] for change in changes]),
            moved=_rounded([difference[0, t][1] for t in range(steps + 2)]),
            title=title,
            bias_update=None if self.p.bias_c is None else _rounded([self.own_bias_update(t) for t in range(steps + 1)]),
        )


def _rounded(values: object) -> np.ndarray:
    """Without the last digits of floating-point sums, and without minus zeros."""
    return np.round(np.asarray(values, dtype=float), 9) + 0.0
