r"""Which terms of the output survive at large width: mean-field networks of one, two and three hidden layers under GD and RMSProp.

The output is the sum over the sets S of layers that have moved, :math:`f = \sum_S f_S` (`scaling.output_terms`). Networks of the
integrable parameterization (the mean field of any depth), leaky relu of slope .1, make 12 steps with the logistic loss on 30 digits, under
RMSProp with a rate of .01 for all parameters of order 1, and under gradient descent with base rates of 3 and 8. The variance of every term
over 100 test points is fitted by a power of the width (slopes with standard errors over seeds), and so is the variance of the output over
seeds.

arXiv:2003.05884 has such a figure, and the claim that beyond two hidden layers the mean field is trivial under gradient descent and not
under RMSProp. It holds at a fixed number of steps in the limit, and says little at widths where networks leave the stationary point within
these steps: compare the two rates. Read docs/plane_experiments.md.

    python benchmarks/output_terms.py [--quick] [--seed 0] [--out FOLDER] [--resume FOLDER]
"""

from __future__ import annotations

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

STEPS = 12
METHODS = {"GD, rate 3": 3.0, "GD, rate 8": 8.0, "RMSProp, rate .01": 0.01}
DEPTHS = (1, 2, 3)
ZERO = 0.4  # slopes of variances that count as zero: the next power is -1


@functools.cache
def samples(data: str) -> datasets.Samples:
    source = datasets.digits() if data == "digits" else datasets.mnist_5000()
    return source.prepare(30, 100, classes=(3, 8), targets="signs")


def network(hidden_layers: int, width: int, method: str, input_dim: int) -> Network:
    """Of the integrable parameterization; a step of RMSProp moves parameters of order 1 by its rate, whatever the gradient."""
    ip = Parameterization.integrable(hidden_layers)
    p = ip if method.startswith("GD") else Parameterization(ip.a, ip.b, (0.0,) * len(ip.a))
    return Network(input_dim, hidden_layers, width, activations.leaky_relu(0.1), p)


def terms(data: str, hidden_layers: int, width: int, method: str, seed: int) -> Array:
    """All terms at the test points after the last step, (2^(L+1), n'); NaN after a divergence."""
    X, y, X_test, _ = samples(data)
    rate = METHODS[method]
    descent = iw.GradientDescent(rate, STEPS) if method.startswith("GD") else iw.RMSProp(rate, STEPS, epsilon=0)
    rng = np.random.SeedSequence([seed, width])
    sol = iw.solve(network(hidden_layers, width, method, X.shape[1]), X, y, descent, loss="logistic", rng=rng, save_at=[STEPS])
    if not sol.success:
        return np.full((2 ** (hidden_layers + 1), len(X_test)), np.nan)
    return scaling.output_terms(sol.problem, sol.state, X_test).reshape(-1, len(X_test))


def report(name: str, L: int, widths: list[int], f: Array) -> dict[str, Any]:
    """Slopes of variances; f is (widths, seeds, terms, points), the output itself last. Seeds that diverged at some width are left out."""
    fine = np.isfinite(f).all(axis=(0, 2, 3))
    f = f[:, fine]
    names = (*scaling.output_term_names(L), "f")
    over_points = f.var(axis=-1)
    fits = {term: power_law(widths, over_points[:, :, i]) for i, term in enumerate(names)}
    stay = [term for term, (slope, _) in fits.items() if abs(slope) < ZERO]
    over_seeds = f[:, :, -1].var(axis=1, ddof=1).mean(axis=-1)
    spread = float(np.polyfit(np.log(widths), np.log(over_seeds), 1)[0])
    print(f"{name}, L = {L}: stay {', '.join(stay) or 'none'}; variance of f over seeds ~ d^{spread:.2f}; {(~fine).sum()} seeds diverged")
    print("   " + ", ".join(f"{term} {slope:.2f} ± {error:.2f}" for term, (slope, error) in fits.items()))
    return {
        "method": name,
        "hidden_layers": L,
        "slopes": fits,
        "stay": stay,
        "slope_over_seeds": spread,
        "diverged": int((~fine).sum()),
        "variances": dict(zip(names, over_points.mean(axis=1).T.tolist(), strict=True)),
    }


def plot(rows: list[dict[str, Any]], widths: list[int]) -> Figure:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(METHODS), len(DEPTHS), figsize=(11, 9), layout="constrained", sharex=True)
    for ax, row in zip(axes.flat, rows, strict=True):
        L = row["hidden_layers"]
        standing = [L - 1 - sum(moved[1:-1]) for moved in np.ndindex((2,) * (L + 1))]  # hidden matrices as at the start
        *terms_of_f, f = row["variances"].values()
        for number, values in zip(standing, terms_of_f, strict=True):
            ax.loglog(widths, values, color=f"C{number}", lw=1, marker="o", ms=3)
        ax.loglog(widths, f, color="black", lw=2.2, ls="--")
        ax.set(title=f"{row['method']}, $L = {row['hidden_layers']}$")
        ax.set_xticks(widths, widths)
        ax.minorticks_off()
    for ax in axes[-1]:
        ax.set_xlabel("width $d$")
    for ax in axes[:, 0]:
        ax.set_ylabel("variance over test points")
    handles = [plt.Line2D([], [], color=f"C{k}", marker="o", ms=3) for k in range(3)]
    handles.append(plt.Line2D([], [], color="black", lw=2.2, ls="--"))
    labels = ["all hidden matrices\nhave moved", "one has not", "two have not", "the output"]
    figure.legend(handles, labels, loc="outside right upper", fontsize=8)
    return figure


def main() -> None:
    chosen = harness.options(__doc__, harness.resumable)
    data, seeds = ("digits", 4) if chosen.quick else ("mnist-5000", 8)
    widths = [64, 128, 256] if chosen.quick else [64, 128, 256, 512, 1024, 2048]
    cases = [(name, L) for name in METHODS for L in DEPTHS]
    points = [
        {"data": data, "hidden_layers": L, "width": width, "method": name, "seed": 1000 * chosen.seed + s}
        for width in widths
        for name, L in cases
        for s in range(seeds)
    ]
    with harness.workers(chosen.workers) as pool:
        runs = sweep(terms, points, executor=pool, resume=chosen.resume)
    rows = []
    for name, L in cases:
        own = [r["value"] for p, r in runs if (p["method"], p["hidden_layers"]) == (name, L)]
        f = np.array(own).reshape(len(widths), seeds, *own[0].shape)
        rows.append(report(name, L, widths, np.concatenate([f, f.sum(axis=2, keepdims=True)], axis=2)))
    setting = {"data": data, "widths": widths, "seeds": seeds, "steps": STEPS, "rates": METHODS}
    harness.write(chosen, "output_terms", {**setting, "cases": rows}, plot(rows, widths))


if __name__ == "__main__":
    main()
