"""Files replaced whole: whoever reads one, whenever a writer was killed, finds the old one or a new one.

Several processes may write one file at once: each writes beside it under a name of its own, and the last to rename wins.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..checks import path as checked_path

__all__ = ["check_folder", "check_writable", "remove_leftovers", "renamed", "replacing"]

STALE = 60.0  # seconds without a write, after which a file of a dead process is a leftover


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file, and put it in the place of ``path`` (of what a link points to) when all is written and on disk."""
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with renamed(path) as beside, open(beside, "xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def renamed(path: Path) -> Iterator[Path]:
    """A name for a new file beside ``path``, which it is renamed to when all is written, and removed after an error."""
    beside = path.with_name(f"{_prefix()}{os.getpid()}-{secrets.token_hex(6)}.tmp")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def check_writable(name: str, path: str | os.PathLike[str]) -> Path:
    """Refuse, before anything is computed, a path where no file can be written."""
    with _refusing(name):
        file, there = Path(checked_path(name, path)), _stat(Path(path))
        if there is not None and not stat.S_ISREG(there.st_mode):
            raise OSError(f"{os.fspath(path)!r} is {'a folder' if stat.S_ISDIR(there.st_mode) else 'no file but a device or a pipe'}")
        _check_folder(Path(os.path.realpath(file)).parent)
    return file


def check_folder(name: str, path: str | os.PathLike[str]) -> Path:
    """Refuse what is no folder and cannot become one."""
    with _refusing(name):
        folder = Path(checked_path(name, path))
        if _stat(folder) is not None and not folder.is_dir():
            raise NotADirectoryError(f"{os.fspath(path)!r} is a file, not a folder")
        _check_folder(folder)
    return folder


@contextlib.contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: nothing can be written there ({error}); give another path") from error


def _stat(path: Path) -> os.stat_result | None:
    """What is there. Unlike ``path.exists()`` it says where no file can be: a name too long, with a null byte, below a file."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _check_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"no permission to write into {str(folder)!r}")


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine left in a folder."""
    if os.name != "posix":  # elsewhere there is no harmless way to ask whether a process lives
        return
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(_prefix()) and entry.name.endswith(".tmp") and time.time() - entry.stat().st_mtime > STALE:
                owner = entry.name.removeprefix(_prefix()).split("-")[0]
                if owner.isdecimal() and not _alive(int(owner)):
                    os.unlink(entry.path)


def _prefix() -> str:
    """Short whatever the name of the file, and different on machines that share a disk: there the number of a process says nothing."""
    return f".infwidth-{hashlib.sha256(platform.node().encode()).hexdigest()[:8]}-"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return True
