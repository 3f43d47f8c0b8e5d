"""Labelled images, and the samples that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checks import choice, integer, numbers, shown

__all__ = ["Images", "Samples", "accuracy"]

Array = np.ndarray


class Samples(NamedTuple):
    """Inputs and targets, ready to train on.

    Attributes
    ----------
    X, X_test : ndarray, shapes (n, d) and (n', d)
    y, y_test : ndarray, shapes (n, k) and (n', k); one column for targets "signs"
    """

    X: Array
    y: Array
    X_test: Array
    y_test: Array


@dataclass(frozen=True)
class Images:
    """Images as rows of pixels, with their labels.

    Attributes
    ----------
    name : str
    pixels : ndarray of uint8, shape (n, d)
    labels : ndarray of int, shape (n,)
    test_pixels, test_labels : ndarray, shapes (n', d) and (n',), or None
        The test part, where the data set has one of its own.
    """

    name: str
    pixels: Array
    labels: Array
    test_pixels: Array | None = None
    test_labels: Array | None = None

    def prepare(
        self,
        train: int | None = None,
        test: int | None = None,
        *,
        classes: Sequence[Any] | None = None,
        targets: str = "one_hot",
        scale: str = "mean",
        seed: int = 0,
    ) -> Samples:
        r"""Draw training and test samples; inputs are centred by the mean training image.

        Parameters
        ----------
        train, test : int, optional
            Numbers of samples, drawn at random without replacement. The test samples are those of the data set's own test part; where it
            has none, they are other images than the training ones. Default: all of both parts, or 4/5 and the rest.
        classes : sequence, optional
            Labels to keep, or groups of labels: ``(3, 8)`` has two classes, ``[(0, 2, 4, 6, 8), (1, 3, 5, 7, 9)]`` even against odd.
            Default: every label is a class.
        targets : {"one_hot", "signs"}
            Rows of the unit matrix, one column per class; or one column, -1 for the first of two classes and +1 for the second.
        scale : {"mean", "each"}
            After centring, one factor for all inputs makes the mean of :math:`|x|^2` over the training inputs 1 (what dividing by the
            pixels' standard deviation and by :math:`\sqrt d` does); or each input is divided by its norm.
        seed : int

        Returns
        -------
        Samples
            In float64.

        Raises
        ------
        ValueError
            Where an argument is out of its range, there are not that many images, or all of them are the same.

        Examples
        --------
        >>> from infwidth.solvers import datasets
        >>> X, y, X_test, y_test = datasets.digits().prepare(200, 50, classes=[(0, 2, 4, 6, 8), (1, 3, 5, 7, 9)], targets="signs")
        >>> X.shape, y.shape, X_test.shape, float((X**2).sum(axis=1).mean())
        ((200, 64), (200, 1), (50, 64), 1.0)
        """
        targets, scale = choice("targets", targets, ("one_hot", "signs")), choice("scale", scale, ("mean", "each"))
        groups = self._groups(classes)
        if targets == "signs" and len(groups) != 2:
            raise ValueError(f"targets: 'signs' is for two classes, and there are {len(groups)}; give two classes or groups of labels")
        rng = np.random.default_rng(integer("seed", seed, least=0))
        rows, kind = _chosen(self.labels, groups, rng)
        apart = self.test_pixels is not None and self.test_labels is not None
        most, way_out = len(rows) if apart else len(rows) - 1, f"{self.name} has {len(rows)} images of these classes"
        train = integer("train", (most if apart else len(rows) * 4 // 5) if train is None else train, least=1, most=most, way_out=way_out)
        if self.test_pixels is not None and self.test_labels is not None:
            others, other_kind = _chosen(self.test_labels, groups, rng)
            other_pixels = self.test_pixels
        else:
            others, other_kind, other_pixels = rows[train:], kind[train:], self.pixels
        left = f"{len(others)} images of these classes are left in {self.name}"
        test = integer("test", len(others) if test is None else test, least=1, most=len(others), way_out=left)
        X, X_test = self.pixels[rows[:train]].astype(float), other_pixels[others[:test]].astype(float)
        mean = X.mean(axis=0)
        X, X_test = X - mean, X_test - mean
        if not X.any():
            raise ValueError(f"train: all {train} training images are the same, so that centring leaves nothing; draw more")
        if scale == "mean":
            norm = np.sqrt((X**2).sum(axis=1).mean())
            X, X_test = X / norm, X_test / norm
        else:
            X, X_test = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(float).tiny) for x in (X, X_test))
        code = np.array([[-1.0], [1.0]]) if targets == "signs" else np.eye(len(groups))
        return Samples(X, code[kind[:train]], X_test, code[other_kind[:test]])

    def _groups(self, classes: Any) -> list[Array]:
        """Labels of each class."""
        known = np.unique(self.labels)
        if classes is None:
            return [known[i : i + 1] for i in range(len(known))]
        if isinstance(classes, str | bytes | dict | set | type) or not np.iterable(classes):
            raise ValueError(f"classes: need labels or groups of labels, got {shown(classes)}; for example (3, 8)")
        groups = []
        for i, group in enumerate(classes):
            if isinstance(group, str | bytes | dict | set):
                raise ValueError(f"classes[{i}]: need a label or a group of labels, got {shown(group)}")
            labels = list(group) if np.iterable(group) else [group]
            groups.append(np.array([integer(f"classes[{i}]", label, least=int(known[0]), most=int(known[-1])) for label in labels], int))
        flat = np.concatenate(groups) if groups else np.empty(0, int)
        if len(groups) < 2 or any(not len(group) for group in groups) or len(np.unique(flat)) < len(flat):
            raise ValueError(f"classes: need two or more classes, none of them empty, each label in one of them, got {shown(classes)}")
        return groups


def _chosen(labels: Array, groups: list[Array], rng: np.random.Generator) -> tuple[Array, Array]:
    """Rows of those classes in random order, and the class of each."""
    kind = np.full(len(labels), -1)
    for i, group in enumerate(groups):
        kind[np.isin(labels, group)] = i
    rows = rng.permutation(np.flatnonzero(kind >= 0))
    if not len(rows):
        raise ValueError("classes: there is no image of these classes")
    return rows, kind[rows]


def accuracy(outputs: Any, y: Any) -> Array:
    """Fraction of samples whose largest output is that of their class; for one output, whose sign is right.

    Parameters
    ----------
    outputs : array_like, shape (..., n, k)
    y : array_like, shape (n, k)
        Targets as :meth:`Images.prepare` makes them.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        Where the shapes do not fit.

    Examples
    --------
    >>> from infwidth.solvers.datasets import accuracy
    >>> accuracy([[[0.2, 0.1], [0.0, 1.0]]], [[1, 0], [1, 0]])
    array([0.5])
    """
    f, targets = numbers("outputs", outputs), numbers("y", y)
    if targets.ndim != 2 or not targets.size or not np.isfinite(targets).all():
        raise ValueError(f"y: need finite targets of shape (n, k), got shape {targets.shape}")
    if f.shape[-2:] != targets.shape:
        raise ValueError(f"outputs: need shape (..., {targets.shape[0]}, {targets.shape[1]}) like the targets, got {f.shape}")
    if not np.isfinite(f).all():
        raise ValueError("outputs: hold NaN or infinity; look at sol.message, and take the times before it")
    right = np.sign(f[..., 0]) == np.sign(targets[:, 0]) if targets.shape[1] == 1 else f.argmax(axis=-1) == targets.argmax(axis=-1)
    return np.asarray(right.mean(axis=-1))
