r"""One training run in labelled tropical vectors: forward pass, backward pass and updates, step by step.

The rules are those of :mod:`.exponent_calculus`. A step of gradient descent changes layer l by :math:`g^l\,(x^{l-1})^\top`; what it leaves
behind is a :class:`Move`, all that later passes need to know of it. A step of RMSProp divides that, entry by entry, by the root mean square
of all gradients so far: a matrix of order 1 or smaller, with the directions of g and x at the sizes that they have relative to
the largest, as signs have them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..networks.parameterization import Parameterization
from .labels import NONE, Vector, add, direction, dot, largest, scaled, thinned
from .nonlinearity import Nonlinearity

__all__ = ["Move", "Point", "Run"]


@dataclass(frozen=True)
class Move:
    """What one step adds to the weights of one layer, and to its bias.

    Attributes
    ----------
    left, right : Vector
        The update is their outer product. The output layer has no ``left``.
    size : float
        Exponent in front of it, the multiplier of the layer included.
    entry : float
        Exponent of an entry of the update of the weights, without that multiplier.
    bias : float
        Exponent in front of ``left`` in the update of the bias.
    """

    left: Vector
    right: Vector
    size: float
    entry: float
    bias: float


@dataclass
class Point:
    """Vectors of one step: x[0] is the input, x[l], h[l], g[l] of layer l; moves[l - 1] of layer l, the output's last."""

    h: list[Vector]
    x: list[Vector]
    g: list[Vector]
    f: float
    moves: list[Move] = field(init=False)


class Run:
    """A network in training; ``points`` holds its steps so far, which are its updates as well.

    Parameters
    ----------
    p : Parameterization
    phi : Nonlinearity
    bounded : bool
        Whether residuals stay of order 1 where f diverges, as those of the logistic loss.
    normalised : bool
        Steps of RMSProp in place of gradient descent, of the size of their rates; residuals do not count.
    """

    def __init__(self, p: Parameterization, phi: Nonlinearity, bounded: bool = False, normalised: bool = False) -> None:
        self.p, self.phi, self.L = p, phi, p.hidden_layers
        self.bounded, self.normalised = bounded, normalised
        self.points: list[Point] = []
        self._largest = [NONE] * (self.L + 1)  # gradient of an entry of each layer so far

    def step(self) -> None:
        """Forward and backward pass of the next step."""
        t = len(self.points)
        h: list[Vector] = [{}]
        x: list[Vector] = [direction("x")]
        for l in range(1, self.L + 1):
            h.append(thinned(add(self.weights(l, x[-1]), self.learned(l, x[-1], 0, t), self._bias(l))))
            x.append(self.phi.value(h[-1]))
        top = self.top(t)
        f = max(dot(top, x[-1]), self.output_bias(0, t), 0.0 if self._bias(self.L + 1) else NONE)
        g: list[Vector] = [{} for _ in h]
        back = top
        for l in range(self.L, 0, -1):
            g[l] = self.phi.times_slope(back, h[l])
            back = self._weights_back(l, g[l], t) if l > 1 else {}
        point = Point(h, x, g, f)
        point.moves = [self._move(l, t, point) for l in range(1, self.L + 2)]
        self.points.append(point)

    # The layers and their parts.

    def weights(self, l: int, v: Vector) -> Vector:
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
        for past in self.points[:t]:
            move = past.moves[l - 1]
            out = add(out, scaled(move.right, move.size + dot(move.left, v)))
        return thinned(out)

    def update(self, l: int, v: Vector, start: int, stop: int) -> Vector:
        """Weight updates of layer l in the steps from start to before stop, applied to v."""
        out: Vector = {}
        for past in self.points[start:stop]:
            move = past.moves[l - 1]
            overlap = dot(move.right, v) if l > 1 else largest(move.right) + largest(v)
            out = add(out, scaled(move.left, move.size + overlap))
        return out

    def bias_update(self, l: int, start: int, stop: int) -> Vector:
        """Bias updates of hidden layer l in those steps."""
        return add(*(scaled(past.moves[l - 1].left, past.moves[l - 1].bias) for past in self.points[start:stop]))

    def learned(self, l: int, v: Vector, start: int, stop: int) -> Vector:
        """All that the updates of layer l in those steps add to its pre-activation at input v."""
        return add(self.update(l, v, start, stop), self.bias_update(l, start, stop))

    def top(self, t: int) -> Vector:
        """Output weights at step t, multiplier included: df/dx^L."""
        return thinned(add(self.first_top(), self.top_update(0, t)))

    def first_top(self) -> Vector:
        """Those of the start."""
        size = -self.p.a[-1] - self.p.b[-1]
        w = direction("w", size) if self.p.weight_std[-1] else {}
        return add(w, direction("one", size)) if self.p.mean[-1] else w

    def top_update(self, start: int, stop: int) -> Vector:
        """Their updates in the steps from start to before stop."""
        return add(*(scaled(past.moves[-1].right, past.moves[-1].size) for past in self.points[start:stop]))

    def difference(self, s: int, t: int) -> tuple[list[Vector], list[Vector], float]:
        """Vectors ``h_t - h_s`` and ``x_t - x_s`` of layers 1..L, and the exponent of ``f_t - f_s``."""
        old, new = self.points[s], self.points[t]
        dh: list[Vector] = [{}]
        dx: list[Vector] = [{}]
        for l in range(1, self.L + 1):
            carried = add(self.weights(l, dx[-1]), self.update(l, dx[-1], 0, s)) if l > 1 else {}
            dh.append(thinned(add(self.learned(l, new.x[l - 1], s, t), carried)))
            # between two points of one line the slope is that at their larger one
            dx.append(self.phi.times_slope(dh[-1], add(old.h[l], new.h[l])))
        df = max(dot(self.top_update(s, t), new.x[-1]), dot(self.top(s), dx[-1]), self.output_bias(s, t))
        return dh[1:], dx[1:], df

    def _bias(self, l: int) -> Vector:
        return direction(("b", l)) if self.p.bias_std and self.p.bias_std[l - 1] else {}

    def output_bias(self, start: int, stop: int) -> float:
        """Exponent of what the updates of the output bias in those steps add to f."""
        return max((past.moves[-1].bias for past in self.points[start:stop]), default=NONE)

    # The updates.

    def _move(self, l: int, s: int, at: Point) -> Move:
        """The update of layer l at step s."""
        a = self.p.a[l - 1]
        c = self.p.first_c if s == 0 and self.p.first_c else self.p.c
        bias_c = self.p.first_bias_c if s == 0 and self.p.first_bias_c else self.p.bias_c
        left, right, residual = at.g[l] if l <= self.L else {}, at.x[l - 1], 0.0 if self.bounded else max(0.0, at.f)
        sizes = (largest(left) if l <= self.L else 0.0, largest(right))
        if self.normalised and min(sizes) > NONE:
            self._largest[l - 1] = max(self._largest[l - 1], sum(sizes))
            rate, residual = -c[l - 1], sum(sizes) - self._largest[l - 1]  # a gradient that has shrunk moves less
            left, right, sizes = scaled(left, -sizes[0]), scaled(right, -sizes[1]), (0.0, 0.0)
        else:
            rate = -a - c[l - 1]
        bias = NONE if bias_c is None else -bias_c[l - 1] + residual
        return Move(left, right, rate - a + residual, rate + residual + sum(sizes), bias)
