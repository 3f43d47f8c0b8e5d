"""Writers of the formats that the readers read."""

import pickle
import struct

import numpy as np


def idx(array, kind=8, shape=None):
    """A file of MNIST; ``shape`` is what it claims."""
    shape = array.shape if shape is None else shape
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()


def batch(seed=0, n=3):
    """Pixels and labels as in CIFAR-10."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 3072), dtype=np.uint8), rng.integers(0, 10, n)


def records(pixels, labels):
    """The binary version."""
    return np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1).tobytes()


def pickled(pixels, labels):
    """The python version: protocol 2, texts as bytes, labels as a list."""
    return pickle.dumps({b"data": pixels, b"labels": labels.tolist(), b"batch_label": b"training batch 1 of 5"}, protocol=2)
