r"""Laws of the initial particles :math:`(w_j, a_j)` of a two-layer network.

=============  ==============================================================================================
name           law
=============  ==============================================================================================
``gaussian``   :math:`w \sim N(0, \sigma_w^2 I)`, :math:`a \sim N(0, \sigma_a^2 I)`, independent
``sphere``     :math:`w` uniform on the sphere of radius :math:`\sigma_w`, the entries of :math:`a` are :math:`\pm\sigma_a`
=============  ==============================================================================================

The biases count as the last entries of :math:`w`. Each law is a map of the unit cube, so points of low discrepancy (scrambled Sobol)
can take the place of independent ones: the error of a smooth average then falls faster than :math:`N^{-1/2}`.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy import special

from ...solvers.checks import choice, flag, instance, integer
from ...solvers.machine.memory import refuse_above_available

__all__ = ["LAWS", "draw"]

Array = np.ndarray

LAWS = ("gaussian", "sphere")
BITS = 30  # of the coordinates of a Sobol point
MOST_SOBOL = 21_201  # dimensions for which scipy knows directions


def draw(law: str, rng: np.random.Generator, particles: int, dim: int, outputs: int, quasi_random: bool = False) -> tuple[Array, Array]:
    r"""Particles of one law at :math:`\sigma_w = \sigma_a = 1`.

    Parameters
    ----------
    law : {"gaussian", "sphere"}
    rng : numpy Generator
    particles, dim, outputs : int
        N, D (biases included) and k.
    quasi_random : bool
        Scrambled Sobol points, best where N is a power of two.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of its range.

    Returns
    -------
    W : ndarray, shape (N, D)
    a : ndarray, shape (N, k)

    Examples
    --------
    >>> W, a = draw("sphere", np.random.default_rng(0), 1024, 3, 1, quasi_random=True)
    >>> bool(np.allclose(np.linalg.norm(W, axis=1), 1)), bool(np.abs((W * a).mean(axis=0)).max() < 0.01)
    (True, True)
    """
    choice("law", law, LAWS)
    instance("rng", rng, np.random.Generator, "numpy.random.default_rng(0)")
    particles, dim = integer("particles", particles, least=1), integer("dim", dim, least=1)
    outputs = integer("outputs", outputs, least=0)  # none: incoming weights alone
    width = dim + outputs
    what = f"{particles:.3g} particles of {width:.3g} weights"
    refuse_above_available("particles", what, 24.0 * particles * width, "take fewer of one of them")
    if flag("quasi_random", quasi_random) and width > MOST_SOBOL:
        raise ValueError(f"quasi_random: Sobol points have at most {MOST_SOBOL} dimensions, a particle has {width} weights; leave it out")
    if quasi_random:
        normal = special.ndtri(_sobol(rng, particles, width))
    else:
        normal = rng.standard_normal((particles, width))
    W, a = normal[:, :dim], normal[:, dim:]
    if law == "sphere":
        W = W / np.linalg.norm(W, axis=1, keepdims=True)
        a = np.where(a > 0, 1.0, -1.0)
    return W, a


def _sobol(rng: np.random.Generator, points: int, dim: int) -> Array:
    from scipy.stats import qmc

    with warnings.catch_warnings():  # a number of points that is no power of two is less balanced, not wrong
        warnings.simplefilter("ignore", UserWarning)
        sample = qmc.Sobol(dim, bits=BITS, seed=rng).random(points)
    return sample + 2.0 ** -(BITS + 1)  # the middle of a cell: its lower corner may be 0, which would become -infinity
