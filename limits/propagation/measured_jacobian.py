"""Singular values and sensitivities of finite random networks: what the moments of the Jacobian predict."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import array, choice, instance, integer
from ...solvers.data import Data
from ...solvers.machine.work import watched
from ...solvers.running.streams import generator
from .. import activations
from ..networks.network import Network
from .input_jacobian import sensitivity
from .jacobian import positive_variance
from .maps import MeanFieldMaps
from .random_networks import Measured, checked_networks, inputs, over_networks, refuse_large, refuse_too_many, weight_matrix

__all__ = ["MeasuredSingularValues", "measure_sensitivity", "measure_singular_values"]

Array = np.ndarray


class MeasuredSingularValues(NamedTuple):
    r"""Squared singular values of the Jacobian through random networks of one width.

    Attributes
    ----------
    mean, variance : Measured
        Within a network, arrays of shape ().
    squared : ndarray, shape (networks, width)
        The values themselves, falling.
    """

    mean: Measured
    variance: Measured
    squared: Array


def measure_singular_values(
    maps: MeanFieldMaps, width: int, depth: int, *, q: float | None = None, weights: str = "gaussian", networks: int = 10, rng: Any = 0
) -> MeasuredSingularValues:
    r"""Singular values of the Jacobian from the first to the last layer's pre-activations: what :func:`singular_values` predicts.

    Parameters
    ----------
    maps : MeanFieldMaps
        Its activation, variances, dropout and skip connection.
    width, depth : int
    q : float, optional
        Mean square of the pre-activations that enter; default: the fixed point.
    weights : {"gaussian", "orthogonal"}
    networks : int
        At least 2.
    rng : int or Generator

    Raises
    ------
    ValueError
        Where an argument is out of its range, there is no fixed point at a positive variance, or the matrices would take more than 4 GB.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> maps = propagation.MeanFieldMaps("relu", 2.0, 0.0)
    >>> found, expected = propagation.measure_singular_values(maps, 100, 2), propagation.singular_values(maps, 2, q=1.0)
    >>> bool(abs(found.mean.mean - expected.mean) < 4 * found.mean.error), bool(abs(found.variance.mean - expected.variance) < 1)
    (True, True)
    """
    maps, m, depth, networks = checked_networks(maps, width, depth, networks)
    q = positive_variance(maps, q)
    choice("weights", weights, ("gaussian", "orthogonal"))
    refuse_large(f"{m} makes matrices of", 24.0 * m * m, "it")
    refuse_too_many(m, 10 * depth, networks)  # a product of matrices for each layer
    rng = generator(rng)
    phi = activations.get(maps.activation)
    values = []
    for _ in watched("networks", range(networks)):
        h, J = inputs(rng, m, q, 0.0)[0], np.eye(m)
        for _ in range(depth):
            W = math.sqrt(maps.weight_variance) * weight_matrix(rng, m, weights)
            keep = (rng.random(m) < maps.keep) / maps.keep
            J = (W * (phi.derivative(h) * keep)) @ J + maps.skip * J
            h = maps.skip * h + W @ (phi.value(h) * keep) + math.sqrt(maps.bias_variance) * rng.standard_normal(m)
        values.append(np.linalg.svd(J, compute_uv=False) ** 2)
    squared = np.array(values)
    return MeasuredSingularValues(over_networks(squared.mean(axis=1)), over_networks(squared.var(axis=1)), squared)


def measure_sensitivity(network: Network, X: Any, *, networks: int = 10, rng: Any = 0) -> Measured:
    r"""Mean square of :func:`sensitivity` over initialisations of a network: the square of :func:`expected_sensitivity`.

    Parameters
    ----------
    network : Network
        Its width and depth are those measured.
    X : array-like, shape (n, d)
    networks : int
        At least 2.
    rng : int or Generator

    Returns
    -------
    Measured
        Arrays of shape (n,).

    Raises
    ------
    TypeError
        Where it is no Network.
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    >>> import numpy as np, infwidth as iw
    >>> from infwidth.limits import propagation
    >>> network = iw.Network(5, 4, 100, "relu", iw.Parameterization.ntk(4))
    >>> found = propagation.measure_sensitivity(network, np.eye(5)[:1], networks=100)
    >>> bool(abs(found.mean[0] - 5 / 2**4) < 4 * found.error[0])
    True
    """
    network = instance("network", network, Network, 'Network(10, 2, 100, "tanh", Parameterization.ntk(2))')
    X, networks = array("X", X, columns=network.input_dim), integer("networks", networks, least=2)
    refuse_too_many(max(network.layer_sizes), network.hidden_layers + 1, networks)
    rng = generator(rng)
    data = Data.check(X, np.zeros((len(X), network.output_dim)))
    squares = []
    for _ in watched("networks", range(networks)):
        problem = network.bind(data, rng)
        squares.append(sensitivity(problem, problem.start(), X) ** 2)
    return over_networks(squares)
