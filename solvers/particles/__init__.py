"""Engines that move two-layer particles: ``choice`` says which one, by the ``contract`` that all of them keep.

``reference`` is the readable twin of all. ``sorted_angles`` is for relu in the plane, ``thin`` for relu with few weights, ``blocks`` for
the rest: compiled in ``block_passes``, of ``elementary`` functions (``series``: their coefficients) and ``intrinsics``. ``together``
moves many small systems at once.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .choice import engine as engine
    from .contract import Engine as Engine
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
