r"""Labelled tropical vectors: the sizes of a vector's components along independent random directions.

A vector of :math:`m` neurons is written :math:`v = \sum_\lambda m^{v_\lambda} \xi_\lambda`, where the directions :math:`\xi_\lambda` have
entries of order 1 and are independent of each other. Only the exponents are kept: a map from label to :math:`v_\lambda`. Its size is the
largest of them. A sum over the neurons is of order :math:`m` along a shared direction and of order :math:`m^{1/2}` between independent
ones, so

.. math::
    v \cdot w \sim m^{\,1 + \max\left(\max_\lambda (v_\lambda + w_\lambda),\ \max v + \max w - \frac12\right)} .

A component at or below :math:`\max v - \tfrac12` never shows: the second term hides it in every sum, and every map that a network
applies is bounded by its size. Such labels are dropped.

=====================  ==========================================================================
label                  direction
=====================  ==========================================================================
``"one"``              the constant vector
``"w"``                the initial output weights
``"x"``                the input
``("b", l)``           the initial biases of layer l
``("N", l, k)``        the initial weights of layer l, applied to direction k
``("T", l, k)``        their transpose, applied to direction k
``("P", k, h)``        direction k times an odd function of direction h, neuron by neuron
=====================  ==========================================================================
"""

from __future__ import annotations

__all__ = ["NONE", "Label", "Vector", "add", "direction", "dot", "largest", "scaled", "thinned"]

Label = str | tuple[object, ...]
Vector = dict[Label, float]

NONE = float("-inf")
"""Exponent of what is exactly zero."""

_LABELS = 12  # kept per vector: images of images multiply from step to step. Any number from 4 to 40 gives the same tables
_TOLERANCE = 1e-9


def direction(label: Label, exponent: float = 0.0) -> Vector:
    """A vector along one direction; exactly zero for an exponent of minus infinity."""
    return {label: exponent} if exponent > NONE else {}


def largest(v: Vector) -> float:
    """Exponent of the size of a vector, minus infinity for zero."""
    return max(v.values(), default=NONE)


def scaled(v: Vector, exponent: float) -> Vector:
    """The vector times :math:`m` to that power."""
    return {label: e + exponent for label, e in v.items()} if exponent > NONE else {}


def add(*vectors: Vector) -> Vector:
    """Sum: the larger exponent wins. Nothing cancels."""
    total = dict(vectors[0]) if vectors else {}
    for v in vectors[1:]:
        for label, e in v.items():
            if e > total.get(label, NONE):
                total[label] = e
    return total


def dot(v: Vector, w: Vector) -> float:
    """Exponent of the sum over the neurons of the product.

    Examples
    --------
    >>> u, v = direction("w"), direction(("b", 1))
    >>> dot(u, u), dot(u, v)
    (1.0, 0.5)
    """
    if not v or not w:
        return NONE
    shared = max((v[label] + w[label] for label in v.keys() & w.keys()), default=NONE)
    return 1.0 + max(shared, largest(v) + largest(w) - 0.5)


def thinned(v: Vector) -> Vector:
    """Drop what cannot show; of many labels keep the largest, and of equals the simplest."""
    floor = largest(v) - 0.5 + _TOLERANCE
    kept = [(label, e) for label, e in v.items() if e > floor]
    if len(kept) > _LABELS:
        names = {label: repr(label) for label, _ in kept}  # longer for images of images
        kept.sort(key=lambda item: (-round(item[1], 6), len(names[item[0]]), names[item[0]]))
    return dict(kept[:_LABELS])
