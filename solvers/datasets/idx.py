"""The format of the MNIST files (idx): a magic number, the lengths of the axes, and the entries as bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

__all__ = ["read_idx"]

LARGEST = 1_000_000_000  # bytes of entries; MNIST has 47 million


def read_idx(file: Path) -> np.ndarray:
    """The array of unsigned bytes in an idx file, compressed by gzip or not.

    Raises
    ------
    ValueError
        Naming the file, where it is of another format, or damaged.
    """
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            head = stream.read(4)
            if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4:
                raise ValueError("it does not begin like an idx file of unsigned bytes")
            axes = stream.read(4 * head[3])
            if len(axes) < 4 * head[3]:
                raise ValueError("it ends within its header")
            shape = struct.unpack(f">{head[3]}I", axes)
            size = math.prod(shape)
            if size > LARGEST:
                raise ValueError(f"it claims the shape {shape}")
            content = stream.read(size + 1)
            if len(content) != size:
                raise ValueError(f"it claims the shape {shape} and holds {'more' if len(content) > size else len(content)} bytes")
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"folder: {file.name} cannot be read: {error}; take a fresh copy") from error
    return np.frombuffer(content, np.uint8).reshape(shape)
