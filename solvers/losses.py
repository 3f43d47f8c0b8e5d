r"""Losses: the mean over samples of :math:`\ell(f_i, y_i)` and its residuals :math:`\partial\ell/\partial f_i`.

=================  ======================================  =====================================
name               :math:`\ell(f, y)`                       targets
=================  ======================================  =====================================
``squared``        :math:`\tfrac12 \|f - y\|^2`             real, shape (n,) or (n, k)
``logistic``       :math:`\sum_c \log(1 + e^{-y_c f_c})`    -1 or +1, shape (n,) or (n, k)
``cross_entropy``  :math:`-\log \mathrm{softmax}(f)_y`      classes 0..k-1, shape (n,), or one-hot
=================  ======================================  =====================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from .checks import array, asked, function, returned, shown

__all__ = ["Loss", "get"]

Array = np.ndarray

MOST_CLASSES = 10_000
STEP = 1e-5  # of the central differences that a user's residuals are held against


@dataclass(frozen=True)
class Loss:
    r"""A loss per sample with its residual and the check of its targets.

    Attributes
    ----------
    name : str
    value_and_residual : callable
        ``(f, y)``, both (n, k), to :math:`\ell` per sample, shape (n,), and :math:`\partial\ell/\partial f`, shape (n, k), in new memory.
    targets : callable
        Raw targets and a dtype to the matrix ``y``, shape (n, k); raises ValueError where they do not fit the loss.

    Raises
    ------
    ValueError, TypeError
        Where the name is no name or that of another loss, or something is no function.

    Examples
    --------
    >>> from infwidth.solvers import losses
    >>> logistic = losses.get("logistic")
    >>> logistic.value_and_residual(np.zeros((1, 1)), np.ones((1, 1)))
    (array([0.69314718]), array([[-0.5]]))
    """

    name: str
    value_and_residual: Callable[[Array, Array], tuple[Array, Array]] = field(repr=False, compare=False)
    targets: Callable[[Any, np.dtype], Array] = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"name: need a name, got {shown(self.name)}")
        function("value_and_residual", self.value_and_residual, "outputs and targets (n, k) to losses (n,) and their gradients (n, k)")
        function("targets", self.targets, "raw targets and a dtype to a matrix (n, k)")

    def check(self, y: Any, dtype: np.dtype) -> Array:
        """The raw targets ``y`` as a matrix of that dtype, after a look at the loss itself where it is not one of this library.

        Raises
        ------
        ValueError
            Where the targets do not fit, the loss gives something else than values and residuals, or the residuals are not the derivative
            of the values.
        """
        if _LOSSES.get(self.name) is self:
            return self.targets(y, dtype)
        targets = array(
            "targets", asked("targets", self.targets, y, dtype, signature="raw targets and a dtype to a matrix (n, k)"), dtype=dtype
        )
        few = targets[:8].astype(float)
        somewhere = np.arange(1.0, few.size + 1).reshape(few.shape)
        f, direction = few + np.cos(somewhere), np.sin(somewhere)
        found, residual = self._look(f, few)
        ahead, behind = (self._look(f + step * direction, few)[0] for step in (STEP, -STEP))
        slope, claimed = (ahead - behind) / (2 * STEP), (residual * direction).sum(axis=1)
        wrong = np.abs(claimed - slope) > 1e-4 * (1 + np.abs(slope) + np.abs(found))
        if wrong.any():
            raise ValueError(
                f"value_and_residual: the residuals give the slope {claimed[wrong][0]:.6g} where finite differences of the values give "
                f"{slope[wrong][0]:.6g}; correct the residual, the derivative of one sample's loss in f"
            )
        return targets

    def _look(self, f: Array, y: Array) -> tuple[Array, Array]:
        """Values and residuals, checked."""
        signature = "outputs and targets (n, k) to losses (n,) and their gradients (n, k)"
        outputs, targets = f.copy(), y.copy()
        pair = asked("value_and_residual", self.value_and_residual, outputs, targets, signature=signature)
        if not (np.array_equal(outputs, f) and np.array_equal(targets, y)):
            raise ValueError("value_and_residual: changes the outputs or the targets that it is given; compute in new arrays")
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(f"value_and_residual: must return two arrays, losses (n,) and gradients (n, k), gave {shown(pair)}")
        at = f"outputs of shape {f.shape}"
        return returned("value_and_residual", pair[0], f.shape[:1], at), returned("value_and_residual", pair[1], f.shape, at)

    def judge(self, f: Array, y: Array) -> tuple[float, Array]:
        """Mean loss over the samples, and its gradient with respect to ``f``: the residuals divided by n. ``f`` and ``y`` are (n, k)."""
        values, residual = self.value_and_residual(f, y)
        residual *= 1 / len(y)
        return float(np.add.reduce(values, dtype=np.float64)) / len(y), residual


def _real_targets(y: Any, dtype: np.dtype) -> Array:
    return array("y", y, dtype=dtype)


def _signs(y: Any, dtype: np.dtype) -> Array:
    y = array("y", y, dtype=dtype)
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(f"y: the logistic loss needs targets -1 and +1, got {np.unique(y)[:4]}; for 0 and 1 pass 2 * y - 1")
    return y


def _classes(y: Any, dtype: np.dtype) -> Array:
    given = array("y", y, dtype=np.dtype(np.float64))
    if given.shape[1] == 1:
        labels = given[:, 0].astype(int)
        if (labels != given[:, 0]).any() or labels.min() < 0:
            raise ValueError("y: cross_entropy needs classes 0, 1, ..., k-1 or one-hot rows; encode the labels first")
        if labels.max() >= MOST_CLASSES:
            raise ValueError(
                f"y: class {labels.max()} is too large for cross_entropy (fewer than {MOST_CLASSES}); number the classes 0..k-1"
            )
        if labels.max() == 0:
            raise ValueError(
                "y: all targets are class 0, where cross_entropy is 0 whatever the outputs; give two classes or more, or one-hot rows"
            )
        return np.eye(labels.max() + 1, dtype=dtype)[labels]
    if (given < 0).any() or not np.allclose(given.sum(axis=1), 1):
        raise ValueError("y: rows of a matrix of targets must be one-hot, or probabilities that sum to 1, for cross_entropy")
    return given.astype(dtype)


def _squared(f: Array, y: Array) -> tuple[Array, Array]:
    residual = f - y
    return 0.5 * np.einsum("ic,ic->i", residual, residual), residual


def _logistic(f: Array, y: Array) -> tuple[Array, Array]:
    margin = -y * f
    return np.logaddexp(margin.dtype.type(0), margin).sum(axis=1), -y * special.expit(margin)


def _cross_entropy(f: Array, y: Array) -> tuple[Array, Array]:
    return special.logsumexp(f, axis=1) - np.einsum("ic,ic->i", y, f), special.softmax(f, axis=1) - y


_LOSSES = {
    loss.name: loss
    for loss in (
        Loss("squared", _squared, _real_targets),
        Loss("logistic", _logistic, _signs),
        Loss("cross_entropy", _cross_entropy, _classes),
    )
}


def get(loss: str | Loss) -> Loss:
    """The loss of that name, or the given one.

    Parameters
    ----------
    loss : str or Loss
        ``"squared"``, ``"logistic"`` or ``"cross_entropy"``, or your own.

    Raises
    ------
    ValueError
        Where the name is not known.

    Examples
    --------
    >>> from infwidth.solvers import losses
    >>> losses.get("logistic").name
    'logistic'
    """
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str) or loss not in _LOSSES:
        raise ValueError(f"loss: {shown(loss)} is not one of {', '.join(_LOSSES)}; give one of these or a solvers.Loss")
    return _LOSSES[loss]
