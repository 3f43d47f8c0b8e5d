r"""Elementary functions without branches, so that loops over them become vector instructions.

The angle of a cosine comes from one polynomial, :math:`\arcsin x = x P(x^2)` on :math:`|x| \le \tfrac12`, by
:math:`\theta = 2 \arcsin\sqrt{\delta/2}` near :math:`c = 1`, its mirror near -1, and :math:`\theta = \tfrac\pi2 - \arcsin c` between.
"""

from __future__ import annotations

import numpy as np

from ..machine.compilation import jit

__all__ = ["angle", "arcsine", "arcsine_ratio", "exp", "mills", "within"]

PI, HALF_PI = 3.141592653589793, 1.5707963267948966
LOG2E, LN2 = 1.4426950408889634, 0.6931471805599453

# Near-minimax polynomial of arcsin(sqrt(z)) / sqrt(z) on [0, 1/4], lowest power first: its error is 2e-17.
ARCSINE = (
    1.0, 0.1666666666666494118, 0.075000000003852016734, 0.044642856805998938418, 0.030381959697685138233, 0.022371749733164054133,
    0.017359779641349980067, 0.013884842826402080755, 0.01217013859239172629, 0.0065293020047365692817, 0.019513468251252168004,
    -0.016187392271599133212, 0.031879621400812839426,
)  # fmt: skip

# R(z) (z + 5), R Mills' ratio, for all z >= 0, in t = (z - 5) / (z + 5): the relative error of R is 6e-16.
MILLS = (
    1.9280810471531576488, -1.6678665951889600614, 1.2415470615738660095, -0.78591107554654454288, 0.41364471573270332736,
    -0.17325473408716839982, 0.052125502411915071624, -0.0075032828204644204381, -0.0019999619714877463357, 0.0013658591595215969965,
    -0.00014883307216171830872, -0.00012473565242904059618, 0.000041814657234394717154, 9.974765090958137415e-6,
    -6.9452021812836488195e-6, -8.3604199168540190344e-7, 1.0939304965525823301e-6, 9.6655762741891453325e-8, -1.7669128694852581643e-7,
    -1.7378171196411473162e-8, 2.8356674617665131151e-8, 3.1789077640419034893e-9, -3.9144329790059274724e-9,
    -3.3230434676192489104e-10, 3.242536844855360541e-10,
)  # fmt: skip


@jit(inline=True)
def mills(z):  # type: ignore[no-untyped-def]
    """Mills' ratio (1 - Phi(z)) / Phi'(z) of the normal law, z >= 0."""
    u = 1 / (z + 5)
    t = 1 - 10 * u
    p = MILLS[24]
    for i in range(23, -1, -1):
        p = p * t + MILLS[i]
    return p * u


@jit(inline=True)
def arcsine_ratio(z):  # type: ignore[no-untyped-def]
    """arcsin(sqrt(z)) / sqrt(z) on [0, 1/4]."""
    p = ARCSINE[12]
    for i in range(11, -1, -1):
        p = p * z + ARCSINE[i]
    return p


@jit(inline=True)
def angle(delta):  # type: ignore[no-untyped-def]
    """arccos(1 - delta)."""
    c = 1 - delta
    z = 0.5 * min(delta, 2 - delta)
    end = z < 0.25
    arc = arcsine_ratio(z if end else c * c) * (2 * np.sqrt(z) if end else c)
    return (arc if delta < 1 else PI - arc) if end else HALF_PI - arc


@jit(inline=True)
def arcsine(x, below):  # type: ignore[no-untyped-def]
    """arcsin(x), given below = 1 - x too."""
    z = 0.5 * min(below, 2 - below)
    end = z < 0.25
    arc = arcsine_ratio(z if end else x * x) * (2 * np.sqrt(z) if end else x)
    return (HALF_PI - arc if below < 1 else arc - HALF_PI) if end else arc


@jit(inline=True)
def exp(x):  # type: ignore[no-untyped-def]
    """exp of x <= 0, to an absolute error of 2e-16: 2^n by its bits, and a Taylor polynomial."""
    x = max(x, -700.0)
    n = np.rint(x * LOG2E)
    r = x - n * LN2
    p = 1.0
    for i in range(13, 0, -1):
        p = 1.0 + p * r / i
    return p * np.int64((np.int64(n) + 1023) << 52).view(np.float64)


@jit(inline=True)
def within(delta):  # type: ignore[no-untyped-def]
    """The nearest value of 1 minus a cosine."""
    return min(max(delta, 0.0), 2.0)
