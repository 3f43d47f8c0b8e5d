"""How much memory is free, asked before much is taken."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

__all__ = ["available", "by_parts", "refuse_above_available", "refuse_above_free_disk"]

Array = np.ndarray

PART = 1 << 24  # numbers at once

CONTROL_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # version 2, version 1


def available() -> float:
    """Bytes that can be taken without swapping, as far as the system says; infinite where it does not.

    A container, or a limit on this process, may grant less than the machine has.
    """
    return min(_free(), _granted())


def _granted() -> float:
    """The least of what containers and limits grant to all that runs in them."""
    granted = [math.inf]
    for file in CONTROL_GROUPS:
        try:
            granted.append(float(Path(file).read_text(encoding="ascii")))
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    try:
        import resource
    except ImportError:  # Windows
        return min(granted)
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    return min(granted) if most == resource.RLIM_INFINITY else min(*granted, max(float(most) - _taken(), 0.0))


def _taken() -> float:
    """Bytes of addresses that this process has, of which a limit on it grants the rest; 0 where the system does not say."""
    try:
        return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0.0


def _free() -> float:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    except (OSError, ValueError):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf


def refuse_above_available(argument: str, what: str, size: float, way_out: str) -> None:
    """ValueError naming the argument where ``size`` bytes are more than there are."""
    free = available()
    if size > free:
        raise ValueError(f"{argument}: {what} would take {_gigabytes(size)}, and {_gigabytes(free)} are free; {way_out}")


def refuse_above_free_disk(argument: str, what: str, size: float, folder: Path) -> None:
    """ValueError naming the argument where a folder's disk has fewer bytes free: a file mapped into memory would end the process."""
    free = float(shutil.disk_usage(folder).free)
    if size > free:
        raise ValueError(f"{argument}: {what} would take {_gigabytes(size)}, and {_gigabytes(free)} are free there; give another folder")


def by_parts(outputs: Callable[[Array], Array], X: Array, numbers: int, least: int = 1) -> Array:
    """``outputs(X)``, some rows at a time where each takes many ``numbers`` on the way; ``least`` rows, where every call has a price.

    >>> by_parts(lambda part: part @ np.ones((2, 1)), np.eye(2), numbers=PART)
    array([[1.],
           [1.]])
    """
    rows = max(least, PART // max(1, numbers))
    return np.concatenate([outputs(X[i : i + rows]) for i in range(0, len(X), rows)])


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.3g} GB"
