r"""Image classifiers under integrable parameterizations: the experiments of arXiv:2110.15596, with and without their calibration.

Ten classes, cross-entropy, SGD. Test accuracy for each activation and parameterization, several widths and seeds:

muP, naive IP, IP-bias, IP-non-centered   as defined
IP-LLR             one large first step whose base rate is the same in all layers and at all widths (60, about what the calibration
                   finds for layer 2)
IP-LLR calibrated  the first rate of each layer set by what its update does (`CalibratedNetwork`), as in the published runs

Weights start with the variances of the paper (relu 2, gelu 4, elu and tanh 1, output 1), inputs are centred and scaled to mean |x|^2 = 1,
and there are no biases except in IP-bias (the paper has one in the input layer). The paper trains L = 6, m = 1024 at the rate .01 in
batches of 512 for 600 steps (MNIST; 1200 steps on CIFAR-10). The default here is smaller: MNIST-5000, m up to 512, rate .05, batches of
128, 300 steps.

    python benchmarks/integrable_experiments.py [--quick] [--seed 0] [--out FOLDER] [--resume FOLDER]
    python benchmarks/integrable_experiments.py --data cifar10 --folder FOLDER --widths 1024 --rate .01 --batch 512 --steps 1200

Every network that has finished is kept in the folder of --resume, and not trained again. Read docs/ip_llr_activations.md for what comes out
and why.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import harness
import numpy as np

import infwidth as iw
from infwidth.limits import CalibratedNetwork, Network, Parameterization
from infwidth.solvers import datasets, power_law, sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

ACTIVATIONS = {"relu": 2**0.5, "gelu": 2.0, "elu": 1.0, "tanh": 1.0}  # weight_std
P = Parameterization
SCHEMES = {
    "muP": P.mup,
    "IP-LLR": P.integrable_large_lr,
    "IP-LLR calibrated": P.integrable_large_lr,
    "naive IP": P.integrable,
    "IP-bias": P.integrable_bias,
    "IP-non-centered": P.integrable_non_centered,
}
FIRST_RATE = 60.0  # of IP-LLR without calibration
FIRST_LAYER = 0.01  # of the calibrated one, and 1 in all others before their factors


@functools.cache
def samples(data: str, folder: str | None) -> datasets.Samples:
    """Training and test samples in float32."""
    if data == "digits":
        drawn = datasets.digits().prepare(1400, 397)
    elif data == "mnist-5000":
        drawn = datasets.mnist_5000().prepare(4000, 1000)
    else:
        drawn = (datasets.mnist(folder) if data == "mnist" else datasets.cifar10(folder, grayscale=True)).prepare()
    return datasets.Samples(*(part.astype(np.float32) for part in drawn))


def network(scheme: str, activation: Any, weight_std: float, L: int, width: int, input_dim: int, batch: int, cap: float = 500.0) -> Any:
    p = replace(SCHEMES[scheme](L), weight_std=(weight_std,) * L + (1.0,))
    net = Network(input_dim, L, width, activation, p, output_dim=10)
    return CalibratedNetwork(net, first_layer=FIRST_LAYER, samples=batch, cap=cap) if scheme == "IP-LLR calibrated" else net


def descent(scheme: str, rate: float, steps: int, batch: int) -> iw.GradientDescent:
    first = {"IP-LLR": FIRST_RATE, "IP-LLR calibrated": 1.0, "IP-bias": rate}.get(scheme)
    return iw.GradientDescent(rate, steps, batch_size=batch, first_learning_rate=first)


def accuracy_of(sol: iw.Solution, y_test: Array) -> float:
    """On the test samples at the end; NaN of a run that diverged."""
    outputs = sol.test_outputs
    if not sol.success or outputs is None or not np.isfinite(outputs[-1]).all():
        return float("nan")
    return float(datasets.accuracy(outputs[-1], y_test))


def train(
    data: str, folder: str | None, scheme: str, activation: str, L: int, width: int, seed: int, rate: float, steps: int, batch: int
) -> dict[str, Any]:
    """One network: test accuracy at the end, and loss and mean |f| on the training samples on the way."""
    X, y, X_test, y_test = samples(data, folder)
    net = network(scheme, activation, ACTIVATIONS[activation], L, width, X.shape[1], batch)
    saved = sorted({*range(0, steps, max(1, steps // 12)), 1, 2, steps})
    sol = iw.solve(
        net,
        X,
        y,
        descent(scheme, rate, steps, batch),
        loss="cross_entropy",
        X_test=X_test,
        rng=np.random.SeedSequence([seed, width]),
        save_at=saved,
    )
    return {
        "accuracy": accuracy_of(sol, y_test),
        "step": np.array(saved[: len(sol.loss)], float),
        "loss": np.array(sol.loss, float),
        "mean_abs_f": np.abs(sol.outputs).mean(axis=(1, 2)).astype(float),
        "factors": net.factors(sol.problem) if scheme == "IP-LLR calibrated" else np.ones(L + 1),
    }


def summary(accuracies: Array) -> tuple[float, float, int]:
    """Mean and its standard error over the networks that did not diverge, and how many did."""
    fine = accuracies[np.isfinite(accuracies)]
    error = float(fine.std(ddof=1) / np.sqrt(len(fine))) if len(fine) > 1 else float("nan")
    return float(fine.mean()) if len(fine) else float("nan"), error, int(len(accuracies) - len(fine))


def shown(mean: float, error: float, diverged: int) -> str:
    """A summary as a cell of a table."""
    return f"{mean:.3f} ± {error:.3f}" + (f" ({diverged}!)" if diverged else "")


def report(rows: list[dict[str, Any]]) -> None:
    print(f"{'test accuracy':18} L     m  " + "".join(f"{a:>17}" for a in ACTIVATIONS))
    for scheme, L, width in dict.fromkeys((r["scheme"], r["L"], r["width"]) for r in rows):
        cells = []
        for activation in ACTIVATIONS:
            row = next(r for r in rows if (r["scheme"], r["L"], r["width"], r["activation"]) == (scheme, L, width, activation))
            cells.append(f"{shown(row['mean'], row['error'], row['diverged']):>17}")
        print(f"{scheme:18} {L} {width:5}  " + "".join(cells))
    print("±: standard error over seeds; (n!): n networks diverged and are not in the mean")


def powers(runs: Any, L: int) -> dict[str, tuple[float, float]]:
    """Power of the width in the calibration's factors of layers 3..L (their geometric mean), by activation; none at a single width, or
    without such layers."""
    found: dict[str, tuple[float, float]] = {}
    widths = [p["width"] for p, _ in runs if p["scheme"] == "IP-LLR calibrated"]
    if L < 3 or len(set(widths)) < 2 or len(widths) < 3 * len(ACTIVATIONS):
        return found
    for activation in ACTIVATIONS:
        mine = [(p, r) for p, r in runs if (p["scheme"], p["activation"]) == ("IP-LLR calibrated", activation)]
        sizes = [float(np.exp(np.log(r["factors"][2:L]).mean())) for _, r in mine]
        found[activation] = power_law(np.array([p["width"] for p, _ in mine]), np.array(sizes))
        print(f"factors of layers 3..{L}, {activation:5} ~ m^({found[activation][0]:.2f} ± {found[activation][1]:.2f})")
    return found


def plot(rows: list[dict[str, Any]], data: str) -> Figure:
    import matplotlib.pyplot as plt

    schemes = list(dict.fromkeys(r["scheme"] for r in rows if r["many"]))
    figure, axes = plt.subplots(1, len(schemes), figsize=(3.3 * len(schemes), 3.4), layout="constrained", sharey=True, squeeze=False)
    for ax, scheme in zip(axes[0], schemes, strict=True):
        for activation, color in zip(ACTIVATIONS, ("C3", "C0", "C2", "C1"), strict=True):
            mine = [r for r in rows if r["scheme"] == scheme and r["activation"] == activation and r["many"]]
            ax.errorbar(
                [r["width"] for r in mine],
                [r["mean"] for r in mine],
                [r["error"] for r in mine],
                color=color,
                marker="o",
                ms=4,
                label=activation,
            )
        ax.axhline(0.1, color="0.7", lw=0.8, ls=":")
        widths = sorted({r["width"] for r in rows if r["many"]})
        ax.set(xscale="log", xlabel="width $m$", title=f"{scheme}, $L = {rows[0]['L']}$", ylim=(0, 1))
        ax.set_xticks(widths, labels=widths)
        ax.minorticks_off()
    axes[0, 0].set_ylabel(f"test accuracy, {data}")
    axes[0, 0].legend(fontsize=8)
    return figure


def more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", choices=("digits", "mnist-5000", "mnist", "cifar10"), help="default: mnist-5000; with --quick digits")
    parser.add_argument("--folder", help="of MNIST or CIFAR-10 in their original files; default: downloaded")
    parser.add_argument("--hidden-layers", type=int, default=6)
    parser.add_argument("--widths", type=int, nargs="+")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int)
    harness.resumable(parser)


def main() -> None:
    chosen = harness.options(__doc__, more)
    data = chosen.data or ("digits" if chosen.quick else "mnist-5000")
    widths = chosen.widths or ([32, 64] if chosen.quick else [64, 128, 256, 512])
    seeds, steps = chosen.seeds or (2 if chosen.quick else 5), chosen.steps or (60 if chosen.quick else 300)
    L = chosen.hidden_layers
    # All widths for the question of the page; the other parameterizations at one of them.
    cases = [(scheme, m, True) for scheme in list(SCHEMES)[:3] for m in widths]
    cases += [(scheme, widths[len(widths) // 2], False) for scheme in list(SCHEMES)[3:]]
    common = {"data": data, "folder": chosen.folder, "L": L, "rate": chosen.rate, "steps": steps, "batch": chosen.batch}
    points = [
        {**common, "scheme": scheme, "activation": activation, "width": m, "seed": chosen.seed + s}
        for scheme, m, _ in cases
        for activation in ACTIVATIONS
        for s in range(seeds)
    ]
    with harness.workers(chosen.workers) as pool:
        runs = sweep(train, points, executor=pool, resume=chosen.resume)
    rows = []
    for scheme, m, many in cases:
        for activation in ACTIVATIONS:
            mine = [r for p, r in runs if (p["scheme"], p["width"], p["activation"]) == (scheme, m, activation)]
            mean, error, diverged = summary(np.array([r["accuracy"] for r in mine]))
            row = {"scheme": scheme, "L": L, "width": m, "activation": activation, "many": many}
            row |= {"mean": mean, "error": error, "diverged": diverged, "accuracies": [r["accuracy"] for r in mine]}
            rows.append(row | {"factors": np.mean([r["factors"] for r in mine], axis=0).round(3).tolist()})
    report(rows)
    found = {**common, "folder": None, "seeds": seeds, "cases": rows, "powers": powers(runs, L)}
    harness.write(chosen, "integrable_experiments", found, plot(rows, data))


if __name__ == "__main__":
    main()
