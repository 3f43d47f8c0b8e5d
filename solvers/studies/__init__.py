"""Many solves: a limit against finite widths, a function over a grid, the scatter of replicas, and fits of power laws.

``comparison`` is made of ``gaps`` and their ``summary``, ``sweeping`` of ``points``; both keep a ``result_folder``.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from . import replicas as replicas
    from .comparison import Comparison as Comparison
    from .comparison import compare as compare
    from .fitting import power_law as power_law
    from .sweeping import Sweep as Sweep
    from .sweeping import sweep as sweep
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
