"""Engines that move two-layer particles: ``choice`` says which one, ``reference`` is the readable twin of all."""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .choice import engine as engine
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
