"""CIFAR-10 files in both formats, written here."""

import os
import pickle

import numpy as np
import pytest

from infwidth.solvers.datasets.cifar import grays, read_batch

from .files import batch, pickled, records


@pytest.mark.parametrize(("name", "write"), [("data_batch_1.bin", records), ("data_batch_1", pickled)])
def test_what_was_written_is_read(tmp_path, name, write):
    pixels, labels = batch()
    (tmp_path / name).write_bytes(write(pixels, labels))
    found = read_batch(tmp_path / name)
    assert np.array_equal(found[0], pixels) and np.array_equal(found[1], labels)


def test_a_pickle_of_python_2(tmp_path):
    """Protocol 0 of Python 2 spells an array as numpy.core.multiarray._reconstruct, with a state of raw text; written by hand."""
    pixels, labels = batch(n=1)
    raw = "".join(f"\\x{value:02x}" for value in pixels.tobytes())
    text = (
        "(dp0\nS'data'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n"
        f"(I1\n(I1\nI3072\ntp8\ncnumpy\ndtype\np9\n(S'u1'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'|'\np13\nNNNI-1\nI-1\nI0\ntp14\nbI00\nS'{raw}'\n"
        f"p15\ntp16\nbsS'labels'\np17\n(lp18\nI{labels[0]}\nas."
    )
    (tmp_path / "test_batch").write_bytes(text.encode("ascii"))
    found = read_batch(tmp_path / "test_batch")
    assert np.array_equal(found[0], pixels) and np.array_equal(found[1], labels)


class Harm:
    def __reduce__(self):
        return os.system, ("touch harmed",)


class Huge:
    def __reduce__(self):
        return np.ndarray, ((10**13,),)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (Harm(), "asks for .*system, which is no part of an array"),
        (Huge(), ""),
        ([1, 2], ""),
        ({b"data": np.zeros((2, 3072), np.uint8)}, "'labels'"),
        ({b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]}, r"pixels have the shape \(2, 5\)"),
        ({b"data": np.zeros((2, 3072)), b"labels": [0, 1]}, "dtype float64"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 10]}, r"labels outside 0\.\.9"),
    ],
)
def test_pickles_that_are_no_batches(tmp_path, monkeypatch, value, what):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_batch").write_bytes(pickle.dumps(value, protocol=2))
    with pytest.raises(ValueError, match=f"folder: test_batch cannot be read as CIFAR-10: .*{what}"):
        read_batch(tmp_path / "test_batch")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [b"", b"0" * 3072, b"\x0b" + b"0" * 3072])
def test_damaged_records(tmp_path, content):
    (tmp_path / "test_batch.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"folder: test_batch\.bin cannot be read as CIFAR-10"):
        read_batch(tmp_path / "test_batch.bin")


def test_grays():
    """Pure colours have their weights, white stays white, and the order of pixels is kept."""
    colours = np.zeros((1, 3, 1024), np.uint8)
    colours[0, :, 0] = 255
    colours[0, 0, 1], colours[0, 1, 2], colours[0, 2, 3] = 100, 100, 100
    found = grays(colours.reshape(1, 3072))
    assert found.shape == (1, 1024) and found[0, :5].tolist() == [255, 30, 59, 11, 0]
