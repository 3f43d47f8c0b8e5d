"""Files replaced whole: whoever reads one, whenever a writer was killed, finds the old one or a new one.

Several processes may write one file at once: each writes beside it under a name of its own, and the last to rename wins.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["check_writable", "remove_leftovers", "replacing"]


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file, and put it in the place of ``path`` when all is written and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{_prefix(path)}{os.getpid()}-{secrets.token_hex(6)}.tmp")
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def check_writable(name: str, path: str | os.PathLike[str]) -> Path:
    """Refuse, before anything is computed, a place where no file can be written."""
    place = Path(path)
    if place.is_dir():
        raise ValueError(f"{name}: {os.fspath(path)!r} is a folder; give the path of a file")
    try:
        place.exists()  # a name that is too long
        place.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(place.parent, os.W_OK):
            raise PermissionError(f"no permission to write into {str(place.parent)!r}")
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: nothing can be written at {os.fspath(path)!r} ({error}); give another path") from error
    return place


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes of this machine left beside ``path``."""
    if os.name != "posix":  # elsewhere there is no harmless way to ask whether a process lives
        return
    with contextlib.suppress(OSError):
        for entry in os.scandir(path.parent):
            if entry.name.startswith(prefix := _prefix(path)) and entry.name.endswith(".tmp"):
                owner = entry.name.removeprefix(prefix).split("-")[0]
                if owner.isdecimal() and not _alive(int(owner)):
                    os.unlink(entry.path)


def _prefix(path: Path) -> str:
    """Short whatever the name, and different on machines that share a disk: a process is known by its number there only."""
    return f".{hashlib.sha256(f'{platform.node()}/{path.name}'.encode()).hexdigest()[:16]}-"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return True
