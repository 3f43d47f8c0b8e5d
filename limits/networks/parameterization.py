r"""How weights and learning rates scale with the width: abc-parameterizations.

With :math:`L` hidden layers of width :math:`m`,

.. math::
    h^1 = m^{-a_1} w^1 x + b^1, \quad h^l = m^{-a_l} w^l \phi(h^{l-1}) + b^l, \quad f = m^{-a_{L+1}} w^{L+1} \phi(h^L) + b^{L+1},

:math:`w^l = m^{-b_l} (\mu_l + \sigma_l \, \mathcal N(0, 1))`, and layer :math:`l` learns at the rate :math:`\eta\, q_l\, m^{-c_l}`, at
step 0 perhaps at one of its own. :math:`(a + \theta, b - \theta, c - 2\theta)` is the same network for every :math:`\theta`
[yang2020feature]_.

References
----------
.. [yang2020feature] Yang and Hu, arXiv:2011.14522, section 3, equation 5 (the shift by :math:`\theta`); µP is definition 5.1.
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596: integrable parameterizations, IP-LLR, IP-bias, IP-non-centered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...solvers.checks import integer, real, reals, settle, shown

if TYPE_CHECKING:
    from .table import ParameterizationTable

__all__ = ["Parameterization"]

STEEPEST = 1000  # exponent of the width
MOST_LAYERS = 10_000

Exponents = tuple[float, ...]
Triple = tuple[float, float, float]


def _per_layer(name: str, value: Any, layers: int) -> Exponents:
    """One number per weight layer; a single one is that of every layer."""
    if isinstance(value, int | float | np.number):
        return (real(name, value),) * layers
    return reals(name, value, length=layers, each="weight layer")


def _depth(hidden_layers: Any) -> int:
    way_out = "hidden_layers counts the layers between input and output"
    return integer("hidden_layers", hidden_layers, least=1, most=MOST_LAYERS, way_out=way_out)


@dataclass(frozen=True)
class Parameterization:
    r"""Exponents and initial laws of every weight layer, first to last (``L + 1`` of them).

    Parameters
    ----------
    a, b, c : sequence of float, length L + 1
        Exponents of the multiplier, the initial weights and the learning rate.
    first_c : sequence of float, length L + 1, optional
        Exponents of the learning rate at step 0 only.
    mean, weight_std : float or sequence of float, length L + 1
        Law of the initial weights before the factor :math:`m^{-b_l}`.
    rates : float or sequence of float, length L + 1
        Prefactors :math:`q_l \ge 0` of the learning rates of each layer, its biases included; 0 freezes a layer.
    bias_std : float or sequence of float, length L + 1, optional
        Standard deviation of the initial biases. None: no biases.
    bias_c, first_bias_c : sequence of float, length L + 1, optional
        Exponents of the biases' learning rates; needed with ``bias_std``.
    name : str

    Raises
    ------
    ValueError
        Where a sequence has another length, holds something else than finite numbers, or a standard deviation or a rate is
        negative.

    Examples
    --------
    >>> from infwidth.limits import Parameterization
    >>> mup = Parameterization.mup(3)
    >>> mup.a, mup.c
    ((0.0, 0.5, 0.5, 1.0), (-1.0, -1.0, -1.0, -1.0))
    >>> Parameterization.integrable_large_lr(3).first_c
    (-2.0, -2.5, -2.5, -2.0)
    """

    a: Exponents
    b: Exponents
    c: Exponents
    first_c: Exponents | None = None
    mean: Exponents = 0.0  # type: ignore[assignment]
    weight_std: Exponents = 1.0  # type: ignore[assignment]
    rates: Exponents = 1.0  # type: ignore[assignment]
    bias_std: Exponents | None = None
    bias_c: Exponents | None = None
    first_bias_c: Exponents | None = None
    name: str = "custom"

    def __post_init__(self) -> None:
        if isinstance(self.a, int | float | np.number):
            raise ValueError(f"a: need one exponent per weight layer, at least 2 (one hidden layer), got {self.a!r}")
        layers = len(reals("a", self.a, least_length=2, each="weight layer, at least 2 (one hidden layer)"))
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name: need a name, got {shown(self.name)}")
        for name in ("a", "b", "c", "first_c", "mean", "weight_std", "rates", "bias_std", "bias_c", "first_bias_c"):
            value = getattr(self, name)
            if value is not None or name in ("a", "b", "c", "mean", "weight_std", "rates"):
                settle(self, **{name: _per_layer(name, value, layers)})
        for name in ("a", "b", "c", "first_c", "bias_c", "first_bias_c"):
            if max(map(abs, getattr(self, name) or (0.0,))) > STEEPEST:
                raise ValueError(f"{name}: exponents of the width lie between -{STEEPEST} and {STEEPEST}, got {getattr(self, name)}")
        for name in ("weight_std", "bias_std"):
            if min(getattr(self, name) or (0,)) < 0:
                raise ValueError(f"{name}: standard deviations cannot be negative, got {getattr(self, name)}")
        if min(self.rates) < 0:
            raise ValueError(f"rates: cannot be negative, got {self.rates}; 0 freezes a layer")
        if self.first_bias_c is not None and self.bias_c is None:
            raise ValueError("first_bias_c: there are no biases; give bias_std and bias_c too, or leave it out")
        if (self.bias_std is None) != (self.bias_c is None):
            raise ValueError("bias_c: biases need both bias_std and bias_c; give both or neither (or use with_biases)")

    @property
    def hidden_layers(self) -> int:
        """Number L of hidden layers."""
        return len(self.a) - 1

    @property
    def has_first_step(self) -> bool:
        """Whether step 0 has learning rates of its own."""
        return self.first_c is not None or self.first_bias_c is not None

    def with_biases(self, std: float = 1.0) -> Parameterization:
        r"""The same with biases of standard deviation ``std`` in every layer.

        A hidden bias is a first-layer weight from a constant input, so it learns at that layer's rate
        (:math:`c_1 + 2 a_1`); the output bias starts at 0 and learns at :math:`\eta`.

        Raises
        ------
        ValueError
            With a large first step (IP-LLR): its rates rest on fields that shrink from layer to layer, and biases end that.
        """
        if self.first_c is not None:
            raise ValueError(
                f"first_c: the first-step rates of {self.name} hold without biases only; take Parameterization.integrable_bias, or give"
                " bias_std, bias_c and first_bias_c yourself with dataclasses.replace"
            )
        L = self.hidden_layers
        return replace(
            self,
            bias_std=(real("std", std, least=0),) * L + (0.0,),
            bias_c=(self.c[0] + 2 * self.a[0],) * L + (0.0,),
        )

    def table(self, width: int, base_width: int = 1, *, optimizer: str = "sgd", form: str = "stored") -> ParameterizationTable:
        r"""Initial standard deviation, multiplier and learning rate of every layer, as one types them.

        Parameters
        ----------
        width, base_width : int
            All are powers of ``width / base_width``, to be multiplied with what is in use at the base width.
        optimizer : {"sgd", "adam"}
            Rates of Adam are known for µP.
        form : {"stored", "no multipliers", "readout multiplier", "unit initial weights", "equal rates"}
            Which of the equivalent forms; do not mix two of them in one network. Tables 3, 8 and 9 of [yang2022]_ are ``"no multipliers"``,
            ``"readout multiplier"`` (the form of the `mup` package), and ``"equal rates"`` (those of SGD).

        Raises
        ------
        ValueError
            Where an argument is out of its range.

        References
        ----------
        .. [yang2022] Yang et al., arXiv:2203.03466, tables 3, 8 and 9 (µP for SGD and Adam).

        Examples
        --------
        >>> from infwidth.limits import Parameterization
        >>> print(Parameterization.mup(2).table(1024, base_width=256, optimizer="adam", form="no multipliers"))
        width 1024, factors relative to width 256; adam, form: no multipliers
        layer        initial std    multiplier   learning rate
        input                  1             1               1
        hidden 2             0.5             1            0.25
        output              0.25             1            0.25
        """
        from .table import table

        return table(self, width, base_width, optimizer=optimizer, form=form)

    @classmethod
    def _named(cls, name: str, L: Any, a: Triple, b: Triple, c: Triple, first_c: Triple | None = None) -> Parameterization:
        """Triples [layer 1; layers 2..L; output] spread over the layers."""
        L = _depth(L)

        def spread(triple: Triple) -> Exponents:
            return (triple[0],) + (triple[1],) * (L - 1) + (triple[2],)

        return cls(spread(a), spread(b), spread(c), None if first_c is None else spread(first_c), name=name)

    @classmethod
    def standard(cls, hidden_layers: int, c: float = 1.0) -> Parameterization:
        """Standard parameterization (SP) of that many ``hidden_layers``, like all below. The default rate exponent ``c = 1`` is the
        largest rate that is stable as m grows. ValueError where a number is out of range."""
        c = real("c", c)
        return cls._named("SP", hidden_layers, (0, 0, 0), (0, 0.5, 0.5), (c, c, c))

    @classmethod
    def ntk(cls, hidden_layers: int) -> Parameterization:
        """Neural tangent parameterization (NTP) of that many ``hidden_layers``."""
        return cls._named("NTP", hidden_layers, (0, 0.5, 0.5), (0, 0, 0), (0, 0, 0))

    @classmethod
    def torch_default(cls, hidden_layers: int, input_dim: int) -> Parameterization:
        r"""PyTorch's default linear layers, all numbers of a layer of variance 1/(3 fan-in), under SP at a rate :math:`\eta/m`.

        Weights have :math:`\sigma_w^2 = 1/3`, those of the first layer :math:`1/(3d)` with biases of the same variance. Hidden and output
        biases, of variance :math:`1/(3m)`, vanish with the width and start at 0 here; none learns in the limit. The learning rate that
        one types there is :math:`\eta/m`. Numbers are Gaussian here and uniform there, which hidden layers forget; in the first one the
        pre-activation of x has an excess kurtosis of :math:`-\tfrac65 (\sum_j x_j^4 + 1)/(\sum_j x_j^2 + 1)^2`, of order 1/d.

        Parameters
        ----------
        hidden_layers, input_dim : int
            L and d.

        Raises
        ------
        ValueError
            Where one of them is not an integer >= 1.

        Examples
        --------
        >>> from infwidth.limits import Parameterization
        >>> p = Parameterization.torch_default(2, input_dim=3)
        >>> [round(s**2, 4) for s in p.weight_std], [round(s**2, 4) for s in p.bias_std]
        ([0.1111, 0.3333, 0.3333], [0.1111, 0.0, 0.0])
        """
        L, d = _depth(hidden_layers), integer("input_dim", input_dim, least=1)
        first = (3.0 * d) ** -0.5
        stds, bias_stds = (first,) + (3.0**-0.5,) * L, (first,) + (0.0,) * L
        return replace(cls.standard(L), weight_std=stds, bias_std=bias_stds, bias_c=(1.0,) * (L + 1), name="torch default")

    @classmethod
    def mup(cls, hidden_layers: int) -> Parameterization:
        """Maximal update parameterization (µP) of that many ``hidden_layers``."""
        return cls._named("muP", hidden_layers, (0, 0.5, 1), (0, 0, 0), (-1, -1, -1))

    @classmethod
    def integrable(cls, hidden_layers: int) -> Parameterization:
        """Integrable (mean-field) parameterization, "naive IP": a stationary point from three ``hidden_layers`` on."""
        return cls._named("IP", hidden_layers, (0, 1, 1), (0, 0, 0), (-1, -2, -1))

    @classmethod
    def integrable_large_lr(cls, hidden_layers: int, homogeneity: float = 1.0) -> Parameterization:
        r"""IP-LLR: naive IP of that many ``hidden_layers`` with one large first step, :math:`m^{(1+G)/2}`, :math:`m^{(2+G)/2}` in the
        middle, :math:`G = \sum_{k<L} p^k` for a p-homogeneous activation (``homogeneity`` p; also where :math:`\phi \approx \phi'(0) h`:
        then p = 1). ValueError where that rate is beyond all floats."""
        L = _depth(hidden_layers)
        p = real("homogeneity", homogeneity, above=0, most=60)
        G = math.fsum(min(p**k, 1e9) if p ** min(k, 60) < 1e9 else 1e9 for k in range(L))
        if 2 + G > 2 * STEEPEST:
            raise ValueError(f"homogeneity: {p:g} in {L} layers asks for a first rate of width**{1 + G / 2:.3g}; lower hidden_layers or it")
        first = (-(1 + G) / 2, -(2 + G) / 2, -(1 + G) / 2)
        return cls._named("IP-LLR", L, (0, 1, 1), (0, 0, 0), (-1, -2, -1), first_c=first)

    @classmethod
    def integrable_bias(cls, hidden_layers: int) -> Parameterization:
        r"""IP-bias: naive IP with standard Gaussian biases in its ``hidden_layers`` and first-step rates to match."""
        L = _depth(hidden_layers)
        first = (-(L + 1) / 2, *(-(L - l + 4) / 2 for l in range(2, L + 1)), -1.0)
        first_bias = (*(-(L - l + 2) / 2 for l in range(1, L + 1)), 0.0)
        plain = cls.integrable(L).with_biases()
        return replace(plain, first_c=first, first_bias_c=first_bias, name="IP-bias")

    @classmethod
    def integrable_non_centered(cls, hidden_layers: int) -> Parameterization:
        """IP-non-centered: naive IP of that many ``hidden_layers`` with weights N(1, 1) in every layer but the first."""
        L = _depth(hidden_layers)
        return replace(cls.integrable(L), mean=(0.0,) + (1.0,) * L, name="IP-non-centered")
