r"""A kernel as a program: what a Gram matrix needs to know of an architecture.

Two numbers are carried for a pair (i, j) of points: :math:`\delta = 1 - c`, where the covariance is :math:`K_{ij} = s_i s_j c`, and t,
where the tangent kernel is :math:`\Theta_{ij} = \tau_i\tau_j t`. The scales :math:`s_i = K_{ii}^{1/2}`, :math:`\tau_i = \Theta_{ii}^{1/2}`
belong to the points, not to the pairs: they follow every layer in one dimension, and with them the diagonal, exactly. What is left for
the pairs stays within [0, 2] and [-1, 1], whatever the depth, and loses no digits where two points nearly agree, which c would.

A step maps :math:`(\delta, t)` of one register to another. With factors of the points (subscripts i, j):

``LINEAR``
    :math:`\delta \leftarrow a_i a_j \delta + \tfrac12(a_i - a_j)^2 + \tfrac12(b_i - b_j)^2 + e`,
    :math:`t \leftarrow r_i r_j c + u_i u_j + w_i w_j t`: weights and biases, :math:`a^2 + b^2 + e = 1`.
``ADD``
    :math:`\delta \leftarrow a_i a_j \delta + b_i b_j \delta' + \tfrac12(a_i - a_j)^2 + \tfrac12(b_i - b_j)^2`,
    :math:`t \leftarrow w_i w_j t + w'_i w'_j t'`: the sum of two registers.
``COPY``
    the source into the target.
``PIECEWISE``
    :math:`\delta \leftarrow \delta - \mu(\sin\theta - \theta c)`, :math:`t \leftarrow (1 - \mu\theta)\, t`, :math:`c = \cos\theta`: relu
    and its family.
``JUMP``
    :math:`\delta \leftarrow \mu\theta`, :math:`t \leftarrow 0`: sign and step.
``ERF``, ``GELU``, ``SINE``, ``COSINE``, ``GAUSSIAN``
    :math:`c \leftarrow \mathbb E\,\phi(u)\phi(v)\, d_i d_j`, :math:`t \leftarrow \mathbb E\,\phi'(u)\phi'(v)\, g_i g_j\, t`, with closed
    forms.
``ELU``
    the same with two integrals over the angle, by as many nodes as the scales ask.
``SERIES``
    the same with :math:`\sum_k v_{ki} v_{kj} c^k` and :math:`\sum_k v'_{ki} v'_{kj} c^k`, as far as the tolerance asks, and
    :math:`\rho_i\rho_j c^K` for what is left out from the K-th term on, :math:`\rho^2 = 1 - \sum_{k<K} v_k^2`: near points lose nothing.
``GENERIC``
    the same with a function of the points' standard deviations and :math:`\delta`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

__all__ = ["CODES", "Program", "Step"]

Array = np.ndarray

CODES = ("LINEAR", "ADD", "COPY", "PIECEWISE", "JUMP", "ERF", "GELU", "SINE", "COSINE", "GAUSSIAN", "ELU", "SERIES", "GENERIC")


@dataclass(frozen=True, eq=False)
class Step:
    """One step, for the points of one Gram matrix.

    Attributes
    ----------
    code : str
        One of ``CODES``.
    source, target : int
        Registers.
    factors : ndarray, shape (f, n)
        Of the points, in the order of the formula: a, b, r, u, w for ``LINEAR``; a, b, w, w' for ``ADD``; eta, zeta, s, d, g for the closed
        forms (:math:`c\\,\\eta_i\\eta_j` is the argument of the arcsine, :math:`\\eta^2 + \\zeta^2 = 1`), of which ``ELU`` has
        :math:`\\mathbb E\\,\\phi''` for the first; s, d, g for ``GENERIC``.
    constant : float
        e or mu, or which rule integrates ``ELU``.
    values, slopes : ndarray, shape (K, n)
        Coefficients of ``SERIES``, K a multiple of 4, normalised so that their squares sum to at most 1.
    tails : ndarray, shape (K / 4 + 1,)
        By how much the worst of the points may err after 4, 8, .. terms where c is 1 or -1: twice what is left out.
    tolerance : float
        Of a series.
    dual : callable, optional
        (s_i, s_j, delta) to the two expectations, elementwise: what ``GENERIC`` does, and a series where it is too short.
    """

    code: str
    source: int
    target: int
    factors: Array
    constant: float = 0.0
    values: Array = field(default_factory=lambda: np.zeros((0, 0)))
    slopes: Array = field(default_factory=lambda: np.zeros((0, 0)))
    tails: Array = field(default_factory=lambda: np.zeros(0))
    tolerance: float = 0.0
    dual: Callable[[Array, Array, Array], tuple[Array, Array]] | None = None

    def of(self, rows: slice) -> Step:
        """The same for some of the points, a slice of ``rows``."""
        return Step(
            self.code,
            self.source,
            self.target,
            np.ascontiguousarray(self.factors[:, rows]),
            self.constant,
            np.ascontiguousarray(self.values[:, rows]),
            np.ascontiguousarray(self.slopes[:, rows]),
            self.tails,
            self.tolerance,
            self.dual,
        )


@dataclass(frozen=True, eq=False)
class Program:
    """All steps, and the scales of the points after the last one.

    Attributes
    ----------
    directions : ndarray, shape (n, d)
        The points, of length 1 (or 0): register 0 starts with their cosines.
    steps : tuple of Step
    registers : int
    result : int
        The register that holds the result.
    std, tangent : ndarray, shape (n,)
        s and tau at the end.
    """

    directions: Array
    steps: tuple[Step, ...]
    registers: int
    result: int
    std: Array
    tangent: Array

    @property
    def draws_masks(self) -> bool:
        """Whether points have masks of their own, so that equal points are not one."""
        return any(step.code == "LINEAR" and step.constant != 0 for step in self.steps)

    def of(self, rows: slice) -> Program:
        """The same for some of the points, a slice of ``rows``."""
        return Program(
            self.directions[rows],
            tuple(step.of(rows) for step in self.steps),
            self.registers,
            self.result,
            self.std[rows],
            self.tangent[rows],
        )
