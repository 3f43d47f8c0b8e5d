r"""Deep information propagation against random networks: critical points, depth scales, gradients, corrections in 1/width, time.

critical      weight variance of tanh at bias variance .05, the critical point of swish, and chi_1 there by an adaptive quadrature of scipy
depth scales  slope of log(1 - correlation) by layer in networks of width 2000, averaged over networks, against 1/xi_c (tanh, order)
gradients     growth per layer of the mean square gradient in the same networks, and in chaotic ones, against chi_1
1/width       mean and variance of kernels and of tangent kernels, of one input and between two, over networks of width 32 and 64, times
              the width, against the coefficients of the first order; what is left falls like 1/width
time          CPU seconds of a 200 x 200 phase diagram, of tanh (integrated) and of erf (closed form), beside one fixed point at a time

    python benchmarks/propagation.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from harness import options, write
from scipy.integrate import quad

from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BIAS = 0.05
ORDERED, CHAOTIC = (0.6, 0.8, 1.0), (2.5, 3.5)
SHORT, DEEP = 2, 10  # layers between which the decay is measured
WIDE = 2000
INPUTS = ((1.2, 0.5), (0.5, 0.8))  # Gram matrix of two inputs in the first layer


def critical() -> dict[str, Any]:
    tanh, swish = propagation.critical_weight_variance("tanh", BIAS), propagation.critical_point("silu")
    q = MeanFieldMaps("tanh", tanh, BIAS).fixed_point().q
    density = (
        quad(lambda z: (1 - np.tanh(q**0.5 * z) ** 2) ** 2 * np.exp(-z * z / 2), -np.inf, np.inf, epsabs=1e-13)[0] / (2 * np.pi) ** 0.5
    )
    print(f"critical: tanh at bias variance {BIAS}: weight variance {tanh:.6f} (chi_1 - 1 by other quadrature: {tanh * density - 1:.1e})")
    print(f"          swish ({swish.weight_variance:.8f}, {swish.bias_variance:.8f}), q* = {swish.q:.7f}, {swish.kind}")
    return {"tanh": tanh, "swish": [swish.weight_variance, swish.bias_variance, swish.q]}


def slopes(weight: float, networks: int, seed: int) -> dict[str, float]:
    """Decay of 1 - c and growth of gradients per layer in networks of width 2000, with standard errors, and the predictions."""
    maps = MeanFieldMaps("tanh", weight, BIAS)
    point = maps.fixed_point()
    found = propagation.measure_signals(maps, WIDE, DEEP, q=point.q, c=0.95, networks=networks, rng=seed)
    growth = np.log(found.gradient.mean[DEEP] / found.gradient.mean[SHORT]) / (DEEP - SHORT)
    row = {
        "weight": weight,
        "growth": float(np.exp(growth)),
        "chi_1": point.chi_1,
        "growth_error": float(found.gradient.error[DEEP] / found.gradient.mean[DEEP]) / (DEEP - SHORT),
    }
    if point.c == 1:
        gap = 1 - found.correlation.mean
        decay = (DEEP - SHORT) / np.log(gap[SHORT] / gap[DEEP])
        error = float(found.correlation.error[DEEP] / gap[DEEP]) * decay**2 / (DEEP - SHORT)
        row |= {"xi": decay, "xi_error": error, "xi_predicted": maps.depth_scales().correlation}
    return row


def first_order(activation: str, weight: float, bias: float, networks: int, seed: int, depth: int = 4) -> list[dict[str, Any]]:
    """One input, and two of other norms: the first row of their Gram matrices."""
    maps, rows = MeanFieldMaps(activation, weight, bias), []
    predicted = propagation.gram_corrections(maps, INPUTS, depth)
    for width in (32, 64):
        found = propagation.measure_gram(maps, INPUTS, width, depth, networks=networks * 32 // width, rng=seed + width)
        for name, expected, part in zip(("nngp", "tangent"), predicted, found, strict=True):
            for entry in ((-1, 0, 0), (-1, 0, 1)):
                shift, error = width * (part.mean[entry] - expected.kernel[entry]), width * part.error[entry]
                rows.append(
                    {
                        "activation": activation,
                        "kernel": name,
                        "inputs": 1 + entry[2],
                        "width": width,
                        "mean": shift,
                        "mean_error": error,
                        "a": expected.mean[entry],
                        "z": (shift - expected.mean[entry]) / error,
                        "variance": width * part.variance[entry],
                        "b": expected.variance[entry],
                    }
                )
    return rows


def seconds(call: Any) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def timing() -> dict[str, float]:
    w, b = np.linspace(0.2, 4, 200), np.linspace(0, 0.4, 200)
    propagation.phase_diagram("tanh", w[:2], b[:2])  # imports
    found = {name: seconds(lambda name=name: propagation.phase_diagram(name, w, b)) for name in ("tanh", "erf")}
    some = [(float(x), float(y)) for x in w[5::40] for y in b[5::40]]
    found["tanh, one by one"] = 40_000 / len(some) * seconds(lambda: [MeanFieldMaps("tanh", x, y).fixed_point() for x, y in some])
    print(
        f"time: 200 x 200 phase diagram of tanh {found['tanh']:.2f} CPU s, of erf {found['erf']:.2f}; "
        f"fixed points one by one would take {found['tanh, one by one']:.0f}"
    )
    return found


def main() -> None:
    args = options(__doc__)
    networks, many = (4, 6_000) if args.quick else (24, 60_000)
    results: dict[str, Any] = {"critical": critical(), "time": timing()}
    rows = [slopes(weight, networks, args.seed + i) for i, weight in enumerate((*ORDERED, *CHAOTIC))]
    for row in rows:
        if "xi" in row:
            off, found = row["xi"] / row["xi_predicted"] - 1, f"{row['xi']:.4f} +- {row['xi_error']:.4f}"
            print(f"depth scale at {row['weight']}: {found}, predicted {row['xi_predicted']:.4f} ({off:+.2%})")
        off = row["growth"] / row["chi_1"] - 1
        bar = row["growth_error"]
        print(f"gradient growth at {row['weight']}: {row['growth']:.5f}, chi_1 {row['chi_1']:.5f} ({off:+.2%} +- {bar:.2%})")
    corrections = [
        row
        for activation, weight, bias in (("linear", 1.0, 0.0), ("relu", 2.0, 0.0), ("gelu", 1.6, 0.1), ("tanh", 1.6, 0.1))
        for row in first_order(activation, weight, bias, many, args.seed)
    ]
    for r in corrections:
        who = f"{r['activation']:6} {r['kernel']:7} inputs {r['inputs']} width {r['width']}"
        print(
            f"{who}: mean {r['mean']:+.3f} +- {r['mean_error']:.3f}, a {r['a']:+.3f}"
            f" (z {r['z']:+.1f}); variance {r['variance']:.3f}, b {r['b']:.3f} ({r['variance'] / r['b'] - 1:+.0%})"
        )
    write(args, "propagation", results | {"networks": rows, "corrections": corrections}, draw(rows, corrections))


def draw(rows: list[dict[str, Any]], corrections: list[dict[str, Any]]) -> Figure:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    line = np.linspace(0.5, 4, 141)
    points = [MeanFieldMaps("tanh", w, BIAS) for w in line]
    axes[0].semilogy(line, [p.depth_scales().correlation for p in points])
    ordered = [r for r in rows if "xi" in r]
    axes[0].errorbar([r["weight"] for r in ordered], [r["xi"] for r in ordered], [r["xi_error"] for r in ordered], fmt="ko", mfc="none")
    axes[0].set(xlabel=r"$\sigma_w^2$", ylabel=r"$\xi_c$ in layers", ylim=(0.8, 300), title=rf"tanh, $\sigma_b^2={BIAS}$; width {WIDE}")
    axes[1].plot(line, [p.fixed_point().chi_1 for p in points])
    errors = [r["growth"] * r["growth_error"] for r in rows]
    axes[1].errorbar([r["weight"] for r in rows], [r["growth"] for r in rows], errors, fmt="ko", mfc="none")
    axes[1].set(xlabel=r"$\sigma_w^2$", ylabel="growth of gradients per layer", title=r"line: $\chi_1$")
    for kernel, marker in (("nngp", "o"), ("tangent", "s")):
        for color, activation in zip(("C0", "C1", "C2", "C3"), ("linear", "relu", "gelu", "tanh"), strict=True):
            for inputs, style in ((1, "-"), (2, ":")):
                own = [r for r in corrections if (r["activation"], r["kernel"], r["inputs"]) == (activation, kernel, inputs)]
                axes[2].plot([1 / r["width"] for r in own], [r["variance"] / r["b"] for r in own], marker + style, color=color, mfc="none")
            if kernel == "nngp":
                axes[2].plot([], [], color=color, label=activation)
    axes[2].plot([0], [1], "k*", ms=10)
    axes[2].set(
        xlabel="1/width",
        ylabel="width x variance / prediction",
        title="squares: tangent kernel; dots: two inputs; star: theory",
    )
    axes[2].title.set_fontsize(9)
    axes[2].legend()
    return figure


if __name__ == "__main__":
    main()
