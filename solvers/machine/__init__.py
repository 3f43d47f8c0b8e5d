"""The machine below: ``compilation``, threads of BLAS (``blas_threads``), ``memory`` that is free, the time that ``work`` takes, matrix
``products`` into memory that is there already, and ``executors`` that may have been shut down.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .compilation import jit as jit
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
