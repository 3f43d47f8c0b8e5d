"""The limit on BLAS is shared by all who hold it."""

import os
import subprocess
import sys
from pathlib import Path

import scipy.linalg.cython_blas  # noqa: F401  both BLAS are loaded before the first look, whichever tests run before
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

import infwidth
from infwidth.solvers.machine.blas_threads import one_blas_thread


def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_the_last_holder_gives_back():
    """Two solves that end in the order in which they began, as in threads."""
    with threadpool_limits(2, "blas"):
        before = threads()
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        meanwhile = threads()
        second.__exit__(None, None, None)
        assert (before, meanwhile, threads()) == ({2}, {1}, {2})


def test_libraries_are_looked_for_again_when_modules_were_loaded(monkeypatch):
    looks = []

    class Looking(ThreadpoolController):
        def __init__(self):
            looks.append(1)
            super().__init__()

    monkeypatch.setattr("threadpoolctl.ThreadpoolController", Looking)
    for name, expected in (("one", 1), (None, 1), ("another", 2)):
        if name:
            monkeypatch.setitem(sys.modules, f"infwidth_test_{name}", sys)
        with one_blas_thread():
            pass
        assert len(looks) == expected


def test_an_exception_gives_back():
    with threadpool_limits(2, "blas"):
        try:
            with one_blas_thread():
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            assert threads() == {2}


FRESH = """
from infwidth.solvers.machine.blas_threads import one_blas_thread
with one_blas_thread():
    import scipy.linalg
    from threadpoolctl import threadpool_info
    print({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
"""


def test_a_blas_that_nobody_has_loaded_yet_is_limited_too():
    """scipy has one of its own, which compiled loops call; in a fresh process it would come with two threads after the limit."""
    place = os.pathsep.join([str(Path(infwidth.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    threads = {name: "2" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    run = subprocess.run([sys.executable, "-c", FRESH], env=os.environ | threads | {"PYTHONPATH": place}, capture_output=True, text=True)
    assert run.stdout.strip() == "{1}", run.stderr
