"""The limit on BLAS is shared by all who hold it."""

from threadpoolctl import threadpool_info, threadpool_limits

from infwidth.solvers.blas_threads import one_blas_thread


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


def test_an_exception_gives_back():
    with threadpool_limits(2, "blas"):
        try:
            with one_blas_thread():
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            assert threads() == {2}
