r"""Nonlinear deep networks in the maximal update parameterization, at infinite width: dynamical mean-field theory.

The network :math:`h^1 = W^1 x`, :math:`h^l = m^{-1/2} W^l \phi(h^{l-1})`, :math:`f = (\gamma m)^{-1} w \cdot \phi(h^L)` learns at the rate
:math:`\eta\gamma^2 m`; :math:`\gamma = 1` is µP, :math:`\gamma \to 0` the tangent kernel. Its limit is a set of L scalar stochastic
processes that meet through averages alone [bordelon2022]_; :mod:`.march` has the equations and follows S samples of each.

References
----------
.. [bordelon2022] Bordelon and Pehlevan, arXiv:2205.09653, sections 2 (the network) and 3 (its limit).
.. [yang2020feature] Yang and Hu, arXiv:2011.14522, definition 5.1 (µP).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.data import Data, needed
from ...solvers.problem import MethodFailed
from .. import activations
from ..activations import Activation
from .dynamical_problem import DynamicalProblem
from .march import FieldTheory

__all__ = ["DynamicalMeanField"]

MOST_LAYERS = 1_000


@dataclass(frozen=True)
class DynamicalMeanField:
    r"""Infinite-width limit of a deep network in µP, with any activation, by S samples per layer.

    Discrete methods solve it (``GradientDescent``, of minibatches too, and ``HeavyBall``) with the learning rate of the finite network
    ``Network(..., activation, Parameterization.mup(L))``. Time is that of the method.

    T steps on n samples with k outputs meet R directions per layer and take :math:`O(T L S n k R)` operations and :math:`O(L S R)`
    numbers. For a smooth activation R stops growing as training does; ``tolerance`` decides how short a new direction may be and still
    count. Where the slope jumps (relu), a part p of neurons that crosses the kink in a step moves the gradients by :math:`\sqrt p`: nearly
    all of them are new directions, R = n k T, and ``samples`` must be more than 4 n k T per replica.

    Parameters
    ----------
    hidden_layers : int
        L.
    activation : str or Activation
    samples : int
        S, over all replicas. The error falls like :math:`S^{-1/2}`, for smooth activations faster.
    gamma : float
        Feature-learning strength. The outputs are averages divided by it; their error is not, for what is divided by it at gamma = 0 is
        zero to rounding.
    weight_std, rates : float or sequence of float, length L + 1
        Initial scales :math:`\sigma_l \ge 0` and prefactors :math:`\kappa_l \ge 0` of the learning rates. A zero readout is
        ``weight_std=(1, ..., 1, 0)``.
    replicas : int
        R > 1 independent systems of S / R samples each; the outputs are their mean. ``sol.error`` is a simultaneous 95% bound of its
        Monte-Carlo error over the training points and the test points that ``solve`` was given, plus one seventh of how far the outputs
        of one system move at eight times the tolerance. The bias :math:`O(R/S)` of a system is not in it. With R = 1 there is no error.
    tolerance : float
        A new field counts as a new direction where more than this part of its root mean square is outside the earlier ones; times gamma
        where that is below 1, for features move that little, down to 1e-7, which is rounding.
    memory : float
        Bytes that the samples may take; a run that needs more stops, keeps what there is and says so.

    Notes
    -----
    What the newest time has beside outputs is ``sol.problem.kernels()``: ``forward`` (L + 1, n, n), ``backward`` (L + 1, n, k, n, k) and
    the tangent kernel ``tangent`` (n, k, n, k), and ``sol.problem.preactivations()`` (L, n, S), samples of the fields h; both at the
    training inputs or at others, ``kernels(X_new)``. Along a run they are observed: ``observables={"kernel": lambda t, state, problem:
    problem.kernels().tangent}``.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    One hidden layer is the two-layer mean field:

    >>> import infwidth as iw
    >>> from infwidth.limits import DynamicalMeanField
    >>> X, y = np.array([[1.0, 0.0], [0.3, 1.0]]), np.array([1.0, -1.0])
    >>> method = iw.GradientDescent(0.3, steps=10)
    >>> sol = iw.solve(DynamicalMeanField(1, "tanh", samples=4096), X, y, method, rng=0)
    >>> particles = iw.solve(iw.TwoLayerMeanField("tanh", 20000, quasi_random=True), X, y, method, rng=0)
    >>> bool(abs(sol.outputs - particles.outputs).max() < 0.02)
    True
    """

    hidden_layers: int
    activation: str | Activation
    samples: int = 8192
    gamma: float = 1.0
    weight_std: Any = 1.0
    rates: Any = 1.0
    replicas: int = 4
    tolerance: float = 1e-2
    memory: float = field(default=4e9)

    def __post_init__(self) -> None:
        activations.get(self.activation)
        for name in ("hidden_layers", "samples", "replicas"):
            most = MOST_LAYERS if name == "hidden_layers" else 10**12
            object.__setattr__(self, name, integer(name, getattr(self, name), least=1, most=most))
        if self.samples % self.replicas:
            down = self.samples - self.samples % self.replicas
            raise ValueError(f"replicas: {self.replicas} does not divide samples={self.samples}; take samples={down + self.replicas}")
        for name in ("gamma", "tolerance", "memory"):
            object.__setattr__(self, name, real(name, getattr(self, name), above=0, most=1 if name == "tolerance" else math.inf))
        for name in ("weight_std", "rates"):
            object.__setattr__(self, name, self._per_layer(name, getattr(self, name)))

    def _per_layer(self, name: str, value: Any) -> tuple[float, ...]:
        values = tuple(value) if np.ndim(value) else (value,) * (self.hidden_layers + 1)
        if len(values) != self.hidden_layers + 1:
            raise ValueError(f"{name}: need one number, or one per weight layer ({self.hidden_layers + 1}), got {len(values)}")
        return tuple(real(f"{name}[{l}]", v, least=0) for l, v in enumerate(values))

    def bind(self, data: Data | None, rng: np.random.Generator) -> DynamicalProblem:
        """Draw the seeds of the samples and join the limit to its data."""
        data = needed(data, "give X and y")
        per_replica = 8.0 * (self.samples // self.replicas) * (64 + 5 * (data.n * (1 + data.outputs)))
        if per_replica * self.replicas * self.hidden_layers > self.memory:
            raise ValueError(
                f"samples: {self.samples} samples of {self.hidden_layers} layers on {data.n} points take"
                f" {per_replica * self.replicas * self.hidden_layers / 1e9:.1f} GB and more, over memory={self.memory:g}; take fewer"
            )
        seeds = np.random.SeedSequence(rng.integers(0, 2**63, size=2).tolist())
        tolerance = self.tolerance * min(1.0, self.gamma)
        theory = FieldTheory(
            self.hidden_layers,
            activations.get(self.activation),
            self.gamma,
            self.weight_std,
            self.rates,
            self.samples // self.replicas,
            tolerance,
        )
        try:
            return DynamicalProblem(data, theory, self.replicas, self.memory, seeds)
        except MethodFailed as error:  # before the first step: too few samples for the data
            raise ValueError(str(error)) from error
