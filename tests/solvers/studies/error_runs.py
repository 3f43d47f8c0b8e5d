"""Errors that cannot be put together again elsewhere, raised in a pool. Run by test_points.py, since worker processes import this file."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import infwidth as iw
from infwidth.solvers.studies.points import compute


class OfTwo(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def of_two(x):
    if x == 1:
        raise OfTwo("one", "two")
    return x


def in_a_run(x):
    def fails(point):
        raise RuntimeError("mine")

    if x != 1:
        return x
    model = iw.TwoLayerMeanField("tanh", 4, offset=lambda X: 0 * X[:, :1])  # its Solution, which the error carries, cannot travel
    return iw.solve(model, [[1.0]], [1.0], iw.GradientDescent(0.1, 2), rng=0, callback=fails)


if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for function in (of_two, in_a_run):
            kept, failures = {}, {}
            compute(function, {i: {"x": i} for i in range(4)}, pool, kept.__setitem__, failures.__setitem__)
            print(sorted(kept), f"{type(failures[1]).__name__}: {failures[1]}")
