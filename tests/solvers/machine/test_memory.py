import re
from pathlib import Path

import numpy as np
import pytest

from infwidth.solvers.machine import memory


def test_some_memory_is_free():
    assert 1e6 < memory.available() < 1e16


def test_the_refusal_has_the_numbers_and_the_way_out(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 2e9)
    memory.refuse_above_available("X", "the matrix", 1.9e9, "take less")
    with pytest.raises(ValueError, match=re.escape("X: the matrix would take 3.2 GB, and 2 GB are free; take less")):
        memory.refuse_above_available("X", "the matrix", 3.2e9, "take less")


def test_systems_without_that_file(monkeypatch):
    def missing(*args, **kwargs):
        raise OSError

    monkeypatch.setattr(memory.Path, "read_text", missing)
    assert memory.available() > 1e6


def test_by_parts_gives_all_rows_in_order(monkeypatch):
    monkeypatch.setattr(memory, "PART", 6)
    seen = []

    def outputs(part):
        seen.append(len(part))
        return 2 * part

    X = np.arange(14.0).reshape(7, 2)
    np.testing.assert_array_equal(memory.by_parts(outputs, X, numbers=2), 2 * X)
    assert seen == [3, 3, 1]
    np.testing.assert_array_equal(memory.by_parts(outputs, X, numbers=100), 2 * X)  # one row at least
    seen.clear()
    np.testing.assert_array_equal(memory.by_parts(outputs, X, numbers=2, least=5), 2 * X)
    assert seen == [5, 2]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.may_skip("needs Linux")
def test_of_a_limit_on_the_process_what_it_has_already_is_gone():
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = memory._taken()
    assert taken > 1e7
    resource.setrlimit(resource.RLIMIT_AS, (int(taken) + 10**8, before[1]))
    try:
        assert memory.available() <= 1.01e8
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
