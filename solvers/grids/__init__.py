"""Cells, and fluxes between them.

``grid`` has the cells, ``averages`` what a function is on them; finite volumes for densities are explicit (``finite_volumes``) or implicit
(``implicit_fluxes``).
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .grid import Grid as Grid
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
