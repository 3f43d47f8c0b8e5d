r"""Networks that are µP at the first step and integrable afterwards: what the large first step of IP-LLR amounts to.

Step 0 is that of µP, with all its random weights. Then the initial weights of the middle layers, :math:`m^{-1/2} w_0^l` until there, become
what they are in an integrable network, :math:`m^{-1} w_0^l` (HP), or nothing at all (HPZ), and the update of step 0 stays:

.. math:: m^{-1/2} w^l_1 = \kappa\, m^{-1/2} w^l_0 + \Delta^l_0, \qquad \kappa = m^{-1/2} \text{ (HP)}, \quad \kappa = 0 \text{ (HPZ)}.

For an activation of degree 1 (relu), IP-LLR goes through the same states as HP, to rounding, from step 1 on, wherever the residuals at step
0 are the same (at :math:`f = 0`, which both outputs tend to): all its vectors of step 0 are those of µP times a power of m. HPZ differs by
:math:`m^{-1/2}`, and has the same limit. For tanh, elu, gelu and the like this breaks: µP sees all of the activation at step 0, IP-LLR
only its slope at 0.

References
----------
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596 (hybrid parameterizations).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...solvers.abilities import Update
from ...solvers.checks import choice, settle
from ...solvers.data import Data
from ...solvers.machine.products import add_product
from ...solvers.problem import Evaluation, Model
from .. import activations
from ..activations import Activation
from .layers import Array
from .network import Network
from .parameterization import Exponents, Parameterization
from .problem import NetworkProblem

__all__ = ["HybridNetwork", "HybridProblem"]


@dataclass(frozen=True)
class HybridNetwork:
    r"""µP at step 0, integrable from step 1 on: the hybrids HP and HPZ of Hajjar, Chizat and Giraud [hajjar2021]_.

    Parameters
    ----------
    input_dim, hidden_layers, width : int
    activation : str or Activation
    kind : {"HP", "HPZ"}
        After step 0 the initial weights of layers 2..L are those of an integrable network, :math:`w/m`, or zero.
    weight_std : float or sequence of float, length L + 1
        As in :class:`Parameterization`.
    output_dim : int

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Notes
    -----
    Rates are those of µP, which are those of naive IP in its own units. Methods make step 0 as one plain step: flows and heavy ball need
    ``first_learning_rate``.

    References
    ----------
    .. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596.

    Examples
    --------
    Trained with the same rates as IP-LLR, a relu network goes the same way: here from step 1 on, for a loss whose residual is the same at
    both initial outputs.

    >>> import infwidth as iw
    >>> from infwidth.limits import HybridNetwork
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> straight = iw.Loss("linear", lambda f, y: (-(y * f).sum(axis=1), -y), lambda y, dtype: np.array(y, dtype)[:, None])
    >>> hybrid = HybridNetwork(2, 3, 64, "relu", "HP")
    >>> large = iw.Network(2, 3, 64, "relu", iw.Parameterization.integrable_large_lr(3))
    >>> runs = [iw.solve(net, X, y, iw.GradientDescent(0.1, 3, first_learning_rate=1.0), loss=straight, rng=0) for net in (hybrid, large)]
    >>> bool(abs(runs[0].outputs[1:] - runs[1].outputs[1:]).max() < 1e-14 < 0.005 < abs(runs[0].outputs[3]).max())
    True
    """

    input_dim: int
    hidden_layers: int
    width: int
    activation: str | Activation
    kind: str = "HP"
    weight_std: Exponents = 1.0  # type: ignore[assignment]
    output_dim: int = 1

    def __post_init__(self) -> None:
        choice("kind", self.kind, ("HP", "HPZ"))
        plain = self._like(Parameterization.mup(self.hidden_layers))
        checked = {name: getattr(plain, name) for name in ("input_dim", "hidden_layers", "width", "output_dim")}
        if isinstance(plain.width, tuple):
            raise ValueError(f"width: hybrids have hidden layers of one width, got {plain.width}; give one number")
        settle(self, **checked, weight_std=plain.parameterization.weight_std)

    def _like(self, parameterization: Parameterization) -> Network:
        """A network of these sizes and initial weights."""
        p = replace(parameterization, weight_std=self.weight_std)
        return Network(self.input_dim, self.hidden_layers, self.width, self.activation, p, self.output_dim)

    def bind(self, data: Data | None, rng: np.random.Generator) -> HybridProblem:
        """Draw the initial weights and join them to the data."""
        plain = self._like(Parameterization.mup(self.hidden_layers))
        kept = 1 / math.sqrt(self.width) if self.kind == "HP" else 0.0
        return HybridProblem(plain.check(data), plain, kept, rng)

    def limit(self) -> Model:
        """The limit of IP-LLR, for activations of degree 1.

        Raises
        ------
        NotImplementedError
            For other activations, whose hybrids have another limit than IP-LLR.
        """
        phi = activations.get(self.activation)
        if phi.homogeneity != 1:
            raise NotImplementedError(
                f"activation: {phi.name!r} is not of degree 1, so its hybrids have another limit than IP-LLR, and none here; take relu"
            )
        return self._like(Parameterization.integrable_large_lr(self.hidden_layers)).limit()


class HybridProblem(NetworkProblem):
    """Problem of a hybrid, in the units of µP.

    Parameters
    ----------
    data : Data
    plain : Network
        Under µP.
    kept : float
        What step 0 multiplies the weights of the middle layers by, before it adds the update.
    rng : numpy Generator
    """

    def __init__(self, data: Data, plain: Network, kept: float, rng: np.random.Generator) -> None:
        super().__init__(data, plain.layer_sizes, activations.get(plain.activation), plain.parameterization, rng)
        self.kept, self.first_step = kept, True

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        if velocity is not None and step == 0:
            raise ValueError("step: step 0 of a hybrid is no gradient step, and has no velocity; use descend, or step 1 and later")
        return super().evaluate(state, velocity, step=step, rows=rows)

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Update]:
        if step:
            return super().descend(state, step=step, rows=rows)
        x, h = self.forward(state, self.data.rows(rows)[0])
        loss, residual = self.data.judge(h[-1], rows)

        def update(rate: float) -> None:
            weights, _ = self.layers(state)
            for l, g, inputs in self.signals(state, residual, x, h, step, rows):
                if 0 < l < len(weights) - 1:
                    weights[l] *= self.kept
                add_product(weights[l], -rate * self.rates.weights[l] * self.scales[l], g.T, inputs)

        return Evaluation(loss, h[-1]), update
