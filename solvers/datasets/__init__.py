"""Handwritten digits and small photographs: where they come from, and how they become inputs and targets.

``sources`` has one function per data set: two that ship with Python packages, and MNIST and CIFAR-10 from a local folder in their original
formats (``idx``, ``cifar``), or downloaded by scikit-learn. ``images`` makes training and test samples of them.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .images import Images as Images
    from .images import Samples as Samples
    from .images import accuracy as accuracy
    from .sources import cifar10 as cifar10
    from .sources import digits as digits
    from .sources import mnist as mnist
    from .sources import mnist_5000 as mnist_5000
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
