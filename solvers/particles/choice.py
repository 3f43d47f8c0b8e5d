"""Which engine follows the particles."""

from __future__ import annotations

import numpy as np

from .contract import Elementwise, Engine
from .reference import NumpyEngine

__all__ = ["engine"]


def engine(activation: Elementwise, dim: int, outputs: int, compiled: bool = True, systems: int = 1) -> Engine:
    """The fastest engine for that activation, number of weights per particle, number of outputs, and number of systems that take turns.

    =========================  ======================  =============================================
    activation                 weights per particle    engine
    =========================  ======================  =============================================
    relu, leaky relu, abs      2                       exact, by sorted angles, O((N + n) log n)
    relu, leaky relu           up to 4, one output     one fused loop
    these, tanh, erf, gelu...  any                     matrix products on blocks
    others                     any                     numpy, on blocks
    =========================  ======================  =============================================

    Parameters
    ----------
    activation : Activation
    dim : int
        Weights per particle.
    outputs : int
    compiled : bool
        False for numpy, whatever the activation.
    systems : int
        Number of systems that take turns (replicas).

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> [type(engine(activations.get(name), d, 1)).__name__ for name, d in (("relu", 2), ("relu", 3), ("relu", 9), ("tanh", 2), ("sin", 2))]
    ['SortedAngles', 'ThinEngine', 'BlockEngine', 'BlockEngine', 'NumpyEngine']
    """
    if not compiled:
        return NumpyEngine(activation)
    from .blocks import CODES, PIECEWISE, BlockEngine

    slopes = _slopes(activation)
    if slopes is None:
        return BlockEngine(CODES[activation.name]) if activation.name in CODES else NumpyEngine(activation)
    up, down, flat = slopes
    if dim == 2:
        from .sorted_angles import SortedAngles

        return SortedAngles(up, down, flat)
    if dim <= 4 and outputs == 1 and flat == down:
        from .thin import ThinEngine

        return ThinEngine(up, down)
    return BlockEngine(PIECEWISE, slopes, systems)


def _slopes(activation: Elementwise) -> tuple[float, float, float] | None:
    """Slopes for positive, negative and zero pre-activations where phi is homogeneous of degree 1, hence piecewise linear."""
    if activation.homogeneity != 1:
        return None
    up, down, flat = activation.derivative(np.array([1.0, -1.0, 0.0])).tolist()
    return up, down, flat
