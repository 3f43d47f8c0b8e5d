r"""The infinite-width limit of a deep linear network is a deep linear network that grows.

In :math:`f = A_{L+1} A_L \cdots A_1 x` every :math:`A_l` is at first an operator :math:`\sigma_l Z_l` between the :math:`L^2` spaces of two
layers, the limit of :math:`m^{-1/2}` times a Gaussian matrix; the ends map from the d inputs and to the k outputs. Of such an operator only
this is known before it is used: on a vector a that is orthogonal to all that it was applied to before, and seen from vectors that its
transpose was not yet applied to, :math:`Z a` is a new direction of length :math:`|a|`, orthogonal to everything. (That is conditioning of
Gaussian matrices on what they did so far [bolthausen2012]_ [yang2020feature]_, where all corrections for finitely many vectors vanish as m
grows.) So there is a matrix for each :math:`A_l`, in orthonormal bases of what was reached of the two layers, and it needs two rules:

* a field :math:`h^{l-1}` with a component outside all earlier ones, along the unit vector a: layer l gets one more neuron, with the
  incoming weights :math:`\sigma_l a` and no outgoing ones;
* a backward field :math:`g^l = (A_{L+1} \cdots A_{l+1})^\top` with a component outside all earlier ones, along b: layer l - 1 gets one more
  neuron, with the outgoing weights :math:`\sigma_l b` and no incoming ones.

The ends know all their vectors from the start: layer 1 has d neurons with the weights :math:`\sigma_1 I`, layer L has k with
:math:`\sigma_{L+1} I`, and with one hidden layer that is all [yang2020feature]_. Between them, T steps of training on data of rank r reach
at most :math:`T (r + k)` directions per layer, and numerically far fewer: a component shorter than a tolerance is dropped, and as training
goes on, soon nothing new appears. What is dropped is orthogonal to all other fields, so that it acts on the outputs only through products
of what was dropped at one time with the same direction at another.

References
----------
.. [bolthausen2012] Bolthausen, arXiv:1201.2891.
.. [yang2020feature] Yang and Hu, arXiv:2011.14522 (its section on linear networks of one hidden layer).
.. [chizat2022] Chizat, Colombo, Fernández-Real and Figalli, arXiv:2211.16980: the limit is
   an infinitely wide deterministic linear network. The growing bases are derived here.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ...solvers.problem import MethodFailed, Snapshot

__all__ = ["LARGEST", "GrowingNetwork"]

Array = np.ndarray

LARGEST = 4e9  # bytes of one network
ROUNDING = 1e-13  # relative length below which a component is rounding


class GrowingNetwork:
    r"""The matrices :math:`A_1, \ldots, A_{L+1}` in bases that grow.

    ``matrices[l]`` maps layer l to layer l + 1; layer 0 are the inputs, layer L + 1 the outputs. Widths only grow, and a new neuron comes
    last, so that an old vector is a new one with zeros missing.

    Parameters
    ----------
    inputs, outputs : int
        d and k.
    scales : sequence of float, length L + 1
        The :math:`\sigma_l`; 0 is allowed.
    tolerance : float
        Components of a field shorter than this, relative to the field, are dropped.

    Attributes
    ----------
    matrices : list of ndarray, length L + 1
    forward_known, backward_known : list of ndarray, length L + 1
        Orthonormal bases, in columns, of what ``matrices[l]`` and its transpose have been applied to; of the ends, nothing is kept.

    Examples
    --------
    Before training, each of three layers knows two forward fields and one backward field, new directions all of them:

    >>> network = GrowingNetwork(2, 1, scales=(1.0, 1.0, 1.0, 1.0), tolerance=1e-8)
    >>> h, g = network.fields()
    >>> network.widths, [(below.T @ above).round(12).tolist() for below, above in zip(h[1:], g[:-1])]
    ([2, 3, 3, 3, 1], [[[0.0], [0.0]], [[0.0], [0.0]], [[0.0], [0.0]]])
    """

    def __init__(self, inputs: int, outputs: int, scales: tuple[float, ...], tolerance: float) -> None:
        L = len(scales) - 1
        self.scales, self.tolerance = scales, max(tolerance, ROUNDING)
        widths = [inputs, *[0] * L, outputs]
        self.matrices = [np.zeros((above, below)) for below, above in pairwise(widths)]
        self.forward_known = [np.zeros((width, 0)) for width in widths[:-1]]
        self.backward_known = [np.zeros((width, 0)) for width in widths[1:]]
        if scales[0]:
            self._widen(1, incoming=scales[0] * np.eye(inputs))
        if scales[-1]:
            self._widen(L, outgoing=scales[-1] * np.eye(outputs))

    @property
    def widths(self) -> list[int]:
        """Sizes of layers 0..L + 1."""
        return [self.matrices[0].shape[1], *(len(A) for A in self.matrices)]

    def fields(self) -> tuple[list[Array], list[Array]]:
        """Forward fields :math:`h^0 = I, h^1, \\ldots, h^L`, each (width, d), and backward fields :math:`g^1, \\ldots, g^{L+1} = I`, each
        (width, k). Grows until all of them are known.

        The fields are computed in the bases in which they are returned: the same network gives the same bits.
        """
        while True:
            before = self.widths
            h = self._forward()
            g = self._backward()
            if self.widths == before:
                return h, g

    def _forward(self) -> list[Array]:
        h = [np.eye(self.matrices[0].shape[1])]
        for l in range(len(self.matrices) - 1):
            if l:
                self._ask_forward(l, h[l])
            h.append(self.matrices[l] @ h[l])
        return h

    def _backward(self) -> list[Array]:
        L = len(self.matrices) - 1
        g = [np.eye(len(self.matrices[L]))]
        for l in range(L, 0, -1):
            if l < L:
                self._ask_backward(l, g[0])
            g.insert(0, self.matrices[l].T @ g[0])
        return g

    def _ask_forward(self, l: int, field: Array) -> None:
        if self.scales[l] and (new := self._outside(self.forward_known[l], field)) is not None:
            self._widen(l + 1, incoming=self.scales[l] * new.T)
            self.forward_known[l] = np.ascontiguousarray(np.hstack([self.forward_known[l], new]))

    def _ask_backward(self, l: int, field: Array) -> None:
        if self.scales[l] and (new := self._outside(self.backward_known[l], field)) is not None:
            self._widen(l, outgoing=self.scales[l] * new)
            self.backward_known[l] = np.ascontiguousarray(np.hstack([self.backward_known[l], new]))

    def _outside(self, known: Array, field: Array) -> Array | None:
        """Orthonormal directions of the part of ``field`` outside the span of ``known``; None where that is below the tolerance."""
        least = self.tolerance * np.linalg.norm(field)
        rest = field - known @ (known.T @ field)
        if not np.linalg.norm(rest) > least or not np.isfinite(least):  # a diverging run ends elsewhere
            return None
        directions, lengths, _ = np.linalg.svd(rest, full_matrices=False)
        new = directions[:, lengths > least]
        if not new.shape[1]:
            return None
        for _ in range(2):  # a short rest is known to few digits, and its direction must be orthogonal to all of them
            new = np.linalg.qr(new - known @ (known.T @ new))[0]
        return new

    def _widen(self, layer: int, incoming: Array | None = None, outgoing: Array | None = None) -> None:
        """Add neurons to a layer, by their incoming weights (rows) or their outgoing weights (columns); the others are zero."""
        below, above = self.matrices[layer - 1], self.matrices[layer]
        if incoming is None:
            assert outgoing is not None
            incoming = np.zeros((outgoing.shape[1], below.shape[1]))
        if outgoing is None:
            outgoing = np.zeros((len(above), len(incoming)))
        self._guard(len(incoming) * (len(above) + below.shape[1]))
        # In C order whatever numpy makes of it: products of a network that was stored and taken up again have the same bits.
        self.matrices[layer - 1] = np.ascontiguousarray(np.vstack([below, incoming]))
        self.matrices[layer] = np.ascontiguousarray(np.hstack([above, outgoing]))
        for known, i in ((self.backward_known, layer - 1), (self.forward_known, layer)):
            known[i] = np.ascontiguousarray(np.vstack([known[i], np.zeros((len(incoming), known[i].shape[1]))]))

    def _guard(self, numbers: int) -> None:
        total = 8 * (numbers + sum(A.size for kept in (self.matrices, self.forward_known, self.backward_known) for A in kept))
        if total > LARGEST:
            raise MethodFailed(
                f"tolerance: {self.tolerance:g} needs layers wider than {max(self.widths[1:-1])}, {total / 1e9:.1f} GB (limit"
                f" {LARGEST / 1e9:.0f} GB); raise it, or reduce the inputs to fewer directions"
            )

    def snapshot(self) -> Snapshot:
        """All of it, as arrays."""
        return {
            "matrices": [A.copy() for A in self.matrices],
            "forward_known": list(self.forward_known),
            "backward_known": list(self.backward_known),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a snapshot."""
        self.matrices = [A.copy() for A in snapshot["matrices"]]
        self.forward_known, self.backward_known = list(snapshot["forward_known"]), list(snapshot["backward_known"])
