r"""Activations: :math:`K \leftarrow \mathbb E\,\phi(u)\phi(v)` and :math:`\Theta \leftarrow \mathbb E\,\phi'(u)\phi'(v)\,\Theta`.

Positively 1-homogeneous ones (relu and its family), erf, gelu, elu, sin, cos, gaussian, sign and step have compiled closed forms. Any
other, your own included, has a Mehler series of as many terms as the tolerance asks, chosen by its error bound for every tile of pairs;
tell it its kinks. Pairs so strongly correlated that the series is too short go through :func:`infwidth.limits.gaussian.dual`, and so does
every pair of an activation with closed forms of your own, or of one with a kink beside which it is no polynomial of second degree (but
at 0): that is slow, but has its own error estimate. A point of variance 0, such as a zero row below biases that start at 0, passes by
:math:`\phi'(0)`, as it does in a network of finite width.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import special

from ...solvers.checks import real
from ...solvers.gram.program import Step
from .. import activations, gaussian
from ..activations import Activation
from .kernel import Kernel
from .layers import one
from .tracing import Branch, Trace, ratio

__all__ = ["Elementwise", "PairDual"]

Array = np.ndarray

CLOSED = {"erf": ("ERF", 2.0), "gelu": ("GELU", 1.0), "sin": ("SINE", 0.0), "cos": ("COSINE", 0.0), "gaussian": ("GAUSSIAN", 2.0)}
JUMPS = {"sign": 2 / math.pi, "step": 1 / math.pi}
ELU_LARGEST = (1.5, 4.0, 8.0, 14.0, 40.0)  # standard deviations up to which rules of 16, 24, 32, 48 and 128 nodes err by 1e-14
ELU_SMALLEST = 0.01
POLYNOMIALS = ("hermite(", "monomial(")  # whose series end
MOST_TERMS = 512  # of a series
SAME = 1e-30  # 1 - c of points that differ by rounding: one point
LONGEST = 1e75  # standard deviations: variances up to 1e150 have moments


@dataclass(frozen=True, repr=False)
class Elementwise(Kernel):
    r"""An activation, after a dense layer (or a sum of such): its input must be Gaussian.

    Parameters
    ----------
    activation : str or Activation
        By name, or your own from :func:`infwidth.limits.activations.custom`.
    tolerance : float, default 1e-11
        Error that this layer may add to the two expectations where they have no closed form, relative to
        :math:`(\mathbb E\,\phi(u)^2\, \mathbb E\,\phi(v)^2)^{1/2}` and the like for :math:`\phi'`. A warning says where it is missed.

    Raises
    ------
    ValueError, TypeError
        Where the activation is not known, or the tolerance out of its range.

    Examples
    --------
    >>> from infwidth.limits import kernels
    >>> k = kernels.serial(kernels.Dense(1.5), kernels.Elementwise("tanh"), kernels.Dense(1.5))
    >>> k.nngp([[1.0]])  # 1.5^2 E tanh(1.5 z)^2
    array([[1.21...]])
    """

    activation: str | Activation
    tolerance: float = 1e-11

    def __post_init__(self) -> None:
        activations.get(self.activation)
        real("tolerance", self.tolerance, least=1e-14, most=1)

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        branch, phi = one(branches, self), activations.get(self.activation)
        if not branch.gaussian:
            raise ValueError(f"kernel: {phi.name} needs Gaussian values, those of a dense layer (or a sum of such); place Dense before it")
        if phi.homogeneity == 1:
            std, tangent = _piecewise_linear(trace, branch, phi)
        elif branch.std.max() > LONGEST:
            raise ValueError(f"X1: values of size {branch.std.max():.3g} enter {phi.name}, too large to be squared; take smaller weights")
        elif phi.name in JUMPS:
            trace.step("JUMP", branch, np.zeros((0, len(branch.std))), JUMPS[phi.name])
            std, tangent = np.sqrt(gaussian.moments(phi, branch.std**2).square), np.zeros_like(branch.tangent)
        elif phi.name in CLOSED:
            std, tangent = _closed(trace, branch, phi)
        elif phi.name == "elu" and (rule := _rule(branch.std)) is not None:
            std, tangent = _elu(trace, branch, phi, rule)
        elif phi.duals and phi.name not in activations.names() and not phi.name.startswith(POLYNOMIALS):
            std, tangent = _generic(trace, branch, phi, self.tolerance)
        else:
            std, tangent = _series(trace, branch, phi, self.tolerance)
        return [Branch(branch.register, std, tangent)]


def _piecewise_linear(trace: Trace, branch: Branch, phi: Activation) -> tuple[Array, Array]:
    ends = phi.value(np.array([1.0, -1.0]))
    odd, even = float(ends[0] - ends[1]) / 2, float(ends[0] + ends[1]) / 2
    size, at_zero = math.hypot(odd, even), phi.at_zero()[1]
    if even:
        mu, still = 2 * (even / size) ** 2 / math.pi, (branch.std == 0) & (branch.tangent > 0)
        angle = _draw_near(trace, branch, still) if at_zero and still.any() else 0.0
        trace.step("PIECEWISE", branch, np.zeros((0, len(branch.std))), mu)
        if angle:
            _weigh(trace, branch, still, math.copysign(odd / size, at_zero * odd) / (1 - mu * angle))
    slope = np.where(branch.std > 0, size, abs(at_zero))
    return size * branch.std, slope * branch.tangent


def _draw_near(trace: Trace, branch: Branch, still: Array) -> float:
    """Points of variance 0, which have no direction, at one angle to all others, and that to each other at 0.

    With a = 1 - delta, the cosine of before, delta becomes delta - delta^2 / 2. The angle ends below pi / 4, so that what relu and its
    family leave of t is at least the odd part of the slope over its root mean square, whatever the two slopes are.
    """
    one_, zero = np.ones_like(branch.std), np.zeros_like(branch.std)
    delta = 1.0
    while delta > 1 - math.sqrt(0.5):
        trace.step("LINEAR", branch, np.stack([np.where(still, 1 - delta, 1.0), zero, zero, zero, one_]))
        delta -= delta**2 / 2
    return math.acos(1 - delta)


def _weigh(trace: Trace, branch: Branch, still: Array, weight: float) -> None:
    """The tangent kernel of points of variance 0 with others, times a number in [-1, 1]; with each other as it is."""
    one_, zero = np.ones_like(branch.std), np.zeros_like(branch.std)
    rest = np.where(still, math.sqrt(max(1 - weight**2, 0.0)), 0.0)
    trace.step("LINEAR", branch, np.stack([one_, zero, zero, rest, np.where(still, weight, 1.0)]))


def _closed(trace: Trace, branch: Branch, phi: Activation) -> tuple[Array, Array]:
    code, a = CLOSED[phi.name]
    q = branch.std**2
    moments = gaussian.moments(phi, q)
    std, slope = np.sqrt(moments.square), np.sqrt(moments.slope_square)
    one_ = np.ones_like(q)
    scale = branch.std if code == "GELU" else one_
    factors = [np.sqrt(a * q / (1 + a * q)), 1 / np.sqrt(1 + a * q), branch.std, ratio(scale, std), ratio(one_, slope)]
    trace.step(code, branch, np.stack(factors))
    return std, slope * branch.tangent


def _elu(trace: Trace, branch: Branch, phi: Activation, rule: int) -> tuple[Array, Array]:
    a = branch.std
    moments = gaussian.moments(phi, a**2)
    std, slope = np.sqrt(moments.square), np.sqrt(moments.slope_square)
    one_ = np.ones_like(a)
    factors = [0.5 * special.erfcx(a / math.sqrt(2)), np.zeros_like(a), a, ratio(one_, std), ratio(one_, slope)]
    trace.step("ELU", branch, np.stack(factors), float(rule))
    return std, slope * branch.tangent


def _rule(std: Array) -> int | None:
    """Which of the compiled rules integrates elu at these scales: nodes enough for the largest, and no cancellation at the smallest."""
    positive = std[std > 0]
    if not len(positive):
        return 0
    if positive.min() < ELU_SMALLEST:
        return None
    return next((rule for rule, largest in enumerate(ELU_LARGEST) if positive.max() <= largest), None)


def _generic(trace: Trace, branch: Branch, phi: Activation, tolerance: float) -> tuple[Array, Array]:
    moments = gaussian.moments(phi, branch.std**2)
    std, slope = np.sqrt(moments.square), np.sqrt(moments.slope_square)
    factors = np.stack([branch.std, ratio(np.ones_like(std), std), ratio(np.ones_like(std), slope)])
    trace.steps.append(Step("GENERIC", branch.register, branch.register, factors, dual=PairDual(phi, tolerance)))
    return std, slope * branch.tangent


def _series(trace: Trace, branch: Branch, phi: Activation, tolerance: float) -> tuple[Array, Array]:
    variances, index = np.unique(branch.std**2, return_inverse=True)
    for terms in (_enough(phi, variances[-1:], tolerance), MOST_TERMS):  # the largest variance needs most
        values, slopes = (gaussian.hermite_series(f, variances, terms, phi.kinks) for f in (phi.value, phi.derivative))
        (v, std, tail), (w, slope, slope_tail) = _relative(values), _relative(slopes)
        tails = 2 * np.maximum(tail, slope_tail)
        if tails[-1] <= tolerance:
            break
    inexact = max(float(ratio(series.error, size).max()) for series, size in ((values, std), (slopes, slope)))
    if inexact > tolerance:
        return _generic(trace, branch, phi, tolerance)
    std, slope = std[index], slope[index]
    unit = np.ones_like(std)
    trace.steps.append(
        Step(
            "SERIES",
            branch.register,
            branch.register,
            np.stack([branch.std, ratio(unit, std), ratio(unit, slope)]),
            values=np.ascontiguousarray(v[:, index]),
            slopes=np.ascontiguousarray(w[:, index]),
            tails=tails,
            tolerance=tolerance,
            dual=PairDual(phi, tolerance),
        )
    )
    return std, slope * branch.tangent


def _enough(phi: Activation, variance: Array, tolerance: float) -> int:
    """Terms, in fours, after which less than the tolerance is missing at this variance; at most all."""
    worst = [_relative(gaussian.hermite_series(f, variance, MOST_TERMS, phi.kinks))[2] for f in (phi.value, phi.derivative)]
    short = int((np.maximum(*worst) > tolerance / 4).sum())
    return min(4 * (short + 1), MOST_TERMS)


def _relative(series: gaussian.HermiteSeries) -> tuple[Array, Array, Array]:
    """Coefficients (K, M) over the root mean square, that (M,), and what is missing of 1 after 4, 8, .. terms in the worst case."""
    squares = series.coefficients**2
    size = np.sqrt(squares.sum(axis=1) + series.tail**2)
    beyond = np.cumsum(squares[:, ::-1], axis=1)[:, ::-1]  # from the k-th on
    beyond = np.concatenate((beyond[:, 4::4], np.zeros((len(size), 1))), axis=1) + series.tail[:, None] ** 2
    return ratio(series.coefficients.T, np.broadcast_to(size, series.coefficients.T.shape)), size, _worst(beyond, size)


def _worst(beyond: Array, size: Array) -> Array:
    return ratio(beyond, np.broadcast_to(size[:, None] ** 2, beyond.shape)).max(axis=0)


@dataclass(frozen=True)
class PairDual:
    """The two expectations of pairs, by :func:`infwidth.limits.gaussian.dual`."""

    activation: Activation
    tolerance: float

    def __call__(self, std: Array, other: Array, delta: Array) -> tuple[Array, Array]:
        q1, q2 = std**2, other**2
        sine = np.where(delta > SAME, np.sqrt(delta * (2 - delta)), 0.0)
        variances, index = np.unique(np.concatenate((q1, q2)), return_inverse=True)
        moments = gaussian.moments(self.activation, variances)
        found = []
        for of, squares in (("value", moments.square), ("derivative", moments.slope_square)):
            estimate = gaussian.dual(self.activation, q1, q2, 1 - delta, of=of, tolerance=self.tolerance / 10, sine=sine)  # type: ignore[arg-type]
            size = np.sqrt(squares)[index]
            worst = float(ratio(estimate.error, size[: len(q1)] * size[len(q1) :]).max())
            if worst > self.tolerance:
                warnings.warn(
                    f"kernel: the expectations of {self.activation.name} are known to {worst:.1g} only, not to {self.tolerance:.1g}; tell"
                    " its kinks, or take smaller variances",
                    stacklevel=2,
                )
            found.append(estimate.value)
        return found[0], found[1]
