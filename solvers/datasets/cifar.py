"""The two formats of the CIFAR-10 files: records of bytes, and pickles of Python 2, read without running what they ask for.

A batch is rows of 3072 bytes, the 32 x 32 red values, then green, then blue, each with a label 0..9.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

__all__ = ["grays", "read_batch"]

Array = np.ndarray

PIXELS = 32 * 32
LARGEST = 400_000_000  # bytes of a file; a batch has 31 million


def read_batch(file: Path) -> tuple[Array, Array]:
    """Pixels (n, 3072) and labels (n,) of one file, ``.bin`` or pickled.

    Raises
    ------
    ValueError
        Naming the file, where it is of another format, or damaged.
    """
    if file.stat().st_size > LARGEST:
        raise ValueError(f"folder: {file.name} has {file.stat().st_size:.3g} bytes, far more than a batch of CIFAR-10; take a fresh copy")
    try:
        pixels, labels = _records(file.read_bytes()) if file.suffix == ".bin" else _pickled(file)
        if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3 * PIXELS or labels.shape != pixels.shape[:1]:
            raise ValueError(f"its pixels have the shape {pixels.shape} and dtype {pixels.dtype}, its labels {labels.shape}")
        if len(labels) and not 0 <= labels.min() <= labels.max() <= 9:
            raise ValueError("it has labels outside 0..9")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError, pickle.UnpicklingError) as error:
        raise ValueError(f"folder: {file.name} cannot be read as CIFAR-10: {error}; take a fresh copy") from error
    return pixels, labels


def _records(content: bytes) -> tuple[Array, Array]:
    if not content or len(content) % (1 + 3 * PIXELS):
        raise ValueError(f"it has {len(content)} bytes, not records of {1 + 3 * PIXELS}")
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * PIXELS)
    return records[:, 1:], records[:, 0].astype(int)


def _pickled(file: Path) -> tuple[Array, Array]:
    with file.open("rb") as stream:
        batch = _ArraysOnly(stream, encoding="bytes").load()
    batch = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
    return np.asarray(batch["data"]), np.array(batch["labels"], int)


def _empty(kind: Any, shape: Any, letter: Any) -> Array:
    """What numpy fills by the state that follows: never of a size that the file merely claims."""
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _latin(text: str, encoding: Any) -> bytes:
    """How Python 3 writes bytes for Python 2."""
    return text.encode("latin1")


class _ArraysOnly(pickle.Unpickler):
    """Lists, dicts, numbers, texts and plain arrays; a pickle can ask for any function to be called, and gets no other."""

    KNOWN: ClassVar = {
        ("numpy", "ndarray"): None,  # named, never called
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): _empty,
        ("numpy._core.multiarray", "_reconstruct"): _empty,
        ("_codecs", "encode"): _latin,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.KNOWN:
            raise ValueError(f"it asks for {module}.{name}, which is no part of an array")
        return self.KNOWN[module, name]


def grays(pixels: Array) -> Array:
    """Luma (n, 1024) of colours (n, 3072): .299 red + .587 green + .114 blue (ITU-R BT.601), rounded to bytes."""
    colours = pixels.reshape(len(pixels), 3, PIXELS)
    luma = np.tensordot(colours, np.array([0.299, 0.587, 0.114], np.float32), axes=(1, 0))
    return np.rint(luma).astype(np.uint8)
