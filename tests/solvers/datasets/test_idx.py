"""MNIST files, written here byte by byte."""

import gzip

import numpy as np
import pytest

from infwidth.solvers.datasets.idx import read_idx

from .files import idx

ENTRIES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize(("name", "write"), [("a", lambda content: content), ("a.gz", gzip.compress)])
def test_what_was_written_is_read(tmp_path, name, write):
    (tmp_path / name).write_bytes(write(idx(ENTRIES)))
    found = read_idx(tmp_path / name)
    assert found.dtype == np.uint8 and np.array_equal(found, ENTRIES)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "does not begin like an idx file"),
        (idx(ENTRIES, kind=13), "does not begin like an idx file"),
        (idx(ENTRIES)[:9], "ends within its header"),
        (idx(ENTRIES)[:-1], r"claims the shape \(2, 3, 4\) and holds 23 bytes"),
        (idx(ENTRIES) + b"0", r"claims the shape \(2, 3, 4\) and holds more bytes"),
        (idx(ENTRIES, shape=(2**31, 2, 2**31)), r"claims the shape \(2147483648, 2, 2147483648\)"),
    ],
)
def test_damaged_files(tmp_path, content, what):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match=f"folder: a cannot be read: it {what}"):
        read_idx(tmp_path / "a")


@pytest.mark.parametrize(
    "content",
    [b"no archive", gzip.compress(idx(ENTRIES))[:-12], gzip.compress(idx(ENTRIES))[:15] + b"xxxx"],
    ids=["no archive", "cut off", "spoiled"],  # their bytes hold the time of day
)
def test_damaged_archives(tmp_path, content):
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"folder: a\.gz cannot be read"):
        read_idx(tmp_path / "a.gz")
