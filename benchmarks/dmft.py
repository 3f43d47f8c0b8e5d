r"""Dynamical mean-field theory against finite µP networks: slopes, cost at equal error, horizons.

**Slopes.** The gap between one network and the limit against the width, for tanh, relu and gelu with two and three hidden layers, and for
tanh and relu with four: of the logarithms of all gaps, as ``compare`` has it, and of their root mean squares. Networks of one width and
seed share their draws over the cases, so the cases err together. For gelu with L = 3 the first 64 seeds alone give -.438 +- .029, two
standard errors from -1/2; all 256 give -.476 +- .015, and their root mean squares, times m^{1/2}, are .514, .509, .518, .524, .495 for the
five widths: a slope of -.507 +- .017. So the 64 were chance, and not the limit, whose own error is a tenth of the smallest gap. What is
left, if anything, is that the law of the gap has longer tails in narrow networks, which lowers the mean of its logarithm there.

**Cost.** The mean of N networks of width m errs by the bias c / m and by chance, sd / sqrt(N m). c is measured at a narrow width, where it
is many standard errors, and chance at a wider one. For every width whose bias is below the root-mean-square error of the limit solver,
itself measured against a solve of many more samples, N follows from what is left of that error, and the cost is N times the CPU seconds of
one network of that width. The cheapest width is held against the limit.

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
from infwidth.solvers import power_law
from infwidth.solvers.figures import label_widths, plain_ticks

X = np.array([[0.6, -0.2, 0.5], [-0.4, 0.8, 0.1], [0.3, 0.5, -0.7], [0.9, 0.1, 0.2]])
Y = np.array([1.0, -1.0, 0.5, 0.2])
METHOD = iw.GradientDescent(0.4, 8)
FEW = 64  # of the seeds, whose slope is printed beside that of all
NARROW, WIDER, WIDTHS = 32, 256, [64, 128, 256, 512, 1024, 2048]  # of the networks whose bias, spread and seconds are measured


def networks(L: int, activation: str, widths: list[int]) -> list[iw.Network]:
    return [iw.Network(3, L, m, activation, iw.Parameterization.mup(L)) for m in widths]


def slope(activation: str, L: int, widths: list[int], seeds: int, samples: int) -> dict[str, Any]:
    found = iw.compare(DynamicalMeanField(L, activation, samples), networks(L, activation, widths), X, Y, METHOD, seeds=seeds)
    gaps = np.sqrt(np.mean(found.gaps**2, axis=1))
    first = power_law(np.repeat(widths, FEW), found.gaps[:, :FEW].ravel()) if seeds > FEW else (np.nan, np.nan)
    return {
        "activation": activation,
        "L": L,
        "slope": found.slope,
        "slope_error": found.slope_error,
        "slope_of_few": first,
        "slope_of_rms": slope_of_rms(widths, found.gaps),
        "widths": widths,
        "gaps": gaps.tolist(),
    }


def slope_of_rms(widths: list[int], gaps: np.ndarray) -> tuple[float, float]:
    """Slope of the root mean squares over seeds, and its standard error by the jackknife."""
    x, n, squares = np.log(widths) - np.mean(np.log(widths)), gaps.shape[1], gaps**2
    whole, without = (x @ np.log(sums) / (2 * x @ x) for sums in (squares.sum(axis=1), squares.sum(axis=1, keepdims=True) - squares))
    return float(whole), float(np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2)))


def timed(model: Any, seed: int) -> tuple[float, np.ndarray]:
    """CPU seconds, and the outputs at the end."""
    began = time.process_time()
    sol = iw.solve(model, X, Y, METHOD, rng=seed, save_at=[METHOD.steps])
    return time.process_time() - began, sol.outputs[0, :, 0]


def cost(activation: str, L: int, quick: bool) -> dict[str, Any]:
    """CPU seconds of limit and networks at the error of the limit."""
    S, repeats, seeds = 8192, 4 if quick else 12, 200 if quick else 4000
    truth = iw.solve(DynamicalMeanField(L, activation, S * (8 if quick else 32), replicas=8), X, Y, METHOD, rng=10**6).outputs[-1, :, 0]
    limits = [timed(DynamicalMeanField(L, activation, S), seed) for seed in range(repeats)]
    error = float(np.sqrt(np.mean([(f - truth) ** 2 for _, f in limits])))
    seconds = float(np.median([spent for spent, _ in limits]))
    narrow, few = (
        [timed(networks(L, activation, [m])[0], seed)[1] for seed in range(number)] for m, number in ((NARROW, seeds), (WIDER, seeds // 20))
    )
    chance = float(np.var(narrow, axis=0, ddof=1).mean() / seeds)
    bias = float(np.sqrt(max(np.mean((np.mean(narrow, axis=0) - truth) ** 2) - chance, 0)))  # at the narrow width; falls like 1 / m
    variance = float(np.var(few, axis=0, ddof=1).mean() * WIDER)  # times 1 / m
    choices = []
    for m in WIDTHS:
        left = error**2 - (bias * NARROW / m) ** 2  # for chance
        if left > 0:
            spent = float(np.median([timed(networks(L, activation, [m])[0], seed)[0] for seed in range(5)]))
            choices.append((max(1.0, variance / m / left) * spent, m, max(1.0, variance / m / left), spent))
    total, width, number, spent = min(choices, default=(np.nan,) * 4)
    return {
        "activation": activation,
        "L": L,
        "samples": S,
        "error": error,
        "seconds": seconds,
        "bias": bias,
        "bias_chance": float(np.sqrt(chance)),
        "sd": float(np.sqrt(variance / NARROW)),
        "width": width,
        "networks": number,
        "network_seconds": spent,
        "factor": total / seconds,
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

    widths, seeds, samples = ([64, 256], 16, 16384) if chosen.quick else ([128, 256, 512, 1024, 2048], 4 * FEW, 65536)
    cases = [(activation, L) for activation in ("tanh", "relu", "gelu") for L in (2, 3)]
    deeper = [("tanh", 4), ("relu", 4)]
    with workers() as pool:
        slopes = [job.result() for job in [pool.submit(slope, *case, widths, seeds, samples) for case in cases + deeper]]
    for row in slopes:
        others = (("of rms", row["slope_of_rms"]), (f"of {FEW} seeds", row["slope_of_few"]))
        more = "".join(f", {name} {value:.3f} +- {error:.3f}" for name, (value, error) in others if np.isfinite(error))
        scaled = " ".join(f"{gap * m**0.5:.3f}" for gap, m in zip(row["gaps"], widths, strict=True))
        print(f"{row['activation']:5s} L={row['L']}  slope {row['slope']:.3f} +- {row['slope_error']:.3f}{more}; rms gap m^1/2: {scaled}")
    costs = [cost(*case, chosen.quick) for case in cases]
    print("       L  error     limit CPU s   networks of width m   CPU s each   factor")
    for row in costs:
        own = f"{row['networks']:9.0f} x {row['width']:6.0f}   {row['network_seconds']:12.3f}   {row['factor']:8.0f}"
        bias = f"bias {row['bias']:.1e} +- {row['bias_chance']:.0e} at width {NARROW}"
        print(f"{row['activation']:6s} {row['L']}  {row['error']:.1e}  {row['seconds']:11.2f}   {own}   {bias}")
    lengths = [(2, 4, 100, 0.1, 4096)] if chosen.quick else [(2, 4, 1000, 0.05, 8192), (3, 10, 50, 0.2, 10_000)]
    horizons = [horizon(*case, chosen.seed) for case in lengths]
    for row in horizons:
        setting = f"L={row['L']} n={row['n']} T={row['steps']} S={row['samples']}"
        memory = f"{row['gigabytes']:.2f} GB (all times: {row['uncompressed_gigabytes']:.1f} GB)"
        print(f"{setting}: {row['seconds']:.0f} s, {memory}, ranks of features and gradients {row['ranks']}")
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
    right.set(yscale="log", ylabel="CPU time at equal error, networks / limit")
    right.set_xticks(range(len(cases)), [f"{activation}\nL={L}" for activation, L in cases])
    right.axhline(1, color="grey", lw=1)
    write(chosen, "dmft", {"slopes": slopes, "costs": costs, "horizons": horizons}, figure)


if __name__ == "__main__":
    main()
