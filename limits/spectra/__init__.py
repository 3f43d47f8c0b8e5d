r"""Spectra of kernels, and what they decide: how fast gradient flow learns, and how much kernel regression learns from n samples.

``spectrum`` is a target in the eigenbasis of a kernel. It is known exactly on the sphere (``sphere``) and in the radial sector of a ball
(``ball``), and measured on data (``measured``). ``loss_curve`` predicts the training loss against time, ``regression`` the test error
against the number of samples, whose assumption ``gaussian_features`` keeps by construction; ``tails`` fits the powers that both follow.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .ball import radial_spectrum as radial_spectrum
    from .gaussian_features import gaussian_curve as gaussian_curve
    from .loss_curve import loss_curve as loss_curve
    from .measured import measured_spectrum as measured_spectrum
    from .regression import LearningCurve as LearningCurve
    from .regression import effective_ridge as effective_ridge
    from .regression import learning_curve as learning_curve
    from .regression import measure_curve as measure_curve
    from .regression import predicted_curve as predicted_curve
    from .spectrum import Spectrum as Spectrum
    from .sphere import multiplicity as multiplicity
    from .sphere import zonal_spectrum as zonal_spectrum
    from .tails import Tail as Tail
    from .tails import TailExponents as TailExponents
    from .tails import predicted_exponents as predicted_exponents
    from .tails import tail as tail
    from .tails import tail_sums as tail_sums
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
