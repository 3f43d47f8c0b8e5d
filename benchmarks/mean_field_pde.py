r"""Time to a given error of the mean-field PDE: finite volumes against scipy's method of lines and against particles.

The isotropic Gaussian model, without noise (d = 40, t = 6) and with it (d = 20, temperature .05, weight decay .2, t = 5). The error is the
distance W1 between the law of the radii and the true one: 25600 particles from quantiles, or 1600 cells in implicit steps. Competitors:

* finite volumes in explicit (SSP) and implicit steps, the latter made for noise;
* the same cells and fluxes stepped by scipy (RK45 and BDF), at tolerances below the error of the cells;
* what one writes first: upwind differences in numpy stepped by scipy's RK45;
* particles: from quantiles, from a random start, and with noise Langevin particles of the radius, whose steps are as long as their own
  chance error allows.

Every method is run at several sizes, all methods in turn in every round; seconds are CPU seconds of the solve (not of the distance to the
truth), the median over the rounds, and errors the root mean square. Seconds to the common error are read off by log-log interpolation and
stated as ratios to those of ours.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from harness import options, write
from scipy.integrate import solve_ivp
from threadpoolctl import threadpool_limits

import infwidth as iw
from infwidth.solvers import Grid, ImplicitTransport, TransportFlow, wasserstein_of_grids, wasserstein_to_particles
from infwidth.solvers.figures import plain_ticks

Array = np.ndarray
Law = Any  # (grid, masses), or particles
Distance = Callable[[Law], float]
Solve = Callable[[int, int], Law]  # size and round to the law of the radii
Runs = dict[str, list[tuple[float, float]]]  # CPU seconds and error, by method and size

OURS = "finite volumes, explicit steps (ours)"
IMPLICIT = "finite volumes, implicit steps (ours)"
TAU, DECAY, DIM = 0.05, 0.2, 20
RK45, BDF, UPWIND = "the same cells, scipy RK45", "the same cells, scipy BDF", "upwind differences, scipy RK45"
QUANTILES, DRAWN, NOISY = "particles, quantile start (ours)", "particles, random start", "Langevin particles"
COLORS = {OURS: "C0", IMPLICIT: "C2", RK45: "C1", BDF: "C5", UPWIND: "C4", QUANTILES: "C6", DRAWN: "C3", NOISY: "C3"}


def measured(methods: dict[str, tuple[tuple[int, ...], Solve]], distance: Distance, rounds: int) -> Runs:
    """All methods in turn at every size, ``rounds`` times."""
    for sizes, solve in methods.values():
        solve(sizes[0], 0)  # compiled before the clock runs
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for turn in range(rounds):
        for level in range(max(len(sizes) for sizes, _ in methods.values())):
            for name, (sizes, solve) in methods.items():
                if level < len(sizes):
                    began = time.process_time()
                    law = solve(sizes[level], turn)
                    seconds = time.process_time() - began
                    found.setdefault((name, sizes[level]), []).append((seconds, distance(law)))
    runs: Runs = {name: [] for name in methods}
    for (name, _), own in found.items():
        times, errors = np.transpose(own)
        runs[name].append((float(np.median(times)), float(np.sqrt(np.mean(errors**2)))))
    return runs


def upwind_lines(problem: Any, t_end: float) -> Law:
    """First-order upwind on equal cells."""
    width = problem.grid.volumes[0]

    def slope(t: float, masses: Array) -> Array:
        psi = problem.energy.evaluate(masses)[2]
        u = -np.diff(psi) / width
        flux = np.where(u > 0, u * masses[:-1], u * masses[1:]) / width
        rate = np.zeros_like(masses)
        rate[:-1] -= flux
        rate[1:] += flux
        return rate

    return problem.grid, solve_ivp(slope, (0, t_end), problem.start(), method="RK45", rtol=1e-4, atol=1e-7).y[:, -1]


def langevin(size: int, seed: int, t_end: float, steps: int) -> Array:
    r"""Euler-Maruyama steps of N radii, :math:`dr = (\dot r - \lambda r + \tau(d - 1)/r)\,dt + \sqrt{2\tau}\,dW`."""
    rng = np.random.default_rng(seed)
    problem = iw.RadialMeanField(DIM, 0.8, size=size, random_start=True).bind(None, rng)
    r, h = problem.start(), t_end / steps
    velocity = np.empty_like(r)
    for _ in range(steps):
        problem.evaluate(r, velocity)
        r += h * (velocity - DECAY * r + TAU * (DIM - 1) / r) + math.sqrt(2 * TAU * h) * rng.standard_normal(size)
        np.abs(r, out=r)
    return r


def to_grid(grid: Grid, masses: Array) -> Distance:
    """Distance to a density, of (grid, masses) or of particles."""

    def distance(law: Law) -> float:
        if isinstance(law, tuple):
            return wasserstein_of_grids(law[0], law[1], grid, masses)
        return wasserstein_to_particles(grid, masses, law)

    return distance


def transport(quick: bool, rounds: int) -> Runs:
    """Without noise."""
    t_end = 6.0

    def end(model: Any, method: Any, rng: int | None = None) -> Any:
        sol = iw.solve(model, method=method, save_at=[t_end], rng=rng)
        return (sol.problem.grid, sol.state) if model.discretisation == "density" else sol.state

    def flow(rtol: float, stepper: str = "RK45") -> iw.GradientFlow:
        return iw.GradientFlow(t_end, rtol, rtol / 1000, stepper, estimate_error=False)

    particles = np.sort(end(iw.RadialMeanField(40, 0.8, size=6400 if quick else 25600), flow(1e-8)))
    fine = Grid(np.unique(np.concatenate(([0.0], (particles[1:] + particles[:-1]) / 2, [8.0]))))
    distance = to_grid(fine, np.histogram(particles, fine.edges[0])[0] / len(particles))

    def density(size: int) -> iw.RadialMeanField:
        return iw.RadialMeanField(40, 0.8, "density", size=size)

    def upwind(size: int, turn: int) -> Law:
        problem = iw.RadialMeanField(40, 0.8, "density", grid=Grid.uniform(0, 8, size)).bind(None, np.random.default_rng(0))
        return upwind_lines(problem, t_end)

    sizes = (50, 100, 200, 400) if quick else (50, 100, 200, 400, 800)
    drawn = (100, 1000, 10_000) if quick else (100, 1000, 10_000, 30_000)
    ssp = TransportFlow(t_end, estimate_error=False)
    methods: dict[str, tuple[tuple[int, ...], Solve]] = {
        OURS: (sizes, lambda n, turn: end(density(n), ssp)),
        # first-order upwind in space where there is no noise
        IMPLICIT: (sizes, lambda n, turn: end(density(n), ImplicitTransport(t_end, 100 / n**2, estimate_error=False))),
        RK45: (sizes, lambda n, turn: end(density(n), flow(1e-4))),
        BDF: (sizes[:4], lambda n, turn: end(density(n), flow(1e-4, "BDF"))),
        UPWIND: ((*sizes, 2 * sizes[-1]), upwind),
        QUANTILES: (
            (12, 25, 50, 100, 200, 400),
            lambda n, turn: end(iw.RadialMeanField(40, 0.8, size=n), flow(1e-4)),
        ),
        DRAWN: (
            drawn,
            lambda n, turn: end(iw.RadialMeanField(40, 0.8, size=n, random_start=True), flow(1 / n), turn),
        ),
    }
    return measured(methods, distance, rounds)


def diffusion(quick: bool, rounds: int) -> Runs:
    """With noise."""
    t_end = 5.0

    def density(size: int) -> iw.RadialMeanField:
        return iw.RadialMeanField(DIM, 0.8, "density", grid=Grid.uniform(0.1, 5.1, size), temperature=TAU, weight_decay=DECAY)

    def end(size: int, method: Any) -> tuple[Grid, Array]:
        sol = iw.solve(density(size), method=method, save_at=[t_end])
        return sol.problem.grid, sol.state

    def flow(rtol: float, stepper: str) -> iw.GradientFlow:
        return iw.GradientFlow(t_end, rtol, rtol / 1000, stepper, estimate_error=False)

    distance = to_grid(*end(800 if quick else 1600, ImplicitTransport(t_end, 1e-5, estimate_error=False)))
    sizes = (25, 50, 100, 200) if quick else (25, 50, 100, 200, 400)
    steps = {100: 25, 1000: 75, 10_000: 150, 30_000: 300}
    drawn = tuple(steps)[:3] if quick else tuple(steps)
    methods: dict[str, tuple[tuple[int, ...], Solve]] = {
        OURS: (sizes, lambda n, turn: end(n, TransportFlow(t_end, estimate_error=False))),
        # errors of cells fall like 1/n^2, those of extrapolated steps like tol
        IMPLICIT: (sizes, lambda n, turn: end(n, ImplicitTransport(t_end, 100 / n**2, estimate_error=False))),
        RK45: (sizes, lambda n, turn: end(n, flow(1e-3, "RK45"))),
        BDF: (sizes, lambda n, turn: end(n, flow(1e-3, "BDF"))),
        NOISY: (drawn, lambda n, turn: langevin(n, turn, t_end, steps[n])),
    }
    return measured(methods, distance, rounds)


def seconds_to(runs: list[tuple[float, float]], target: float) -> float | None:
    """Seconds to the target error by log-log interpolation; None where no run reaches it."""
    runs = sorted(runs, key=lambda run: run[1])
    seconds, errors = (np.log(column) for column in np.maximum(np.array(runs), 1e-300).T)
    if np.log(target) < errors[0]:
        return None
    best = np.minimum.accumulate(seconds)  # a more accurate run that was faster serves as well
    return float(np.exp(np.interp(np.log(target), errors, best)))


def table(runs: Runs, target: float, ours: str) -> dict[str, float | None]:
    """Seconds to the target of every method over those of ours."""
    base = seconds_to(runs[ours], target)
    ratios: dict[str, float | None] = {}
    for name, own in runs.items():
        seconds = seconds_to(own, target)
        ratios[name] = None if seconds is None or base is None else seconds / base
        print(f"  {name:40s} " + ("does not reach it" if ratios[name] is None else f"{ratios[name]:9.2f} x"))
    return ratios


def main() -> None:
    chosen = options(__doc__)
    threadpool_limits(1, "blas")  # a second one counts in CPU seconds while it waits, and for small matrices (BDF) it mostly waits
    rounds = 2 if chosen.quick else 5
    results: dict[str, Any] = {}
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained", sharey=True)
    problems: tuple[tuple[str, Callable[[bool, int], Runs], str], ...] = (
        ("without noise", transport, OURS),
        ("with noise", diffusion, IMPLICIT),
    )
    for ax, (label, solve, ours) in zip(axes, problems, strict=True):
        runs = solve(chosen.quick, rounds)
        for name, own in runs.items():
            print(f"{label}: {name:40s}", "  ".join(f"{s:.3f} s {e:.1e}" for s, e in own))
        ratios = {}
        for target in (1e-2, 3e-3):
            print(f"{label}: CPU seconds to an error of {target:g} in W1, over ours")
            ratios[f"{target:g}"] = table(runs, target, ours)
        results[label] = {"runs": runs, "ratios": ratios}
        for name, own in runs.items():
            ax.loglog(*np.transpose(own), "o-", ms=4, color=COLORS[name], label=name)
        ax.set(xlabel="CPU seconds", title=label)
        plain_ticks(ax.xaxis)
        ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.15))
    axes[0].set(ylabel="error of the law of radii, $W_1$")
    write(chosen, "mean_field_pde", results, figure)


if __name__ == "__main__":
    main()
