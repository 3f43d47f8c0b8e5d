"""Checkpoints, saved solutions and results of sweeps: nested dicts of arrays, numbers and strings in one .npz file, without pickle.

A file says which version of the format it has and what it holds. It is written whole or not at all (see :mod:`.files.replacing`), what
was written comes back as it was (:mod:`.files.outline`), and a file from elsewhere is refused without harm (:mod:`.files.archive`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .files.archive import read_arrays, write_arrays
from .files.outline import attach, detach
from .files.replacing import replacing

__all__ = ["read", "write"]

FORMAT = 2  # 1 had no number; raise it whenever what a file means has changed


def write(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Replace the file at ``path`` by one that holds ``content``, atomically.

    Raises
    ------
    TypeError
        Where a part of it would not come back as it was.
    OSError
        Where the file cannot be written; an older one is still there.
    """
    arrays: list[np.ndarray] = []
    outline = {"format": FORMAT, "content": detach(content, arrays)}
    text = np.frombuffer(json.dumps(outline).encode(), np.uint8)
    with replacing(Path(path)) as file:
        write_arrays(file, {"outline": text} | {str(i): array for i, array in enumerate(arrays)})


def read(path: str | os.PathLike[str], kind: str | None = None, *, name: str = "path", way_out: str = "check the path") -> dict[str, Any]:
    """What :func:`write` wrote.

    Parameters
    ----------
    path : path
    kind : str, optional
        The entry ``"kind"`` that it must have; it is taken out.
    name, way_out : str
        For messages: the argument that named the file, and what to do where it is not what it should be.

    Raises
    ------
    FileNotFoundError
        Where there is no file.
    ValueError
        Where the file is not one of these, or of another kind.
    """
    shown = repr(os.fspath(path))
    try:
        arrays = read_arrays(path)
        outline = json.loads(arrays.pop("outline").tobytes().decode())
        version = outline.get("format") if isinstance(outline, dict) else None
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: there is no file {shown}; give the path of one that was saved") from None
    except Exception as error:
        problem = "it has no outline" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise ValueError(f"{name}: {shown} is not a file that infwidth wrote ({problem:.120}); {way_out}") from error
    if version != FORMAT:
        raise ValueError(f"{name}: {shown} was written by another version of infwidth (format {version!r:.20}, not {FORMAT}); {way_out}")
    try:
        content = attach(outline["content"], [arrays[str(i)] for i in range(len(arrays))])
        if not isinstance(content, dict):
            raise ValueError("its content is no dict")
        found = content.pop("kind", None) if kind is not None else None
    except Exception as error:
        raise ValueError(f"{name}: {shown} is damaged ({str(error) or type(error).__name__:.120}); {way_out}") from error
    if found != kind:
        held = f"a {found}" if isinstance(found, str) else "something else"
        raise ValueError(f"{name}: {shown} is not a {kind} but {held:.40}; {way_out}")
    return content
