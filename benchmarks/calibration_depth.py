r"""Two more predictions about the calibrated first step of IP-LLR, held against networks: depth, and the size of the batch.

docs/ip_llr_activations.md derives them: every layer from 3 on filters what relu passes, so that relu fails where they are many; and the
common direction of relu has the imbalance of the classes in the first batch as its weight, so that it learns where the batch is large.

depth   test accuracy against L, at one width with and without the calibration, and against the width at L = 3
batch   test accuracy with L = 6, calibrated, against the batch: of relu at two widths, of tanh at one

    python benchmarks/calibration_depth.py [--quick] [--seed 0] [--out FOLDER] [--resume FOLDER]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import harness
import integrable_experiments as experiments
import numpy as np

from infwidth.solvers import sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN, CALIBRATED = "IP-LLR", "IP-LLR calibrated"
RATE, BATCH = 0.05, 128
SETTING = ("scheme", "activation", "L", "width", "batch")
Key = tuple[str, str, int, int, int]
COLORS = {"relu": "C3", "gelu": "C0", "elu": "C2", "tanh": "C1"}


def cases(
    depths: list[int], widths: list[int], middle: int, deep: int, batches: list[int], batch_widths: list[int]
) -> dict[str, list[Key]]:
    """The networks of each part, by scheme, activation, L, width and batch."""
    names = list(experiments.ACTIVATIONS)
    batch = [
        (CALIBRATED, a, deep, m, B)
        for m, a in zip((*batch_widths, batch_widths[0]), ("relu", "relu", "tanh"), strict=True)
        for B in batches
    ]
    depth = [(scheme, a, L, middle, BATCH) for scheme in (CALIBRATED, PLAIN) for L in depths for a in names]
    return {"depth": depth, "width": [(PLAIN, a, 3, m, BATCH) for m in widths for a in names], "batch": batch}


def show(title: str, keys: list[Key], table: dict[Key, Any]) -> None:
    activations = list(dict.fromkeys(key[1] for key in keys))
    print(f"{title:18} L     m  batch" + "".join(f"{a:>20}" for a in activations))
    for scheme, L, m, B in dict.fromkeys((key[0], *key[2:]) for key in keys):
        cells = []
        for a in activations:
            if (scheme, a, L, m, B) not in table:
                cells.append("")
                continue
            cells.append(experiments.shown(*table[scheme, a, L, m, B]["summary"]))
        print(f"{scheme:18} {L} {m:5} {B:6}" + "".join(f"{cell:>20}" for cell in cells))


def plot(parts: dict[str, list[Key]], table: dict[Key, Any]) -> Figure:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 4, figsize=(14, 3.4), layout="constrained", sharey=True)

    def curve(ax: Any, keys: list[Key], along: int, **style: Any) -> None:
        mean, error, _ = np.array([table[key]["summary"] for key in keys]).T
        ax.errorbar([key[along] for key in keys], mean, error, marker="o", ms=4, **style)

    for ax, scheme in zip(axes, (CALIBRATED, PLAIN), strict=False):
        for a, color in COLORS.items():
            curve(ax, [key for key in parts["depth"] if key[:2] == (scheme, a)], 2, color=color, label=a)
        ax.set_xticks(sorted({key[2] for key in parts["depth"]}))
        ax.set(xlabel="hidden layers $L$", title=f"{scheme}, $m = {parts['depth'][0][3]}$")
    for a, color in COLORS.items():
        curve(axes[2], [key for key in parts["width"] if key[:2] == (PLAIN, a)], 3, color=color, label=a)
    axes[2].set(xscale="log", xlabel="width $m$", title=f"{PLAIN}, $L = 3$")
    narrow = parts["batch"][0][3]
    for a, m in dict.fromkeys((key[1], key[3]) for key in parts["batch"]):
        mine = [key for key in parts["batch"] if (key[1], key[3]) == (a, m)]
        curve(axes[3], mine, 4, color=COLORS[a], ls="-" if m == narrow else "--", label=f"{a}, $m = {m}$")
    axes[3].set(xscale="log", xlabel="batch $B$", title=f"{CALIBRATED}, $L = {parts['batch'][0][2]}$")
    for ax, part, along in ((axes[2], "width", 3), (axes[3], "batch", 4)):
        ticks = sorted({key[along] for key in parts[part]})
        ax.set_xticks(ticks, labels=ticks)
        ax.minorticks_off()
    for ax in axes:
        ax.axhline(0.1, color="0.7", lw=0.8, ls=":")
        ax.legend(fontsize=8)
    axes[0].set(ylim=(0, 1), ylabel="test accuracy")
    return figure


def main() -> None:
    chosen = harness.options(__doc__, harness.resumable)
    data, steps, seeds = ("digits", 60, 2) if chosen.quick else ("mnist-5000", 300, 5)
    parts = (
        cases([2, 4], [32, 64], 64, 4, [32, 512], [32, 64])
        if chosen.quick
        else cases([2, 3, 5], [64, 256, 512], 256, 6, [32, 128, 2000], [64, 256])
    )
    keys = list(dict.fromkeys(key for part in parts.values() for key in part))
    common = {"data": data, "folder": None, "rate": RATE, "steps": steps}
    points = [{**common, **dict(zip(SETTING, key, strict=True)), "seed": chosen.seed + s} for key in keys for s in range(seeds)]
    with harness.workers(chosen.workers) as pool:
        runs = sweep(experiments.train, points, executor=pool, resume=chosen.resume)
    table: dict[Key, Any] = {key: {"accuracies": [], "loss": []} for key in keys}
    for point, result in runs:
        row = table[tuple(point[name] for name in SETTING)]
        row["accuracies"].append(result["accuracy"])
        row["loss"].append(float(result["loss"][-1]))
    for row in table.values():
        row["summary"] = experiments.summary(np.array(row["accuracies"]))
    for title, part in parts.items():
        show(title, part, table)
    print("test accuracy ±: standard error over seeds; (n!): n networks diverged and are not in the mean")
    results = {title: [{**dict(zip(SETTING, key, strict=True)), **table[key]} for key in part] for title, part in parts.items()}
    harness.write(chosen, "calibration_depth", {**common, "seeds": seeds, **results}, plot(parts, table))


if __name__ == "__main__":
    main()
