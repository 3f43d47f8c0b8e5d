r"""A parameterization as people type it: initial standard deviation, multiplier and learning rate of every layer.

The same network has many forms: :math:`(a_l, b_l, c_l) \to (a_l + \theta, b_l - \theta, c_l - 2\theta)` for SGD, and
:math:`c_l - \theta` for Adam, whose steps do not see the size of the gradient. Papers print different ones; mixing two of them in one
network is the commonest bug.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...solvers.checks import choice, instance, integer

if TYPE_CHECKING:
    from .parameterization import Parameterization

__all__ = ["LayerRow", "ParameterizationTable", "in_form", "table"]

FORMS = ("stored", "no multipliers", "readout multiplier", "unit initial weights", "equal rates")
OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class LayerRow:
    """One weight layer: factors relative to the values in use at the base width.

    Attributes
    ----------
    layer : str
        "input", "hidden 2", ..., "output".
    initial_std, multiplier, learning_rate : float
    """

    layer: str
    initial_std: float
    multiplier: float
    learning_rate: float


@dataclass(frozen=True)
class ParameterizationTable:
    """All layers at one width, first to last.

    Attributes
    ----------
    rows : tuple of LayerRow
    width, base_width : int
    optimizer, form : str
    """

    rows: tuple[LayerRow, ...]
    width: int
    base_width: int
    optimizer: str
    form: str

    def __str__(self) -> str:
        head = f"width {self.width}, factors relative to width {self.base_width}; {self.optimizer}, form: {self.form}"
        lines = [head, f"{'layer':<10}{'initial std':>14}{'multiplier':>14}{'learning rate':>16}"]
        lines += [f"{r.layer:<10}{r.initial_std:>14.6g}{r.multiplier:>14.6g}{r.learning_rate:>16.6g}" for r in self.rows]
        return "\n".join(lines)


def in_form(parameterization: Parameterization, form: str) -> Parameterization:
    r"""The same network with other exponents.

    Parameters
    ----------
    parameterization : Parameterization
    form : {"stored", "no multipliers", "readout multiplier", "unit initial weights", "equal rates"}
        ``"no multipliers"`` has :math:`a_l = 0`, ``"unit initial weights"`` :math:`b_l = 0`, ``"equal rates"`` :math:`c_l = 0` (of SGD);
        ``"readout multiplier"`` :math:`a_l = 0` in the hidden layers and :math:`b_{L+1} = 0`, as the `mup` package has it. Of µP these
        are tables 3, 8 and 9 of [yang2022]_: no multipliers, readout multiplier, and equal rates.

    Raises
    ------
    TypeError, ValueError
        Where it is no Parameterization, or the form is not known.

    References
    ----------
    .. [yang2022] Yang et al., arXiv:2203.03466, tables 3, 8 and 9.

    Examples
    --------
    >>> from infwidth.limits import Parameterization
    >>> from infwidth.limits.networks import in_form
    >>> p = in_form(Parameterization.mup(2), "no multipliers")
    >>> p.a, p.b, p.c
    ((0.0, 0.0, 0.0), (0.0, 0.5, 1.0), (-1.0, 0.0, 1.0))
    >>> p = in_form(p, "equal rates")
    >>> p.a, p.b, p.c
    ((-0.5, 0.0, 0.5), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
    """
    from .parameterization import Parameterization  # which has a method that calls this

    parameterization = instance("parameterization", parameterization, Parameterization, "Parameterization.mup(1)")
    choice("form", form, FORMS)
    p = parameterization
    if form == "stored":
        return p
    no_multipliers, unit_weights = [-a for a in p.a], list(p.b)
    theta = {
        "no multipliers": no_multipliers,
        "readout multiplier": [*no_multipliers[:-1], unit_weights[-1]],
        "unit initial weights": unit_weights,
        "equal rates": [c / 2 for c in p.c],
    }[form]

    def moved(values: tuple[float, ...], times: int) -> tuple[float, ...]:
        return tuple(v + times * t for v, t in zip(values, theta, strict=True))

    first_c = None if p.first_c is None else moved(p.first_c, -2)
    return replace(p, a=moved(p.a, 1), b=moved(p.b, -1), c=moved(p.c, -2), first_c=first_c)


def table(
    parameterization: Parameterization, width: int, base_width: int = 1, *, optimizer: str = "sgd", form: str = "stored"
) -> ParameterizationTable:
    r"""Factors of every layer at one width; see :meth:`Parameterization.table`."""
    from ..scaling.invariance import same_limit
    from .parameterization import Parameterization

    m, base = integer("width", width, least=1), integer("base_width", base_width, least=1)
    choice("optimizer", optimizer, OPTIMIZERS)
    p = in_form(parameterization, form)
    L = p.hidden_layers
    if optimizer == "sgd":
        rates = p.c
    else:
        if not same_limit(parameterization, Parameterization.mup(L)):
            raise ValueError(f"optimizer: the rates of Adam are known for µP alone, not for {parameterization.name}; take sgd")
        # A step of Adam moves every entry by the rate: its effect m^{-a} (rate) (fan-in) is of order 1.
        rates = tuple((0.0 if l == 0 else 1.0) - a for l, a in enumerate(p.a))
    ratio = m / base
    names = ["input", *(f"hidden {l}" for l in range(2, L + 1)), "output"]
    rows = tuple(
        LayerRow(name, std * ratio**-b, ratio**-a, ratio**-c)
        for name, std, a, b, c in zip(names, p.weight_std, p.a, p.b, rates, strict=True)
    )
    return ParameterizationTable(rows, m, base, optimizer, form)
