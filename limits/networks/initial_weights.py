r"""Initial weights of finite networks: laws by name, or one's own.

A named law gives entries :math:`\xi` of mean 0 and variance 1, so that :math:`w^l = m^{-b_l}(\mu_l + \sigma_l\,\xi^l)` has the mean and the
standard deviation of the parameterization whatever the law.

=============  =====================================================  ====================================================
law            :math:`\xi` of shape (rows, columns)                   limit
=============  =====================================================  ====================================================
gaussian       independent, N(0, 1)                                   the one of this library
uniform        independent, uniform on :math:`[-\sqrt3, \sqrt3]`      the same for linear networks, which know variances
                                                                      alone; for one hidden layer with uniform particles
orthogonal     orthonormal rows or columns, by Haar,                  the same for one hidden layer, and in the kernel
               times :math:`\sqrt{\max(\text{rows, columns})}`        regime [huang2020]_
balanced       of the whole network, see :func:`balanced`             another one: its rank stays that of the data
=============  =====================================================  ====================================================

PyTorch's ``Linear`` starts uniform with variance 1/(3 fan_in): ``"uniform"``, under ``Parameterization.torch_default``.

References
----------
.. [huang2020] Huang, Du and Xu, arXiv:2004.05867: the tangent kernel of orthogonal networks is that of Gaussian ones.
.. [arora2018] Arora, Cohen, Golowich and Hu, arXiv:1810.02281, procedure 1: balanced initialization.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...solvers.checks import array, asked, choice, function, returned, shown

__all__ = ["LAWS", "Initial", "balanced", "checked", "entries"]

Array = np.ndarray
Initial = str | Callable[[np.random.Generator, int, int], Array] | tuple[Array, ...]

LAWS = ("gaussian", "uniform", "orthogonal", "balanced")
SIGNATURE = "f(rng, rows, columns) to entries (rows, columns) of mean 0 and variance 1"


def checked(initial: Any, shapes: Sequence[tuple[int, int]]) -> Initial:
    """The law's name, the function, or the arrays, one of each shape; ValueError or TypeError where it is none of these."""
    if isinstance(initial, str):
        return choice("initial", initial, LAWS, "give one of these, a function or one array per weight layer")
    if callable(initial):
        return function("initial", initial, SIGNATURE)
    if not isinstance(initial, list | tuple) or len(initial) != len(shapes):
        raise ValueError(
            f"initial: need a name ({', '.join(LAWS)}), a function or {len(shapes)} arrays, one per weight layer, got {shown(initial)}"
        )
    given = tuple(array(f"initial[{l}]", w) for l, w in enumerate(initial))
    for l, (w, shape) in enumerate(zip(given, shapes, strict=True)):
        if w.shape != shape:
            raise ValueError(f"initial[{l}]: need shape {shape} (rows are the neurons above), got {w.shape}")
    return given


def entries(initial: Any, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Standardised entries of one layer under a law of single layers, or under a user's function."""
    if callable(initial):
        return returned("initial", asked("initial", initial, rng, *shape, signature=SIGNATURE), shape, f"rows, columns = {shape}")
    if initial == "uniform":
        return rng.uniform(-np.sqrt(3), np.sqrt(3), shape)
    if initial == "orthogonal":
        return np.sqrt(max(shape)) * (frame(rng, *shape) if shape[0] >= shape[1] else frame(rng, *shape[::-1]).T)
    return rng.standard_normal(shape)


def frame(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """Orthonormal columns, uniform among all (Haar)."""
    Q, R = np.linalg.qr(rng.standard_normal((rows, columns)))
    signs = np.sign(np.diag(R))
    return Q * np.where(signs == 0, 1.0, signs)


def balanced(rng: np.random.Generator, shapes: Sequence[tuple[int, int]], rates: Sequence[float], first: float) -> list[Array]:
    r"""Weights with :math:`w_{l+1}^\top w_{l+1}/\eta_{l+1} = w_l w_l^\top/\eta_l` for the learning rates of the layers.

    Gradient flow of a linear network keeps that. They are :math:`w_l = c\sqrt{\eta_l}\; Q_l D\, Q_{l-1}^\top` with orthonormal frames:
    :math:`Q_{L+1} D^{L+1} Q_0^\top` is a Gaussian matrix (k, d) [arora2018]_, the others are drawn, and c gives the entries of the first
    layer the root mean square ``first``. The first layer sets the scale of all.
    """
    (_, d), (k, _) = shapes[0], shapes[-1]
    U, singular, V = np.linalg.svd(rng.standard_normal((k, d)), full_matrices=False)
    r, D = len(singular), singular ** (1 / len(shapes))
    frames = [V.T, *(frame(rng, rows, r) for rows, _ in shapes[:-1]), U]
    c = first * np.sqrt(np.prod(shapes[0]) / (rates[0] * (D**2).sum()))
    return [c * np.sqrt(rate) * (frames[l + 1] * D) @ frames[l].T for l, rate in enumerate(rates)]
