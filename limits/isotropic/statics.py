r"""Smallest risk of the isotropic Gaussian model: of one atom, of two, and of any law, with a certificate.

:math:`\mathrm{Risk}(\rho) = \sum_k w_k \left(y_k - \int q_d(r R_k)\,\rho(dr)\right)^2` is convex in the law of radii, so

.. math::
    \mathrm{Risk}(\rho) - \inf \mathrm{Risk} \le \int \Psi\,d\rho - \min_r \Psi(r), \qquad
    \Psi = \frac{\delta\mathrm{Risk}}{\delta\rho},

and a law is optimal if and only if it sits on the global minima of its own potential [1]_. Radii range over :math:`[0, \infty]`: far out
half of the directions see each end of the activation.

References
----------
.. [1] Mei, Montanari and Nguyen, arXiv:1804.06561, sections 2 and 3 (statics: minimum risk against the separation).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import integer
from .directions import MEI_MONOTONE, PiecewiseLinear
from .mean_field import RadialMeanField
from .population import RadialPopulation, radial_population

__all__ = ["RadialMinimum", "minimum_risk", "one_atom_transition"]

Array = np.ndarray

CANDIDATES = 1500


class RadialMinimum(NamedTuple):
    """A law of few radii.

    Attributes
    ----------
    risk : float
    radii, masses : ndarray, shape (atoms,)
        Radii may be ``inf``.
    gap : float
        No law at all has a risk below ``risk - gap`` (up to the spacing of 1500 candidate radii).
    """

    risk: float
    radii: Array
    masses: Array
    gap: float


def minimum_risk(dim: float, delta: float, activation: PiecewiseLinear = MEI_MONOTONE, atoms: int | None = None) -> RadialMinimum:
    r"""Smallest risk :math:`\mathbb E(y - f)^2` over laws of radii; exact in the dimension.

    Parameters
    ----------
    dim : int or inf
    delta : float
    activation : PiecewiseLinear
    atoms : {1, 2}, optional
        Only laws of that many atoms. Default: any law, by a convex program whose answer has few atoms.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    In infinite dimension one radius can be perfect, if the separation is large enough:

    >>> import math
    >>> from infwidth.limits.isotropic import minimum_risk
    >>> [round(minimum_risk(math.inf, delta).risk, 4) for delta in (0.2, 0.4, 0.6)]
    [0.3411, 0.0256, 0.0]
    """
    RadialMeanField(dim, delta, activation=activation)  # checks
    population = radial_population(dim, delta, activation)
    fields = _Fields(population, activation, dim)
    if atoms is None:
        return _polished(fields, *_any_law(fields))
    if integer("atoms", atoms, least=1) > 2:
        raise ValueError(f"atoms: need 1, 2 or None (any law), got {atoms}")
    return _polished(fields, *(_one_atom(fields) if atoms == 1 else _two_atoms(fields)))


def one_atom_transition(dim: float, activation: PiecewiseLinear = MEI_MONOTONE, tolerance: float = 1e-4) -> float:
    r"""Largest separation :math:`\Delta` at which a single radius has the smallest risk of all laws, by the certificate.

    Above it a law must spread to do best. The separations at which one atom is optimal are an interval; this is its upper end, found by
    a scan downwards in steps of 1/40 and bisection. The lower end is 0 in high dimension (40, infinity), but not in lower ones: at
    d = 20 one atom is not optimal at :math:`\Delta = .05` either. 0.0 where the scan meets no such separation (at d = 10). At infinite
    dimension it is also where the smallest risk reaches 0; the paper reads off about .47 there.

    >>> import math
    >>> from infwidth.limits.isotropic import one_atom_transition
    >>> round(one_atom_transition(math.inf), 3)
    0.474
    """

    def optimal(delta: float) -> bool:
        return minimum_risk(dim, delta, activation, atoms=1).gap <= 1e-7

    scanned = np.arange(39, 0, -1) / 40
    low = next((float(delta) for delta in scanned if optimal(delta)), 0.0)
    if low == 0:
        return 0.0
    high = low + 1 / 40
    while high - low > tolerance:
        middle = (low + high) / 2
        low, high = (middle, high) if optimal(middle) else (low, middle)
    return (low + high) / 2


class _Fields:
    r"""Outputs :math:`q_d(r R_k)` times :math:`\sqrt{w_k}`, against :math:`x = r/(1 + r)`: shape (K, len(x))."""

    def __init__(self, population: RadialPopulation, activation: PiecewiseLinear, dim: float) -> None:
        self.population, self.activation, self.dim = population, activation, dim
        self.root = np.sqrt(population.weights)
        self.target = self.root * population.labels
        self.x = np.linspace(0, 1, CANDIDATES)
        self.candidates = self(self.x)

    def __call__(self, x: Array) -> Array:
        x = np.clip(np.atleast_1d(x), 0, 1)
        r = x / np.maximum(1 - x, 1e-12)
        return self.root[:, None] * self.activation.radial_mean(np.outer(self.population.radii, r), self.dim)

    def risk(self, x: Array, masses: Array) -> float:
        return float(np.sum((self(x) @ masses - self.target) ** 2))


def _one_atom(fields: _Fields) -> tuple[Array, Array]:
    risks = np.sum((fields.candidates - fields.target[:, None]) ** 2, axis=0)
    return fields.x[[np.argmin(risks)]], np.ones(1)


def _two_atoms(fields: _Fields) -> tuple[Array, Array]:
    """All pairs of every fifth candidate, each with its best mass."""
    x, columns = fields.x[::5], fields.candidates[:, ::5]
    gram, right = columns.T @ columns, columns.T @ fields.target
    norm = np.diag(gram)
    # Risk(p) of p at i and 1 - p at j, a parabola in p
    square = norm[:, None] + norm - 2 * gram
    p = np.clip((right[:, None] - right + norm - gram) / np.where(square > 0, square, 1), 0, 1)
    risks = norm - 2 * right + 2 * p * (gram - norm - right[:, None] + right) + p**2 * square
    i, j = np.unravel_index(np.argmin(risks), risks.shape)
    return x[[i, j]], np.array([p[i, j], 1 - p[i, j]])


def _any_law(fields: _Fields) -> tuple[Array, Array]:
    """Non-negative least squares on all candidates (total mass 1 by a heavy row), neighbours merged."""
    from scipy.optimize import nnls

    heavy = 1e3 * np.abs(fields.candidates).max()
    matrix = np.vstack((fields.candidates, np.full(CANDIDATES, heavy)))
    masses = nnls(matrix, np.append(fields.target, heavy))[0]
    held = np.flatnonzero(masses > 1e-9)
    groups = np.split(held, np.flatnonzero(np.diff(held) > 2) + 1)
    totals = np.array([masses[g].sum() for g in groups])
    return np.array([fields.x[g] @ masses[g] / masses[g].sum() for g in groups]), totals / totals.sum()


def _polished(fields: _Fields, x: Array, masses: Array) -> RadialMinimum:
    """Positions and masses moved together to the nearest minimum."""
    from scipy import optimize

    minimize: Any = optimize.minimize  # its stubs know no linear constraint
    n = len(x)
    result = minimize(
        lambda v: fields.risk(v[:n], v[n:]),
        np.concatenate((x, masses)),
        method="SLSQP",
        bounds=optimize.Bounds(np.zeros(2 * n), np.ones(2 * n)),
        constraints=optimize.LinearConstraint(np.repeat([0.0, 1.0], n)[None], 1, 1),
        tol=1e-14,
    )
    moved, weights = np.clip(result.x[:n], 0, 1), np.maximum(result.x[n:], 0)
    weights /= weights.sum()
    if fields.risk(moved, weights) < fields.risk(x, masses):
        x, masses = moved, weights
    order = np.argsort(x)
    x, masses = x[order], masses[order]
    pull = fields(x) @ masses - fields.target
    here, anywhere = 2 * pull @ fields(x), 2 * pull @ fields.candidates
    gap = float(here @ masses - min(anywhere.min(), here.min()))
    with np.errstate(divide="ignore"):
        radii = np.where(x > 1 - 1e-5, math.inf, x / np.maximum(1 - x, 1e-12))
    return RadialMinimum(fields.risk(x, masses), radii, masses, max(gap, 0.0))
