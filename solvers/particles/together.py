r"""Many small systems of particles in one pass.

R systems of P particles on n samples, with R large and P n small, take their time in calls and not in arithmetic when they go one by one.
Here all go at once: one product gives the pre-activations (R P, n) of all systems, and sums over the particles of each system are products
of stacks of small matrices. The formulas are those of :mod:`.reference`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .contract import Elementwise

__all__ = ["Small", "move", "outputs", "together"]

Array = np.ndarray

SMALL = 2048  # pre-activations of a system below which the calls take longer than the loops
KEPT = 1 << 23  # pre-activations of all systems that are kept between the passes, at most


class Small(NamedTuple):
    """Inputs on which all systems are evaluated at once, (n, D)."""

    X: Array


def together(systems: int, size: int, samples: int) -> bool:
    """Whether so many systems of ``size`` particles are faster in one pass.

    >>> together(400, 50, 3), together(1, 50, 3), together(8, 5000, 100)
    (True, False, False)
    """
    return systems > 1 and size * samples <= SMALL and systems * size * samples <= KEPT


def outputs(activation: Elementwise, systems: int, W: Array, a: Array, inputs: Small) -> tuple[Array, tuple[Array, Array]]:
    """Sums of each system, shape (R, n, k); and the pre-activations and activations, (R P, n), for :func:`move`."""
    h = W @ inputs.X.T
    phi = activation.value(h)
    stack, a = phi.reshape(systems, -1, len(inputs.X)), a.reshape(systems, -1, a.shape[1])
    return np.matmul(stack.transpose(0, 2, 1), a), (h, phi)


def move(
    activation: Elementwise, a: Array, inputs: Small, r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: tuple[Array, Array]
) -> None:
    """Write ``rate`` times the velocities under the residuals ``r`` (R, n, k) to ``out = (W, a)``, or add them to it."""
    h, phi = memo
    systems, n, k = r.shape
    r = (-rate * r).astype(a.dtype, copy=False)
    da = np.matmul(phi.reshape(systems, -1, n), r).reshape(-1, k)
    pull = np.matmul(a.reshape(systems, -1, k), r.transpose(0, 2, 1)).reshape(-1, n)
    pull *= activation.derivative(h)
    dW = pull @ inputs.X
    out_W, out_a = out
    if add:
        out_a += da
        out_W += dW
    else:
        out_a[...] = da
        out_W[...] = dW
