r"""What one layer of an infinitely wide random network does to variances and correlations.

With weights of variance :math:`\sigma_w^2/m`, biases of variance :math:`\sigma_b^2`, dropout that keeps a unit with probability
:math:`\rho` (and divides by it), and a skip connection of strength s, pre-activations of variance q and correlation c become

.. math::
    V(q) &= s^2 q + \frac{\sigma_w^2}{\rho}\, \mathbb E\,\phi(\sqrt q z)^2 + \sigma_b^2, \\
    C(c) &= \frac{s^2 c\, q + \sigma_w^2\, \mathbb E\,\phi(u)\phi(v) + \sigma_b^2}{V(q)},
    \qquad u, v \sim N(0, q),\ \operatorname{corr} = c,

and perturbations of the variance and the correlation, and gradients, are multiplied per layer by [poole2016]_ [schoenholz2016]_

.. math::
    \chi_\parallel = V'(q) = s^2 + \frac{\sigma_w^2}{\rho}\,\mathbb E\,(\phi'^2 + \phi\phi''), \qquad
    \chi(c) = C'(c) = \frac qV \big(s^2 + \sigma_w^2\,\mathbb E\,\phi'(u)\phi'(v)\big), \qquad
    \chi_1 = s^2 + \frac{\sigma_w^2}{\rho}\,\mathbb E\,\phi'^2 .

At the fixed point :math:`q^* = V(q^*)` signals that differ come to the correlation :math:`c^*` as :math:`e^{-l/\xi_c}` with
:math:`\xi_c = -1/\log \chi(c^*)`, variances as :math:`\xi_q = -1/\log\chi_\parallel`, and gradients scale as :math:`\chi_1^l`. Below
:math:`\chi_1 = 1` the network is ordered (:math:`c^* = 1`), above it chaotic. It is trainable to a depth of about :math:`6\,\xi_c`.

References
----------
.. [poole2016] Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli, arXiv:1606.05340.
.. [schoenholz2016] Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, arXiv:1611.01232: depth scales of variances and
   correlations (equations 7 and 9), gradients, dropout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import integer, numbers, real
from .. import activations, gaussian
from ..activations import Activation
from .fixed_points import SETTLED, first_fixed_variance, stable_correlation

__all__ = ["DepthScales", "FixedPoint", "MeanFieldMaps"]

Array = np.ndarray

TOLERANCE = 1e-12
DEEPEST = 100_000  # layers
EXAMPLE = 'MeanFieldMaps("tanh", 1.5, 0.05)'
LARGEST = 1e12  # variance, after which a path is taken to diverge


class FixedPoint(NamedTuple):
    r"""Where variances and correlations go.

    Attributes
    ----------
    q : float
        :math:`q^*`; inf where variances grow without bound.
    c : float
        Stable correlation :math:`c^*`: 1 in the ordered phase, below 1 in the chaotic one; nan where q is 0 or inf.
    slope : float
        :math:`\chi_\parallel` at q, below 1 where the fixed point attracts.
    chi_1 : float
        :math:`\chi_1`, the growth of gradients per layer.
    chi : float
        :math:`\chi(c^*)`, the contraction of correlations.
    """

    q: float
    c: float
    slope: float
    chi_1: float
    chi: float


class DepthScales(NamedTuple):
    r"""Layers over which things change by a factor e; inf at criticality, 0 where they end at once.

    Attributes
    ----------
    variance, correlation : float
        :math:`\xi_q` and :math:`\xi_c`.
    gradient : float
        :math:`-1/\log\chi_1`: positive where gradients vanish, negative where they explode.
    trainable : float
        :math:`6\,\xi_c`, the depth up to which such networks were seen to train.
    """

    variance: float
    correlation: float
    gradient: float
    trainable: float


@dataclass(frozen=True)
class MeanFieldMaps:
    r"""The maps of one layer.

    Parameters
    ----------
    activation : str or Activation
    weight_variance : float
        :math:`\sigma_w^2 > 0`, of the weights times the width.
    bias_variance : float
        :math:`\sigma_b^2 \ge 0`.
    keep : float, default 1
        :math:`\rho`: the part of the units that dropout keeps; masks of two inputs are independent.
    skip : float, default 0
        s: strength of the residual connection around the layer.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    Every correlation of a chaotic tanh network goes to the same value below 1:

    >>> from infwidth.limits import propagation
    >>> maps = propagation.MeanFieldMaps("tanh", 2.5**2, 0.3**2)
    >>> point = maps.fixed_point()
    >>> round(point.q, 6), 0 < point.c < 1, point.chi_1 > 1
    (4.079124, True, True)
    >>> bool(abs(maps.correlations(0.9, 100)[-1] - point.c) < 1e-6)
    True
    """

    activation: str | Activation
    weight_variance: float
    bias_variance: float
    keep: float = 1.0
    skip: float = 0.0

    def __post_init__(self) -> None:
        activations.get(self.activation)
        object.__setattr__(self, "weight_variance", real("weight_variance", self.weight_variance, above=0))
        object.__setattr__(self, "bias_variance", real("bias_variance", self.bias_variance, least=0))
        object.__setattr__(self, "keep", real("keep", self.keep, above=0, most=1, way_out="it is the part of the units that stay"))
        object.__setattr__(self, "skip", real("skip", self.skip, least=-1e6, most=1e6))

    def variance_map(self, q: Any) -> Array:
        """V(q), of the shape of q."""
        square = gaussian.moments(self.activation, q, TOLERANCE).square  # refuses what is no variance
        return self.skip**2 * np.asarray(q, float) + self._strong * square + self.bias_variance

    def variance_slope(self, q: Any) -> Array:
        r""":math:`\chi_\parallel = V'(q)`, of the shape of q."""
        m = gaussian.moments(self.activation, q, TOLERANCE)
        return self.skip**2 + self._strong * (m.slope_square + m.curvature)

    def correlation_map(self, c: Any, q: float | None = None) -> Array:
        """C(c) at one variance q of both inputs (default: the fixed point), of the shape of c. ValueError where c is no correlation."""
        c, q = numbers("c", c).astype(float, copy=False), self._at(q)
        shared = self.weight_variance * gaussian.dual(self.activation, q, q, c, tolerance=TOLERANCE).value
        return (self.skip**2 * c * q + shared + self.bias_variance) / self.variance_map(q)

    def chi(self, c: Any = 1.0, q: float | None = None) -> Array:
        r""":math:`C'(c)` at the variance q (default: the fixed point), of the shape of c. ValueError where c is no correlation.

        >>> from infwidth.limits import propagation
        >>> float(propagation.MeanFieldMaps("relu", 2.0, 0.0).chi(1.0, q=3.0))  # critical at every variance
        1.0
        """
        c, q = numbers("c", c).astype(float, copy=False), self._at(q)
        slope = gaussian.dual(self.activation, q, q, c, of="derivative", tolerance=TOLERANCE).value
        return q / self.variance_map(q) * (self.skip**2 + self.weight_variance * slope)

    def gradient_growth(self, q: Any) -> Array:
        r""":math:`\chi_1` at variances q: growth per layer of the mean square of a gradient, of the shape of q."""
        return self.skip**2 + self._strong * gaussian.moments(self.activation, q, TOLERANCE).slope_square

    def variances(self, q: float, depth: int) -> Array:
        """Variances q, V(q), V(V(q)), ...: shape (depth + 1,). ValueError where q or depth is negative."""
        path = [real("q", q, least=0)]
        for _ in range(integer("depth", depth, least=0, most=DEEPEST)):
            path.append(float(self.variance_map(path[-1])) if path[-1] < LARGEST else math.inf)
        return np.array(path)

    def correlations(self, c: float, depth: int, q: float | None = None) -> Array:
        """Correlations of two inputs layer by layer, c, C(c), ...: shape (depth + 1,); from the variance q of both on (default: the fixed
        point). ValueError where an argument is out of its range."""
        path, q = [real("c", c, least=-1, most=1)], self._at(q)
        for _ in range(integer("depth", depth, least=0, most=DEEPEST)):
            path.append(float(np.clip(self.correlation_map(path[-1], q), -1, 1)))
            q = float(self.variance_map(q))
        return np.array(path)

    def gradients(self, q: float, depth: int) -> Array:
        """Mean square of the gradient l layers before the last over that in the last, for l = 0 .. depth, shape (depth + 1,); the
        pre-activations of the first have variance q."""
        path = self.variances(q, depth)[:-1][::-1]
        return np.concatenate([[1.0], np.cumprod(self.gradient_growth(path) if len(path) else path)])

    def fixed_point(self, q: float = 1.0) -> FixedPoint:
        r"""The fixed point that the variance q flows to, and the correlation that it makes stable there.

        Variances are followed from q up or down to the first :math:`V(q) = q` between 1e-12 and 1e12. Where every variance is fixed (relu
        at :math:`\sigma_w^2 = 2, \sigma_b = 0`) q itself is returned.

        Raises
        ------
        ValueError
            Where q is not positive.

        Examples
        --------
        >>> from infwidth.limits import propagation
        >>> propagation.MeanFieldMaps("relu", 1.79, 0.83).fixed_point().q  # 0.83 / (1 - 1.79 / 2)
        7.904761905
        """
        found = first_fixed_variance(self, real("q", q, above=0))
        if math.isinf(found):
            return FixedPoint(math.inf, math.nan, math.nan, math.nan, math.nan)
        slope, chi_1 = float(self.variance_slope(found)), float(self.gradient_growth(found))
        if found == 0:
            return FixedPoint(0.0, math.nan, slope, chi_1, chi_1)
        c = stable_correlation(self, found)
        return FixedPoint(found, c, slope, chi_1, float(self.chi(c, found)))

    def depth_scales(self, q: float = 1.0) -> DepthScales:
        r"""Depth scales at the fixed point that q flows to.

        Raises
        ------
        ValueError
            Where there is no finite fixed point.

        Examples
        --------
        >>> from infwidth.limits import propagation
        >>> ordered = propagation.MeanFieldMaps("tanh", 1.0, 0.05).depth_scales()
        >>> round(ordered.correlation, 2), round(ordered.gradient, 2)
        (3.63, 3.63)
        """
        point = self.fixed_point(q)
        if math.isinf(point.q):
            raise ValueError("weight_variance: variances grow without bound, so nothing settles; lower it (and skip)")
        correlation = _scale(point.chi)
        return DepthScales(_scale(point.slope), correlation, _scale(point.chi_1), 6 * correlation)

    @property
    def _strong(self) -> float:
        return self.weight_variance / self.keep

    def _at(self, q: float | None) -> float:
        if q is not None:
            return real("q", q, above=0, most=1e150)
        q = self.fixed_point().q
        if not 0 < q < math.inf:
            raise ValueError(f"q: the fixed point of the variance is {q:g}, where there are no correlations; give a variance")
        return q


def _scale(factor: float) -> float:
    """Layers in which a quantity that is multiplied by ``factor`` changes by e."""
    if factor == 0:
        return 0.0
    return math.inf if abs(abs(factor) - 1) <= SETTLED else -1 / math.log(abs(factor))
