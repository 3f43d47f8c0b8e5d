r"""Infinitely wide networks as estimators of scikit-learn: fit, predict, clone, pipelines and grid searches.

``regression`` and ``classification`` have two each: networks of the NNGP, whose outputs follow Bayes given the data, and of the NTK,
trained by gradient flow for some time; ``largest`` is the law by which classifiers state probabilities. Both need scikit-learn (``pip
install infwidth[data]``, asked for in ``scikit``); nothing else in the library does. Kernels serve support vector machines as they are,
``SVC(kernel=k.ntk)``; scikit-learn's ``KernelRidge`` and ``KernelPCA`` ask for single pairs and take matrices, ``kernel="precomputed"``.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .classification import NNGPClassifier as NNGPClassifier
    from .classification import NTKClassifier as NTKClassifier
    from .regression import NNGPRegressor as NNGPRegressor
    from .regression import NTKRegressor as NTKRegressor
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
