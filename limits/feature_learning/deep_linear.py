r"""Deep linear networks in the maximal update parameterization, at infinite width.

The network :math:`h^1 = W^1 x`, :math:`h^l = m^{-1/2} W^l h^{l-1}`, :math:`f = (\gamma m)^{-1} W^{L+1} h^L` with entries
:math:`N(0, \sigma_l^2)` learns in layer l at the rate :math:`\eta\,c_l\,\gamma^2 m` (:math:`\gamma = 1` and all :math:`\sigma_l = c_l = 1`
is µP; :math:`\gamma \to 0` the tangent kernel). Its limit is a deep linear network that grows: :mod:`.growing_network` has the equations.

References
----------
.. [yang2020feature] Yang and Hu, arXiv:2011.14522, definition 5.1 (µP).
.. [bordelon2022] Bordelon and Pehlevan, arXiv:2205.09653, section 4.1 (deep linear networks).
.. [chizat2022] Chizat, Colombo, Fernández-Real and Figalli, arXiv:2211.16980.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.data import Data, needed, unwanted
from .deep_linear_population import DeepLinearPopulation
from .deep_linear_problem import DeepLinearProblem, Layers
from .linear_teacher import LinearTeacher

__all__ = ["DeepLinearMuP"]


@dataclass(frozen=True)
class DeepLinearMuP:
    r"""Infinite-width limit of a deep linear network in the maximal update parameterization.

    Any method with a history solves it: ``GradientDescent`` (full batch, minibatches, fresh samples of a population), ``HeavyBall``,
    ``GradientFlow``, with the learning rate of the finite network ``Network(..., "linear", Parameterization.mup(L))``. Time is that of
    the method.

    A step takes :math:`O(L D^2 (r + k))` operations and the network :math:`O(L D^2)` numbers, for data of rank r, k outputs and layers
    of D neurons, the directions that training has reached: D = r + k for L = 1, exactly. For L > 1, ``tolerance=0`` would have
    :math:`D \le T (r + k)` after T steps; with a tolerance D stops growing, at some tens of r + k in the examples of this library.

    Parameters
    ----------
    hidden_layers : int
        Number L of hidden layers.
    gamma : float
        Feature-learning strength: output multiplier :math:`1/(\gamma m)`, learning rate :math:`\eta\gamma^2 m`. The finite network has
        ``gamma = 1``; the same network in other words is ``weight_std = (1, .., 1, 1/gamma)``, ``rates = (gamma^2, .., gamma^2, 1)``.
    weight_std : float or sequence of float, length L + 1
        Initial scales :math:`\sigma_l \ge 0`, as in :class:`~infwidth.limits.Parameterization`.
    rates : float or sequence of float, length L + 1
        Prefactors :math:`c_l \ge 0` of the learning rates; 0 freezes a layer.
    population : LinearTeacher, optional
        Makes ``solve(model, method=method)`` train on the population: exact gradients, and fresh samples where the method has a
        ``batch_size``.
    tolerance : float
        Components of a field outside the directions reached before, shorter than this relative to the field, are dropped.
    estimate_error : bool
        Carry along a second network of 100 times the tolerance, and state in ``sol.error`` how far its outputs are. It costs about as
        much again. With one hidden layer nothing is dropped, and there is no error beyond rounding.

    Notes
    -----
    The kernels of the newest time are ``sol.problem.kernels()``: ``forward`` (L + 1, n, n) and ``backward`` (L + 1, k, k), averages over
    the neurons of each layer, and the tangent kernel ``tangent`` (n, k, n, k), at the training inputs or at others; the law of the weights
    is ``sol.problem.weights_law()``. They are observed along a run: ``observables={"kernel": lambda t, state, problem:
    problem.kernels().tangent}``.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or data are given to a model with a population.
    TypeError
        Where the population is no teacher.

    Examples
    --------
    One sample x = 1, y = 2, three hidden layers, gradient flow to t = .2 [chizat2022]_, and a network whose readout starts at zero:

    >>> import infwidth as iw
    >>> sol = iw.solve(iw.DeepLinearMuP(3), [[1.0]], [2.0], iw.GradientFlow(0.2), save_at=[0.1, 0.2])
    >>> sol.outputs.ravel().round(5), bool(sol.error[-1] < 1e-4)
    (array([0.77308, 1.51031]), True)
    >>> zero = iw.DeepLinearMuP(3, weight_std=(1, 1, 1, 0))
    >>> iw.solve(zero, [[1.0]], [2.0], iw.GradientFlow(0.2), save_at=[0.1, 0.2]).outputs.ravel().round(4)
    array([0.2191, 0.5836])
    """

    hidden_layers: int
    gamma: float = 1.0
    weight_std: Any = 1.0
    rates: Any = 1.0
    population: LinearTeacher | None = None
    tolerance: float = 1e-8
    estimate_error: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden_layers", integer("hidden_layers", self.hidden_layers, least=1, most=10_000))
        object.__setattr__(self, "gamma", real("gamma", self.gamma, least=1e-50, most=1e50))
        object.__setattr__(self, "tolerance", real("tolerance", self.tolerance, least=0))
        for name in ("weight_std", "rates"):
            object.__setattr__(self, name, self._per_layer(name, getattr(self, name)))
        if self.population is not None and not isinstance(self.population, LinearTeacher):
            raise TypeError(f"population: need a LinearTeacher, got {type(self.population).__name__}; leave it out to train on X and y")

    def _per_layer(self, name: str, value: Any) -> tuple[float, ...]:
        values = tuple(value) if np.ndim(value) else (value,) * (self.hidden_layers + 1)
        if len(values) != self.hidden_layers + 1:
            raise ValueError(f"{name}: need one number, or one per weight layer ({self.hidden_layers + 1}), got {len(values)}")
        return tuple(real(f"{name}[{l}]", v, least=0) for l, v in enumerate(values))

    def bind(self, data: Data | None, rng: np.random.Generator) -> DeepLinearProblem:
        """Join the limit to its data, or to the population where ``data`` is None. Nothing is random."""
        *below, last = self.weight_std
        *early, readout = self.rates
        layers = Layers((*below, last / self.gamma), (*(c * self.gamma**2 for c in early), readout), self.gamma, self.tolerance)
        if self.population is not None:
            unwanted(data, "call solve without X and y, or leave out the population")
            return DeepLinearPopulation(self.population, layers, self.estimate_error)
        return DeepLinearProblem(needed(data, "give X and y, or a population=LinearTeacher(...) to the model"), layers, self.estimate_error)
