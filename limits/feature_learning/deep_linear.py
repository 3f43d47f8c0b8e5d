r"""Deep linear networks in the maximal update parameterization, at infinite width.

The network :math:`h^1 = W^1 x`, :math:`h^l = m^{-1/2} W^l h^{l-1}`, :math:`f = (\gamma m)^{-1} w \cdot h^L`, all entries N(0, 1), learns
at the rate :math:`\eta\gamma^2 m` (:math:`\gamma = 1` is µP; :math:`\gamma \to 0` the tangent kernel). Its limit is solved exactly, by
:mod:`.order_parameters`, where the equations are.

References
----------
.. [1] Yang and Hu, arXiv:2011.14522 (µP limit).
.. [2] Bordelon and Pehlevan, arXiv:2205.09653.
.. [3] Chizat, Colombo, Fernández-Real and Figalli, "Infinite-width limit of deep linear neural networks", arXiv:2211.16980.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.data import Data, needed
from .order_parameters import OrderParameters

__all__ = ["DeepLinearMuP"]

Array = np.ndarray


@dataclass(frozen=True)
class DeepLinearMuP:
    r"""Infinite-width limit of a deep linear network in the maximal update parameterization.

    Its state is its history, so discrete methods solve it (``GradientDescent`` full batch, ``HeavyBall``), with the learning rate of the
    finite network ``Network(..., "linear", Parameterization.mup(L))``. Time is that of the method.

    T steps of data of rank r with k outputs take :math:`O(L\,T^3 (r + k)^3)` operations and up to about
    :math:`25\,L\,T^2(r^2 + rk + k^2)` bytes: hundreds of steps are cheap, many thousands are not.

    Parameters
    ----------
    hidden_layers : int
        Number L of hidden layers.
    gamma : float
        Feature-learning strength: output multiplier :math:`1/(\gamma m)`, learning rate :math:`\eta\gamma^2 m`. The finite network has
        ``gamma = 1``.

    Raises
    ------
    ValueError
        Where ``hidden_layers`` is not a positive integer or ``gamma`` is not positive.

    Examples
    --------
    One sample x = 1, y = 2, three hidden layers: gradient flow would give 1.510 at t = .2 [3]_; gradient descent approaches it like its
    learning rate:

    >>> import infwidth as iw
    >>> def output(rate):
    ...     method = iw.GradientDescent(rate, steps=round(0.2 / rate))
    ...     return iw.solve(iw.DeepLinearMuP(3), [[1.0]], [2.0], method).outputs[-1, 0, 0]
    >>> round(float(2 * output(0.002) - output(0.004)), 3)  # extrapolated to rate 0
    1.51
    """

    hidden_layers: int
    gamma: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden_layers", integer("hidden_layers", self.hidden_layers, least=1))
        object.__setattr__(self, "gamma", real("gamma", self.gamma, above=0))

    def bind(self, data: Data | None, rng: np.random.Generator) -> OrderParameters:
        """Join the limit to its data. Nothing is random."""
        return OrderParameters(needed(data), self.hidden_layers, self.gamma)
