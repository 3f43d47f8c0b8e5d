"""The random streams of a solve: one for the model, one for the method."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["generator", "identity", "streams"]


def generator(rng: Any) -> np.random.Generator:
    """One generator, of what :func:`streams` takes."""
    if isinstance(rng, np.random.Generator):
        return rng
    streams(rng)  # refuses what is no seed
    return np.random.default_rng(rng)


def streams(rng: Any) -> tuple[np.random.Generator, np.random.Generator]:
    """Independent generators for the model and for the method. A pair of seeds is one for each."""
    if isinstance(rng, tuple):
        of_model, of_method = _pair(rng)
        return streams(of_model)[0], streams(of_method)[1]
    if isinstance(rng, np.random.Generator):
        return tuple(rng.spawn(2))  # type: ignore[return-value]
    if isinstance(rng, np.random.SeedSequence):
        rng = np.random.SeedSequence(rng.entropy, spawn_key=rng.spawn_key)  # spawning counts: leave the caller's sequence as it was
    elif rng is not None:
        if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
            raise ValueError(f"rng: need a non-negative integer, a Generator, a SeedSequence or a pair of them, got {rng!r}")
        rng = np.random.SeedSequence(int(rng))
    else:
        rng = np.random.SeedSequence()
    return tuple(np.random.default_rng(child) for child in rng.spawn(2))  # type: ignore[return-value]


def identity(rng: Any) -> tuple[Any, ...]:
    """What decides the two streams: equal for an integer and the SeedSequence of it."""
    if isinstance(rng, tuple):
        return "pair", *(identity(seed) for seed in _pair(rng))
    if isinstance(rng, np.random.Generator):
        seeds = rng.bit_generator.seed_seq
        return "generator", str(seeds.entropy), str(seeds.spawn_key), seeds.n_children_spawned  # type: ignore[attr-defined]
    if isinstance(rng, np.random.SeedSequence):
        return "seed", str(rng.entropy), str(rng.spawn_key)
    return "seed", str(rng), str(())


def _pair(rng: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(rng) != 2 or any(isinstance(seed, tuple) for seed in rng):
        raise ValueError(f"rng: a pair has a seed for the model and one for the method, got {rng!r:.80}")
    return rng
