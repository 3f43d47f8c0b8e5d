import re

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
