r"""Gaussian expectations of activations: what every infinite-width limit is made of.

For :math:`u \sim N(0, q)`, :math:`\mathbb E\,\phi(u)`, :math:`\mathbb E\,\phi(u)^2`, :math:`\mathbb E\,\phi'(u)^2` and the like are
:func:`moments`; for a pair of variances :math:`q_1, q_2` and correlation c, :math:`\mathbb E\,\phi(u)\phi(v)` and :math:`\mathbb
E\,\phi'(u)\phi'(v)` are :func:`dual`; :func:`expectation` takes any function, and :func:`pair_expectation` (``pairs``) any two. Where an
activation has a closed form (``closed_forms``, ``exponential_linear``) that is used; otherwise (``numerical``) a quadrature (``line``,
``plane``) or the Mehler series (``mehler``, with ``hermite_functions``; ``kinks`` are taken off first) is refined until its own error
estimate meets the tolerance. Every answer comes with its error. ``process`` is one path of a Gaussian process, ``draws`` what limits have
in common that start at many, ``wishart`` the second moments of many Gaussian vectors.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .closed_forms import ClosedForm as ClosedForm
    from .duals import Estimate as Estimate
    from .duals import Moments as Moments
    from .duals import dual as dual
    from .duals import expectation as expectation
    from .duals import moments as moments
    from .mehler import HermiteSeries as HermiteSeries
    from .mehler import hermite_series as hermite_series
    from .pairs import pair_expectation as pair_expectation
    from .process import ProcessPath as ProcessPath
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
