"""What the estimators take from scikit-learn, or a word on where to get it."""

from typing import Any

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted
    from sklearn.utils.validation import validate_data as _validated
except ImportError as error:
    raise ImportError("estimators are for scikit-learn 1.6 or later: pip install infwidth[data]") from error

__all__ = ["BaseEstimator", "ClassifierMixin", "RegressorMixin", "check_classification_targets", "check_is_fitted", "validate_data"]


def validate_data(estimator: Any, *arrays: Any, **options: Any) -> Any:
    """scikit-learn's checks of X, or of X and y, after those of what it takes for numbers and is none: masked entries, dates and text."""
    for name, values in zip("Xy", arrays, strict=False):
        if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
            raise ValueError(
                f"{name}: {int(np.ma.getmaskarray(values).sum())} entries are masked; remove those rows, or fill them in (.filled)"
            )
        labels = name == "y" and not options.get("y_numeric", False)
        if not labels and isinstance(values, np.ndarray) and values.dtype.kind in "mMSU":
            raise ValueError(f"{name}: need numbers, got an array of {values.dtype}")
    return _validated(estimator, *arrays, **options)
