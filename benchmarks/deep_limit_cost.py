r"""What a deep limit costs: seconds and error of `DeepIntegrable` against finite networks, in the same run, on one thread.

Seconds are those of the processor, in which other processes do not count.

IP-LLR with L = 3 and tanh, ten inputs in five dimensions, 50 steps. The error is the rms over steps and samples of one run, against the
mean of 8 systems of 16384 neurons; networks have as their error the gap of one network. Both fall like the power -1/2 of the size, but a
limit keeps its kernels as factors, so that its time is linear in the neurons where that of networks is quadratic in the width. The factor
at equal error is that of the two fitted power laws of seconds in the error, at the error of the largest network. The last line is the
time of one limit of 20000 neurons.

Without --quick: at the error of networks of width 4096 the limit is 9 times cheaper (with --seed 1 16 times: errors of 6 runs are rough),
and 20000 neurons take 3 seconds. At the error of narrow networks (width 256 and below) the network is the cheaper one.

    python benchmarks/deep_limit_cost.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import harness
import numpy as np

import infwidth as iw
from infwidth.limits import DeepIntegrable, Network, Parameterization
from infwidth.solvers.figures import plain_ticks
from infwidth.solvers.machine.blas_threads import one_blas_thread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

L, ACTIVATION = 3, "tanh"
METHOD = iw.GradientDescent(0.3, 50, first_learning_rate=1.0)


def measure(models: dict[int, Any], X: Array, y: Array, truth: Array, seeds: int) -> list[dict[str, float]]:
    """Median seconds and rms error of one run, for each size."""
    rows = []
    for size, model in models.items():
        seconds, errors = [], []
        for seed in range(seeds):
            began = time.process_time()
            outputs = iw.solve(model, X, y, METHOD, rng=seed).outputs
            seconds.append(time.process_time() - began)
            errors.append(np.sqrt(np.mean((outputs - truth) ** 2)))
        rows.append({"size": size, "seconds": float(np.median(seconds)), "error": float(np.sqrt(np.mean(np.square(errors))))})
    return rows


def seconds_at(rows: list[dict[str, float]], error: float) -> float:
    """By the fitted power law of seconds in the error."""
    x, t = np.log([r["error"] for r in rows]), np.log([r["seconds"] for r in rows])
    return float(np.exp(np.polyval(np.polyfit(x, t, 1), np.log(error))))


def plot(results: dict[str, list[dict[str, float]]]) -> Figure:
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(5.4, 3.8), layout="constrained")
    for label, rows in results.items():
        ax.loglog([r["seconds"] for r in rows], [r["error"] for r in rows], "o-", label=label)
        for r in rows:
            ax.annotate(f"{r['size']:.0f}", (r["seconds"], r["error"]), textcoords="offset points", xytext=(4, 4), fontsize=8)
    ax.set(xlabel="processor seconds of one run", ylabel="rms error", title=f"IP-LLR, {ACTIVATION}, L = {L}, {METHOD.steps} steps")
    ax.margins(0.1)  # for the annotations
    for axis in (ax.xaxis, ax.yaxis):
        plain_ticks(axis)
    ax.legend(frameon=False)
    return figure


def main() -> None:
    chosen = harness.options(__doc__)
    rng = np.random.default_rng(chosen.seed)
    X = rng.standard_normal((10, 5))
    y = X @ rng.standard_normal(5) / 2
    widths, sizes, seeds = (
        ((64, 128, 256), (256, 1024, 4096), 6) if chosen.quick else ((256, 512, 1024, 2048, 4096), (1024, 4096, 16384), 6)
    )
    p = Parameterization.integrable_large_lr(L)
    with one_blas_thread():
        reference = DeepIntegrable(L, ACTIVATION, 8 * 16384 // (4 if chosen.quick else 1), replicas=8, kernels="factored")
        truth = iw.solve(reference, X, y, METHOD, rng=10**6).outputs
        networks = measure({m: Network(5, L, m, ACTIVATION, p) for m in widths}, X, y, truth, seeds)
        limits = measure({N: DeepIntegrable(L, ACTIVATION, N, kernels="factored") for N in sizes}, X, y, truth, seeds)
        began = time.process_time()
        iw.solve(DeepIntegrable(L, ACTIVATION, 20_000), X, y, METHOD, rng=0)
        large = time.process_time() - began
    for label, rows in (("network, width", networks), ("limit, neurons", limits)):
        for r in rows:
            print(f"{label} {r['size']:6.0f}: {r['seconds']:7.3f} s, error {r['error']:.4f}")
    factor = seconds_at(networks, networks[-1]["error"]) / seconds_at(limits, networks[-1]["error"])
    print(f"at the error of the largest network the limit takes {1 / factor:.3f} of its time: {factor:.1f} times cheaper")
    print(f"N = 20000 neurons: {large:.1f} s")
    results = {"finite network (width)": networks, "limit (neurons)": limits}
    harness.write(chosen, "deep_limit_cost", {"results": results, "factor": factor, "seconds_of_20000": large}, plot(results))


if __name__ == "__main__":
    main()
