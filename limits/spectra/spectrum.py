r"""A target function in the eigenbasis of a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.checks import numbers, real

__all__ = ["Spectrum"]

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Spectrum:
    r"""Eigenvalues of a kernel on :math:`L^2` of the data, and the power of a target in each eigenspace.

    .. math::
        K(x, x') = \sum_j \lambda_j \sum_{m=1}^{N_j} e_{jm}(x)\, e_{jm}(x'), \qquad
        f^* = \sum_{jm} c_{jm}\, e_{jm} + \text{rest}, \qquad p_j = \sum_m c_{jm}^2 .

    Parameters
    ----------
    eigenvalues : array_like, shape (J,)
        :math:`\lambda_j \ge 0`, falling.
    power : array_like, shape (J,) or (J, k)
        :math:`p_j \ge 0` of each output.
    multiplicity : array_like, shape (J,), optional
        :math:`N_j \ge 1`. Default: 1 each.
    rest : float or array_like, shape (k,)
        Power of the target outside these eigenspaces, which no time and no sample size learns.
    tail : float
        :math:`\sum_j N_j\lambda_j \ge 0` over the eigenspaces of the kernel that are left out. Their eigenvalues are so small that to a
        regression they are one more ridge.

    Raises
    ------
    ValueError
        Where the shapes do not fit, an entry is negative or not finite, or the eigenvalues rise.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> spectra.Spectrum([1.0, 0.25], [0.5, 2.0]).total
    array([2.5])
    """

    eigenvalues: Any
    power: Any
    multiplicity: Any = None
    rest: Any = 0.0
    tail: float = 0.0

    def __post_init__(self) -> None:
        lam = _vector("eigenvalues", self.eigenvalues)
        power = numbers("power", self.power).astype(float)
        power = power[:, None] if power.ndim == 1 else power
        if power.ndim != 2 or len(power) != len(lam):
            raise ValueError(f"power: need one row per eigenvalue ({len(lam)}), got shape {np.shape(self.power)}")
        many = np.ones(len(lam)) if self.multiplicity is None else _vector("multiplicity", self.multiplicity)
        rest = np.broadcast_to(numbers("rest", self.rest).astype(float), power.shape[1:]).copy()
        if len(many) != len(lam) or many.min() < 1:
            raise ValueError(f"multiplicity: need {len(lam)} numbers >= 1, got {self.multiplicity!r:.60}")
        for name, value in (("power", power), ("rest", rest)):
            if not (np.isfinite(value).all() and (value >= 0).all()):
                raise ValueError(f"{name}: holds a negative number, NaN or infinity; give squares of coefficients")
        if (np.diff(lam) > 0).any():
            raise ValueError("eigenvalues: rise; sort them, and the power with them, in falling order")
        tail = real("tail", self.tail, least=0)
        for name, value in (("eigenvalues", lam), ("power", power), ("multiplicity", many), ("rest", rest)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "tail", tail)

    @property
    def total(self) -> Array:
        """Mean square of the target, shape (k,)."""
        return self.power.sum(axis=0) + self.rest

    def __repr__(self) -> str:
        return f"Spectrum of {len(self.eigenvalues)} eigenvalues from {self.eigenvalues[0]:.3g} to {self.eigenvalues[-1]:.3g}"


def _vector(name: str, value: Any) -> Array:
    a = numbers(name, value).astype(float)
    if a.ndim != 1 or a.size == 0 or not (np.isfinite(a).all() and (a >= 0).all()):
        raise ValueError(f"{name}: need a vector of finite numbers >= 0, got {value!r:.60}")
    return a
