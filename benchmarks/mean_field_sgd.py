r"""What separates one-pass SGD from its mean-field limit: the width, the noise of the batches, or the length of the steps.

The isotropic Gaussian model (d = 40, Delta = .8). Networks of N neurons and the limit are judged on the same test inputs, so that the
chance of those drops out of the excess :math:`R_N - R`. It has three parts:

* *steps*: Euler steps of the same rate in the limit itself, against its flow; no chance in it;
* *noise*: batches of 25 instead of 100, over three: the rate over the batch size, at a fixed rate;
* *width*: what is left is fitted by :math:`a/N + c`; c = 0 within its error says that the limit is the limit.

Of the width's part, :math:`\mathbb E(f_N - f)^2` is the direct fluctuation of the output; the rest,
:math:`-2\,\mathbb E(y - f)(f_N - f)`, is what it does to the dynamics. Variances over seeds are pooled as :math:`s^2/N`.
"""

from __future__ import annotations

from functools import cache, partial

import matplotlib.pyplot as plt
import numpy as np
from harness import options, workers, write

import infwidth as iw
from infwidth.limits import IsotropicNetwork
from infwidth.solvers.figures import plain_ticks

DIM, DELTA, RATE, BATCH, NOISY = 40, 0.8, 8e-3, 100, 25
Array = np.ndarray
Times = tuple[float, ...]


@cache
def limit(times: Times, euler: bool) -> iw.Solution:
    """1600 radial particles, with their radii at the times; by Euler steps of the rate of SGD, or their flow."""
    model = iw.RadialMeanField(DIM, DELTA, size=1600)
    seen = {"radii": lambda t, state, problem: state.copy()}
    if euler:
        steps = np.round(np.array(times) / RATE)
        return iw.solve(model, method=iw.GradientDescent(RATE, int(steps[-1])), save_at=steps, observables=seen)
    return iw.solve(model, method=iw.GradientFlow(times[-1], estimate_error=False), save_at=times, observables=seen)


def excess(times: Times, width: int, batch: int, seed: int) -> Array:
    """Risk over that of the limit (Euler steps) and the mean of (f_N - f)^2, on the same test inputs; shape (T, 2)."""
    exact = limit(times, True)

    def measure(t: float, state: Array, problem: object) -> Array:
        test = problem.test  # type: ignore[attr-defined]
        own = problem.predict(state, test.X)[:, 0]  # type: ignore[attr-defined]
        radii = exact.observables["radii"][int(np.argmin(np.abs(exact.t - t)))]
        f = exact.problem.predict(radii, test.X)[:, 0]
        return np.array([np.mean((test.y - own) ** 2 - (test.y - f) ** 2), np.mean((own - f) ** 2)])

    steps = np.round(np.array(times) / RATE)
    method = iw.GradientDescent(RATE, int(steps[-1]), batch_size=batch)
    network = IsotropicNetwork(DIM, DELTA, width, test_samples=4000)
    return iw.solve(network, method=method, rng=seed, save_at=steps, observables={"excess": measure}).observables["excess"]


def line(widths: Array, values: Array, errors: Array) -> tuple[Array, Array, Array, Array]:
    """Weighted fit of ``a / N + c`` at each time: a, c and their standard errors. Shapes (widths,), (widths, T), (widths, T)."""
    columns = np.stack((1 / widths, np.ones(len(widths))), axis=1)
    fits, spreads = np.empty((2, 2, values.shape[1]))
    for t in range(values.shape[1]):
        weighted = columns / errors[:, [t]] ** 2
        covariance = np.linalg.inv(columns.T @ weighted)
        fits[:, t], spreads[:, t] = covariance @ (weighted.T @ values[:, t]), np.diag(covariance) ** 0.5
    return fits[0], fits[1], spreads[0], spreads[1]


def main() -> None:
    chosen = options(__doc__)
    times = (0.0, 1.0, 2.0, 4.0, 6.0) if chosen.quick else (0.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 24.0, 32.0, 40.0)
    seeds = {100: 8, 400: 4} if chosen.quick else {200: 16, 800: 12, 3200: 4}
    middle = sorted(seeds)[1]
    runs = [(width, BATCH) for width in seeds] + [(middle, NOISY)]
    tasks = [(*run, chosen.seed + s) for run in reversed(runs) for s in range(seeds[run[0]])]
    with workers() as pool:
        found = list(pool.map(partial(excess, times), *zip(*tasks, strict=True)))
    risk = limit(times, False).loss
    step = limit(times, True).loss / risk - 1
    # Everything relative to the risk of the limit
    results = {run: np.array([f / risk[:, None] for task, f in zip(tasks, found, strict=True) if task[:2] == run]) for run in runs}
    widths, counts = (np.array(list(v), float) for v in (seeds, seeds.values()))
    base = [results[n, BATCH][..., 0] for n in seeds]
    raw, variances = np.array([own.mean(axis=0) for own in base]), np.array([own.var(axis=0, ddof=1) for own in base])
    pooled = (counts - 1) @ (variances * widths[:, None]) / (counts - 1).sum()
    errors = np.sqrt(pooled / (widths * counts)[:, None])
    more = (results[middle, NOISY] - results[middle, BATCH])[..., 0] / (BATCH / NOISY - 1)
    noise, noise_error = more.mean(axis=0), more.std(axis=0, ddof=1) / len(more) ** 0.5
    a, c, a_error, c_error = line(widths, raw - noise, errors)
    c_error = np.hypot(c_error, noise_error)  # the same noise was taken off every width
    direct = results[int(widths[0]), BATCH][..., 1].mean(axis=0) * widths[0] / 800

    print(f"percent of the risk of the limit; rate {RATE:g}, batches of {BATCH}; excess over Euler steps of the limit")
    heads = [*(f"N={n}" for n in seeds), "noise", "a at N=800", "c at N=inf"]
    print("   t     risk   steps  " + "".join(f"{head:18s}" for head in heads) + "direct at N=800")
    for t in range(len(times)):
        pairs = [*zip(raw[:, t], errors[:, t], strict=True), (noise[t], noise_error[t]), (a[t] / 800, a_error[t] / 800), (c[t], c_error[t])]
        cells = "".join(f"{100 * v:6.2f} +- {100 * e:5.2f}   " for v, e in pairs)
        print(f"{times[t]:4g} {risk[t]:8.4f} {100 * step[t]:6.2f} {cells}{100 * direct[t]:6.2f}")
    print("c over its standard error:", (c / c_error).round(2))

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    axes[0].semilogy(times, risk, color="black", label="limit")
    for n, own in zip(seeds, raw, strict=True):
        axes[0].semilogy(times, risk * (1 + step + own), "o--", ms=4, lw=1, mfc="none", label=f"SGD, $N={n}$")
    axes[0].errorbar(times, risk * (1 + c), 2 * risk * c_error, fmt="x", color="C3", capsize=2, label=r"$N=\infty$, no noise, no steps")
    axes[0].set(xlabel="time $t$ = rate x step", ylabel=r"risk $\mathbb{E}(y-f)^2$")
    plain_ticks(axes[0].yaxis)
    axes[0].legend(fontsize="small")
    for label, values, spread in (
        ("width 800", a / 800, a_error / 800),
        (f"batches of {BATCH}", noise, noise_error),
        ("left for $N=\\infty$", c, c_error),
    ):
        axes[1].errorbar(times, 100 * values, 200 * spread, fmt="o-", ms=4, lw=1, mfc="none", capsize=2, label=label)
    axes[1].plot(times, 100 * step, label=f"steps of {RATE:g}", color="grey")
    axes[1].plot(times, 100 * direct, "--", color="C0", label=r"of the width's: $\mathbb{E}(f_N-f)^2$")
    axes[1].axhline(0, color="black", lw=0.5)
    axes[1].set(xlabel="time $t$", ylabel="parts of the excess, % of the limit's risk")
    axes[1].legend(fontsize="small")
    table = {"risk": risk, "step": step, "excess": raw, "errors": errors, "noise": noise, "noise_error": noise_error}
    table |= {"a": a, "a_error": a_error, "c": c, "c_error": c_error, "direct_at_800": direct}
    write(chosen, "mean_field_sgd", {"times": times, "widths": list(seeds)} | {name: v.tolist() for name, v in table.items()}, figure)


if __name__ == "__main__":
    main()
