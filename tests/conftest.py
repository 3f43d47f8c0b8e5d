"""What holds for every test: no unexpected skips, repeatable hypothesis examples, no windows."""

import os
import signal

import hypothesis
import pytest

# Products in tests are small, and threads that spin on a busy machine cost far more than they gain.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"  # by the environment, so that subprocesses inherit it and matplotlib stays unloaded

# A shell starts what it runs in the background with SIGINT ignored; tests press Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("infwidth", derandomize=True, deadline=None)
hypothesis.settings.load_profile("infwidth")


class UnexpectedSkips:
    """Turn a skip into a failure, unless the test is marked ``may_skip(reason)``: a skipped test checks nothing."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        expected_failure = hasattr(report, "wasxfail")  # pytest reports these as skipped too
        if report.skipped and not expected_failure and item.get_closest_marker("may_skip") is None:
            _fail(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector):
        report = yield
        if report.skipped:  # a whole module, by pytest.importorskip for one
            _fail(report)
        return report


def _fail(report):
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"unexpected skip of {report.nodeid}: {reason} (mark the test may_skip(reason) if it is meant)"


def pytest_configure(config):
    # As a plugin of its own, since the hooks of a conftest.py see the tests of its own folder alone, not the doctests.
    config.pluginmanager.register(UnexpectedSkips(), "unexpected-skips")
