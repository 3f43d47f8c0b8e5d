"""Samples of made-up images whose pixels tell their label and their part."""

import numpy as np
import pytest

from infwidth.solvers.datasets import Images, accuracy

EVEN_ODD = [(0, 2, 4, 6, 8), (1, 3, 5, 7, 9)]


def images(n=100, seed=0, test=None):
    """Pixel 0 is the label, pixel 1 counts the images, pixel 2 is 7 in the test part."""

    def part(n, mark):
        labels = np.arange(n) % 10
        noise = np.random.default_rng(seed).integers(0, 256, (n, 5))
        return np.column_stack([labels, np.arange(n), np.full(n, mark), noise]).astype(np.uint8), labels

    return Images("made up", *part(n, 0), *(part(test, 7) if test else (None, None)))


def test_training_and_test_samples_are_different_images():
    made = images()
    samples = made.prepare(70, 30)
    assert samples.X.shape == (70, 8) and samples.y.shape == (70, 10) and samples.X_test.shape == (30, 8)
    # Pixel 1 numbers the images: over both parts it takes 100 values at equal distances.
    numbers = np.sort(np.concatenate([samples.X[:, 1], samples.X_test[:, 1]]))
    assert np.allclose(np.diff(numbers), np.diff(numbers)[0]) and np.diff(numbers)[0] > 0


def test_defaults_take_four_fifths_or_the_parts_of_the_set():
    assert [len(part) for part in images().prepare()] == [80, 80, 20, 20]
    assert [len(part) for part in images(test=30).prepare()] == [100, 100, 30, 30]


def test_the_test_part_of_the_set_is_kept_apart():
    samples = images(test=30).prepare(50, 20)
    assert np.ptp(samples.X[:, 2]) == 0 and np.ptp(samples.X_test[:, 2]) == 0
    assert samples.X_test[0, 2] > samples.X[0, 2] == 0  # 7 against a training mean of 0


def test_targets_belong_to_their_images():
    made = images()
    for samples in (made.prepare(), images(test=40).prepare()):
        for X, y in ((samples.X, samples.y), (samples.X_test, samples.y_test)):
            # Pixel 0 is the label, centred and scaled: an increasing function of the class.
            assert y.sum(axis=1).tolist() == [1.0] * len(y)
            assert np.corrcoef(X[:, 0], y.argmax(axis=1))[0, 1] > 1 - 1e-12


def test_two_classes():
    for classes, expected in (((8, 3), {8: -1.0, 3: 1.0}), (EVEN_ODD, {k: -1.0 if k % 2 == 0 else 1.0 for k in range(10)})):
        samples = images().prepare(classes=classes, targets="signs")
        assert samples.y.shape[1] == 1
        order = np.unique(samples.X[:, 0])  # labels, in their order
        found = {label: set(samples.y[samples.X[:, 0] == value, 0]) for label, value in zip(sorted(expected), order, strict=True)}
        assert found == {label: {sign} for label, sign in expected.items()}


def test_scales():
    made = images(test=30)
    mean, each = made.prepare(), made.prepare(scale="each")
    assert np.abs(mean.X.mean(axis=0)).max() < 1e-15
    assert (mean.X**2).sum(axis=1).mean() == pytest.approx(1, abs=1e-14)
    for part in (each.X, each.X_test):
        assert np.allclose((part**2).sum(axis=1), 1, atol=1e-14)
    # Both are the same directions: one factor apart, sample by sample. The test inputs are centred by the training mean.
    for a, b in ((mean.X, each.X), (mean.X_test, each.X_test)):
        assert np.allclose(a, b * np.linalg.norm(a, axis=1, keepdims=True), atol=1e-14)
    raw = np.concatenate([made.pixels, made.test_pixels]).astype(float) - made.pixels.mean(axis=0)
    assert np.linalg.norm(mean.X_test, axis=1).max() == pytest.approx(
        np.linalg.norm(raw[100:], axis=1).max() / np.sqrt((raw[:100] ** 2).sum(axis=1).mean()), rel=1e-12
    )


def test_seeds():
    made = images()
    one, same, other = made.prepare(50, 20), made.prepare(50, 20), made.prepare(50, 20, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one.y, other.y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": 100}, "train: need an integer from 1 to 99, got 100; made up has 100 images of these classes"),
        ({"train": 0}, "train: need an integer"),
        ({"train": 90, "test": 11}, "test: need an integer from 1 to 10, got 11; 10 images of these classes are left in made up"),
        ({"targets": "signs"}, "targets: 'signs' is for two classes, and there are 10"),
        ({"targets": "labels"}, "targets: 'labels' is not one of"),
        ({"scale": "none"}, "scale: 'none' is not one of"),
        ({"classes": 3}, "classes: need labels or groups of labels, got 3"),
        ({"classes": (3,)}, r"classes: need two or more classes, none of them empty, .* got \(3,\)"),
        ({"classes": (3, 3)}, "classes: need two or more classes"),
        ({"classes": [(3,), ()]}, "classes: need two or more classes"),
        ({"classes": (3, 10)}, r"classes\[1\]: need an integer from 0 to 9, got 10"),
        ({"classes": ("3", 8)}, r"classes\[0\]: need a label or a group of labels, got '3'"),
        ({"seed": -1}, "seed: need an integer"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        images().prepare(**options)


def test_images_that_are_all_the_same():
    same = Images("grey", np.full((6, 4), 9, np.uint8), np.arange(6) % 2)
    with pytest.raises(ValueError, match="train: all 4 training images are the same"):
        same.prepare()


def test_accuracy():
    y = np.eye(3)
    f = np.array([[[0.9, 0, 0], [0, 0.1, 0], [1, 0, 0]], [[0, 1, 0], [1, 0, 0], [0, 0, 2]]])
    assert accuracy(f, y).tolist() == [2 / 3, 1 / 3]
    assert float(accuracy([[0.2], [-3.0], [0.0]], [[1], [-1], [1]])) == 2 / 3
    with pytest.raises(ValueError, match=r"outputs: need shape \(\.\.\., 3, 3\) like the targets"):
        accuracy(f[:, :2], y)
    with pytest.raises(ValueError, match="outputs: hold NaN"):
        accuracy(np.full((3, 3), np.nan), y)
    with pytest.raises(ValueError, match=r"y: need finite targets of shape"):
        accuracy(f, y[0])
