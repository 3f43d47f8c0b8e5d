"""Systems in replicas, whose stated error is a Monte-Carlo bound, held against far larger systems."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from coverage_flows import Setting, data, exact, gap

import infwidth as iw

Array = np.ndarray

DESCENT = iw.GradientDescent(0.5, 20)
FLOW = iw.GradientFlow(10.0, rtol=1e-3, atol=1e-6)
NOISE = iw.Langevin(0.1, temperature=0.2, weight_decay=0.1, steps=60)
BALL = iw.HeavyBall(0.5, 0.5, 30)
RMS = iw.RMSProp(0.02, 30, epsilon=1e-3)
DEEP = iw.GradientDescent(0.2, 20, first_learning_rate=1.0)
ENDS: dict[Any, list[float]] = {DESCENT: [4, 20], FLOW: [2.0, 10.0], NOISE: [10, 60], BALL: [10, 30], RMS: [10, 30], DEEP: [10, 20]}
REPLICAS = (8, 16)


@lru_cache
def problem_of(seed: int, samples: int = 8) -> tuple[Array, Array, Array]:
    """Training inputs, targets and test inputs."""
    rng = np.random.default_rng([seed, 7])
    X, y = data(rng, samples, 2)
    return X, y, rng.standard_normal((4, 2))


@lru_cache
def _particles_truth(activation: str, seed: int, method: Any) -> Any:
    X, y, X_test = problem_of(seed)
    size = 2**16 if method is NOISE else 2**14  # noise makes the points of the start independent again
    model = iw.TwoLayerMeanField(activation, size, bias=True, quasi_random=True)
    best = iw.GradientFlow(10.0, rtol=1e-6, atol=1e-8, estimate_error=False) if method is FLOW else method
    return exact(model, X, y, best, rng=10**6, save_at=ENDS[method], X_test=X_test)


def particles_of(i: int, rng: np.random.Generator, method: Any, activations: tuple[str, ...] = ("tanh", "relu")) -> Setting:
    activation, seed, replicas = activations[i % len(activations)], i // 2 % 2, REPLICAS[i // 4 % 2]
    X, y, X_test = problem_of(seed)
    model = iw.TwoLayerMeanField(activation, 100 * replicas, bias=True, replicas=replicas)
    sol = iw.solve(model, X, y, method, rng=rng, save_at=ENDS[method], X_test=X_test)
    assert sol.error is not None
    return f"{activation}, data {seed}, {replicas} replicas of 100", sol.error, gap(sol, _particles_truth(activation, seed, method))


def particles(i: int, rng: np.random.Generator) -> Setting:
    return particles_of(i, rng, DESCENT)


def particles_in_flow(i: int, rng: np.random.Generator) -> Setting:
    """Plus the error of the steps."""
    return particles_of(i, rng, FLOW, ("tanh", "erf"))


def noisy_particles(i: int, rng: np.random.Generator) -> Setting:
    """Each particle has its own noise, so that the scatter sees it."""
    return particles_of(i, rng, NOISE)


def minibatches(i: int, rng: np.random.Generator) -> Setting:
    """Given the batches: the truth sees the same ones."""
    X, y, X_test = problem_of(i % 2)
    descent = iw.GradientDescent(0.3, 20, batch_size=3)
    sol, truth = (
        iw.solve(model, X, y, descent, rng=(first, i), save_at=[4, 20], X_test=X_test)
        for model, first in (
            (iw.TwoLayerMeanField("tanh", 800, bias=True, replicas=8), i),
            (iw.TwoLayerMeanField("tanh", 2**14, bias=True, quasi_random=True), 10**6),
        )
    )
    assert sol.error is not None
    return f"data {i % 2}, batches of 3", sol.error, gap(sol, truth)


@lru_cache
def _deep_truth(seed: int) -> Any:
    X, y, X_test = problem_of(seed, 4)
    runs = [exact(iw.DeepIntegrable(2, "tanh", 1024), X, y, DEEP, rng=10**6 + r, save_at=ENDS[DEEP], X_test=X_test) for r in range(8)]
    means = {name: np.mean([getattr(run, name) for run in runs], axis=0) for name in ("outputs", "test_outputs")}
    return replace(runs[0], **means)


def _deep(i: int, rng: np.random.Generator, kernels: str) -> Setting:
    X, y, X_test = problem_of(i % 2, 4)
    model = iw.DeepIntegrable(2, "tanh", 8 * 128, replicas=8, kernels=kernels)
    sol = iw.solve(model, X, y, DEEP, rng=rng, save_at=ENDS[DEEP], X_test=X_test)
    assert sol.error is not None
    return f"data {i % 2}, 8 replicas of 128", sol.error, gap(sol, _deep_truth(i % 2))


def deep_neurons(i: int, rng: np.random.Generator) -> Setting:
    return _deep(i, rng, "dense")


def deep_histories(i: int, rng: np.random.Generator) -> Setting:
    return _deep(i, rng, "factored")


@lru_cache
def _dynamical_truth(seed: int) -> Any:
    X, y, _ = problem_of(seed, 3)
    return exact(
        iw.DynamicalMeanField(1, "tanh", samples=40_000, replicas=4), X, y, iw.GradientDescent(0.2, 12), rng=10**6, save_at=[6, 12]
    )


def dynamical(i: int, rng: np.random.Generator) -> Setting:
    X, y, _ = problem_of(i % 2, 3)
    model = iw.DynamicalMeanField(1, "tanh", samples=8 * 250, replicas=8)
    sol = iw.solve(model, X, y, iw.GradientDescent(0.2, 12), rng=rng, save_at=[6, 12])
    assert sol.error is not None
    return f"data {i % 2}, 8 replicas of 250", sol.error, gap(sol, _dynamical_truth(i % 2))
