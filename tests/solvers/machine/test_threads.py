"""Numba's threads are those of the caller, or one, and are given back."""

import os
import subprocess
import sys
from pathlib import Path

import infwidth

SCRIPT = """
import numba
from infwidth.solvers.machine.threads import threads_for

seen = []
for mine in (2, 1):
    numba.set_num_threads(mine)
    with threads_for(True):
        seen.append(numba.get_num_threads())
    try:
        with threads_for(False):
            seen.append(numba.get_num_threads())
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        seen.append(numba.get_num_threads())
print(*seen)
"""


def test_one_or_all_of_the_callers_threads():
    """In a process of its own with two threads, whatever this machine has."""
    place = os.pathsep.join([str(Path(infwidth.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=os.environ | {"NUMBA_NUM_THREADS": "2", "PYTHONPATH": place}, capture_output=True, text=True
    )
    assert run.stdout.split() == ["2", "1", "2", "1", "1", "1"], run.stderr
