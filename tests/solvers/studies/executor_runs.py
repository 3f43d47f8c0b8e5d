"""Train compiled relu systems, large enough for all threads, here, in threads and in a process, and compare them bit by bit.

Run by test_sweeping.py in a process of its own, since numba takes its number of threads once, and worker processes import this file.
"""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
from threadpoolctl import threadpool_info

import infwidth as iw
from infwidth.solvers.particles import blocks, sorted_angles, thin

# Inputs of the relu and particles: just enough for sorted angles, the fused loop and blocks to wake threads.
SIZES = {
    2: sorted_angles.SERIAL,
    3: thin.SERIAL // 64 + 1,
    9: blocks.SERIAL // (9 * 64) + 1,
}


def train(d, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((64, d)), rng.standard_normal(64)
    sol = iw.solve(iw.TwoLayerMeanField("relu", SIZES[d]), X, y, iw.GradientDescent(0.3, 4), rng=seed, save_at=[0, 4])
    return {"state": sol.state, "outputs": sol.outputs, "engine": type(sol.problem.engine).__name__, "blas": max(blas())}


def blas():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def main():
    grid = {"d": SIZES, "seed": [0, 1]}
    here = iw.sweep(train, grid)
    print(*(result["engine"] for result in here.results[::2]))
    before = blas()
    with ThreadPoolExecutor(4) as pool:
        threads = iw.sweep(train, grid, pool)
    print("BLAS threads meanwhile:", *set(threads["blas"].ravel().tolist()), "and given back:", blas() == before)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        process = iw.sweep(train, grid, pool)
    for one, two, three in zip(here.results, threads.results, process.results, strict=True):
        assert np.abs(one["outputs"][1] - one["outputs"][0]).max() > 0.01
        for name in ("state", "outputs"):
            np.testing.assert_array_equal(two[name], one[name])
            np.testing.assert_array_equal(three[name], one[name])
    print("the same")


if __name__ == "__main__":
    main()
