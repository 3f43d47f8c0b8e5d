"""Archives of arrays (.npz) from anywhere: nothing is executed, and nothing larger than the file is made of it.

``np.load`` believes what a file says of itself: three megabytes of compressed zeros become gigabytes, and so does an array of claimed
length without data.
"""

from __future__ import annotations

import io
import math
import os
import stat
import zipfile
from typing import IO

import numpy as np

__all__ = ["read_arrays", "write_arrays"]

Array = np.ndarray


def write_arrays(file: IO[bytes], arrays: dict[str, Array]) -> None:
    """Write the arrays, uncompressed."""
    np.savez(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of an archive that :func:`write_arrays` wrote; ValueError saying what is wrong with another."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is a folder, a device or a pipe")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("it is compressed")
            if sum(member.file_size for member in members) > os.path.getsize(path):
                raise ValueError("its parts are larger than the file")
            names = [member.filename.removesuffix(".npy") for member in members]
            if len(set(names)) < len(names):
                raise ValueError("it has two parts of one name")
            return {name: _array(archive.read(member)) for name, member in zip(names, members, strict=True)}
    except zipfile.BadZipFile as error:
        raise ValueError(f"it is no archive, or damaged: {error}") from error


def _array(content: bytes) -> Array:
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("it has an array of another version")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject:
        raise ValueError("it has an array of Python objects, which are not read")
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(f"it has an array that claims the shape {shape} with {len(content) - stream.tell()} bytes")
    flat = np.frombuffer(content, dtype, math.prod(shape), stream.tell())
    return flat.reshape(shape, order="F" if by_columns else "C").copy(order="K")
