r"""Finite volumes for Wasserstein gradient flows, :math:`\partial_t\rho = \nabla\cdot(\rho\,\nabla\Psi) + \tau\,\Delta\rho`.

The state is the mass of each cell; through the face between cells j and j+1, at distance :math:`\Delta x`, goes a flux F per unit area,
and none through the boundary. What leaves one cell enters the next, so mass is kept to rounding. There are two fluxes.

*Upwind* [carrillo2014]_, with face values :math:`\rho^{E,W}_j = \rho_j \pm \tfrac12 h_j s_j` and slopes limited so that they lie between
the neighbouring averages (monotonised central limiter):

.. math::
    F = u^+ \rho^E_j - u^- \rho^W_{j+1} - \tau\,\frac{\rho_{j+1} - \rho_j}{\Delta x}, \qquad u = -\frac{\Psi_{j+1} - \Psi_j}{\Delta x}.

*Exponentially fitted* (Scharfetter and Gummel) [scharfetter1969]_, exact for constant F and u between the centres, with
:math:`B(p) = p/(e^p - 1)`:

.. math::
    F = \frac{\tau}{\Delta x}\left(B(p)\,\rho_j - B(-p)\,\rho_{j+1}\right), \qquad p = \frac{\Psi_{j+1} - \Psi_j}{\tau}.

The fitted flux has the sign of :math:`-\Delta(\Psi + \tau\log\rho)` always, the upwind flux where :math:`\tau = 0`. So where
:math:`|p| \le 1` (diffusion is resolved) the fitted flux is used, and elsewhere the upwind flux, confined between half the fitted one
and twice it. (The lower bound matters: near equilibrium on coarse cells the two have opposite signs, and a flux of 0 there would freeze
laws that are not in equilibrium.) Hence the semi-discrete free energy falls,
:math:`\sum_j \xi_j \dot m_j = \sum F\,(\xi_j - \xi_{j+1}) \le 0` with :math:`\xi = \Psi + \tau\log\rho`; in a fixed potential the
Gibbs law :math:`e^{-\Psi/\tau}` stands still exactly, and no other positive law does; Euler steps below a CFL bound keep the sign; the
error on smooth solutions is of second order.

References
----------
.. [carrillo2014] Carrillo, Chertock and Huang, arXiv:1402.4252, section 2 (there, noise is a part of u through :math:`\log\rho`, which
   stalls at the edge of a vacuum).
.. [scharfetter1969] Scharfetter and Gummel, IEEE Trans. Electron Devices 16 (1969), 64-77.
"""

from __future__ import annotations

import math

import numpy as np

from ..machine.compilation import jit
from .grid import Grid

__all__ = ["bernoulli", "reference_transport", "transport"]

Array = np.ndarray

RESOLVED = 1.0  # largest |p| for the fitted flux, whose extra diffusion is p^2/12 of the true one
LEAST = 0.5  # part of the fitted flux that always flows
STEEPEST = 1.25  # least face density over mean that the step allows for: with it SSP Runge-Kutta is stable too (u dt/h < 1.6)


def bernoulli(p: Array) -> Array:
    """``p / (exp(p) - 1)``, elementwise, 1 at 0.

    >>> bernoulli(np.array([-800.0, 0.0, 800.0]))
    array([800.,   1.,   0.])
    """
    p = np.asarray(p, float)
    small = np.abs(p) < 1e-8
    safe = np.where(small, 1.0, np.minimum(p, 700.0))
    return np.where(small, 1 - p / 2, np.where(p > 700, 0.0, safe / np.expm1(safe)))


def limited_slopes(density: Array, widths: Array, distances: Array) -> Array:
    """Slope in each cell along the last axis, 0 at its ends; ``distances`` (n - 1,) are those of the centres."""
    rise = np.diff(density)
    secant = rise / distances
    left, right = distances[:-1], distances[1:]
    central = (secant[..., :-1] * right + secant[..., 1:] * left) / (left + right)
    half = widths[1:-1] / 2
    steepest = np.minimum(np.abs(rise[..., :-1]), np.abs(rise[..., 1:])) / half
    slopes = np.zeros_like(density)
    slopes[..., 1:-1] = np.where(rise[..., :-1] * rise[..., 1:] > 0, np.sign(central) * np.minimum(np.abs(central), steepest), 0.0)
    return slopes


def reference_transport(masses: Array, potential: Array, grid: Grid, temperature: float = 0.0) -> tuple[Array, float]:
    r"""Rate of change of the masses and the largest stable step; the readable twin of :func:`transport`.

    Parameters
    ----------
    masses, potential : ndarray, shape (cells,)
        :math:`m \ge 0` and :math:`\Psi` at the centres.
    grid : Grid
    temperature : float
        :math:`\tau \ge 0`.

    Returns
    -------
    rate : ndarray, shape (cells,)
    step : float
        Largest Euler step that keeps the masses non-negative and is stable (CFL). It bounds what leaves a cell by all its faces,
        with :math:`u_j` the velocity out of cell j by a face and :math:`\rho^f_j` its density there:
        :math:`1/\Delta t = \sum_{\text{axes}} \max_j\, h_j^{-1} \sum_f \left(u_j^+ \max(1.25,\, \rho^f_j/\rho_j) + \tau/\Delta x\right)`.

    Examples
    --------
    Nothing leaves the interval:

    >>> from infwidth.solvers import Grid
    >>> grid = Grid.uniform(0, 1, 4)
    >>> reference_transport(np.full(4, 0.25), grid.centers[:, 0], grid)
    (array([ 1.,  0.,  0., -1.]), 0.2)
    """
    density, potential, volumes = (a.reshape(grid.shape) for a in (masses / grid.volumes, potential, grid.volumes))
    rate = np.zeros(grid.shape)
    frequency = 0.0
    for axis, (distances, widths) in enumerate(zip(grid.distances, grid.widths, strict=True)):
        rho, psi, volume, change = (np.moveaxis(a, axis, -1) for a in (density, potential, volumes, rate))
        u = -np.diff(psi) / distances
        shift = limited_slopes(rho, widths, distances) * (widths / 2)
        east, west = np.maximum(rho + shift, 0), np.maximum(rho - shift, 0)  # rounding alone can make them negative
        flux = np.where(u > 0, u * east[..., :-1], u * west[..., 1:]) - temperature * np.diff(rho) / distances
        if temperature:
            p = np.diff(psi) / temperature
            fitted = temperature / distances * (bernoulli(p) * rho[..., :-1] - bernoulli(-p) * rho[..., 1:])
            confined = np.clip(flux, np.minimum(2 * fitted, LEAST * fitted), np.maximum(2 * fitted, LEAST * fitted))
            flux = np.where(np.abs(p) <= RESOLVED, fitted, confined)
        flux *= (volume[..., 0] / widths[0])[..., None]
        change[..., :-1] -= flux
        change[..., 1:] += flux
        with np.errstate(divide="ignore", invalid="ignore"):
            right, left = (np.fmax(STEEPEST, face / rho) for face in (east, west))
        leaving = np.zeros_like(rho)
        leaving[..., :-1] += np.maximum(u, 0) * right[..., :-1] + temperature / distances
        leaving[..., 1:] += np.maximum(-u, 0) * left[..., 1:] + temperature / distances
        frequency += float((leaving / widths).max())
    return rate.ravel(), 1 / frequency if frequency > 0 else np.inf


def transport(masses: Array, potential: Array, grid: Grid, temperature: float = 0.0) -> tuple[Array, float]:
    """The same as :func:`reference_transport`, compiled."""
    density = (masses / grid.volumes).reshape(grid.shape)
    psi = np.ascontiguousarray(potential, float).reshape(grid.shape)
    rate = np.zeros(grid.shape)
    if grid.dims == 1:
        frequency = _sweep(density[None], psi[None], grid.widths[0], grid.distances[0], np.ones(1), temperature, rate[None])
    else:
        (x, y), (wide, high) = grid.distances, grid.widths
        frequency = _sweep(density, psi, high, y, wide, temperature, rate)
        frequency += _sweep(density.T, psi.T, wide, x, high, temperature, rate.T)
    return rate.ravel(), 1 / frequency if frequency > 0 else np.inf


@jit
def _bernoulli(p: float) -> float:  # pragma: no cover - compiled
    if abs(p) < 1e-8:
        return 1 - p / 2
    return p / math.expm1(p) if p < 700 else 0.0


@jit
def _sweep(
    density: Array, psi: Array, widths: Array, distances: Array, areas: Array, temperature: float, rate: Array
) -> float:  # pragma: no cover - compiled
    """Add the fluxes along the second axis of (lines, n) arrays; the largest inverse step along it."""
    lines, n = density.shape
    frequency = 0.0
    for line in range(lines):
        rho, potential, area = density[line], psi[line], areas[line]
        left_shift = 0.0
        leaving = 0.0  # out of cell j by its left face, per unit of its density
        for j in range(n - 1):
            # cell j + 1: half its limited slope times its width
            shift = 0.0
            if j + 2 < n:
                below, above = rho[j + 1] - rho[j], rho[j + 2] - rho[j + 1]
                if below * above > 0:
                    a, b = distances[j], distances[j + 1]
                    central = abs(below / a * b + above / b * a) / (a + b) * widths[j + 1] / 2
                    shift = min(central, abs(below), abs(above))
                    if below < 0:
                        shift = -shift
            rise = potential[j + 1] - potential[j]
            u = -rise / distances[j]
            spread = temperature / distances[j]
            if u > 0:
                face = max(rho[j] + left_shift, 0.0)
                leaving += u * max(STEEPEST, face / rho[j]) if rho[j] > 0 else u * STEEPEST
                entering = 0.0
            else:
                face = max(rho[j + 1] - shift, 0.0)
                entering = -u * max(STEEPEST, face / rho[j + 1]) if rho[j + 1] > 0 else -u * STEEPEST
            frequency = max(frequency, (leaving + spread) / widths[j])
            leaving = entering + spread
            flux = u * face
            if temperature > 0:
                flux -= temperature * (rho[j + 1] - rho[j]) / distances[j]
                p = rise / temperature
                fitted = temperature / distances[j] * (_bernoulli(p) * rho[j] - _bernoulli(-p) * rho[j + 1])
                if abs(p) <= RESOLVED:
                    flux = fitted
                elif fitted > 0:
                    flux = min(max(flux, LEAST * fitted), 2 * fitted)
                else:
                    flux = max(min(flux, LEAST * fitted), 2 * fitted)
            rate[line, j] -= area * flux
            rate[line, j + 1] += area * flux
            left_shift = shift
        frequency = max(frequency, leaving / widths[n - 1])
    return frequency
