r"""How far N particles are from the limit, and whether the stated error tells.

Error: the rms difference of the predictions at test points, after training, from 2^18 quasi-random particles, against N; for independent
and for quasi-random (scrambled Sobol) particles. Independent ones follow N^(-1/2). Quasi-random ones start better the smoother the
activation and the fewer the dimensions.

Coverage: 200 runs of R = 8 replicas; the share of runs in which the interval of each test point holds the limit, and in which sol.error
holds it at all training and test points at once. Both claim 95%. Beside it, the share for the bound that knows the training points alone.

    python benchmarks/particle_errors.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from harness import options, write

import infwidth as iw
from infwidth.solvers import replicas as scatter
from infwidth.solvers.figures import label_widths, plain_ticks

Array = np.ndarray

METHOD = iw.GradientDescent(0.5, 20)
REFERENCE = 2**18


@dataclass(frozen=True)
class Case:
    activation: str
    d: int

    @property
    def name(self) -> str:
        return f"{self.activation}, d = {self.d}"

    def data(self, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        X = rng.standard_normal((10, self.d)) / np.sqrt(self.d)
        return X, np.sin(3 * X[:, 0]), rng.standard_normal((20, self.d)) / np.sqrt(self.d)


CASES = (Case("tanh", 2), Case("relu", 2), Case("tanh", 8))


def solve(case: Case, data: tuple[Array, Array, Array], N: int, seed: int, quasi_random: bool = False, replicas: int = 1) -> Any:
    model = iw.TwoLayerMeanField(case.activation, N, bias=True, quasi_random=quasi_random, replicas=replicas)
    return iw.solve(model, data[0], data[1], METHOD, rng=seed, save_at=[METHOD.steps], X_test=data[2])


def slope(N: Array, errors: Array) -> tuple[float, float]:
    """Mean over seeds (last axis) of the slope of log error in log N, with its standard error."""
    x = np.log(N) - np.log(N).mean()
    slopes = x @ np.log(errors) / (x @ x)
    return float(slopes.mean()), float(slopes.std(ddof=1) / np.sqrt(len(slopes)))


def main() -> None:
    args = options(__doc__)
    N = 2 ** np.arange(6, 13 if args.quick else 15, 2)
    seeds, runs = (12, 50) if args.quick else (40, 200)
    results: dict[str, Any] = {"N": N.tolist()}
    for case in CASES[:2] if args.quick else CASES:
        data = case.data(np.random.default_rng(args.seed))
        limit = solve(case, data, REFERENCE, seed=10**6 + args.seed, quasi_random=True)
        truth, trained = limit.test_outputs[0], limit.outputs[0]
        found: dict[str, Any] = {}
        for kind in ("independent", "quasi-random"):
            errors = np.array(
                [
                    [
                        np.sqrt(((solve(case, data, int(n), args.seed + s, kind != "independent").test_outputs[0] - truth) ** 2).mean())
                        for s in range(seeds)
                    ]
                    for n in N
                ]
            )
            found[kind] = {"rms": np.sqrt((errors**2).mean(axis=1)).tolist(), "slope": slope(N, errors)}
        point, joint, blind = [], [], []
        for s in range(runs):
            sol = solve(case, data, 800, args.seed + 1000 + s, replicas=8)
            gap = np.abs(sol.test_outputs[0] - truth)
            point.append(float((gap < scatter.interval(sol.problem.replica_outputs(sol.state, data[2]))).mean()))
            joint.append(bool(max(gap.max(), np.abs(sol.outputs[0] - trained).max()) < sol.error[0]))
            blind.append(bool(gap.max() < scatter.simultaneous_error(sol.problem.replica_outputs(sol.state))))
        found["coverage"] = {
            "runs": runs,
            "point": float(np.mean(point)),
            "simultaneous": float(np.mean(joint)),
            "training_bound_at_test_points": float(np.mean(blind)),
        }
        results[case.name] = found
        print(
            f"{case.name:14s} slope independent {found['independent']['slope'][0]:.3f} +- {found['independent']['slope'][1]:.3f}"
            f"  quasi-random {found['quasi-random']['slope'][0]:.3f} +- {found['quasi-random']['slope'][1]:.3f}"
            f"  coverage in {runs} runs: point {np.mean(point):.3f}, simultaneous {np.mean(joint):.3f},"
            f" bound of the training points {np.mean(blind):.3f}",
            flush=True,
        )
    write(args, "particle_errors", results, plot(N, results))


def plot(N: Array, results: dict[str, Any]) -> Any:
    import matplotlib.pyplot as plt

    names = [name for name in results if name != "N"]
    figure, axes = plt.subplots(1, len(names), figsize=(3.6 * len(names), 3.4), sharey=True, layout="constrained", squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for kind, style in (("independent", "o-"), ("quasi-random", "s-")):
            value, error = results[name][kind]["slope"]
            axis.loglog(N, results[name][kind]["rms"], style, markersize=4, label=f"{kind}: {value:.2f} ± {error:.2f}")
        axis.loglog(N, results[name]["independent"]["rms"][0] * np.sqrt(N[0] / N), "k:", label="$N^{-1/2}$")
        coverage = results[name]["coverage"]
        label_widths(axis, N)
        plain_ticks(axis.yaxis)
        axis.set(
            xlabel="particles $N$", title=f"{name}\ncoverage of 95%: {coverage['point']:.1%}, all at once {coverage['simultaneous']:.1%}"
        )
        axis.title.set_fontsize(9)
        axis.legend(fontsize=7, title="slope", title_fontsize=7)
    axes[0, 0].set_ylabel("rms error of predictions")
    return figure


if __name__ == "__main__":
    main()
