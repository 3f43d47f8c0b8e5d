r"""One implicit step of drift and diffusion on a grid, positive for any length.

With the potential frozen and the fitted fluxes of :mod:`.finite_volumes`, backward Euler is the linear system

.. math::
    m'_j + h\left(F_{j+1/2}(m') - F_{j-1/2}(m')\right) = m_j,

whose matrix is tridiagonal along each axis, has columns that sum to 1, and off-diagonal entries :math:`\le 0`: an M-matrix. So the new
masses are non-negative and of the same sum for every h > 0, and the Gibbs law :math:`e^{-\Psi/\tau}` stands still. Two axes are taken one
after the other.
"""

from __future__ import annotations

import math

import numpy as np

from ..machine.compilation import jit
from .grid import Grid

__all__ = ["implicit_step", "reference_implicit_step"]

Array = np.ndarray


def reference_implicit_step(masses: Array, potential: Array, grid: Grid, temperature: float, h: float) -> Array:
    """Dense twin of :func:`implicit_step`, one axis: the matrix is written out.

    >>> from infwidth.solvers import Grid
    >>> grid = Grid.uniform(0, 2, 2)
    >>> reference_implicit_step(np.array([1.0, 0.0]), np.zeros(2), grid, 1.0, h=1e9).round(6)
    array([0.5, 0.5])
    """
    from .finite_volumes import bernoulli

    distances, widths = grid.distances[0], grid.widths[0]
    rise = np.diff(potential)
    if temperature:
        right, left = (temperature / distances * bernoulli(sign * rise / temperature) for sign in (1, -1))
    else:
        right, left = np.maximum(-rise, 0) / distances, np.maximum(rise, 0) / distances
    matrix = np.eye(grid.cells)
    for j, (out, back) in enumerate(zip(h * right / widths[:-1], h * left / widths[1:], strict=True)):
        matrix[[j, j + 1], j] += out, -out
        matrix[[j + 1, j], j + 1] += back, -back
    return np.linalg.solve(matrix, masses)


def implicit_step(masses: Array, potential: Array, grid: Grid, temperature: float, h: float) -> Array:
    """Masses (cells,) after a backward Euler step of length ``h`` in a fixed potential (cells,)."""
    new = masses.copy().reshape(grid.shape)
    psi = np.ascontiguousarray(potential, float).reshape(grid.shape)
    if grid.dims == 1:
        _solve(new[None], psi[None], grid.widths[0], grid.distances[0], temperature, h)
    else:
        (x, y), (wide, high) = grid.distances, grid.widths
        _solve(new, psi, high, y, temperature, h)
        _solve(new.T, psi.T, wide, x, temperature, h)
    return new.ravel()


@jit
def _bernoulli(p: float) -> float:  # pragma: no cover - compiled
    if abs(p) < 1e-8:
        return 1 - p / 2
    return p / math.expm1(p) if p < 700 else 0.0


@jit
def _solve(masses: Array, psi: Array, widths: Array, distances: Array, temperature: float, h: float) -> None:  # pragma: no cover - compiled
    """Along the second axis of (lines, n) arrays, in place."""
    lines, n = masses.shape
    below, pivot = np.empty(n), np.empty(n)
    for line in range(lines):
        m, potential = masses[line], psi[line]
        # Elimination without subtraction (every pivot is 1 + what still leaves to the right), so that no digit and no sign is lost.
        kept = 1.0
        for j in range(n - 1):
            rise = potential[j + 1] - potential[j]
            if temperature > 0:
                p = rise / temperature
                right, left = temperature * _bernoulli(p), temperature * _bernoulli(-p)
            else:
                right, left = max(-rise, 0.0), max(rise, 0.0)
            right *= h / (distances[j] * widths[j])
            left *= h / (distances[j] * widths[j + 1])
            pivot[j] = kept + right
            below[j] = left
            m[j + 1] += m[j] * (right / pivot[j])
            kept = 1.0 + left * (kept / pivot[j])
        pivot[n - 1] = kept
        m[n - 1] /= kept
        for j in range(n - 2, -1, -1):
            m[j] = (m[j] + below[j] * m[j + 1]) / pivot[j]
