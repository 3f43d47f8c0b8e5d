"""What the estimators take from scikit-learn, or a word on where to get it."""

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("estimators are for scikit-learn 1.6 or later: pip install infwidth[data]") from error

__all__ = ["BaseEstimator", "ClassifierMixin", "RegressorMixin", "check_classification_targets", "check_is_fitted", "validate_data"]
