"""Methods other than gradient descent, populations, fluctuations and integrals, whose stated error is held against the truth."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from coverage_flows import Setting, data, exact, gap
from coverage_systems import BALL, RMS, particles_of, problem_of

import infwidth as iw
from infwidth.limits import activations, fluctuations, gaussian

Array = np.ndarray

POPULATION = iw.GradientDescent(0.5, 20)
FLOW = iw.GradientFlow(6.0, rtol=1e-3, atol=1e-6)
ONE_PASS = iw.GradientDescent(0.3, 20, batch_size=16)
ENDS: dict[Any, list[float]] = {POPULATION: [4, 20], FLOW: [2.0, 6.0], ONE_PASS: [4, 20]}
TEACHER = iw.GaussianTeacher([[1.0, 0.0], [0.5, 1.0]], [1.0, -0.5], "erf")


def heavy_ball(i: int, rng: np.random.Generator) -> Setting:
    return particles_of(i, rng, BALL, ("tanh", "gelu"))


def rmsprop(i: int, rng: np.random.Generator) -> Setting:
    """Its steps have a sign of the gradient in them, so that the bias of a system of N particles is not that of a smooth function."""
    return particles_of(i, rng, RMS, ("tanh", "gelu"))


@lru_cache
def _population_truth(method: Any, seed: int) -> Any:
    model = iw.TwoLayerMeanField("erf", 2**11, population=TEACHER, quasi_random=True)
    best = replace(method, rtol=1e-5, atol=1e-8, estimate_error=False) if method is FLOW else method
    return exact(model, None, None, best, rng=(10**6, seed), save_at=ENDS[method], X_test=problem_of(0)[2])


def _population(i: int, method: Any) -> Setting:
    replicas = (8, 16)[i % 2]
    model = iw.TwoLayerMeanField("erf", 100 * replicas, population=TEACHER, replicas=replicas)
    sol = iw.solve(model, method=method, rng=(i, i), save_at=ENDS[method], X_test=problem_of(0)[2])
    assert sol.error is not None
    truth = _population_truth(method, i if method is ONE_PASS else 0)
    return f"{replicas} replicas of 100", sol.error, np.abs(sol.test_outputs - truth.test_outputs).max(axis=(1, 2))


def population(i: int, rng: np.random.Generator) -> Setting:
    return _population(i, POPULATION)


def population_flow(i: int, rng: np.random.Generator) -> Setting:
    """Plus the error of the steps."""
    return _population(i, FLOW)


def one_pass(i: int, rng: np.random.Generator) -> Setting:
    """Given the samples: the truth sees the same ones."""
    return _population(i, ONE_PASS)


@lru_cache
def _variances(seed: int) -> Array:
    """Of 2500 systems of 400 particles: to 3%."""
    X, y, X_test = problem_of(seed)
    model = iw.TwoLayerMeanField("tanh", 1_000_000, replicas=2500)
    return fluctuations.replica_fluctuations(model, X, y, iw.GradientDescent(0.5, 10), X_test, rng=10**6).variance


def replica_variances(i: int, rng: np.random.Generator) -> Setting:
    """The interval of a variance, at each of four points."""
    X, y, X_test = problem_of(i % 2)
    model = iw.TwoLayerMeanField("tanh", 40 * 400, replicas=40)
    found = fluctuations.replica_fluctuations(model, X, y, iw.GradientDescent(0.5, 10), X_test, rng=i)
    return _interval(f"data {i % 2}, 40 replicas", found, _variances(i % 2))


def linearized_variances(i: int, rng: np.random.Generator) -> Setting:
    """The interval, around one system of 4000 particles."""
    X, y, X_test = problem_of(i % 2)
    method = iw.GradientDescent(0.5, 10)
    found = fluctuations.linearized_fluctuations(iw.TwoLayerMeanField("tanh", 4000), X, y, method, X_test, draws=40, rng=i)
    return _interval(f"data {i % 2}, 40 draws", found, _variances(i % 2))


def _interval(what: str, found: fluctuations.Fluctuations, truth: Array) -> Setting:
    """Its side on which the truth lies."""
    side = np.where(truth > found.variance, found.upper - found.variance, found.variance - found.lower)
    return what, side.ravel(), np.abs(found.variance - truth).ravel()


def integrals(i: int, rng: np.random.Generator) -> Setting:
    """Gaussian expectations of functions whose closed form the integration is not told."""
    known, tolerance = ("erf", "sin", "gelu", "relu")[i % 4], (1e-2, 1e-4, 1e-6)[i // 8 % 3]
    of: Literal["value", "derivative"] = "derivative" if i // 4 % 2 else "value"
    form = activations.get(known)
    unknown = activations.custom(f"my {known}", form.value, form.derivative, kinks=form.kinks)
    q1, q2 = np.exp(rng.uniform(-3, 3, (2, 30)))
    c = np.append(rng.uniform(-1, 1, 20), 1 - 10 ** rng.uniform(-6, -1, 10))
    found, truth = gaussian.dual(unknown, q1, q2, c, of=of, tolerance=tolerance), gaussian.dual(known, q1, q2, c, of=of)
    return f"{known}, {of}, to {tolerance:g}", found.error, np.abs(found.value - truth.value)


def compressed_momentum(i: int, rng: np.random.Generator) -> Setting:
    """What a history drops under momentum."""
    X, y = data(rng, samples=4)
    L, tolerance = int(rng.integers(2, 4)), (1e-2, 1e-3, 1e-5)[i % 3]
    model, ball = iw.DeepLinearMuP(L, tolerance=tolerance), iw.HeavyBall(0.2, 1.0, 40)
    sol = iw.solve(model, X, y, ball, save_at=[10, 20, 40])
    truth = exact(replace(model, tolerance=1e-14, estimate_error=False), X, y, ball, save_at=[10, 20, 40])
    assert sol.error is not None
    return f"L = {L}, tolerance {tolerance:g}", sol.error, gap(sol, truth)
