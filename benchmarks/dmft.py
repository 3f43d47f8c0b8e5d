r"""Dynamical mean-field theory against finite µP networks: slopes, cost at equal error, horizons.

**Slopes.** The gap between one network and the limit against the width, for tanh, relu and gelu with two and three hidden layers, and for
tanh and relu with four.

**Cost.** The mean of N networks of width m errs by the bias c / m and by chance, sd / sqrt(N m). At the root-mean-square error e of the
limit solver, measured against a solve of many more samples, half of e^2 is given to each: that fixes the smallest width and the number of
networks, and their cost is N times the seconds of one network of that width, extrapolated where it is wider than the widest that was run.

**Horizons.** A smooth network over a thousand steps, and three layers on ten samples; with what the run states of its error, and how far a
run of other noise is from it.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from harness import options, workers, write

import infwidth as iw
from infwidth.limits import DynamicalMeanField
from infwidth.solvers.figures import label_widths, plain_ticks

X = np.array([[0.6, -0.2, 0.5], [-0.4, 0.8, 0.1], [0.3, 0.5, -0.7], [0.9, 0.1, 0.2]])
Y = np.array([1.0, -1.0, 0.5, 0.2])
METHOD = iw.GradientDescent(0.4, 8)


def networks(L: int, activation: str, widths: list[int]) -> list[iw.Network]:
    return [iw.Network(3, L, m, activation, iw.Parameterization.mup(L)) for m in widths]


def slope(activation: str, L: int, widths: list[int], seeds: int, samples: int) -> dict[str, Any]:
    found = iw.compare(DynamicalMeanField(L, activation, samples), networks(L, activation, widths), X, Y, METHOD, seeds=seeds)
    gaps = [float(np.sqrt(np.mean(own**2))) for own in found.gaps]
    return {"activation": activation, "L": L, "slope": found.slope, "slope_error": found.slope_error, "widths": widths, "gaps": gaps}


def timed(model: Any, seed: int) -> tuple[float, np.ndarray]:
    began = time.perf_counter()
    sol = iw.solve(model, X, Y, METHOD, rng=seed, save_at=[METHOD.steps])
    return time.perf_counter() - began, sol.outputs[0, :, 0]


def cost(activation: str, L: int, quick: bool) -> dict[str, Any]:
    """Seconds of limit and networks at the error of the limit."""
    S, repeats, seeds = 8192, 4 if quick else 12, 64 if quick else 400
    truth = iw.solve(DynamicalMeanField(L, activation, S * (8 if quick else 32), replicas=8), X, Y, METHOD, rng=10**6).outputs[-1, :, 0]
    limits = [timed(DynamicalMeanField(L, activation, S), seed) for seed in range(repeats)]
    error = float(np.sqrt(np.mean([(f - truth) ** 2 for _, f in limits])))
    seconds = float(np.median([spent for spent, _ in limits]))
    narrow = [timed(network, seed)[1] for network in networks(L, activation, [128]) for seed in range(seeds)]
    mean, spread = np.mean(narrow, axis=0) - truth, np.std(narrow, axis=0, ddof=1)
    bias = float(np.sqrt(max(np.mean(mean**2) - np.mean(spread**2) / seeds, np.mean(spread**2) / seeds)))  # at least what could be seen
    width = max(128.0, 128 * bias / (error / np.sqrt(2)))
    number = np.mean(spread**2) * 128 / width / (error**2 / 2)
    run = min(2048, int(width))
    of_one = float(np.median([timed(networks(L, activation, [run])[0], seed)[0] for seed in range(5)])) * (width / run) ** 2
    return {
        "activation": activation,
        "L": L,
        "samples": S,
        "error": error,
        "seconds": seconds,
        "bias_at_128": bias,
        "sd_at_128": float(np.sqrt(np.mean(spread**2))),
        "width": width,
        "networks": float(number),
        "network_seconds": of_one,
        "factor": float(number) * of_one / seconds,
    }


def horizon(L: int, n: int, steps: int, rate: float, samples: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    inputs, targets = (X, Y) if n == len(X) else (rng.standard_normal((n, 5)) / np.sqrt(5), np.sign(rng.standard_normal(n)))
    save_at = np.unique(np.geomspace(1, steps, 30).astype(int))
    method = iw.GradientDescent(rate, steps)
    began = time.perf_counter()
    sol = iw.solve(DynamicalMeanField(L, "tanh", samples), inputs, targets, method, rng=seed, save_at=save_at)
    seconds = time.perf_counter() - began
    other = iw.solve(DynamicalMeanField(L, "tanh", samples, replicas=2), inputs, targets, method, rng=seed + 1, save_at=save_at)
    if not (sol.success and other.success):
        raise RuntimeError(f"{sol.message}; {other.message}")
    assert sol.error is not None
    ranks = [[len(layer.features), len(layer.gradients)] for layer in sol.problem.marches[0].layers]
    taken = sol.problem.marches[0].features[1].budget.taken
    return {
        "L": L,
        "n": n,
        "steps": steps,
        "samples": samples,
        "seconds": seconds,
        "gigabytes": taken / 1e9,
        "uncompressed_gigabytes": 8 * samples * L * 4 * steps * n / 1e9,
        "ranks": ranks,
        "stated": float(sol.error.max()),
        "gap": float(np.abs(sol.outputs - other.outputs).max()),
        "loss": [float(sol.loss[0]), float(sol.loss[-1])],
    }


def main() -> None:
    chosen = options(__doc__)
    import matplotlib.pyplot as plt

    widths, seeds, samples = ([64, 256], 16, 16384) if chosen.quick else ([128, 256, 512, 1024, 2048], 64, 65536)
    cases = [(activation, L) for activation in ("tanh", "relu", "gelu") for L in (2, 3)]
    deeper = [("tanh", 4), ("relu", 4)]
    with workers() as pool:
        slopes = [job.result() for job in [pool.submit(slope, *case, widths, seeds, samples) for case in cases + deeper]]
    for row in slopes:
        print(f"{row['activation']:5s} L={row['L']}  slope {row['slope']:.3f} +- {row['slope_error']:.3f}")
    costs = [cost(*case, chosen.quick) for case in cases]
    print("       L  error     limit s   networks of width m   seconds each   factor")
    for row in costs:
        own = f"{row['networks']:9.0f} x {row['width']:6.0f}   {row['network_seconds']:12.3f}   {row['factor']:8.0f}"
        print(f"{row['activation']:6s} {row['L']}  {row['error']:.1e}  {row['seconds']:7.2f}   {own}")
    lengths = [(2, 4, 100, 0.1, 4096)] if chosen.quick else [(2, 4, 1000, 0.05, 8192), (3, 10, 50, 0.2, 10_000)]
    horizons = [horizon(*case, chosen.seed) for case in lengths]
    for row in horizons:
        setting = f"L={row['L']} n={row['n']} T={row['steps']} S={row['samples']}"
        print(f"{setting}: {row['seconds']:.0f} s, {row['gigabytes']:.2f} GB, ranks of features and gradients {row['ranks']}")
        print(
            f"   loss {row['loss'][0]:.3f} -> {row['loss'][1]:.1e}; stated error {row['stated']:.1e}, gap to other noise {row['gap']:.1e}"
        )
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    colors = {"tanh": "C0", "relu": "C1", "gelu": "C2"}
    for row in slopes:
        label = f"{row['activation']}, L={row['L']}: {row['slope']:.3f} ± {row['slope_error']:.3f}"
        left.loglog(widths, row["gaps"], {2: "o-", 3: "s--", 4: "^:"}[row["L"]], color=colors[row["activation"]], label=label)
    for i, priced in enumerate(costs):
        right.bar(i, priced["factor"], color=colors[priced["activation"]], alpha=1 if priced["L"] == 2 else 0.6)
    left.set(xlabel="width", ylabel="rms gap of one network to the limit")
    label_widths(left, widths)
    left.set_ylim(left.get_ylim()[0] / 4)  # room for the legend, below the curves
    plain_ticks(left.yaxis)
    left.legend(fontsize="small", title="slope", loc="lower left")
    right.set(yscale="log", ylabel="networks' seconds / limit's, at equal error")
    right.set_xticks(range(len(cases)), [f"{activation}\nL={L}" for activation, L in cases])
    right.axhline(1, color="grey", lw=1)
    write(chosen, "dmft", {"slopes": slopes, "costs": costs, "horizons": horizons}, figure)


if __name__ == "__main__":
    main()
