r"""Whether the truth keeps within the stated error, for every kind of ``sol.error``.

In each setting (random data, sizes, tolerances, times) a solution is held against a far finer one, or a closed form, at several saved
times. The ratio is true over stated error. Estimates of steps and grids hold up to each saved time and should cover nearly all of them,
and what exceeds them should do so by little; Monte-Carlo bounds claim 95% at each time.

settings   how many that state an error (the others say why not); ``whole`` is the share of them in which every saved time is covered
covered    share of the saved times
true/stated  median over settings of the largest ratio of each, and the largest of all

    python benchmarks/error_coverage.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import coverage_densities as densities
import coverage_flows as flows
import coverage_methods as methods
import coverage_systems as systems
import numpy as np
from harness import options, workers, write

Array = np.ndarray

ROUNDING = 1e-11  # of outputs of order 1: below it there is nothing to state, and the references are no truth


class Kind(NamedTuple):
    name: str
    case: flows.Case
    settings: int
    claim: float = 1.0


KINDS = (
    Kind("flow, explicit steps", flows.explicit_flow, 27),
    Kind("flow, implicit steps", flows.implicit_flow, 18),
    Kind("flow, loose tolerances", flows.loose_flow, 30),
    Kind("flow, relu", flows.kinked_flow, 18),
    Kind("flow of a limit", flows.flow_of_a_limit, 18),
    Kind("flow of a history", flows.history_flow, 18),
    Kind("compressed history", flows.compressed_history, 16),
    Kind("density, smooth start", densities.transport, 18),
    Kind("density, start that jumps", densities.jump, 20),
    Kind("density in the plane, relu", densities.plane, 10),
    Kind("density, implicit steps", densities.implicit_transport, 12),
    Kind("density of radii", densities.radial, 12),
    Kind("measures on the circle", densities.circle, 16),
    Kind("singular interaction", densities.singular, 10),
    Kind("particles", systems.particles, 32, 0.95),
    Kind("particles, flow", systems.particles_in_flow, 16, 0.95),
    Kind("particles, noise", systems.noisy_particles, 16, 0.95),
    Kind("particles, given batches", systems.minibatches, 16, 0.95),
    Kind("deep neurons", systems.deep_neurons, 16, 0.95),
    Kind("deep neurons as histories", systems.deep_histories, 8, 0.95),
    Kind("dynamical mean field", systems.dynamical, 16, 0.95),
    Kind("heavy ball", methods.heavy_ball, 32, 0.95),
    Kind("RMSProp", methods.rmsprop, 32, 0.95),
    Kind("population", methods.population, 16, 0.95),
    Kind("population, flow", methods.population_flow, 16, 0.95),
    Kind("population, given samples", methods.one_pass, 16, 0.95),
    Kind("variance of replicas", methods.replica_variances, 64, 0.95),
    Kind("variance, linearised", methods.linearized_variances, 64, 0.95),
    Kind("compressed, momentum", methods.compressed_momentum, 12),
    Kind("Gaussian integrals", methods.integrals, 24),
)


def ratios(stated: Array, true: Array) -> Array:
    """True over stated error at each saved time; 0 where the truth is met to rounding."""
    return np.where(true < ROUNDING, 0.0, true / np.maximum(stated, 1e-300))


def measure(number: int, count: int, seed: int) -> dict[str, Any]:
    """All settings of one kind."""
    warnings.simplefilter("error")
    kind = KINDS[number]
    found = [kind.case(i, np.random.default_rng([seed, number, i])) for i in range(count)]
    unstated = sum(bool(np.isnan(stated).any()) for _, stated, _ in found)
    found = [setting for setting in found if not np.isnan(setting[1]).any()]
    each = [ratios(stated, true) for _, stated, true in found]
    largest = np.array([r.max() for r in each])
    return {
        "settings": len(found),
        "unstated": unstated,
        "claim": kind.claim,
        "whole": float((largest <= 1).mean()),
        "covered": float(np.mean(np.concatenate(each) <= 1)),
        "quantiles": {str(q): float(np.quantile(largest, q)) for q in (0.1, 0.5, 0.9, 1)},
        "worst_setting": found[int(largest.argmax())][0],
        "ratios": largest.tolist(),
    }


def main() -> None:
    args = options(__doc__)
    results: dict[str, Any] = {}
    print(f"{'':27s} settings   whole  covered  true/stated: median  largest")
    with workers() as pool:
        counts = [1 if args.quick else kind.settings for kind in KINDS]
        runs = [pool.submit(measure, number, count, args.seed) for number, count in enumerate(counts)]
        for kind, run in zip(KINDS, runs, strict=True):
            found = results[kind.name] = run.result()
            print(
                f"{kind.name:27s} {found['settings']:8d}  {found['whole']:6.1%}  {found['covered']:7.1%}  {found['quantiles']['0.5']:19.2g}"
                f"  {found['quantiles']['1']:7.2g}  ({found['worst_setting']})",
                flush=True,
            )
    settings = sum(found["settings"] for found in results.values())
    print(f"{settings} settings; {sum(found['unstated'] for found in results.values())} more state no error, and say why")
    for claim, what in ((1.0, "of steps and grids"), (0.95, "of bounds that claim 95%")):
        of = [found for found in results.values() if found["claim"] == claim]
        count = sum(found["settings"] for found in of)
        whole, covered = (sum(found["settings"] * found[share] for found in of) for share in ("whole", "covered"))
        print(f"{what}: {whole:.0f} of {count} settings covered at every saved time, {covered / count:.1%} of the saved times")
    write(args, "error_coverage", {"settings": settings, "kinds": results}, plot(results))


def plot(results: dict[str, Any]) -> Any:
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 6.5), layout="constrained")
    for row, found in enumerate(results.values()):
        shown = np.clip(found["ratios"], 1e-3, 30)
        colour = "tab:blue" if found["claim"] == 1 else "tab:green"
        axis.semilogx(shown, row + np.linspace(-0.25, 0.25, len(shown)), ".", color=colour, alpha=0.6)
    names = [f"{name}  {found['covered']:.0%}" for name, found in results.items()]
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.invert_yaxis()
    axis.axvline(1, color="black", linewidth=0.8)
    axis.set(xlabel="largest true over stated error of a setting (green: bounds that claim 95%)", xlim=(8e-4, 40))
    return figure


if __name__ == "__main__":
    main()
