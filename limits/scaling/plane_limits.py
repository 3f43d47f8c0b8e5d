"""From a point of the plane of scalings to the limit that its networks have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..activations import Activation

if TYPE_CHECKING:
    from ..two_layer.plane_limit import PlaneLimit

__all__ = ["plane_limit"]


def plane_limit(
    q_sigma: float,
    q_tilde: float,
    activation: str | Activation,
    particles: int = 4096,
    *,
    weight_std: float = 1.0,
    output_std: float = 1.0,
    reference_width: int = 1,
    quasi_random: bool = False,
    hidden_layers: int = 1,
    q_tilde_hidden: float | None = None,
    method: str = "gradient",
) -> PlaneLimit:
    r"""The limit of networks at a point of the plane of scalings, ready to solve: of one hidden layer in each of the thirteen classes.

    It is that of gradient descent and momentum, or with ``method="rmsprop"`` that of RMSProp in the five classes of its upper edge,
    :math:`\tilde q = 0`: the first row of the table, with moves that are normalised. Below that edge RMSProp has no solver.

    With :math:`s = q_\sigma + \tilde q`, logits at the start of order :math:`d^{q_\sigma + 1/2}` and a change of order :math:`d^u`,
    :math:`u = q_\sigma + 1 + s`, the limit of :math:`d^{-u} f` is one of two dynamics with the residuals of one of three losses; what the
    residuals of step 0 are, the start says.

    ==================  ===================================  ================  ============================================
    edge                dynamics                             u                 residuals
    ==================  ===================================  ================  ============================================
    upper, s = 0        particles (mean field)               negative          those of f = 0, for all time
    interior            constant kernel, from g = 0          zero              those of the loss at g
    lower, s = -1/2     constant kernel, from g = G,         positive          those of the sign of g; in step 0, but for the
                        a Gaussian process                                     lower edge, those of f = 0, of G, of its sign
                                                                               (:math:`q_\sigma` below, at, above -1/2)
    ==================  ===================================  ================  ============================================

    Parameters
    ----------
    q_sigma, q_tilde : float
        Exponents of the multiplier and of the learning rates.
    activation : str or Activation
    particles : int
        Of the limits at the upper edge.
    weight_std, output_std : float
        Of the Gaussian start.
    reference_width : int
        The network of that width is the same at all points.
    quasi_random : bool
        Scrambled Sobol points in place of independent particles.
    hidden_layers : int
        L. More than one below the upper edge, where kernels are constant; the activation is then homogeneous, or
        :math:`q_\sigma = -\tfrac12`.
    q_tilde_hidden : float, optional
        Of the matrices between hidden layers, as in :func:`plane_class`.
    method : {"gradient", "rmsprop"}
        ``"rmsprop"`` for :class:`~infwidth.solvers.RMSProp`; the limit of one refuses the other.

    Raises
    ------
    ValueError
        Outside the band, under RMSProp below its upper edge or with more than one hidden layer, or where an argument is out of its range.

    References
    ----------
    .. [golikov2020dynamically] Golikov, arXiv:2006.06574; the equations are in :class:`~infwidth.limits.two_layer.PlaneLimit`.

    Examples
    --------
    Above the line of finite kernels one step decides: logits diverge, and training ends as soon as all signs are right.

    >>> import infwidth as iw
    >>> from infwidth.limits import scaling
    >>> limit = scaling.plane_limit(-2 / 3, 0.5, "relu")
    >>> sol = iw.solve(limit, [[1.0, 0.2], [-0.3, 1.0]], [1.0, -1.0], iw.GradientDescent(0.5, 5), loss="logistic")
    >>> limit.where.name, sol.outputs[1].round(3).ravel().tolist() == sol.outputs[5].round(3).ravel().tolist()
    ('vanishing logits, diverging kernels, interior', True)

    Under RMSProp the mean field's multiplier needs rates of order 1:

    >>> limit = scaling.plane_limit(-1, 0, "relu", method="rmsprop")
    >>> sol = iw.solve(limit, [[1.0, 0.2], [-0.3, 1.0]], [1.0, -1.0], iw.RMSProp(0.02, 50), loss="logistic", rng=0)
    >>> limit.where.name, bool(sol.loss[-1] < 0.2 * sol.loss[0])
    ('mean field (RMSProp)', True)
    """
    from ..two_layer.plane_limit import PlaneLimit

    return PlaneLimit(
        q_sigma,
        q_tilde,
        activation,
        particles,
        weight_std,
        output_std,
        reference_width=reference_width,
        quasi_random=quasi_random,
        hidden_layers=hidden_layers,
        q_tilde_hidden=q_tilde_hidden,
        method=method,
    )
