"""Densities on grids whose stated error is held against far finer grids, or a closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from coverage_flows import Setting, data, exact, gap

import infwidth as iw
from infwidth.limits import CircleMeanField, DensityMeanField, InteractionMeanField
from infwidth.solvers import Grid, ImplicitTransport, TransportFlow

Array = np.ndarray

SEMICIRCLE = 0.25 + 0.5 * (np.log(2**0.5) + 0.25)


def _refine(
    name: str, model: Callable[[int], Any], XY: tuple[Any, Any], cells: int, finest: int, method: Any, finer: Any = None
) -> Setting:
    at = np.linspace(0, method.t_end, 6)[1:]
    sol = iw.solve(model(cells), *XY, method, save_at=at)
    truth = exact(model(finest), *XY, replace(finer or method, estimate_error=False), save_at=at)
    assert sol.error is not None
    return f"{name}, {cells} cells", sol.error, gap(sol, truth)


def transport(i: int, rng: np.random.Generator) -> Setting:
    mean, spread, phi = rng.uniform(-1, 1), rng.uniform(0.4, 1), ("tanh", "erf", "relu")[i % 3]
    start = lambda p: np.exp(-((p[:, 0] - mean) ** 2) / (2 * spread**2))  # noqa: E731
    model = lambda cells: DensityMeanField(Grid.uniform(-6, 6, cells), start, phi)  # noqa: E731
    return _refine(f"Gaussian start, {phi}", model, data(rng, dim=1), int(rng.integers(40, 120)) * 2, 1200, TransportFlow(2.0))


def jump(i: int, rng: np.random.Generator) -> Setting:
    """A start that jumps inside a cell."""
    mean, half, phi = rng.uniform(-1, 1), rng.uniform(0.5, 1.2), ("tanh", "relu")[i % 2]
    start = lambda p: (abs(p[:, 0] - mean) < half) + 1e-12  # noqa: E731
    model = lambda cells: DensityMeanField(Grid.uniform(-6, 6, cells), start, phi)  # noqa: E731
    return _refine(f"uniform start, {phi}", model, data(rng, dim=1), int(rng.integers(80, 300)), 2400, TransportFlow(2.0))


def plane(i: int, rng: np.random.Generator) -> Setting:
    start = lambda p: np.exp(-(p**2).sum(1))  # noqa: E731
    model = lambda cells: DensityMeanField(  # noqa: E731
        Grid.uniform((-4, -4), (4, 4), (cells, cells)), start, "relu", "aw", temperature=0.02, weight_decay=0.1
    )
    return _refine("relu and output weight", model, data(rng, dim=1), int(rng.integers(24, 48)), 112, TransportFlow(1.0))


def implicit_transport(i: int, rng: np.random.Generator) -> Setting:
    mean, noise = rng.uniform(-1, 1), rng.uniform(0.05, 0.3)
    start = lambda p: np.exp(-((p[:, 0] - mean) ** 2) / 0.8)  # noqa: E731
    model = lambda cells: DensityMeanField(Grid.uniform(-6, 6, cells), start, "tanh", temperature=noise, weight_decay=0.1)  # noqa: E731
    cells = int(rng.integers(60, 200))
    return _refine(f"noise {noise:.2g}", model, data(rng, dim=1), cells, 800, ImplicitTransport(3.0), ImplicitTransport(3.0, tol=1e-5))


def radial(i: int, rng: np.random.Generator) -> Setting:
    delta, noise = float(rng.uniform(0.3, 0.8)), (0.0, 0.02)[i % 2]
    model = lambda cells: iw.RadialMeanField(20, delta, "density", size=cells, temperature=noise, weight_decay=0.1 * bool(noise))  # noqa: E731
    method, finer = (ImplicitTransport(4.0), ImplicitTransport(4.0, tol=1e-5)) if noise else (TransportFlow(4.0), TransportFlow(4.0))
    return _refine(f"delta {delta:.2g}, noise {noise:g}", model, (None, None), int(rng.integers(60, 200)), 800, method, finer)


def circle(i: int, rng: np.random.Generator) -> Setting:
    phi = ("relu", "abs")[i % 2]
    cells = 4 * int(rng.integers(20, 60))
    return _refine(phi, lambda cells: CircleMeanField(phi, cells), data(rng, dim=2), cells, 1600, iw.GradientFlow(2.0))


def singular(i: int, rng: np.random.Generator) -> Setting:
    r"""Charges on the line in a harmonic trap tend to Wigner's semicircle on :math:`|x| \le \sqrt2`, of known energy."""
    width, cells = float(rng.uniform(2.5, 4)), 2 * int(rng.integers(40, 150))
    model = InteractionMeanField(
        Grid.uniform(-width, width, cells),
        lambda x: np.exp(-4 * x[:, 0] ** 2),
        None,
        lambda z: z[:, 0] ** 2 / 2 - np.log(np.abs(z[:, 0])),
        convolution=True,
        own_cell=lambda h: 1 - np.log(h[:, 0] / 2),
    )
    sol = iw.solve(model, method=TransportFlow(15.0), save_at=[15.0])
    assert sol.error is not None
    return f"grid to {width:.2g}, {cells} cells", sol.error, np.abs(sol.loss - SEMICIRCLE)
