r"""The closed formula of Yang and Hu for networks whose pre-activations are of order 1 and whose layers share one rate exponent.

.. math::
    r = \min(a_{L+1} + b_{L+1},\ 2a_{L+1} + c) + c - 1 + \min_{1 \le l \le L} \left(2 a_l + [l = 1]\right)

is the exponent of the movement of the features, :math:`x^L_t - x^L_0 \sim m^{-r}`. It is independent of the general calculus and an oracle
for it; integrable parameterizations are outside, because their pre-activations vanish with the width.

References
----------
.. [yang2020feature] Yang and Hu, arXiv:2011.14522, section 3: stable where r >= 0 and the exponents of theorem 3.3 hold, feature
   learning or kernel as r = 0 or r > 0 (theorems 3.6 and 3.8, corollary 3.9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...solvers.checks import real, reals

__all__ = ["YangHu", "yang_hu"]

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class YangHu:
    """What the formula says.

    Attributes
    ----------
    r : float
        The features of the last hidden layer move by :math:`m^{-r}`.
    name : str
        "unstable", "trivial", "kernel" or "feature_learning".
    """

    r: float
    name: str


def yang_hu(a: Sequence[float], b: Sequence[float], c: float) -> YangHu:
    r"""Exponent r and regime of an abc-parameterization with one rate exponent c, pre-activations of order 1 at the start.

    Parameters
    ----------
    a, b : sequence of float, length L + 1
    c : float

    Raises
    ------
    ValueError
        Where the lengths differ or a number is not finite.

    Examples
    --------
    >>> from infwidth.limits import scaling
    >>> scaling.yang_hu(a=(0, 0.5, 0.5), b=(0, 0, 0), c=0)  # tangent-kernel parameterization
    YangHu(r=0.5, name='kernel')
    >>> scaling.yang_hu(a=(-0.5, 0, 0.5), b=(0.5, 0.5, 0.5), c=0)  # maximal update
    YangHu(r=0.0, name='feature_learning')
    """
    a, b = reals("a", a), reals("b", b)
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"a, b: need L + 1 >= 2 exponents each, got {len(a)} and {len(b)}")
    c = real("c", c)
    output, output_rate = a[-1] + b[-1], 2 * a[-1] + c
    r = min(output, output_rate) + c - 1 + min(2 * a_l + (l == 0) for l, a_l in enumerate(a[:-1]))
    forward = [x + y for x, y in zip(a[:-1], b[:-1], strict=True)]
    if any(abs(scale - (0.5 if l else 0.0)) > _TOLERANCE for l, scale in enumerate(forward)):
        raise ValueError(f"a, b: the formula needs a + b = 0 in layer 1 and 1/2 in layers 2..L, got {forward}; use scaling.regime")
    if output < 0.5 - _TOLERANCE or r < -_TOLERANCE or output_rate < 1 - _TOLERANCE or output + r < 1 - _TOLERANCE:
        name = "unstable"
    elif min(abs(output_rate - 1), abs(output + r - 1)) > _TOLERANCE:
        name = "trivial"
    else:
        name = "feature_learning" if r < _TOLERANCE else "kernel"
    return YangHu(r, name)
