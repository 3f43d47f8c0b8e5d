"""Kernels of random networks: exact in the first layer, and those of the finite networks of this library."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import propagation
from infwidth.limits.networks import empirical_ntk
from infwidth.limits.propagation import MeanFieldMaps
from infwidth.solvers.data import Data


def test_the_first_layer_is_exact():
    found = propagation.measure_kernels(MeanFieldMaps("tanh", 1.5, 0.05), 10, 1, q=0.7, c=-0.4, networks=3)
    for part, value in zip(found, (0.7, -0.28, 0.7), strict=True):
        np.testing.assert_allclose([part.mean[0], part.error[0], part.variance[0]], [value, 0, 0], rtol=1e-12, atol=1e-15)


def test_tangent_kernels_are_those_of_networks():
    """Of networks that this library builds and differentiates: two hidden layers of width 30, NTK parameterization."""
    L, X = 2, np.array([[1.0, -0.5, 1.4]])
    network, values = iw.Network(3, L, 30, "tanh", iw.Parameterization.ntk(L)), []
    for seed in range(400):
        problem = network.bind(Data.check(X, np.zeros((1, 1))), np.random.default_rng(seed))
        values.append(empirical_ntk(problem, X).item())
    found = propagation.measure_kernels(MeanFieldMaps("tanh", 1.0, 0.0), 30, L + 1, q=float((X**2).sum()), networks=4000, rng=1).tangent
    error = np.hypot(found.error[-1], np.std(values) / 20)
    assert error < 0.06 * found.mean[-1]
    assert abs(np.mean(values) - found.mean[-1]) < 3 * error
    assert np.var(values) == pytest.approx(found.variance[-1], rel=0.3)


def test_covariances():
    """Two inputs of any correlation: the limit and its fluctuation of the first order, at width 100."""
    maps = MeanFieldMaps("tanh", 1.6, 0.1)
    found, expected = (
        propagation.measure_kernels(maps, 100, 3, q=1.2, c=0.4, networks=1000),
        propagation.pair_corrections(maps, 1.2, 0.4, 3),
    )
    assert np.all(abs(found.covariance.mean - expected.kernel) < 4 * found.covariance.error + 1e-3)
    np.testing.assert_allclose(100 * found.covariance.variance[1:], expected.variance[1:], rtol=0.2)
    one = propagation.corrections(maps, 1.2, 3)
    assert np.all(abs(found.variance.mean - one.kernel) < 4 * found.variance.error + 1e-3)
    np.testing.assert_allclose(100 * found.variance.variance[1:], one.variance[1:], rtol=0.2)


def test_gram_matrices():
    """The kernels and tangent kernels of networks that this library builds, input by input: two hidden layers of width 20."""
    L, X = 2, np.array([[1.0, -0.5, 1.4], [0.3, 0.8, -0.2], [0.5, -0.5, 0.5]])
    network, values = iw.Network(3, L, 20, "tanh", iw.Parameterization.ntk(L)), []
    for seed in range(600):
        problem = network.bind(Data.check(X, np.zeros((3, 1))), np.random.default_rng(seed))
        values.append(empirical_ntk(problem, X).reshape(3, 3))
    found = propagation.measure_gram(MeanFieldMaps("tanh", 1.0, 0.0), X @ X.T, 20, L + 1, networks=4000, rng=1)
    error = np.hypot(found.tangent.error[-1], np.std(values, axis=0) / np.sqrt(600))
    assert (error < 0.04 * np.diagonal(found.tangent.mean[-1]).max()).all()
    assert (abs(np.mean(values, axis=0) - found.tangent.mean[-1]) < 4 * error).all()
    np.testing.assert_allclose(np.var(values, axis=0), found.tangent.variance[-1], rtol=0.3)
    np.testing.assert_allclose(found.kernel.mean[0], X @ X.T, rtol=1e-12)
    alone = propagation.measure_kernels(MeanFieldMaps("tanh", 1.0, 0.0), 20, L + 1, q=X[0] @ X[0], networks=4000, rng=2)
    error = np.hypot(alone.tangent.error, found.tangent.error[:, 0, 0])
    assert (abs(alone.tangent.mean - found.tangent.mean[:, 0, 0]) <= 4 * error + 1e-12).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 1}, "width: need an integer >= 2"),
        ({"width": 10**5}, r"width: .* networks of 160.0 GB; lower it, or depth"),
        ({"networks": 1}, "networks: need an integer >= 2"),
        ({"networks": 10**12}, r"networks: .* hours of work; lower networks"),
        ({"c": -1.5}, "c: a correlation lies in"),
        ({"q": 0}, "q: need a finite number >= 1e-60"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        propagation.measure_kernels(MeanFieldMaps("tanh", 1.5, 0.05), **({"width": 10, "depth": 2} | options))
