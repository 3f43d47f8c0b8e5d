r"""Training in the plane of scalings: the experiments of arXiv:2006.06574 from the reference width 128 to 2^16, under GD and SGD.

Networks of one hidden layer, leaky relu of slope .1, no biases, logistic loss, two classes. All scalings are one and the same network at
width 128: :math:`f = d_*^{-1/2} \sum_r a_r\phi(w_r\cdot x)` with parameters of order 1 and the rate :math:`.02\,d_*`, that is .02 for
output weights of variance :math:`1/d_*`. Beyond it multipliers and rates are powers of d/128:

MF, NTK, sym-default   points of the symmetric plane
default                the rate of the output weights grows like d, that of the input weights stays
IC-MF                  the initialization-corrected mean field (`InitCorrectedNetwork`)

Loss, test accuracy, mean |f| at test points and the tangent kernel over its start along training; the loss at the end against the width;
and the distance from the reference networks, the Kullback-Leibler divergence of Gaussians of their means and variances at 20 test points.

The paper has CIFAR-10 (classes 0 and 1), 1000 samples and all pixels. The default here is digits of MNIST-5000 (3 and 8), 250 samples,
their first 50 principal components, 100 steps; batches of SGD have 32 samples. Networks up to width 2^11 have 10 seeds, up to 2^14 three,
beyond one.

    python benchmarks/plane_experiments.py [--quick] [--seed 0] [--out FOLDER] [--resume FOLDER]
    python benchmarks/plane_experiments.py --data cifar10 --folder FOLDER --samples 1000 --components 0 --steps 1000

Every network that has finished is kept in the folder of --resume, and not trained again. Read docs/plane_experiments.md for what comes out.
"""

from __future__ import annotations

import argparse
import functools
from typing import TYPE_CHECKING, Any

import harness
import numpy as np

import infwidth as iw
from infwidth.limits import Network, Parameterization, activations, scaling
from infwidth.solvers import datasets, power_law, sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

REFERENCE = 128
RATE = 0.02 * REFERENCE
LEAKY = activations.leaky_relu(0.1)
# q_sigma, and the powers of the rates of output and input weights
SCALINGS = {"MF": (-1.0, 1.0, 1.0), "NTK": (-0.5, 0.0, 0.0), "sym-default": (-0.5, 0.5, 0.5), "default": (-0.5, 1.0, 0.0)}
NAMES = (*SCALINGS, "IC-MF")
SEEDS = {11: 10, 14: 3, 16: 1}  # up to that power of two
CLOUD = 20  # test points at which distributions of logits are compared
TESTS = 250
OTHERS = 1000  # seeds of the reference networks


@functools.cache
def samples(data: str, folder: str | None, number: int, components: int) -> datasets.Samples:
    """Training and test samples of two classes in float32, on the first principal components of the training inputs (0: all pixels)."""
    classes = (0, 1) if data == "cifar10" else (3, 8)
    source = {"digits": datasets.digits, "mnist-5000": datasets.mnist_5000}.get(data, lambda: datasets.cifar10(folder))()
    X, y, X_test, y_test = source.prepare(number, min(TESTS, number), classes=classes, targets="signs")
    if components:
        axes = np.linalg.svd(X, full_matrices=False)[2][:components].T
        X, X_test = X @ axes, X_test @ axes
    return datasets.Samples(*(part.astype(np.float32) for part in (X, y, X_test, y_test)))


def network(scheme: str, width: int, input_dim: int) -> Any:
    """The same at the reference width whatever the scaling."""
    if scheme == "IC-MF":
        return iw.limits.InitCorrectedNetwork(width, LEAKY, reference_width=REFERENCE)
    q, q_a, q_w = SCALINGS[scheme]
    std = REFERENCE ** (-0.5 - q)  # the prefactor of the multiplier sits in the output weights
    p = Parameterization((0, -q), (0, 0), (-q_w, -q_a), weight_std=(1, std), rates=(REFERENCE**-q_w, std**2 * REFERENCE**-q_a))
    return Network(input_dim, 1, width, LEAKY, p)


def kernel(t: float, state: Array, problem: Any, scheme: str, width: int) -> float:
    """Trace of the tangent kernel on the training inputs, up to a factor that stays: rates of the two layers and squared gradients."""
    if scheme == "IC-MF":
        W, a = problem.particles(state)
        a, of_a, of_w = a[:, 0], 1.0, 1.0
    else:
        (W, a), _ = problem.layers(state)
        q, q_a, q_w = SCALINGS[scheme]
        a, of_a, of_w = a[0] / REFERENCE ** (-0.5 - q), (width / REFERENCE) ** q_a, (width / REFERENCE) ** q_w
    X = problem.data.X
    h = X @ W.T
    x, slope = LEAKY.value(h), LEAKY.derivative(h)
    return float(of_a * (x * x).sum() + of_w * ((slope * slope) @ (a * a) * (X * X).sum(axis=1)).sum())


def train(
    data: str, folder: str | None, number: int, components: int, scheme: str, width: int, seed: int, batch: int, steps: int
) -> dict[str, Array]:
    """One network along training; batch 0 is gradient descent."""
    X, y, X_test, y_test = samples(data, folder, number, components)
    saved = [0, *sorted({int(s) for s in np.round(np.geomspace(1, steps, 11))})]
    sol = iw.solve(
        network(scheme, width, X.shape[1]),
        X,
        y,
        iw.GradientDescent(RATE, steps, batch_size=batch or None),
        loss="logistic",
        rng=np.random.SeedSequence([seed, width]),
        X_test=X_test,
        save_at=saved,
        observables={"kernel": functools.partial(kernel, scheme=scheme, width=width)},
    )
    f = np.asarray(sol.test_outputs, float)[:, :, 0]
    found = {
        "loss": np.asarray(sol.loss, float),
        "accuracy": np.mean(np.sign(f) == y_test[:, 0], axis=1),
        "mean_abs_f": np.abs(f).mean(axis=1),
        "kernel": np.asarray(sol.observables["kernel"], float) / sol.observables["kernel"][0],
        "cloud": f[:, :CLOUD],
    }
    rest = len(saved) - len(f)  # NaN after a divergence
    padded = {key: np.pad(v, [(0, rest)] + [(0, 0)] * (v.ndim - 1), constant_values=np.nan) for key, v in found.items()}
    return {"step": np.array(saved, float), **padded}


def divergence(f: Array, reference: Array) -> Array:
    """KL of the reference's Gaussian from that of f at each point, mean over points; both (seeds, times, points)."""
    (m, v), (m0, v0) = ((g.mean(axis=0), g.var(axis=0, ddof=1)) for g in (f, reference))
    return (0.5 * (np.log(v / v0) + (v0 + (m - m0) ** 2) / v - 1)).mean(axis=1)


def seeds_of(width: int, most: int) -> int:
    return min(most, next(number for power, number in SEEDS.items() if width <= 2**power))


Runs = dict[tuple[str, int, int], list[dict[str, Array]]]  # scheme, batch, width


def check_reference(runs: Runs, batches: list[int]) -> float:
    """Largest difference of the losses at the reference width between the scalings of the plane: rounding of float32."""
    losses = [[run["loss"] for run in runs[name, batch, REFERENCE]] for batch in batches for name in SCALINGS]
    return float(max(np.abs(np.array(own) - np.array(losses[i // len(SCALINGS) * len(SCALINGS)])).max() for i, own in enumerate(losses)))


def report(runs: Runs, widths: list[int], batches: list[int]) -> list[dict[str, Any]]:
    """Print, in the form of the page, the losses at the end, with standard errors where there are seeds; rows for the JSON."""
    rows = []
    for batch in batches:
        print(f"\nLoss after training, {f'SGD, batches of {batch}' if batch else 'gradient descent'}:\n")
        print("| d | " + " | ".join(NAMES) + " |\n|---|" + "---|" * len(NAMES))
        for width in widths:
            cells = []
            for name in NAMES:
                own = np.array([run["loss"][-1] for run in runs[name, batch, width]])
                error = own.std(ddof=1) / len(own) ** 0.5 if len(own) > 1 else None
                cells.append(f"{own.mean():.4f}" + (f" ± {error:.4f}" if error is not None else ""))
                last = {
                    key: float(np.mean([run[key][-1] for run in runs[name, batch, width]])) for key in ("accuracy", "mean_abs_f", "kernel")
                }
                start = float(np.mean([run["mean_abs_f"][0] for run in runs[name, batch, width]]))
                row = {"scheme": name, "batch": batch, "width": width, "loss": float(own.mean()), "loss_error": error, "seeds": len(own)}
                rows.append(row | last | {"mean_abs_f_start": start})
            print(f"| {width} | " + " | ".join(cells) + " |")
    return rows


def starts(runs: Runs, widths: list[int]) -> dict[str, list[float]]:
    """Power of the width in the logits at the start with its standard error, and the prediction."""
    found = {}
    for name in SCALINGS:
        slope, error = power_law(widths, [[run["mean_abs_f"][0] for run in runs[name, 0, width]] for width in widths])
        found[name] = [slope, error, scaling.plane_class(*SCALINGS[name]).exponents()["f0"]]
        print(f"mean |f| at the start of {name:12} ~ d^({slope:.2f} ± {error:.2f}), predicted {found[name][2]:.2f}")
    return found


def plot(runs: Runs, widths: list[int], batches: list[int], kl: dict[str, Array], wide: int) -> Figure:
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(14, 13), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2.6, 1), squeeze=False)[:, 0]
    axes = above.subplots(4, len(NAMES), sharex=True, sharey="row")
    colors = plt.colormaps["viridis"](np.linspace(0, 0.95, len(widths)))
    rows = {"loss": "loss", "accuracy": "test accuracy", "mean_abs_f": "mean $|f|$, test points", "kernel": "kernel over its start"}
    for column, name in zip(axes.T, NAMES, strict=True):
        for ax, key in zip(column, rows, strict=True):
            for width, color in zip(widths, colors, strict=True):
                own = runs[name, 0, width]
                ax.plot(own[0]["step"], np.mean([run[key] for run in own], axis=0), color=color, label=f"$2^{{{round(np.log2(width))}}}$")
            ax.set(xscale="symlog", yscale="linear" if key in ("accuracy", "kernel") else "log")
        column[0].set_title(name)
        column[-1].set_xlabel("step")
    for ax, label in zip(axes[:, 0], rows.values(), strict=True):
        ax.set_ylabel(label)
    above.legend(*axes[0, 0].get_legend_handles_labels(), title="width $d$", loc="outside right center", fontsize=8)
    ends = below.subplots(1, len(batches) + 1)
    shades = dict(zip(NAMES, ("C0", "C1", "C2", "C3", "C4"), strict=True))
    for ax, batch in zip(ends, batches, strict=False):
        for name in NAMES:
            means = [np.mean([run["loss"][-1] for run in runs[name, batch, width]]) for width in widths]
            ax.semilogy(np.log2(widths), means, "x--" if name == "IC-MF" else "o-", color=shades[name], ms=5, label=name)
        ax.set(xlabel=r"$\log_2 d$", ylabel="loss at the end", title=f"SGD, batches of {batch}" if batch else "gradient descent")
        ax.legend(fontsize=7)
    steps = runs["MF", 0, REFERENCE][0]["step"]
    for name, values in kl.items():
        ends[-1].semilogy(steps, values, color=shades.get(name, "0.5"), ls="-" if name in shades else "--", label=name)
    ends[-1].set(xscale="symlog", xlabel="step", ylabel="divergence from networks of width 128", title=f"$d={wide}$, gradient descent")
    ends[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", choices=("digits", "mnist-5000", "cifar10"), help="default: mnist-5000; with --quick digits")
    parser.add_argument("--folder", help="of CIFAR-10 in its original files; default: downloaded")
    parser.add_argument("--samples", type=int, help="of the training set")
    parser.add_argument("--components", type=int, default=50, help="principal components of the inputs; 0: all pixels")
    parser.add_argument("--largest", type=int, help="power of two of the largest width")
    parser.add_argument("--batch", type=int, default=32, help="of SGD")
    parser.add_argument("--steps", type=int)
    harness.resumable(parser)


def main() -> None:
    chosen = harness.options(__doc__, more)
    data = chosen.data or ("digits" if chosen.quick else "mnist-5000")
    largest, most = chosen.largest or (10 if chosen.quick else 16), 4 if chosen.quick else 10
    widths, batches = [2**k for k in range(7, largest + 1)], [0, chosen.batch]
    setting = {"data": data, "folder": chosen.folder, "number": chosen.samples or (60 if chosen.quick else 250)}
    setting |= {"components": chosen.components, "steps": chosen.steps or (40 if chosen.quick else 100)}
    cases = [(name, batch, width, s) for width in widths for batch in batches for name in NAMES for s in range(seeds_of(width, most))]
    cases += [("NTK", 0, REFERENCE, OTHERS * k + s) for k in (1, 2) for s in range(most)]
    points = [{**setting, "scheme": n, "batch": b, "width": w, "seed": 100_000 * chosen.seed + s} for n, b, w, s in cases]
    with harness.workers(chosen.workers) as pool:
        found = sweep(train, points, executor=pool, resume=chosen.resume)
    runs: Runs = {}
    others: dict[int, list[Array]] = {1: [], 2: []}
    for (name, batch, width, seed), result in zip(cases, found.results, strict=True):
        if seed >= OTHERS:
            others[seed // OTHERS].append(result["cloud"])
        else:
            runs.setdefault((name, batch, width), []).append(result)
    rounding = check_reference(runs, batches)
    print(f"largest difference of losses between scalings at width {REFERENCE}: {rounding:.1e}")
    rows = report(runs, widths, batches)
    print()
    many = [width for width in widths if seeds_of(width, most) == most]
    exponents, wide = starts(runs, many), many[-1]
    reference, same = (np.array(others[k]) for k in (1, 2))
    kl = {name: divergence(np.array([run["cloud"] for run in runs[name, 0, wide]]), reference) for name in NAMES}
    kl["other networks of width 128"] = divergence(same, reference)
    print(f"\ndivergence at width {wide} from {most} networks of width {REFERENCE}, at steps {runs['MF', 0, wide][0]['step'].astype(int)}")
    for name, values in kl.items():
        print(f"{name:28}", np.round(values, 2))
    results = {**setting, "folder": None, "rate": RATE, "rounding": rounding, "rows": rows, "starts": exponents}
    results["divergence"] = {name: values.tolist() for name, values in kl.items()}
    harness.write(chosen, "plane_experiments", results, plot(runs, widths, batches, kl, wide))


if __name__ == "__main__":
    main()
