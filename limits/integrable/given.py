r"""A start of the user's own: multilayer mean field with any joint law of the weights.

Every neuron is a draw :math:`C_l` of an index of its layer, and the weights are functions of the indices at their two ends,
:math:`w_1(C_1)`, :math:`w_l(C_l, C_{l-1})`, :math:`w_{L+1}(C_L)` (a *neuronal embedding* [nguyen2020]_). N neurons per layer are then a
network of that width, exactly, and differ from the limit by fluctuations of order :math:`N^{-1/2}` [pham2021]_. Independent centred kernels
are the trivial case, the zero operator (:mod:`.naive`).

References
----------
.. [nguyen2020] Nguyen and Pham, arXiv:2001.11443.
.. [pham2021] Pham and Nguyen, arXiv:2110.15954.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.checks import array, vector
from .start import Kernel, Setting, Start

__all__ = ["Initial", "given"]

Array = np.ndarray
Initial = Callable[[np.random.Generator, int, int, int], Any]


def given(setting: Setting, initial: Initial) -> Start:
    """The user's weights, checked: ``initial(rng, N, d, k)`` gives L + 1 of them, kernels dense or as a pair of factors, perhaps in a pair
    with L + 1 biases."""
    N, L, (d, k, dtype) = setting.neurons, setting.hidden_layers, (setting.data.X.shape[1], setting.data.outputs, setting.data.X.dtype)
    weights: Any = initial(setting.rng, N, d, k)
    biases: list[Array] = []
    if isinstance(weights, tuple) and len(weights) == 2 and all(isinstance(part, list) for part in weights):
        weights, biases = weights
        if len(biases) != L + 1:
            raise ValueError(f"initial: need hidden_layers + 1 = {L + 1} biases with these weights, got {len(biases)}")
        biases = [vector(f"initial[1][{l}]", b, length=k if l == L else N).astype(dtype) for l, b in enumerate(biases)]
    if not isinstance(weights, list | tuple) or len(weights) != L + 1:
        what = f"{len(weights)} weights" if isinstance(weights, list | tuple) else type(weights).__name__
        raise ValueError(f"initial: need a list of hidden_layers + 1 = {L + 1} weights, got {what}")

    def matrix(l: int, value: Any, shape: tuple[int, int | None]) -> Array:
        found = array(f"initial[{l}]", value, dtype=dtype)
        if found.shape[0] != shape[0] or found.shape[1] != (shape[1] or found.shape[1]):
            raise ValueError(f"initial[{l}]: need shape {shape}, got {found.shape}".replace("None", "any"))
        return found

    kernels: list[Kernel] = []
    for l, kernel in enumerate(weights[1:-1], start=1):
        if not isinstance(kernel, tuple):
            kernels.append(matrix(l, kernel, (N, N)))
            continue
        left, right = (matrix(l, factor, (N, None)) for factor in kernel)
        if left.shape != right.shape:
            raise ValueError(f"initial[{l}]: factors need one rank, got shapes {left.shape} and {right.shape}")
        kernels.append((left, right))
    return Start(matrix(0, weights[0], (N, d)), kernels, matrix(L, weights[-1], (k, N)), biases)
