r"""Smallest risk of the isotropic Gaussian model: of one atom, of two, and of any law, with a certificate.

:math:`\mathrm{Risk}(\rho) = \sum_k w_k \left(y_k - \int q_d(r R_k)\,\rho(dr)\right)^2` is convex in the law of radii, so

.. math::
    \mathrm{Risk}(\rho) - \inf \mathrm{Risk} \le \int \Psi\,d\rho - \min_r \Psi(r), \qquad
    \Psi = \frac{\delta\mathrm{Risk}}{\delta\rho},

and a law is optimal if and only if it sits on the global minima of its own potential [mei2018]_. Radii range over :math:`[0, \infty]`: far
out half of the directions see each end of the activation.

References
----------
.. [mei2018] Mei, Montanari and Nguyen, arXiv:1804.06561, section 3 (centered isotropic Gaussians: minimum risk against the
   separation).
.. [denoyelle2018] Denoyelle, Duval, Peyré and Soubies, arXiv:1811.06416, theorem 3: in one dimension sliding atoms end after
   finitely many steps.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...solvers.checks import integer, real
from .directions import MEI_MONOTONE, PiecewiseLinear
from .mean_field import RadialMeanField
from .population import radial_population
from .radial_fields import Fields, polished

__all__ = ["RadialMinimum", "minimum_risk", "one_atom_transition"]

Array = np.ndarray

TOLERANCE = 1e-6  # of the gap of any law
ROUNDS = 30  # atoms that may join, at most; some three do


class RadialMinimum(NamedTuple):
    """A law of few radii.

    Attributes
    ----------
    risk : float
    radii, masses : ndarray, shape (atoms,)
        Radii may be ``inf``.
    gap : float
        No law at all has a risk below ``risk - gap``. For any law it is below 1e-6; for one or two atoms it bounds what more can gain.
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
        Only laws of that many atoms. Default: any law. The convex program on 1500 candidate radii has few of them in its answer; they
        move to the nearest minimum, and as long as the gap is above 1e-6 the radius that the certificate finds worst joins them, and all
        move again: the fully corrective conditional gradient method with sliding atoms [denoyelle2018]_.

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
    if atoms is not None:
        atoms = integer("atoms", atoms, least=1, most=2, way_out="or None for any law")
    checked = RadialMeanField(dim, delta, activation=activation)
    dim, delta = checked.dim, checked.delta
    fields = Fields(radial_population(dim, delta, activation), activation, dim)
    if atoms is None:
        x, masses = _any_law(fields)
    else:
        x, masses = polished(fields, *(_one_atom(fields) if atoms == 1 else _two_atoms(fields)))
    radii = np.where(x == 1, math.inf, x / np.where(x == 1, 1, 1 - x))
    return RadialMinimum(fields.risk(x, masses), radii, masses, fields.certificate(x, masses)[0])


def one_atom_transition(dim: float, activation: PiecewiseLinear = MEI_MONOTONE, tolerance: float = 1e-4) -> float:
    r"""Largest separation :math:`\Delta` at which a single radius has the smallest risk of all laws, by the certificate.

    Above it a law must spread to do best. The separations at which one atom is optimal are an interval; this is its upper end, found by
    a scan downwards in steps of 1/40 and bisection. The lower end is 0 in high dimension (40, infinity), but not in lower ones: at
    d = 20 one atom is not optimal at :math:`\Delta = .05` either. 0.0 where the scan meets no such separation (at d = 10). At infinite
    dimension it is also where the smallest risk reaches 0; the paper reads off about .47 there.

    Parameters
    ----------
    dim : int or math.inf
    activation : PiecewiseLinear
    tolerance : float
        Of the separation.

    Returns
    -------
    float
        0.0 where one radius is optimal at no separation.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    >>> import math
    >>> from infwidth.limits.isotropic import one_atom_transition
    >>> round(one_atom_transition(math.inf), 3)
    0.474
    """
    tolerance = real("tolerance", tolerance, least=1e-9, below=1, way_out="the certificate has no more digits")

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


def _one_atom(fields: Fields) -> tuple[Array, Array]:
    risks = np.sum((fields.candidates - fields.target[:, None]) ** 2, axis=0)
    return fields.x[[np.argmin(risks)]], np.ones(1)


def _two_atoms(fields: Fields) -> tuple[Array, Array]:
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


def _any_law(fields: Fields) -> tuple[Array, Array]:
    """Where the best masses of all candidates are; then atoms join until the certificate is content."""
    x = _groups(fields)
    x, masses = polished(fields, x, fields.best_masses(fields(x)))
    for _ in range(ROUNDS):
        gap, worst = fields.certificate(x, masses)
        if gap <= TOLERANCE:
            break
        x = np.append(x, worst)
        masses = fields.best_masses(fields(x))
        kept = masses > 1e-12
        x, masses = polished(fields, x[kept], masses[kept])
    return x, masses


def _groups(fields: Fields) -> Array:
    """Centres of the groups of neighbouring candidates that have mass."""
    masses = fields.best_masses(fields.candidates)
    held = np.flatnonzero(masses > 1e-9)
    groups = np.split(held, np.flatnonzero(np.diff(held) > 2) + 1)
    return np.array([fields.x[g] @ masses[g] / masses[g].sum() for g in groups])
