"""Protocols of what noise does: a problem has them by their members."""

from dataclasses import replace

import numpy as np

import infwidth as iw
from infwidth.solvers import Data
from infwidth.solvers.noise_abilities import CommonParameters, NoiseUnits, Noisy

DATA = Data.check(np.eye(2), [1.0, -1.0])


def bound(model):
    return model.bind(DATA, np.random.default_rng(0))


def test_common_parameters_are_the_output_biases():
    mup = iw.Parameterization.mup(1)
    plain = bound(iw.Network(2, 1, 4, "tanh", mup))
    assert isinstance(plain, CommonParameters) and not len(plain.start()[plain.common])
    biased = bound(iw.Network(2, 1, 4, "tanh", mup.with_biases()))
    state = biased.start()
    state[biased.common] = 7.0
    assert biased.layers(state)[1][-1].tolist() == [7.0] and (state == 7.0).sum() == 1
    particles = bound(iw.TwoLayerMeanField("tanh", 6, bias=True, output_bias=True, replicas=3))
    state = particles.start()
    state[particles.common] = [1.0, 2.0, 3.0]
    assert particles.output_biases(state).tolist() == [[1.0], [2.0], [3.0]] and particles.replicas == 3


def test_limits_know_whether_noise_has_its_unit():
    limit = iw.limits.scaling.limit(iw.Network(2, 1, 4, "linear", iw.Parameterization((1, 1), (-1, 0), (-3, -1))))
    assert isinstance(limit, NoiseUnits) and not limit.takes_noise and not replace(limit).takes_noise
    problem = bound(limit)
    assert isinstance(problem, Noisy) and isinstance(problem, NoiseUnits) and not problem.takes_noise
    assert bound(iw.DeepLinearIntegrable(1, "naive")).takes_noise
