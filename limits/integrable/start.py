"""Where the neurons of a deep limit start, and what its first step moves them by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...solvers.data import Data
from ..activations import Activation
from .fields import Fields
from .germ import Germ
from .vanishing import VanishingField

__all__ = ["FirstPass", "Kernel", "Setting", "Start", "initial_biases", "layer_sizes", "zero_residual"]

Array = np.ndarray
Kernel = Array | tuple[Array, Array] | None  # dense (N', N), factors (N', R) and (N, R), or zero


class Setting(NamedTuple):
    """What a scheme draws its start from.

    Attributes
    ----------
    data : Data
    hidden_layers, neurons : int
        L, and N of one system.
    activation : Activation
    germ : Germ
    weight_std : tuple of float, length L + 1
    bias_std : tuple of float, length L, or None
    dense : bool
        Whether vanishing fields are needed on all neurons: minibatches may leave any of them at 0.
    rng : numpy Generator
    """

    data: Data
    hidden_layers: int
    neurons: int
    activation: Activation
    germ: Germ
    weight_std: tuple[float, ...]
    bias_std: tuple[float, ...] | None
    dense: bool
    rng: np.random.Generator


class FirstPass(NamedTuple):
    r"""Factors of the update of step 0, in units of their size in the width.

    Attributes
    ----------
    inputs : list of ndarray, shapes (n, N_l)
        :math:`\tilde x^0 = X, \ldots, \tilde x^L`.
    signals : list of ndarray, shapes (n, N_{l+1})
        :math:`\tilde g^1, \ldots, \tilde g^L` times the residuals at f = 0, and those residuals, not divided by the number of samples.
    """

    inputs: list[Array]
    signals: list[Array]


@dataclass(frozen=True)
class Start:
    """Initial weights of one system.

    Attributes
    ----------
    first : ndarray, shape (N_1, d)
    kernels : list of Kernel
        Of layers 2..L.
    last : ndarray, shape (k, N_L)
    biases : list of ndarray
        Of all L + 1 weight layers, or empty.
    first_pass : FirstPass, optional
        Where step 0 is not the step of the neurons themselves.
    fields : dict of VanishingField
        Of hidden layers l = 2..L, where an activation with a kink needs them.
    """

    first: Array
    kernels: list[Kernel]
    last: Array
    biases: list[Array] = field(default_factory=list)
    first_pass: FirstPass | None = None
    fields: dict[int, VanishingField] = field(default_factory=dict)


def layer_sizes(scheme: str, hidden_layers: int, neurons: int, biased: bool = False) -> tuple[int, ...]:
    """Neurons of each hidden layer."""
    if scheme == "non_centered" and hidden_layers > 2 and not biased:
        return (neurons, *(1,) * (hidden_layers - 2), neurons)
    return (neurons,) * hidden_layers


def initial_biases(setting: Setting, fields: Fields) -> list[Array]:
    """Gaussian hidden biases and output biases of 0, of all L + 1 weight layers; empty where there are none."""
    if setting.bias_std is None:
        return []
    hidden = [std * fields.independent(1, "forward")[0] for std in setting.bias_std]
    return [*hidden, np.zeros(setting.data.outputs)]


def zero_residual(data: Data) -> Array:
    """Residuals at f = 0, shape (n, k), in float64."""
    return data.loss.value_and_residual(np.zeros_like(data.y), data.y)[1].astype(float)
