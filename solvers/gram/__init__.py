"""Gram matrices of kernels that are programs: a few steps for a pair of points, run on tiles of pairs, never on whole matrices.

``program`` is the contract, ``tiles`` the driver, ``passes`` the compiled steps on one tile and ``reference`` their readable twins;
``equal_points`` are set apart. The steps of activations are ``closed_forms``, ``elu`` and ``series``, made of ``elementary`` functions.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .program import Program as Program
    from .program import Step as Step
    from .tiles import gram as gram
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
