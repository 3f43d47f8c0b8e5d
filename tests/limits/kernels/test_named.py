import numpy as np

from infwidth.limits import activations, kernels
from infwidth.limits.kernels import Dense, Elementwise, serial


def test_every_name_has_a_kernel():
    for name in activations.names():
        K, T = serial(Dense(1.5, 0.1), Elementwise(name), Dense())(np.random.default_rng(0).standard_normal((4, 3)))
        assert np.isfinite(K).all() and np.isfinite(T).all(), name
    for make in (kernels.Sigmoid, kernels.Silu, kernels.Softplus, kernels.Elu, kernels.Gelu, kernels.Sin, kernels.Cos, kernels.Gaussian):
        assert make() == Elementwise(make.__name__.lower())
