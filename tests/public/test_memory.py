"""Requests beyond the memory: each is refused with the number and the way out, before anything is allocated."""

import re
import resource
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import infwidth as iw
from infwidth import limits, solvers
from infwidth.limits import catapult, gaussian, kernels, propagation, spectra
from infwidth.solvers.machine import memory

P = iw.Parameterization
X, Y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 2.0]]), np.array([1.0, -1.0, 0.5, 0.2])
MILLION = np.broadcast_to(np.array([[1.0, 0.5]]), (10**6, 2)), np.broadcast_to(1.0, (10**6,))
NTK = kernels.serial(kernels.Dense(1.4, 0.1), kernels.Relu(), kernels.Dense(1.0, 0.1))
TRANSPORT = iw.TransportFlow(1e-3)
MAPS = propagation.MeanFieldMaps("tanh", 1.5, 0.1)


def descent(steps, **more):
    return iw.GradientDescent(0.1, steps, **more)


def solve(model, inputs=X, targets=Y, method=None, **more):
    return lambda: iw.solve(model(), inputs, targets, method or descent(2), rng=0, **more)


def net(width, layers=1):
    return iw.Network(2, layers, width, "tanh", P.mup(layers))


def square(z):
    return (z**2).sum(axis=1)


def kernel_at_start(model, inputs):
    problem = model.bind(solvers.Data.check(inputs, inputs[:, 0]), np.random.default_rng(0))
    return problem.kernel(problem.start())


REQUESTS = {
    "mup 1e9 layers": lambda: iw.solve(iw.DeepLinearMuP(10**9), X, Y, descent(2)),
    "chain 1e9 layers": lambda: iw.solve(iw.DeepLinearIntegrable(10**4), np.ones((4, 3000)), Y, descent(2)),
    "network 1e9 layers": lambda: iw.solve(iw.Network(2, 10**9, 8, "tanh", P.mup(10**9)), X, Y, descent(2)),
    "network 1e6 wide": solve(lambda: net(10**6, 2)),
    "network 1e9 wide": solve(lambda: net(10**9, 1)),
    "wide network on a million points": solve(lambda: net(4096, 2), *MILLION),
    "stiff flow of a network": solve(lambda: net(200, 2), method=iw.GradientFlow(0.1, stepper="Radau")),
    "flow of a wide network": solve(lambda: net(5000, 2), method=iw.GradientFlow(0.1)),
    "network, 1e9 outputs saved": solve(lambda: net(8), np.ones((10**4, 2)), np.ones(10**4), descent(10**6), save_at=np.arange(10**6)),
    "network, every step of many": solve(lambda: net(8), method=descent(10**9)),
    "explicit save_at of a flow": solve(
        lambda: net(8), np.ones((10**5, 2)), np.ones(10**5), iw.GradientFlow(1.0), save_at=np.linspace(0, 1, 10**5)
    ),
    "explicit save_at of heavy ball": solve(
        lambda: net(8), np.ones((10**5, 2)), np.ones(10**5), iw.HeavyBall(0.1, 1.0, 10**5), save_at=np.arange(10**5)
    ),
    "test outputs": solve(lambda: net(8), X_test=np.ones((10**6, 2)), method=descent(10**4), save_at=np.arange(10**4)),
    "observable": solve(
        lambda: net(8), method=descent(10**6), save_at=np.arange(10**6), observables={"big": lambda t, s, p: np.zeros(10**5)}
    ),
    "1e9 particles": solve(lambda: iw.TwoLayerMeanField("relu", 10**9)),
    "1e9 particles replicas": solve(lambda: iw.TwoLayerMeanField("relu", 10**9, replicas=10)),
    "1e9 particles population": lambda: iw.solve(
        iw.TwoLayerMeanField("erf", 10**9, population=iw.GaussianTeacher([[1.0, 0]], [1.0], "erf")), method=descent(2), rng=0
    ),
    "particles on a million points": solve(
        lambda: iw.TwoLayerMeanField("tanh", 10**6), np.broadcast_to(np.ones((1, 2)), (10**9, 2)), np.broadcast_to(1.0, (10**9,))
    ),
    "test set times replicas": solve(lambda: iw.TwoLayerMeanField("relu", 10**5, replicas=10**4), X_test=np.ones((10**6, 2))),
    "1e9 radial": lambda: iw.solve(iw.RadialMeanField(5, 0.5, size=10**9), method=descent(2)),
    "1e9 radial cells": lambda: iw.solve(iw.RadialMeanField(5, 0.5, "density", 10**9), method=iw.TransportFlow(0.1)),
    "1e6 radial cells kernel": lambda: iw.solve(iw.RadialMeanField(5, 0.5, "density", 3 * 10**7), method=iw.TransportFlow(0.1)),
    "isotropic 1e9": lambda: iw.solve(limits.IsotropicNetwork(40, 0.5, 10**9), method=descent(2, batch_size=2)),
    "isotropic batch": lambda: iw.solve(limits.IsotropicNetwork(40, 0.5, 400, test_samples=100), method=descent(2, batch_size=10**9)),
    "isotropic test": lambda: iw.solve(limits.IsotropicNetwork(40, 0.5, 400, test_samples=10**9), method=descent(2, batch_size=2)),
    "grid": lambda: iw.Grid.uniform((-1, -1), (1, 1), (10**5, 10**5)),
    "grid 1e9": lambda: iw.Grid.uniform(-1, 1, 10**9),
    "circle 1e9": solve(lambda: iw.CircleMeanField("relu", 4 * 10**9), method=iw.GradientFlow(0.1)),
    "circle 4e5": solve(lambda: iw.CircleMeanField("relu", 4 * 10**7), method=iw.GradientFlow(0.1)),
    "interaction dense": lambda: iw.solve(
        iw.InteractionMeanField(iw.Grid.uniform(-1, 1, 10**6), lambda w: np.exp(-square(w)), square, lambda a, b: a @ b.T),
        method=iw.TransportFlow(0.1),
    ),
    "density million points": lambda: iw.solve(
        iw.DensityMeanField(iw.Grid.uniform(-1, 1, 10**5), lambda w: np.exp(-square(w)), "tanh"),
        np.ones((10**6, 1)),
        np.ones(10**6),
        iw.TransportFlow(0.1),
    ),
    "deep 1e9 neurons": solve(lambda: iw.DeepIntegrable(2, "tanh", 4 * 10**9)),
    "deep factored": solve(lambda: iw.DeepIntegrable(3, "tanh", 4 * 10**5, kernels="factored"), method=descent(10**6), save_at=[10**6]),
    "deep dense": solve(lambda: iw.DeepIntegrable(3, "tanh", 4 * 10**5, kernels="dense")),
    "deep 1e4 layers": solve(lambda: iw.DeepIntegrable(10**4, "tanh", 4 * 10**3, "naive", kernels="dense", bias_std=1.0)),
    "dmft 1e9 samples": solve(lambda: iw.DynamicalMeanField(2, "tanh", 4 * 10**9)),
    "dmft predicted": lambda: iw.solve(iw.DynamicalMeanField(1, "tanh", 512), X, Y, descent(1), rng=0).predict(np.ones((10**5, 2))),
    "deep signs of vanishing fields": solve(lambda: iw.DeepIntegrable(2, "relu", 2**16, "naive", kernels="factored")),
    "deep test set times replicas": solve(lambda: iw.DeepIntegrable(1, "tanh", 10**4, "naive", replicas=10**4), X_test=np.ones((10**6, 2))),
    "mup kernels": lambda: iw.solve(iw.DeepLinearMuP(2), X, Y, descent(0), rng=0).problem.kernels(np.ones((10**5, 2))),
    "linear teacher's covariance": lambda: limits.LinearTeacher(np.ones((1, 10**5))),
    "catapult kernel": lambda: kernel_at_start(catapult.TwoLayerLinearNetwork(8), np.ones((10**5, 2))),
    "sweep": lambda: iw.sweep(lambda a: a, {"a": range(10**9)}),
    "dmft points": solve(lambda: iw.DynamicalMeanField(2, "tanh", 2**15), np.ones((10**6, 2)), np.ones(10**6)),
    "ntk gram": solve(lambda: iw.NeuralTangentLimit(NTK), np.ones((10**6, 2)), np.ones(10**6)),
    "kernel million": lambda: NTK.ntk(np.ones((10**6, 2))),
    "kernel cross": lambda: NTK.ntk(np.ones((10**6, 2)), np.ones((10**5, 2))),
    "kernel ensemble": lambda: kernels.ensemble(NTK, np.ones((10**5, 2)), np.ones(10**5), X, [1.0]),
    "kernel ensemble times": lambda: kernels.ensemble(NTK, X, Y, np.ones((10**4, 2)), np.linspace(0, 1, 10**5)),
    "posterior": lambda: kernels.posterior(NTK, np.ones((10**5, 2)), np.ones(10**5), X, noise_variance=0.1),
    "ridge": lambda: kernels.kernel_ridge(NTK, np.ones((10**5, 2)), np.ones(10**5), X, relative_ridge=0.1),
    "spectrum": lambda: spectra.measured_spectrum(lambda a, b: a @ b.T, np.ones((10**6, 2)), np.ones(10**6)),
    "radial spectrum": lambda: spectra.radial_spectrum(lambda a, b: a @ b.T, 3, lambda r: r, radii=10**9),
    "propagation depth": lambda: propagation.singular_values(MAPS, 10**9),
    "phase diagram": lambda: propagation.phase_diagram("tanh", np.linspace(0.1, 3, 10**5), np.linspace(0, 1, 10**5)),
    "comparison": lambda: iw.compare(iw.DeepLinearMuP(1), [net(8), net(16)], X, Y, descent(10**6), seeds=10**4, save_at=range(10**6)),
    "linear teacher's batch": lambda: iw.solve(
        iw.DeepLinearMuP(2, population=limits.LinearTeacher(np.eye(2))), method=descent(2, batch_size=10**9), rng=0
    ),
    "propagation width": lambda: propagation.measure_signals(MAPS, 10**6, 3),
    "process": lambda: gaussian.ProcessPath(lambda a, b: a @ b.T, 1, np.random.default_rng(0))(np.ones((10**6, 2))),
    "icmf": solve(lambda: limits.InitCorrectedMeanField("relu", 10**9)),
    "icmf covariance": solve(lambda: limits.InitCorrectedMeanField("relu", 100, replicas=2), np.ones((2 * 10**4, 2)), np.ones(2 * 10**4)),
    "ntk covariance": solve(lambda: iw.NeuralTangentLimit(NTK, "gaussian", 2), np.ones((10**4, 2)), np.ones(10**4)),
    "icmf points": solve(lambda: limits.InitCorrectedMeanField("relu", 100), np.ones((10**6, 2)), np.ones(10**6)),
    "catapult trajectory": lambda: catapult.trajectory(1.0, 2.0, 0.5, 16, 10**12),
    "catapult draw": lambda: catapult.draw(0, 16, 10**12),
    "wasserstein": lambda: solvers.distances.wasserstein(np.ones((10**5, 3)), np.zeros((10**5, 3))),
}


@pytest.fixture
def two_gigabytes():
    """A limit on what this process may take beyond what it has."""
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + 2 * 10**9, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.may_skip("needs Linux")
@pytest.mark.filterwarnings("ignore:.* would take .* or more on:RuntimeWarning")  # what would not fit would take long, too
@pytest.mark.parametrize("name", REQUESTS)
def test_refused_with_the_number_and_the_way_out(name, two_gigabytes):
    with pytest.raises(ValueError, match=r"^\w+(, \w+)*(\[\d\])?: ") as caught:
        REQUESTS[name]()
    said = str(caught.value)
    assert re.search(r"\d [GM]i?B|\de\+\d+ weights|need an integer from|limit \d+", said), said
    assert re.search(r"lower|fewer|use|take|give|coarse|from \d+ to", said), said


def test_what_fits_is_not_refused(two_gigabytes):
    wide = iw.solve(net(4096), X, Y, descent(1), rng=0)
    assert wide.predict(np.broadcast_to(X[:1], (10**5, 2))).shape == (10**5, 1)  # 3 GB of layers, in blocks
    assert iw.solve(iw.TwoLayerMeanField("relu", 10**5), X, Y, descent(1), rng=0).success


PREDICTING = {  # and the numbers that a point takes on the way to its outputs
    "network": (lambda: net(512), None, 512),
    "linearized": (lambda: limits.LinearizedNetwork(iw.Network(2, 1, 512, "tanh", P.ntk(1))), None, 512),
    "deep, dense": (lambda: iw.DeepIntegrable(2, "tanh", 256, "naive"), None, 512),
    "deep, factored": (lambda: iw.DeepIntegrable(2, "tanh", 512, "naive", kernels="factored"), None, 1024),
    "replicas": (lambda: iw.TwoLayerMeanField("relu", 256, replicas=256), None, 256),
    "circle": (lambda: iw.CircleMeanField("relu", 720), iw.GradientFlow(1e-3), 720),
    "density": (lambda: iw.DensityMeanField(iw.Grid.uniform((-1, -1), (1, 1), (25, 25)), lambda w: np.exp(-square(w))), TRANSPORT, 625),
    "radial density": (lambda: iw.RadialMeanField(2, 0.5, "density", 400), TRANSPORT, 400),
}


@pytest.mark.parametrize("name", PREDICTING)
def test_predictions_at_many_points_go_by_parts(name, monkeypatch):
    """In a quarter of the memory of all at once, and each point's output is what it is alone."""
    model, method, numbers = PREDICTING[name]
    sol = iw.solve(model(), method=method, rng=0) if "radial" in name else iw.solve(model(), X, Y, method or descent(1), rng=0)
    points = np.random.default_rng(0).standard_normal((4000, 2))
    alone = sol.predict(points[[0, 1234, -1]])
    monkeypatch.setattr(memory, "PART", 1 << 16)
    tracemalloc.start()
    found = sol.predict(points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(found[[0, 1234, -1]], alone, rtol=1e-9, atol=1e-12)
    assert peak < 8 * numbers * len(points) / 4
