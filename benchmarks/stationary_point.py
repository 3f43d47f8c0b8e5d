r"""How far does training move the function, as the width grows? Integrable parameterizations against µP on handwritten digits.

Even against odd digits (scikit-learn's 8x8 digits, centred, mean |x|^2 = 1, targets -1 and +1, squared loss), gradient descent for the
fixed time t = 2. For each number L of hidden layers, activation and parameterization: the root mean square over the samples of
f_t - f_0, for several widths m and seeds, and the exponent p of its power law m^p with its standard error.

    naive IP   learns for L = 1, 2; from L = 3 hidden layers (four weight layers) on it starts at a stationary point: p < 0
    IP-LLR     one large first step gets it moving again (linear and tanh: for L up to 4)
    muP        moves at every depth

relu under IP-LLR has a limit that moves at every depth, but by a constant that shrinks about fivefold per layer; for L >= 3 terms of order
m^(-1/2) cover it at these widths, and its exponents here are not yet those of the limit. At L = 5 the limit of linear and tanh networks
under IP-LLR is a stationary point again.

A case moves where p > -1/4 and stands still where p < -1/4, by more than two standard errors (theory: 0, or -1/2 and less). For linear
networks the exact infinite-width limit is drawn beside the finite ones.

    python benchmarks/stationary_point.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import harness
import numpy as np

import infwidth as iw
from infwidth.limits import DeepLinearIntegrable, DeepLinearMuP, Network, Parameterization
from infwidth.solvers import power_law

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

SCHEMES = {"naive IP": "integrable", "IP-LLR": "integrable_large_lr", "µP": "mup"}
WEIGHT_STD = {
    "linear": 1.0,
    "relu": 2.0**0.5,
    "tanh": 1.0,
}  # as in arXiv:2110.15596: relu halves the mean square, so it starts with twice as much
LEARNING_RATE, STEPS = 0.25, 8


@dataclass(frozen=True)
class Case:
    """One network at one width."""

    scheme: str
    activation: str
    hidden_layers: int
    width: int


def digits(samples: int, seed: int) -> tuple[Array, Array]:
    """Even (+1) against odd (-1) digits, centred, mean squared norm 1."""
    from sklearn.datasets import load_digits

    X, digit = load_digits(return_X_y=True)
    chosen = np.random.default_rng(seed).permutation(len(X))[:samples]
    X = X[chosen] - X[chosen].mean(axis=0)
    return X / np.sqrt((X**2).sum(axis=1).mean()), np.where(digit[chosen] % 2 == 0, 1.0, -1.0)


def method(scheme: str, X: Array, y: Array) -> iw.GradientDescent:
    """The first rate of IP-LLR makes its first update of the first layer, rate * mean y x, of norm 1."""
    first = 1 / float(np.linalg.norm(y @ X / len(y))) if scheme == "IP-LLR" else None
    return iw.GradientDescent(LEARNING_RATE, STEPS, first_learning_rate=first)


def movement(model: Any, scheme: str, X: Array, y: Array, rng: Any) -> float:
    """Root mean square over the samples of f_t - f_0."""
    sol = iw.solve(model, X, y, method(scheme, X, y), rng=rng, save_at=[0, STEPS])
    if not sol.success:
        raise RuntimeError(f"{model}: {sol.message}")
    return float(np.sqrt(np.mean((sol.outputs[-1] - sol.outputs[0]) ** 2)))


def movements(case: Case, samples: int, seed: int, seeds: int) -> list[float]:
    """Movement of networks with independent weights."""
    X, y = digits(samples, seed)
    p: Parameterization = getattr(Parameterization, SCHEMES[case.scheme])(case.hidden_layers)
    p = replace(p, weight_std=(WEIGHT_STD[case.activation],) * (case.hidden_layers + 1))
    net = Network(X.shape[1], case.hidden_layers, case.width, case.activation, p)
    return [movement(net, case.scheme, X, y, np.random.SeedSequence([seed, s, case.width])) for s in range(seeds)]


def limit_movement(scheme: str, hidden_layers: int, X: Array, y: Array) -> float:
    """The same for the exact infinite-width limit of the linear network."""
    limits = {
        "naive IP": DeepLinearIntegrable(hidden_layers, "naive"),
        "IP-LLR": DeepLinearIntegrable(hidden_layers, "large_lr"),
        "µP": DeepLinearMuP(hidden_layers),
    }
    return movement(limits[scheme], scheme, X, y, 0)


def verdict(slope: float, error: float) -> str:
    if slope - 2 * error > -0.25:
        return "moves"
    return "stands still" if slope + 2 * error < -0.25 else "unclear"


def study(quick: bool, seed: int) -> dict[str, Any]:
    widths, seeds, samples = ((64, 128, 256, 512), 4, 100) if quick else ((64, 128, 256, 512, 1024, 2048), 8, 200)
    X, y = digits(samples, seed)
    groups = [(scheme, activation, L) for activation in WEIGHT_STD for L in range(1, 6) for scheme in SCHEMES]
    rows = []
    with harness.workers() as pool:
        futures = [[pool.submit(movements, Case(*group, m), samples, seed, seeds) for m in widths] for group in groups]
        for (scheme, activation, L), group_futures in zip(groups, futures, strict=True):
            moved = np.array([future.result() for future in group_futures])
            slope, error = power_law(widths, moved)
            rows.append(
                {
                    "parameterization": scheme,
                    "activation": activation,
                    "hidden_layers": L,
                    "movement": moved.tolist(),
                    "slope": slope,
                    "slope_error": error,
                    "verdict": verdict(slope, error),
                    "limit": limit_movement(scheme, L, X, y) if activation == "linear" else None,
                }
            )
    return {"widths": widths, "seeds": seeds, "samples": samples, "rows": rows}


def table(results: dict[str, Any]) -> str:
    first, last = results["widths"][0], results["widths"][-1]
    lines = [f"{'':9s}{'':8s}   L   moved, m={first:<5d} m={last:<5d}  limit   slope +- s.e."]
    for row in results["rows"]:
        narrow, wide = (np.median(row["movement"][i]) for i in (0, -1))
        limit = "" if row["limit"] is None else "0" if row["limit"] == 0 else f"{row['limit']:.3f}"
        lines.append(
            f"{row['parameterization']:9s}{row['activation']:8s}   {row['hidden_layers']}   {narrow:10.2e}  {wide:10.2e}  {limit:>6s}"
            f"  {row['slope']:6.2f} +- {row['slope_error']:.2f}   {row['verdict']}"
        )
    for activation in WEIGHT_STD:
        naive = [r for r in results["rows"] if (r["parameterization"], r["activation"]) == ("naive IP", activation)]
        still = [r["hidden_layers"] for r in naive if r["verdict"] == "stands still"]
        lines.append(f"naive IP, {activation}: stands still for L = {still}; first trivial case L = {min(still, default=None)}")
    lines.append("IP-LLR, relu: its limit moves at every depth, by a constant that terms of order m^(-1/2) still cover here from L = 3 on")
    return "\n".join(lines)


def figure(results: dict[str, Any]) -> Figure:
    import matplotlib.pyplot as plt

    widths = np.array(results["widths"])
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.88, 5))
    figure, axes = plt.subplots(3, 3, figsize=(10.5, 8.6), sharex=True, sharey=True, layout="constrained")
    for i, activation in enumerate(WEIGHT_STD):
        for j, scheme in enumerate(SCHEMES):
            ax = axes[i, j]
            zero = []
            for row in results["rows"]:
                if (row["parameterization"], row["activation"]) != (scheme, activation):
                    continue
                L, moved = row["hidden_layers"], np.array(row["movement"])
                color = colors[L - 1]
                label = rf"$L={L}$:  $m^{{{row['slope']:.2f} \pm {row['slope_error']:.2f}}}$"
                ax.loglog(widths, np.median(moved, axis=1), "-", color=color, linewidth=1.2)
                ax.loglog(np.repeat(widths, moved.shape[1]), moved.ravel(), ".", color=color, alpha=0.3, markersize=4)
                ax.loglog(widths, np.median(moved, axis=1), "o", color=color, markersize=4.5, label=label)
                if row["limit"]:
                    ax.loglog(widths[-1] * 1.9, row["limit"], "D", color=color, markersize=6, markeredgecolor="black", clip_on=False)
                elif row["limit"] == 0:
                    zero.append(L)
            if zero:
                text = f"exact limit: 0\nfor $L = {', '.join(map(str, zero))}$"
                ax.text(0.97, 0.03, text, transform=ax.transAxes, ha="right", va="bottom", fontsize=8)
            ax.legend(fontsize=7, frameon=False, loc="lower left", handletextpad=0.1, labelspacing=0.25)
            if activation == "linear":
                ax.text(widths[-1] * 1.9, 2e-2, r"$m = \infty$", ha="center", fontsize=8)
            if i == 0:
                ax.set_title({"naive IP": "naive IP", "IP-LLR": "IP-LLR (one large first step)", "µP": "µP"}[scheme])
            if j == 0:
                ax.set_ylabel(f"{activation}\n" + r"rms movement $|f_t - f_0|$")
            if i == 2:
                ax.set_xlabel("width $m$")
    axes[0, 0].set(ylim=(1e-14, 5), xlim=(widths[0] * 0.8, widths[-1] * 2.6))
    figure.suptitle(
        "From three hidden layers on, naive integrable networks stand still as they widen\n"
        r"even against odd digits, gradient descent for $t = 2$; dots: networks, circles: medians, diamonds: exact limit (linear)",
        fontsize=11,
    )
    return figure


def main() -> None:
    chosen = harness.options(__doc__)
    results = study(chosen.quick, chosen.seed)
    print(table(results))
    harness.write(chosen, "stationary_point", results, figure(results))


if __name__ == "__main__":
    main()
