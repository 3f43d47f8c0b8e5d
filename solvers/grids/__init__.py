"""Cells, and fluxes between them: finite volumes for densities, explicit (``finite_volumes``) and implicit (``implicit_fluxes``)."""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .grid import Grid as Grid
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
