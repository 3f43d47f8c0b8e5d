"""Integrable (mean-field) parameterizations of deep networks: their limits, and the stationary points that they start at.

``deep_linear`` has the exact limit of linear networks, a product of small matrices (``chain`` is its compiled gradient, ``noise`` the
limit under Langevin noise). ``nonlinear`` has that of all others, by N neurons per layer: their ``start`` is in a file per scheme of
``schemes`` (``naive``, ``large_lr``, ``bias``, ``non_centered``, ``given``), made of Gaussian ``fields``, the ``germ`` of the activation
and the signs of ``vanishing`` pre-activations; their dynamics in ``neurons`` (kernels as matrices) and ``history`` (as factors), in
replicas (``systems``). ``stationary`` says where nothing moves, ``saddle`` how long a finite network stays there, ``escape`` measures it
(``growth_curve``: against the width).
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from . import escape as escape
    from . import saddle as saddle
    from .deep_linear import DeepLinearIntegrable as DeepLinearIntegrable
    from .nonlinear import DeepIntegrable as DeepIntegrable
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
