"""Installed code is known by name, the user's by content, whatever its files are called."""

import math
import sys
import types

import numpy as np
import pytest

import infwidth
from infwidth.solvers.running.libraries import is_library, is_library_name


@pytest.mark.parametrize("value", [math, np, np.linalg.norm, dict, pytest, infwidth, infwidth.solve, sys, types.SimpleNamespace])
def test_installed(value):
    assert is_library(value)


def test_of_the_user():
    class Mine:
        pass

    assert not is_library(Mine) and not is_library(Mine()) and not is_library(lambda: 1)
    assert not is_library_name("__main__") and not is_library_name("a_name_that_no_module_has")


def test_a_file_of_the_user_that_is_called_like_one_of_the_library(tmp_path, monkeypatch):
    """``profile.py`` beside a script hides Python's own."""
    (tmp_path / "profile.py").write_text("RATE = 1")
    monkeypatch.delitem(sys.modules, "profile", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    is_library_name.cache_clear()
    try:
        assert not is_library_name("profile")
    finally:
        monkeypatch.undo()
        is_library_name.cache_clear()
    assert is_library_name("profile")
