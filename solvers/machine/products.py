"""Matrix products into existing memory.

Every product of a finite network goes through scipy's BLAS: numpy and scipy each bring a BLAS with threads of its own, and
alternating between the two pools costs more than the products. It also adds into its output, ``out += alpha * a @ b``, which makes
a gradient step one pass over the weights.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas

__all__ = ["add_product", "product"]

Array = np.ndarray


def add_product(out: Array, alpha: float, a: Array, b: Array, beta: float = 1.0) -> Array:
    """``out = beta * out + alpha * a @ b`` in place; ``out`` is C-contiguous, ``a`` and ``b`` are C-contiguous or transposes of such."""
    gemm = blas.dgemm if out.dtype == np.float64 else blas.sgemm
    # BLAS is column-major: it computes out.T = b.T @ a.T. A transpose of C-contiguous memory is passed without a copy.
    left, flip_left = (b.T, 0) if b.flags.c_contiguous else (b, 1)
    right, flip_right = (a.T, 0) if a.flags.c_contiguous else (a, 1)
    result = gemm(alpha, left, right, beta, out.T, trans_a=flip_left, trans_b=flip_right, overwrite_c=1)
    if not np.may_share_memory(result, out):
        raise AssertionError("BLAS copied its output: out must be C-contiguous and of the dtype of a and b")
    return out


def product(a: Array, b: Array, alpha: float = 1.0) -> Array:
    """``alpha * a @ b`` in new memory."""
    return add_product(np.empty((a.shape[0], b.shape[1]), a.dtype), alpha, a, b, beta=0.0)
