r"""The schemes of integrable parameterizations, by the names that every model of this room takes.

* ``"naive"``: learning rates that keep the updates of order 1 in every layer; :meth:`~infwidth.limits.Parameterization.integrable`.
  (``Parameterization.standard`` is another one: that of PyTorch.)
* ``"large_lr"``: one large first step before (IP-LLR); ``Parameterization.integrable_large_lr``.
* ``"bias"``: biases of order 1; ``Parameterization.integrable_bias``.
* ``"non_centered"``: initial weights of mean 1; ``Parameterization.integrable_non_centered``.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from ...solvers.checks import shown

__all__ = ["STATIONARY_FROM", "check_scheme"]

# Hidden layers from which on the start, or the point that the first step leads to, is stationary: f = 0 for all time in the limit
# (for activations that are smooth at 0 with value 0 there). Why: infwidth.limits.saddle.
STATIONARY_FROM = MappingProxyType({"naive": 3, "large_lr": 5})


def check_scheme(scheme: str, known: Iterable[str]) -> str:
    """The scheme, if it is one of those known.

    Raises
    ------
    ValueError
        Where it is not; what may have been meant is named.
    """
    known = tuple(known)
    if isinstance(scheme, str) and scheme in known:
        return scheme
    hint = (
        "; the naive integrable parameterization is 'naive' (Parameterization.standard is another one)"
        if isinstance(scheme, str) and scheme == "standard"
        else ""
    )
    raise ValueError(f"scheme: {shown(scheme)} is not one of {', '.join(known)}{hint}")
