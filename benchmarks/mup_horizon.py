r"""How far the exact limit of deep linear µP networks reaches on one machine, with and without dropping what is small.

Data of rank 5 with one output, L = 3. Time, width and peak memory of the growing network against the number of steps T, for three
tolerances; the error is the largest difference of any output, at 200 steps that are dense in the beginning, from the tolerance 1e-12,
beside the error that the run states. Without a tolerance the directions keep growing by up to r + k per layer and step, so an exact
history would take matrices of T (r + k) neurons; their memory is printed beside.
"""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import numpy as np
from harness import options, write

import infwidth as iw
from infwidth.solvers.figures import plain_ticks

L, RANK, OUTPUTS, RATE = 3, 5, 1, 0.005


def data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((20, RANK))
    return X, X @ rng.standard_normal((RANK, OUTPUTS)) + 0.3 * rng.standard_normal((20, OUTPUTS))


def run(seed: int, steps: int, tolerance: float, estimate: bool = True) -> tuple[iw.Solution, dict[str, Any]]:
    X, y = data(seed)
    limit = iw.DeepLinearMuP(L, tolerance=tolerance, estimate_error=estimate)
    save_at = np.unique(np.geomspace(1, steps, 200).astype(int))  # dense where training moves
    began = time.perf_counter()
    sol = iw.solve(limit, X, y, iw.GradientDescent(RATE, steps), save_at=save_at)
    seconds = time.perf_counter() - began
    if not sol.success:
        raise RuntimeError(sol.message)
    stated = None if sol.error is None else float(sol.error.max())
    row = {"steps": steps, "tolerance": tolerance, "seconds": seconds, "widths": sol.problem.network.widths, "stated": stated}
    return sol, row


def peak_megabytes(seed: int, steps: int, tolerance: float) -> float:
    """In a run of its own: tracing slows it down."""
    tracemalloc.start()
    run(seed, steps, tolerance)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def exact_gigabytes(steps: int) -> float:
    """Matrices between layers of T (r + k) neurons, and the two bases of each."""
    return 3 * 8 * (L - 1) * (steps * (RANK + OUTPUTS)) ** 2 / 1e9


def main() -> None:
    chosen = options(__doc__)
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullLocator

    horizons = [200, 2000] if chosen.quick else [200, 2000, 20_000, 100_000]
    rows = []
    print("peak MB: of at most 2000 steps; the widths tell that it grows no more")
    print("   steps  tolerance   seconds   peak MB   error     stated    widths of layers 1..3   (an exact history)")
    for steps in horizons:
        reference, _ = run(chosen.seed, steps, 1e-12, estimate=False)
        for tolerance in (1e-4, 1e-6, 1e-8):
            sol, row = run(chosen.seed, steps, tolerance)
            row["error"] = float(np.abs(sol.outputs - reference.outputs).max())
            row["peak_megabytes"] = peak_megabytes(chosen.seed, min(steps, 2000), tolerance)
            row["exact_gigabytes"] = exact_gigabytes(steps)
            rows.append(row)
            sizes = f"{row['seconds']:8.2f}  {row['peak_megabytes']:8.1f}"
            errors = f"{row['error']:.1e}   {row['stated']:.1e}"
            print(f"{steps:8d}  {tolerance:9.0e}  {sizes}  {errors}   {row['widths'][1:-1]}   ({row['exact_gigabytes']:.3g} GB)")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for tolerance in (1e-4, 1e-6, 1e-8):
        own = [row for row in rows if row["tolerance"] == tolerance]
        times = [row["steps"] for row in own]
        left.loglog(times, [row["seconds"] for row in own], "o-", label=f"tolerance {tolerance:.0e}")
        (line,) = right.loglog(times, [row["error"] for row in own], "o-")
        right.loglog(times, [row["stated"] for row in own], "s:", color=line.get_color(), markersize=4)
    for axes in (left, right):
        axes.set_xticks(horizons, [f"{steps:,}" for steps in horizons])
        axes.xaxis.set_minor_locator(NullLocator())
        plain_ticks(axes.yaxis)
    left.set(xlabel="steps T", ylabel="seconds, error estimate included")
    right.set(xlabel="steps T", ylabel="largest output error (squares: stated)")
    left.legend()
    write(chosen, "mup_horizon", {"hidden_layers": L, "rank": RANK, "rows": rows}, figure)


if __name__ == "__main__":
    main()
