"""Flows whose stated error is held against the truth: each setting gives the stated and the true error at its saved times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import infwidth as iw
from infwidth.limits import kernels

Array = np.ndarray
Setting = tuple[str, Array, Array]  # what it is, stated error (T,), or NaN where the message says that there is none, true error (T,)
Case = Callable[[int, np.random.Generator], Setting]

SMOOTH = ("tanh", "erf", "gelu", "sin")
EXPLICIT, IMPLICIT = ("RK45", "RK23", "DOP853"), ("Radau", "BDF", "LSODA")
BEST = iw.GradientFlow(1.0, rtol=1e-12, atol=1e-14, stepper="DOP853", estimate_error=False)
SAVED = np.array([0.03, 0.1, 0.25, 0.5, 0.75, 1])


def gap(sol: Any, truth: Any) -> Array:
    """Largest true error at each time of any entry of the outputs, at training and test points; of the loss where there are none."""
    pairs = [(sol.outputs, truth.outputs)] + ([] if sol.test_outputs is None else [(sol.test_outputs, truth.test_outputs)])
    gaps = [np.abs(one - other).max(axis=(1, 2)) for one, other in pairs if one.size]
    return np.max(gaps or [np.abs(sol.loss - truth.loss)], axis=0)


def exact(*args: Any, **options: Any) -> Any:
    """A solution that can be taken for the truth: it got to its end."""
    truth = iw.solve(*args, **options)
    if not truth.success:
        raise RuntimeError(f"no truth to compare with: {truth.message}")
    return truth


def data(rng: np.random.Generator, samples: int = 6, dim: int = 3) -> tuple[Array, Array]:
    return rng.standard_normal((samples, dim)), rng.standard_normal(samples)


def _length(rng: np.random.Generator, least: float, most: float) -> float:
    return float(np.exp(rng.uniform(np.log(least), np.log(most))))


def _follow(name: str, model: Any, X: Array, y: Array, flow: iw.GradientFlow, best: iw.GradientFlow, seed: int) -> Setting:
    """A model under a flow, against the same one under the best."""
    at = flow.t_end * SAVED
    sol = iw.solve(model, X, y, flow, rng=seed, save_at=at)
    truth = exact(model, X, y, replace(best, t_end=flow.t_end), rng=seed, save_at=at)
    stated = sol.error
    if stated is None:  # along a kink a second run does not get to its end
        assert "the error estimate was not finished" in sol.message
        stated = np.full(len(at), np.nan)
    return f"{name}, t = {flow.t_end:.2g}, {flow.stepper} at {flow.rtol:g}", stated, gap(sol, truth)


def _flow(i: int, t_end: float, steppers: tuple[str, ...], rtols: tuple[float, ...]) -> iw.GradientFlow:
    rtol = rtols[i // len(steppers) % len(rtols)]
    return iw.GradientFlow(t_end, rtol=rtol, atol=1e-3 * rtol, stepper=steppers[i % len(steppers)])


def _network(i: int, rng: np.random.Generator, steppers: tuple[str, ...], rtols: tuple[float, ...]) -> Setting:
    X, y = data(rng)
    L, phi = int(rng.integers(1, 4)), SMOOTH[rng.integers(len(SMOOTH))]
    net = iw.Network(3, L, 16, phi, iw.Parameterization.mup(L))
    return _follow(f"{phi}, L = {L}", net, X, y, _flow(i, _length(rng, 0.1, 10), steppers, rtols), BEST, i)


def explicit_flow(i: int, rng: np.random.Generator) -> Setting:
    return _network(i, rng, EXPLICIT, (1e-4, 1e-6, 1e-8))


def implicit_flow(i: int, rng: np.random.Generator) -> Setting:
    return _network(i, rng, IMPLICIT, (1e-4, 1e-2))


def loose_flow(i: int, rng: np.random.Generator) -> Setting:
    return _network(i, rng, EXPLICIT, (0.3, 0.1, 0.03, 0.01, 0.001))


def kinked_flow(i: int, rng: np.random.Generator) -> Setting:
    """relu: no stepper has its order at a kink, and none can be much more exact where the flow slides along one. The truth is a run at
    1e-6, and what it differs from 1e-5 by is its doubt, not an error of the flow."""
    X, y = data(rng)
    net = iw.Network(3, 1, 8, "relu", iw.Parameterization.mup(1))
    flow = _flow(i, _length(rng, 0.1, 1), EXPLICIT, (1e-1, 1e-2, 1e-3))
    stepper = "DOP853" if flow.stepper == "DOP853" else "RK45"  # between kinks a rough DOP853 is more exact than any other
    best = iw.GradientFlow(1.0, rtol=1e-6, atol=1e-8, stepper=stepper, estimate_error=False)
    name, stated, true = _follow("relu", net, X, y, flow, best, i)
    at = flow.t_end * SAVED
    one, other = (exact(net, X, y, replace(best, t_end=flow.t_end, rtol=rtol), rng=i, save_at=at) for rtol in (1e-6, 1e-5))
    return name, stated, np.maximum(true - gap(one, other), 0.0)


def flow_of_a_limit(i: int, rng: np.random.Generator) -> Setting:
    """Limits that are equations of small states: integrable, kernel, radial."""
    X, y = data(rng, samples=4)
    flow = _flow(i // 3, _length(rng, 0.3, 5), ("RK45", "LSODA"), (1e-2, 1e-4, 1e-6))
    if i % 3 == 0:
        flow = replace(flow, first_learning_rate=0.6)
        best = replace(BEST, first_learning_rate=0.6)
        return _follow("deep linear integrable", iw.DeepLinearIntegrable(int(rng.integers(1, 5))), X, y, flow, best, i)
    if i % 3 == 1:
        network = iw.Network(3, 2, 8, "relu", iw.Parameterization.ntk(2))
        return _follow("kernel", iw.NeuralTangentLimit(kernels.of(network)), X, y, flow, BEST, i)
    return _follow("radii", iw.RadialMeanField(20, float(rng.uniform(0.3, 0.8)), size=50), None, None, flow, BEST, i)  # type: ignore[arg-type]


def history_flow(i: int, rng: np.random.Generator) -> Setting:
    """A limit whose state is its history."""
    X, y = data(rng, samples=4)
    L, flow = int(rng.integers(1, 4)), _flow(i, float(rng.uniform(0.3, 2)), ("RK45", "RK23"), (0.1, 1e-3, 1e-5))
    at = flow.t_end * SAVED
    sol = iw.solve(iw.DeepLinearMuP(L), X, y, flow, save_at=at)
    whole = iw.DeepLinearMuP(L, tolerance=1e-12, estimate_error=False)
    truth = exact(whole, X, y, iw.GradientFlow(flow.t_end, rtol=1e-8, atol=1e-11, estimate_error=False), save_at=at)
    assert sol.error is not None
    return f"L = {L}, t = {flow.t_end:.2g}, {flow.stepper} at {flow.rtol:g}", sol.error, gap(sol, truth)


def compressed_history(i: int, rng: np.random.Generator) -> Setting:
    """What a history drops, in gradient descent."""
    X, y = data(rng, samples=4)
    L, tolerance, rate = int(rng.integers(2, 5)), (1e-2, 1e-3, 1e-5, 1e-8)[i % 4], float(rng.uniform(0.02, 0.1))
    model, descent = iw.DeepLinearMuP(L, tolerance=tolerance), iw.GradientDescent(rate, 60)
    sol = iw.solve(model, X, y, descent, save_at=range(10, 61, 10))
    truth = exact(replace(model, tolerance=1e-14, estimate_error=False), X, y, descent, save_at=range(10, 61, 10))
    assert sol.error is not None
    return f"L = {L}, tolerance {tolerance:g}", sol.error, gap(sol, truth)
