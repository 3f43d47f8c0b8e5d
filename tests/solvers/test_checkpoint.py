"""Files of numbers, arrays, strings and dicts of them: atomic, without pickle."""

import os

import numpy as np
import pytest

from infwidth.solvers import checkpoint


def test_round_trip_without_pickle(tmp_path):
    content = {
        "array": np.arange(6.0).reshape(2, 3),
        "single": np.float32([1.5]),
        "empty": np.zeros((0, 2)),
        "nested": {"list": [1, 2.5, None, True, "text", np.array([1, 2])], "big": 2**100},
        "number": np.float64(0.1),
    }
    checkpoint.write(tmp_path / "file", content)
    back = checkpoint.read(tmp_path / "file")
    np.testing.assert_array_equal(back["array"], content["array"])
    assert back["single"].dtype == np.float32
    assert back["empty"].shape == (0, 2)
    assert back["nested"]["list"][:5] == content["nested"]["list"][:5]
    assert back["nested"]["big"] == 2**100
    assert back["number"] == 0.1
    assert os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_stored_is_refused_and_leaves_the_old_file(tmp_path):
    checkpoint.write(tmp_path / "file", {"a": 1})
    with pytest.raises(TypeError, match="/b: cannot store a object"):
        checkpoint.write(tmp_path / "file", {"b": object()})
    assert checkpoint.read(tmp_path / "file") == {"a": 1}


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    checkpoint.write(tmp_path / "file", {"a": 1})

    def full_disk(file, **arrays):
        file.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="no space"):
        checkpoint.write(tmp_path / "file", {"a": 2})
    monkeypatch.undo()
    assert checkpoint.read(tmp_path / "file") == {"a": 1}
    assert os.listdir(tmp_path) == ["file"]


def test_foreign_files_are_refused(tmp_path):
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ValueError, match="is not a file that infwidth wrote"):
        checkpoint.read(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        checkpoint.read(tmp_path / "nothing")


def test_object_arrays_are_refused(tmp_path):
    with pytest.raises(TypeError, match="/a: cannot store an array of Python objects"):
        checkpoint.write(tmp_path / "file", {"a": np.array([{}, None])})
