"""Results on disk: found by function and point, unchanged, refused where damaged, written where there is room."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import infwidth
from infwidth.solvers import checkpoint, sweep

COUNT = 0


@pytest.mark.parametrize(
    "make",
    [
        lambda a: {1: a, "1": a + 1},
        lambda a: {"a": {"b": np.full(2, a)}, "a/b": np.full(2, a + 1)},
        lambda a: {"__array__": "x"},
        lambda a: (1, a),
        lambda a: {0: np.ones(2), "nested": [{(1, 2): np.float32(a)}]},
    ],
    ids=["int keys", "slashes", "__array__", "tuple", "nested"],
)
def test_results_come_back_as_they_were(make, tmp_path):
    one, two = (sweep(make, {"a": [1]}, resume=tmp_path).results for _ in range(2))
    assert repr(two) == repr(one)
    assert len(list(tmp_path.iterdir())) == 1


def test_damaged_files_are_refused_with_the_way_out(tmp_path):
    sweep(positive, {"x": [-3]}, resume=tmp_path)
    file = next(tmp_path.iterdir())
    for spoil in (lambda: file.write_bytes(b"spoiled"), lambda: checkpoint.write(file, {"kind": "solution"}),
                  lambda: checkpoint.write(file, {"kind": "sweep", "function": "other"}),
                  lambda: checkpoint.write(file, {"kind": "sweep", "function": f"{__name__}.positive"})):  # fmt: skip
        spoil()
        with pytest.raises(ValueError, match=r"^resume: .*; delete it to compute that point anew"):
            sweep(positive, {"x": [-3]}, resume=tmp_path)


def positive(x):
    return abs(x)


def test_a_full_disk_does_not_end_the_sweep(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint, "write", full)
    with pytest.warns(RuntimeWarning, match=r"resume: results cannot be written \(no space") as warned:
        runs = sweep(positive, {"x": [-1, -2, -3]}, resume=tmp_path)
    assert len(warned) == 1
    assert runs["value"].tolist() == [1, 2, 3]


def counting(x):
    global COUNT
    COUNT += 1
    return x


def drifting(x):
    drifting.calls += 1
    return x


drifting.calls = 0


def test_a_function_that_changes_what_it_reads_is_named(tmp_path):
    sweep(counting, {"x": [1]}, resume=tmp_path)  # what it assigns is its output
    with pytest.warns(RuntimeWarning, match="drifting changes a global"):
        sweep(drifting, {"x": [1]}, resume=tmp_path)


SHARED = """
import sys, numpy as np
from infwidth.solvers import sweep
def point(a):
    return {"x": np.full(20_000, float(a))}
print((sweep(point, {"a": range(10)}, resume=sys.argv[1])["x"][:, 0] == range(10)).all())
"""


def test_sweeps_share_a_folder(tmp_path):
    path = os.pathsep.join([str(Path(infwidth.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    command = [sys.executable, "-c", SHARED, str(tmp_path)]
    sweeps = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}) for _ in range(3)]
    assert [one.communicate()[0].strip() for one in sweeps] == ["True"] * 3
    assert len(os.listdir(tmp_path)) == 10
