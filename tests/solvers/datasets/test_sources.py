"""The sets that packages ship, and folders of small files in the original formats."""

import builtins
import gzip
import re
import types
from urllib.error import URLError

import numpy as np
import pytest

from infwidth.solvers import datasets
from infwidth.solvers.datasets.cifar import grays

from .files import batch, idx, pickled, records


def write_mnist(folder, packed=False, n=4, n_test=3, labels=None):
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), rng.integers(0, 256, (n_test, 28, 28), dtype=np.uint8)
    labels = np.arange(n) if labels is None else labels
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (
        ("train-images-idx3-ubyte", train),
        ("train-labels-idx1-ubyte", labels.astype(np.uint8)),
        ("t10k-images-idx3-ubyte", test),
        ("t10k-labels-idx1-ubyte", np.arange(n_test, dtype=np.uint8)),
    ):
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return train, test


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_mnist(tmp_path, packed, below):
    train, test = write_mnist(tmp_path / below, packed)
    found = datasets.mnist(tmp_path)
    assert np.array_equal(found.pixels, train.reshape(4, 784)) and np.array_equal(found.test_pixels, test.reshape(3, 784))
    assert found.labels.tolist() == [0, 1, 2, 3] and found.test_labels.tolist() == [0, 1, 2]
    assert datasets.mnist(str(tmp_path)).prepare(3, 2).X.shape == (3, 784)


def test_a_folder_without_some_of_the_files(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"folder: there is no train-images-idx3-ubyte \(or \.gz\) in .*; give the folder with the 4"
    ):
        datasets.mnist(tmp_path)
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="folder: there is no t10k-labels-idx1-ubyte"):
        datasets.mnist(tmp_path)
    with pytest.raises(TypeError, match="folder: need a file name or a path, got 3"):
        datasets.mnist(3)


def test_files_of_mnist_that_do_not_belong_together(tmp_path):
    write_mnist(tmp_path, labels=np.arange(3))
    with pytest.raises(ValueError, match=r"folder: training images have the shape \(4, 28, 28\) and labels \(3,\)"):
        datasets.mnist(tmp_path)
    write_mnist(tmp_path, labels=np.array([0, 1, 2, 17]))
    with pytest.raises(ValueError, match=r"folder: there are training labels outside 0\.\.9"):
        datasets.mnist(tmp_path)


@pytest.mark.parametrize(
    ("below", "ending", "write"), [("", "", pickled), ("cifar-10-batches-py", "", pickled), ("cifar-10-batches-bin", ".bin", records)]
)
def test_cifar10(tmp_path, below, ending, write):
    (tmp_path / below).mkdir(exist_ok=True)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for seed, name in enumerate(names):
        (tmp_path / below / (name + ending)).write_bytes(write(*batch(seed)))
    found, gray = datasets.cifar10(tmp_path), datasets.cifar10(tmp_path, grayscale=True)
    expected = np.concatenate([batch(seed)[0] for seed in range(5)])
    assert np.array_equal(found.pixels, expected) and np.array_equal(found.test_pixels, batch(5)[0])
    assert np.array_equal(found.labels, np.concatenate([batch(seed)[1] for seed in range(5)]))
    assert np.array_equal(found.test_labels, batch(5)[1])
    assert np.array_equal(gray.pixels, grays(expected)) and gray.test_pixels.shape == (3, 1024)
    (tmp_path / below / ("data_batch_3" + ending)).unlink()
    with pytest.raises(FileNotFoundError, match=rf"folder: there is no data_batch_3 \(or .bin\) in {re.escape(str(tmp_path / below))};"):
        datasets.cifar10(tmp_path)
    with pytest.raises(ValueError, match="grayscale: need True or False"):
        datasets.cifar10(tmp_path, grayscale=1)


def test_sets_of_packages():
    digits, mnist = datasets.digits(), datasets.mnist_5000()
    assert digits.pixels.shape == (1797, 64) and digits.pixels.max() == 16
    assert mnist.pixels.shape == (5000, 784) and np.bincount(mnist.labels).tolist() == [500] * 10 and mnist.pixels.max() == 255


# Downloads, by a stand-in for scikit-learn's


def test_a_download(monkeypatch):
    asked = []

    def fetch_openml(name, **options):
        asked.append((name, options))
        n, d = (60_002, 4) if name == "mnist_784" else (50_003, 3072)
        pixels = np.broadcast_to(np.array([[7.0]]), (n, d))
        return types.SimpleNamespace(data=pixels, target=np.resize(np.array(["1", "2"]), n))

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    mnist, cifar = datasets.mnist(), datasets.cifar10(grayscale=True)
    assert [name for name, _ in asked] == ["mnist_784", "CIFAR_10"] and all(options["version"] == 1 for _, options in asked)
    assert mnist.pixels.shape == (60_000, 4) and mnist.test_pixels.shape == (2, 4) and mnist.labels[:3].tolist() == [1, 2, 1]
    assert cifar.pixels.shape == (50_000, 1024) and cifar.test_labels.shape == (3,) and set(cifar.pixels[0]) == {7}


def test_without_a_network(monkeypatch):
    def fetch_openml(name, **options):
        raise URLError("no route to host")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    with pytest.raises(OSError, match=r"folder: is not given, and CIFAR_10 could not be downloaded .*no route to host.*give their folder"):
        datasets.cifar10()


@pytest.mark.parametrize("name", ["digits", "mnist_5000", "mnist", "cifar10"])
def test_without_the_packages(monkeypatch, name):
    real = builtins.__import__

    def missing(module, *args, **options):
        if module.split(".")[0] in ("sklearn", "mlxtend"):
            raise ImportError(f"no module named {module}")
        return real(module, *args, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"pip install infwidth\[data\]"):
        getattr(datasets, name)()
