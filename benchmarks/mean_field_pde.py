r"""Time to a given error of the mean-field PDE: finite volumes against a scipy method of lines and against particles.

Two problems. (a) The isotropic Gaussian model without noise: radial finite volumes, the same semi-discretisation stepped by scipy, a
plain upwind method of lines in numpy stepped by scipy, and radial particles from a random start and from quantiles; the error is that of
the risk at t = 6 against 25600 particles. (b) The same with noise: explicit SSP steps, implicit steps, and scipy's BDF and RK45 on the
same cells; the error is that of the density in total variation against a tight BDF run on those cells (the fluxes of implicit steps differ
slightly, so their error has a floor: the difference of two approximations in space). The order of convergence of (a) is
printed too.

Every method is run to several accuracies, interleaved; the seconds to the common target are read off by log-log interpolation, and stated
as ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from harness import options, write
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.solvers import Grid, ImplicitTransport, TransportFlow

Run = tuple[float, float]  # seconds, error


def timed(solve: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Median seconds, and the result."""
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        result = solve()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)), result


def upwind_lines(size: int, t_end: float) -> float:
    """What one writes first: first-order upwind in numpy, explicit Runge-Kutta by solve_ivp; the risk at the end."""
    model = iw.RadialMeanField(40, 0.8, "density", grid=Grid.uniform(0, 8, size))
    problem = model.bind(None, np.random.default_rng(0))
    width = problem.grid.volumes[0]

    def slope(t: float, masses: np.ndarray) -> np.ndarray:
        psi = problem.energy.evaluate(masses)[2]
        u = -np.diff(psi) / width
        flux = np.where(u > 0, u * masses[:-1], u * masses[1:]) / width
        rate = np.zeros_like(masses)
        rate[:-1] -= flux
        rate[1:] += flux
        return rate

    end = solve_ivp(slope, (0, t_end), problem.start(), method="RK45", rtol=1e-5, atol=1e-8).y[:, -1]
    return float(problem.energy.evaluate(end)[0])


def transport(quick: bool, repeat: int) -> dict[str, list[Run]]:
    """Problem (a)."""
    t_end = 6.0

    def risk(model: Any, method: Any, rng: int | None = None) -> float:
        return float(iw.solve(model, method=method, save_at=[t_end], rng=rng).loss[-1])

    def flow(**options: Any) -> iw.GradientFlow:
        return iw.GradientFlow(t_end, estimate_error=False, **options)

    exact = risk(iw.RadialMeanField(40, 0.8, size=6400 if quick else 25600), flow(rtol=1e-8))
    sizes = (50, 100, 200, 400) if quick else (50, 100, 200, 400, 800)

    def density(size: int) -> iw.RadialMeanField:
        return iw.RadialMeanField(40, 0.8, "density", size=size)

    methods: dict[str, tuple[tuple[int, ...], Callable[[int], Any]]] = {
        "finite volumes, SSP steps (ours)": (sizes, lambda n: risk(density(n), TransportFlow(t_end, estimate_error=False))),
        "the same cells, scipy RK45": (sizes[:4], lambda n: risk(density(n), flow(rtol=1e-4, atol=1e-7))),
        "upwind method of lines, scipy RK45": ((*sizes, 2 * sizes[-1]), lambda n: upwind_lines(n, t_end)),
        "particles, quantile start (ours)": ((12, 25, 50, 100, 200), lambda n: risk(iw.RadialMeanField(40, 0.8, size=n), flow())),
    }
    draws = (100, 1000) if quick else (100, 1000, 10000)
    seeds = range(8)
    results: dict[str, list[Run]] = {name: [] for name in methods}
    for level in range(max(len(sizes) for sizes, _ in methods.values())):
        for name, (own, solve) in methods.items():
            if level < len(own):
                if level == 0:
                    solve(own[0])  # compiled before the clock runs
                seconds, found = timed(partial(solve, own[level]), repeat)
                results[name].append((seconds, abs(found / exact - 1)))
    random: list[Run] = []
    for n in draws:
        runs = [timed(partial(risk, iw.RadialMeanField(40, 0.8, size=n, random_start=True), flow(rtol=1e-4), s), 1) for s in seeds]
        random.append((float(np.median([r[0] for r in runs])), float(np.sqrt(np.mean([(r[1] / exact - 1) ** 2 for r in runs])))))
    results["particles, random start (rms of 8 seeds)"] = random
    return results


def diffusion(quick: bool, repeat: int) -> dict[str, list[Run]]:
    """Problem (b)."""
    t_end, size = (2.0, 100) if quick else (5.0, 200)
    model = iw.RadialMeanField(20, 0.8, "density", size=size, temperature=0.05, weight_decay=0.2, r_max=6.0)

    def state(method: Any) -> np.ndarray:
        return iw.solve(model, method=method, save_at=[t_end]).state

    exact = state(iw.GradientFlow(t_end, rtol=1e-9, atol=1e-13, stepper="BDF", estimate_error=False))
    tolerances = (1e-2, 1e-3, 1e-4, 1e-5)
    methods: dict[str, list[Any]] = {
        "implicit steps (ours)": [ImplicitTransport(t_end, tol, estimate_error=False) for tol in tolerances],
        "scipy BDF, same cells": [iw.GradientFlow(t_end, tol, tol / 100, "BDF", estimate_error=False) for tol in tolerances],
        "scipy RK45, same cells": [iw.GradientFlow(t_end, tol, tol / 100, estimate_error=False) for tol in tolerances[1:3]],
        "explicit SSP steps (ours)": [TransportFlow(t_end, estimate_error=False)],
    }
    results: dict[str, list[Run]] = {name: [] for name in methods}
    for level in range(len(tolerances)):
        for name, own in methods.items():
            if level < len(own):
                if level == 0 and not name.startswith("explicit"):
                    state(own[0])
                seconds, found = timed(partial(state, own[level]), 1 if name.startswith(("explicit", "scipy RK45")) else repeat)
                results[name].append((seconds, float(np.abs(found - exact).sum())))
    return results


def seconds_to(runs: list[Run], target: float) -> float | None:
    """Seconds to the target error by log-log interpolation; None where no run reaches it."""
    runs = sorted(runs, key=lambda run: run[1])
    seconds, errors = (np.log(column) for column in np.maximum(np.array(runs), 1e-300).T)
    if np.log(target) < errors[0]:
        return None
    best = np.minimum.accumulate(seconds)  # a more accurate run that was faster serves as well
    return float(np.exp(np.interp(np.log(target), errors, best)))


def table(results: dict[str, list[Run]], target: float, ours: str) -> dict[str, float | None]:
    """Seconds to the target of every method over those of ours."""
    base = seconds_to(results[ours], target)
    ratios: dict[str, float | None] = {}
    for name, runs in results.items():
        own = seconds_to(runs, target)
        ratios[name] = None if own is None or base is None else own / base
        print(f"  {name:42s} " + ("does not reach it" if ratios[name] is None else f"{ratios[name]:9.2f} x"))
    return ratios


def main() -> None:
    chosen = options(__doc__)
    repeat = 1 if chosen.quick else 3
    a, b = transport(chosen.quick, repeat), diffusion(chosen.quick, repeat)
    errors = [error for _, error in a["finite volumes, SSP steps (ours)"]]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    print("order of the finite volumes in the risk:", orders.round(2))
    ratios_a = {}
    for target in (1e-2, 5e-3):
        print(f"(a) transport: seconds to a relative error of {target:g} of the risk, over ours")
        ratios_a[f"{target:g}"] = table(a, target, "finite volumes, SSP steps (ours)")
    print("(b) with noise: seconds to an error of 1e-3 of the density, over ours")
    ratios_b = table(b, 1e-3, "implicit steps (ours)")
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
    for ax, results, label in zip(
        axes, (a, b), ("relative error of the risk at $t=6$", "error of the density, total variation"), strict=True
    ):
        for name, runs in results.items():
            ax.loglog(*np.transpose(runs), "o-", ms=4, label=name)
        ax.set(xlabel="seconds", ylabel=label)
        ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.15))
    axes[0].set_title("transport without noise, $d=40$")
    axes[1].set_title("with noise, $d=20$; error of the time stepping")
    write(chosen, "mean_field_pde", {"transport": a, "noise": b, "ratios_transport": ratios_a, "ratios_noise": ratios_b}, figure)


if __name__ == "__main__":
    main()
