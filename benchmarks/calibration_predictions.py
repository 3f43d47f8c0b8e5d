r"""Three predictions about the calibrated first step of IP-LLR with L = 6 hidden layers, held against networks.

docs/ip_llr_activations.md derives them: relu passes one direction through its layers after step 0, the others pass all classes; leaky relu
of slope alpha turns from one to the other where R = (1 - alpha)^2 sqrt(m) / (pi (1 + alpha^2)) is between 1 and 4; and the tangent kernel
after step 0 grows like m for tanh, elu and gelu, and not for relu.

dimension  effective dimension of the pre-activations of layer 6 over 500 test inputs after step 0, (tr K)^2 / tr K^2
accuracy   on the test samples after training, of leaky relu against its slope
sharpness  largest eigenvalue of the tangent kernel on 100 samples after a step 0 that is calibrated without a cap: its power of m

    python benchmarks/calibration_predictions.py [--quick] [--seed 0] [--out FOLDER] [--resume FOLDER]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import harness
import integrable_experiments as experiments
import numpy as np

import infwidth as iw
from infwidth.limits import activations, catapult
from infwidth.solvers import power_law, sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

L, RATE, BATCH = 6, 0.05, 128
SLOPES = (0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0)
SCHEME = "IP-LLR calibrated"


def ratio(slope: float, width: int) -> float:
    """R: mean over random overlap of a link."""
    return float((1 - slope) ** 2 * np.sqrt(width) / (np.pi * (1 + slope**2)))


def of_name(activation: str) -> tuple[Any, float]:
    """Activation and weight_std; "leaky 0.4" keeps second moments like relu with 2^(1/2)."""
    if activation.startswith("leaky "):
        slope = float(activation.split()[1])
        return activations.leaky_relu(slope), float(np.sqrt(2 / (1 + slope**2)))
    return activation, experiments.ACTIVATIONS[activation]


def dimension_of(rows: Array) -> float:
    """(tr K)^2 / tr K^2 of the Gram matrix of these rows."""
    gram = rows.astype(float) @ rows.T
    return float(np.trace(gram) ** 2 / (gram**2).sum())


def train(data: str, activation: str, width: int, seed: int, steps: int) -> dict[str, float]:
    """Effective dimension after step 0, and test accuracy at the end."""
    X, y, X_test, y_test = experiments.samples(data, None)
    phi, std = of_name(activation)
    net = experiments.network(SCHEME, phi, std, L, width, X.shape[1], BATCH)

    def dimension(t: float, state: Array, problem: Any) -> float:
        h = problem.forward(state, X_test[:500])[1][L - 1]
        return dimension_of(h) if np.isfinite(h).all() else float("nan")

    sol = iw.solve(
        net,
        X,
        y,
        experiments.descent(SCHEME, RATE, steps, BATCH),
        loss="cross_entropy",
        X_test=X_test,
        rng=np.random.SeedSequence([seed, width, 7]),
        save_at=[0, 1, steps],
        observables={"dimension": dimension},
    )
    return {"dimension": float(sol.observables["dimension"][1]), "accuracy": experiments.accuracy_of(sol, y_test)}


def sharpness(data: str, activation: str, width: int, seed: int) -> dict[str, float]:
    """Largest eigenvalue of the tangent kernel before and after step 0, full batch of 100 samples, no cap."""
    X, y, *_ = experiments.samples(data, None)
    X, y = X[:200].astype(float), y[:200].astype(float)
    net = experiments.network(SCHEME, activation, experiments.ACTIVATIONS[activation], L, width, X.shape[1], 100, cap=1e12)
    sol = iw.solve(
        net,
        X,
        y,
        experiments.descent(SCHEME, RATE, 1, 200),
        loss="cross_entropy",
        rng=np.random.SeedSequence([seed, width, 8]),
        observables={"sharpness": catapult.tangent_sharpness},
    )
    return {"sharpness": float(sol.observables["sharpness"][1])}


def table_of(runs: Any, name: str) -> dict[str, dict[int, list[float]]]:
    """Values of one entry over the seeds, by activation (leaky relu first, by slope) and width."""
    table: dict[str, dict[int, list[float]]] = {}
    for point, result in sorted(
        runs, key=lambda run: (not run[0]["activation"].startswith("leaky"), run[0]["activation"], run[0]["width"])
    ):
        table.setdefault(point["activation"], {}).setdefault(point["width"], []).append(result[name])
    return table


def means(row: dict[int, list[float]]) -> tuple[list[int], list[float], list[float]]:
    """Widths, means and standard errors."""
    found = [experiments.summary(np.array(values)) for values in row.values()]
    return list(row), [f[0] for f in found], [f[1] for f in found]


def show(title: str, table: dict[str, dict[int, list[float]]]) -> None:
    widths = sorted({m for row in table.values() for m in row})
    print(f"{title:16}" + "".join(f"{f'm = {m}':>20}" for m in widths))
    for activation, row in table.items():
        cells = []
        for m in widths:
            cells.append(experiments.shown(*experiments.summary(np.array(row[m]))) if m in row else "")
        print(f"{activation:16}" + "".join(f"{cell:>20}" for cell in cells))


def plot(trained: dict[str, Any], sharp: dict[str, Any], middle: int) -> Figure:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(14, 3.4), layout="constrained")
    turn = [experiments.summary(np.array(trained["accuracy"][f"leaky {s}"][middle])) for s in SLOPES]
    axes[0].errorbar(SLOPES, [c[0] for c in turn], [c[1] for c in turn], color="black", marker="o", ms=4)
    low, high = (next(s for s in np.linspace(0, 1, 1001) if ratio(s, middle) <= level) for level in (4, 1))
    axes[0].axvspan(low, high, color="C1", alpha=0.2, lw=0)
    axes[0].set(xlabel="slope of leaky relu", ylabel="test accuracy", ylim=(0, 1), title=f"$m = {middle}$; shaded: $4 > R > 1$")
    for name, color in {"leaky 0.0": "C3", "leaky 0.4": "0.3", "leaky 0.85": "0.7"}.items():
        widths, mean, error = means(trained["accuracy"][name])
        axes[1].errorbar(widths, mean, error, color=color, marker="o", ms=4, label=name.replace("leaky", "slope"))
    axes[1].set(xscale="log", xlabel="width $m$", ylabel="test accuracy", ylim=(0, 1), title="leaky relu")
    colors = {"leaky 0.0": "C3", "relu": "C3", "gelu": "C0", "elu": "C2", "tanh": "C1"}
    for name in ("leaky 0.0", "gelu", "elu", "tanh"):
        widths, mean, error = means(trained["dimension"][name])
        axes[2].errorbar(widths, mean, error, color=colors[name], marker="o", ms=4, label="relu" if name == "leaky 0.0" else name)
    axes[2].set(xscale="log", xlabel="width $m$", ylabel="effective dimension", ylim=(0.9, 3.6), title="layer 6 after step 0")
    for name, row in sharp.items():
        logs = np.log(list(row.values()))
        middles, errors = np.exp(logs.mean(axis=1)), logs.std(axis=1, ddof=1) / np.sqrt(logs.shape[1])
        bars = middles * np.abs(np.exp([-errors, errors]) - 1)
        axes[3].errorbar(list(row), middles, bars, color=colors[name], marker="o", ms=4, label=name)
    axes[3].set(xscale="log", yscale="log", xlabel="width $m$", ylabel="largest eigenvalue", title="tangent kernel after step 0")
    for ax in axes[1:]:
        widths = sorted({m for row in trained["accuracy"].values() for m in row})
        ax.set_xticks(widths, labels=widths)
        ax.minorticks_off()
        ax.legend(fontsize=8)
    return figure


def main() -> None:
    chosen = harness.options(__doc__, harness.resumable)
    data, steps = ("digits", 60) if chosen.quick else ("mnist-5000", 300)
    middle, ends, wide, seeds, many = (64, [32], [32, 64, 128], 2, 4) if chosen.quick else (256, [64, 512], [64, 128, 256, 512], 5, 8)
    names, few = [*(f"leaky {s}" for s in SLOPES), "gelu", "elu", "tanh"], ["leaky 0.0", "leaky 0.4", "leaky 0.85", "gelu", "elu", "tanh"]
    points = [
        {"data": data, "activation": name, "width": m, "seed": chosen.seed + s, "steps": steps}
        for m in [middle, *ends]
        for name in (names if m == middle else few)
        for s in range(seeds)
    ]
    sharp_grid: dict[str, list[Any]] = {
        "data": [data],
        "activation": list(experiments.ACTIVATIONS),
        "width": wide,
        "seed": [chosen.seed + s for s in range(many)],
    }
    with harness.workers(chosen.workers) as pool:
        sharp_runs = sweep(sharpness, sharp_grid, executor=pool, resume=chosen.resume)
        runs = sweep(train, points, executor=pool, resume=chosen.resume)
    trained = {name: table_of(runs, name) for name in ("dimension", "accuracy")}
    sharp = table_of(sharp_runs, "sharpness")
    for title in trained:
        show(title, trained[title])
    powers = {}
    for name, row in sharp.items():
        power, error = power_law(wide, np.array(list(row.values())))
        powers[name] = (power, error)
        print(f"tangent kernel after step 0, {name:5} ~ m^({power:.2f} ± {error:.2f}); geometric means", end=" ")
        print(*(f"{np.exp(np.mean(np.log(values))):.3g}" for values in row.values()))
    results = {
        **trained,
        "sharpness": sharp,
        "powers": powers,
        "ratio": {str(s): {m: ratio(s, m) for m in sorted([middle, *ends])} for s in SLOPES},
    }
    harness.write(chosen, "calibration_predictions", results, plot(trained, sharp, middle))


if __name__ == "__main__":
    main()
