"""A point for each of the thirteen classes of the plane of scalings."""

from __future__ import annotations

from ...solvers.checks import choice, integer
from .plane import DEEPEST, METHODS, PlaneClass, plane_class

__all__ = ["plane_classes"]


def plane_classes(method: str = "gradient", hidden_layers: int = 1) -> list[PlaneClass]:
    r"""One representative of each of the thirteen classes of a method: three points, seven segments and rays, three regions.

    Parameters
    ----------
    method : {"gradient", "rmsprop"}
    hidden_layers : int
        L, up to 8; more than one at the rates that move all layers alike, where :math:`L(q_\sigma + \tfrac12) - \tfrac12` has the place
        of :math:`q_\sigma`.

    Raises
    ------
    ValueError
        Where the method is not known, or there are no such layers.

    Examples
    --------
    >>> from infwidth.limits import scaling
    >>> [len({found.name for found in scaling.plane_classes(hidden_layers=L)}) for L in (1, 4)]
    [13, 13]
    """
    points = [(-1, 1), (-0.5, 0), (-0.5, 0.5)]
    lines = [(-0.75, 0.5), (-0.5, 0.25), (-0.75, 0.75), (-1.5, 1.5), (0, 0), (-1, 0.5), (0, -0.5)]
    regions = [(-2 / 3, 0.5), (-1, 0.75), (0, -0.25)]
    rmsprop = choice("method", method, METHODS) == "rmsprop"
    L = integer("hidden_layers", hidden_layers, least=1, most=DEEPEST)
    chosen = []
    for q, rate in (*points, *lines, *regions):
        if rmsprop:
            rate = q + rate
        between = None if L == 1 else rate - (0.5 if rmsprop else 0.0)
        chosen.append(plane_class((q + 0.5) / L - 0.5, rate, method=method, hidden_layers=L, q_tilde_hidden=between))
    return chosen
