r"""Dropout stability and connectivity of solutions of the heavy ball.

Wu, Kungurtsev and Mondelli (arXiv:2210.06819) show for wide two-layer networks trained by the heavy ball:

dropout stability   keeping half of the neurons, their output doubled, changes the loss by at most O(N^(-1/2)), up to logarithms
connectivity        two solutions are joined by a path on which the loss exceeds theirs by no more than that

The change of the outputs is a sampling error and so falls like N^(-1/2). The change of the loss has a part that is linear in it, where
the loss is not at its minimum, and a quadratic part: its slope lies between -1/2 and -1. The path is that of the proof, made of straight
pieces: double one half and mute the other; move the muted weights, which changes nothing, onto half of the other solution; fade over; and
the same backwards. The straight line between the two solutions is shown for comparison.

tanh, 40 samples in 5 dimensions, noisy labels, N from 2^5 on; every slope with its standard error over seeds.

    python benchmarks/dropout_stability.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from harness import options, write

import infwidth as iw
from infwidth.solvers.figures import label_widths, plain_ticks

Array = np.ndarray

METHOD = iw.HeavyBall(step_size=0.1, friction=1.0, steps=300)
POINTS = 21  # on each piece of a path


def train(N: int, X: Array, y: Array, rng: int) -> Any:
    return iw.solve(iw.TwoLayerMeanField("tanh", N), X, y, METHOD, rng=rng, save_at=[METHOD.steps])


def pieces(first: tuple[Array, Array], second: tuple[Array, Array]) -> list[tuple[Array, Array]]:
    """Corners of the path of the proof; ``first`` and ``second`` are (W, a), halves are by number, which means nothing."""
    (W, a), (V, b) = first, second
    half = len(W) // 2
    mute = np.zeros_like(a[:half])
    return [
        (W, a),
        (W, np.concatenate([2 * a[:half], mute])),
        (np.concatenate([W[:half], V[:half]]), np.concatenate([2 * a[:half], mute])),
        (np.concatenate([W[:half], V[:half]]), np.concatenate([mute, 2 * b[:half]])),
        (np.concatenate([V[half:], V[:half]]), np.concatenate([mute, 2 * b[:half]])),
        (np.concatenate([V[half:], V[:half]]), np.concatenate([b[half:], b[:half]])),
    ]


def losses_along(corners: list[tuple[Array, Array]], problem: Any) -> Array:
    """Loss at points of a polygon."""
    losses = []
    for (W, a), (V, b) in pairwise(corners):
        for s in np.linspace(0, 1, POINTS):
            losses.append(problem.evaluate(np.concatenate([((1 - s) * W + s * V).ravel(), ((1 - s) * a + s * b).ravel()])).loss)
    return np.array(losses)


def measure(N: int, X: Array, y: Array, seed: int) -> dict[str, Any]:
    """Two solutions: what dropout does to the first, and what lies between them."""
    one, two = train(N, X, y, 2 * seed), train(N, X, y, 2 * seed + 1)
    problem = one.problem
    first, second = problem.particles(one.state), problem.particles(two.state)
    corners = pieces(first, second)
    dropped = problem.evaluate(np.concatenate([corners[1][0].ravel(), corners[1][1].ravel()]))
    worse = max(one.loss[-1], two.loss[-1])
    along, straight = losses_along(corners, problem), losses_along([first, second], problem)
    return {
        "loss": one.loss[-1],
        "output_change": float(np.sqrt(((dropped.outputs - one.outputs[-1]) ** 2).mean())),
        "loss_change": float(abs(dropped.loss - one.loss[-1])),
        "path_barrier": float(along.max() - worse),
        "line_barrier": float(straight.max() - worse),
        "along": along,
        "straight": straight,
    }


def slope(N: Array, values: Array) -> tuple[float, float]:
    """Slope of the logarithm of the mean over seeds (last axis) in log N, with its jackknife error."""
    x = np.log(N) - np.log(N).mean()

    def fit(v: Array) -> float:
        return float(x @ np.log(v.mean(axis=1)) / (x @ x))

    left_out = np.array([fit(np.delete(values, s, axis=1)) for s in range(values.shape[1])])
    return fit(values), float(np.sqrt((len(left_out) - 1) * left_out.var()))


def plot(N: Array, runs: list[list[dict[str, Any]]], names: dict[str, str], slopes: dict[str, tuple[float, float]]) -> Any:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for name, title in names.items():
        values = np.array([[run[name] for run in row] for row in runs])
        label = title + (f", slope {slopes[name][0]:.2f} ± {slopes[name][1]:.2f}" if name in slopes else "")
        left.errorbar(N, values.mean(axis=1), values.std(axis=1) / np.sqrt(values.shape[1]), fmt="o-", capsize=3, markersize=4, label=label)
    guide = np.mean([run["output_change"] for run in runs[0]]) * np.sqrt(N[0] / N)
    left.plot(N, 1.5 * guide, "k:", label="$N^{-1/2}$")
    left.set(xscale="log", yscale="log", xlabel="neurons $N$", ylabel="mean over seeds")
    label_widths(left, N)
    plain_ticks(left.yaxis)
    left.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0, 1))
    for row, number, colour in ((runs[0], N[0], "tab:orange"), (runs[-1], N[-1], "tab:blue")):
        right.plot(np.linspace(0, 1, len(row[0]["along"])), row[0]["along"], color=colour, label=f"path of the proof, N = {number}")
        right.plot(np.linspace(0, 1, len(row[0]["straight"])), row[0]["straight"], "--", color=colour, label=f"straight line, N = {number}")
    right.set(yscale="log", xlabel="along the path from one solution to the other", ylabel="training loss")
    plain_ticks(right.yaxis)
    right.legend(fontsize=7)
    figure.suptitle("Solutions of the heavy ball: dropout of half of the neurons, and paths between solutions")
    return figure


def main() -> None:
    args = options(__doc__)
    rng = np.random.default_rng(args.seed)
    X = rng.standard_normal((40, 5))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.3 * rng.standard_normal(40)
    N = 2 ** (np.array([5, 7, 9]) if args.quick else np.arange(5, 13))
    seeds = 8 if args.quick else 20
    runs = [[measure(int(number), X, y, 1000 * args.seed + seed) for seed in range(seeds)] for number in N]
    names = {
        "output_change": "outputs after dropout (rms)",
        "loss_change": "loss after dropout",
        "path_barrier": "barrier on the path",
        "line_barrier": "barrier on the straight line",
        "loss": "loss of the solutions",
    }
    slopes = {name: slope(N, np.array([[run[name] for run in row] for row in runs])) for name in list(names)[:3]}
    for name, (value, error) in slopes.items():
        print(f"{names[name]:32s} slope {value:6.3f} +- {error:.3f}")
    for number, row in zip(N, runs, strict=True):
        print(f"N = {number:5d}: " + "  ".join(f"{name} {np.mean([run[name] for run in row]):.4f}" for name in names))
    results = {
        "N": N.tolist(),
        "slopes": slopes,
        "runs": [[{name: run[name] for name in names} for run in row] for row in runs],
    }
    write(args, "dropout_stability", results, plot(N, runs, names, slopes))


if __name__ == "__main__":
    main()
