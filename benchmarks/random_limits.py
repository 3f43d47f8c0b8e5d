r"""Limits that are random themselves: the stated errors of their law, and networks against the initialization-corrected one.

First the law of the trained outputs over draws of the start, at four training and two test points: how often ``sol.error`` holds the mean
and ``sol.covariance_error`` the covariance, all entries at once, of which both claim 95%. For the tangent kernel under the squared loss the
truth is in closed form; for the initialization-corrected mean field it is a run of many draws of many particles. Each draw has a
fluctuation of its own particles, which no error states: few particles for many draws are too few.

Then the gap of initialization-corrected networks to their limit from their own start, for every method and loss: it falls like width^-1/2.

    python benchmarks/random_limits.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import harness
import numpy as np

import infwidth as iw
from infwidth.limits import InitCorrectedMeanField, InitCorrectedNetwork, kernels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

X = np.array([[1.0, 0.5], [-0.3, 1.0], [0.7, -1.2], [0.2, 0.1]])
X_TEST = np.array([[0.4, 0.9], [1.0, 0.5]])
TARGETS = {"squared": np.array([1.0, -1.0, 0.5, 0.0]), "logistic": np.array([1, -1, 1, -1]), "cross_entropy": np.array([0, 1, 2, 1])}
STEPS = 15
KERNEL = kernels.of(iw.Network(2, 1, 8, "relu", iw.Parameterization.ntk(1)))


def law(model: Any, seed: Any) -> tuple[Array, Array, float, float]:
    """Mean and covariance at all points after training, and their stated errors."""
    sol = iw.solve(model, X, TARGETS["squared"], iw.GradientDescent(0.3, STEPS), X_test=X_TEST, rng=seed, save_at=[STEPS])
    assert sol.test_outputs is not None and sol.error is not None and sol.covariance is not None and sol.covariance_error is not None
    return np.concatenate([sol.outputs[0], sol.test_outputs[0]])[:, 0], sol.covariance[0, :, 0, :, 0], sol.error[0], sol.covariance_error[0]


def coverage(name: str, model: Any, truth: tuple[Array, Array], runs: int, seed: int) -> dict[str, Any]:
    """True over stated errors of independent runs."""
    ratios = []
    for label in range(runs):
        mean, covariance, error, covariance_error = law(model, np.random.SeedSequence([seed, label]))
        ratios.append((np.abs(mean - truth[0]).max() / error, np.abs(covariance - truth[1]).max() / covariance_error))
    held = (np.array(ratios) < 1).mean(axis=0)
    print(f"{name:44} {runs:4d} runs: mean {held[0]:6.1%}  covariance {held[1]:6.1%}", flush=True)
    return {"name": name, "runs": runs, "mean": held[0], "covariance": held[1], "ratios": np.transpose(ratios).tolist()}


def coverages(quick: bool, seed: int) -> list[dict[str, Any]]:
    points = np.concatenate([X, X_TEST])
    exact = kernels.ensemble(KERNEL, X, TARGETS["squared"], points, [0.3 * STEPS], learning_rate=0.3)
    assert exact.covariance is not None
    known, rows = (exact.mean[0, :, 0], exact.covariance[0]), []
    for draws in (8, 32, 128):
        limit = iw.NeuralTangentLimit(KERNEL, "gaussian", draws)
        rows.append(coverage(f"tangent kernel, {draws} draws", limit, known, 20 if quick else 400, seed))
    for reference_width in (1, 128):
        made = _corrected(reference_width)
        mean, covariance, *_ = law(made(500 if quick else 8000, 512, quasi_random=True), np.random.SeedSequence([seed, 10**6]))
        for draws, particles in ((32, 20), (32, 100), (32, 400), (256, 20), (256, 100), (256, 400)):
            name = f"corrected, d* = {reference_width}, {draws} draws of {particles}"
            rows.append(coverage(name, made(draws, particles), (mean, covariance), 4 if quick else 100 if draws == 32 else 40, seed))
    return rows


def _corrected(reference_width: int) -> Callable[..., InitCorrectedMeanField]:
    def made(draws: int, particles: int, **more: Any) -> InitCorrectedMeanField:
        return InitCorrectedMeanField("relu", draws * particles, replicas=draws, reference_width=reference_width, **more)

    return made


def methods(c: float) -> dict[str, Any]:
    """At rates c times larger: those at which networks of that reference width move as others do."""
    return {
        "descent": iw.GradientDescent(0.3 * c, 10),
        "minibatches": iw.GradientDescent(0.3 * c, 10, batch_size=2),
        "heavy ball": iw.HeavyBall(0.4 * c**0.5, 0.5 / c**0.5, 10),
        "RMSProp": iw.RMSProp(0.05, 10),
        "RMSProp, minibatches": iw.RMSProp(0.05, 10, batch_size=2),
        "flow (tanh)": iw.GradientFlow(2.0 * c),
    }


def slopes(quick: bool, seed: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for reference_width, c in ((1, 1.0), (128, 8.0)):
        for name, method in methods(c).items():
            for loss, y in TARGETS.items():
                flow = isinstance(method, iw.GradientFlow)
                nets = [InitCorrectedNetwork(m, "tanh" if flow else "relu", reference_width=reference_width) for m in (64, 256, 1024)]
                more: dict[str, Any] = {"save_at": [c, 2 * c]} if flow else {}
                seeds = range(100 * seed, 100 * seed + (4 if quick else 24 if flow else 48))
                found = iw.compare(nets[0].limit(), nets, X, y, method, seeds, loss=loss, X_test=X_TEST, **more)
                print(f"d* = {reference_width:3d}  {name:21} {loss:14} slope {found.slope:.3f} +- {found.slope_error:.3f}", flush=True)
                rows.append(
                    {"name": f"{name}, {loss}", "reference_width": reference_width, "slope": found.slope, "error": found.slope_error}
                )
    z = np.array([(row["slope"] + 0.5) / row["error"] for row in rows])
    largest = max(row["error"] for row in rows)
    print(f"{np.count_nonzero(np.abs(z) < 2)} of {len(z)} slopes within two standard errors (at most {largest:.3f}) of -1/2")
    return rows


def draw(covered: list[dict[str, Any]], fitted: list[dict[str, Any]]) -> Figure:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    for place, found in enumerate(covered):
        for what, ratios, colour, shift in zip(("mean", "covariance"), found["ratios"], ("C0", "C3"), (-0.15, 0.15), strict=True):
            left.semilogx(ratios, np.full(len(ratios), place + shift), ".", color=colour, alpha=0.3, label="" if place else what)
    names = [f"{row['name']}: {row['mean']:.0%}, {row['covariance']:.0%}" for row in covered]
    left.set_yticks(range(len(covered)), names, fontsize=8)
    left.invert_yaxis()
    left.axvline(1, color="black", linewidth=0.8)
    left.set(xlabel="true over stated error (95% claimed); how often it holds")
    left.legend(fontsize=8, loc="lower left")
    kinds = list(dict.fromkeys(row["name"] for row in fitted))
    for row in fitted:
        first = row["reference_width"] == 1
        height = kinds.index(row["name"]) + (-0.15 if first else 0.15)
        right.errorbar(row["slope"], height, xerr=2 * row["error"], fmt="o", color="C0" if first else "C1", markersize=4)
    right.set_yticks(range(len(kinds)), kinds, fontsize=8)
    right.invert_yaxis()
    right.axvline(-0.5, color="black", linewidth=0.8)
    right.set(xlabel="slope in the width (blue: d* = 1, orange: 128)")
    return figure


def main() -> None:
    chosen = harness.options(__doc__)
    covered = coverages(chosen.quick, chosen.seed)
    fitted = slopes(chosen.quick, chosen.seed)
    harness.write(chosen, "random_limits", {"coverage": covered, "slopes": fitted}, draw(covered, fitted))


if __name__ == "__main__":
    main()
