r"""The causal march of dynamical mean-field theory, with the past compressed.

At infinite width the neurons of a layer are independent of each other, and S samples stand for them. Layers meet through averages
:math:`\langle\cdot\rangle` only. Of the Gaussian matrix :math:`W^l_0` no more is ever seen than its action on the fields
:math:`\phi(h^{l-1}_s)` and :math:`g^l_s` of past times, and this is the finite-rank operator

.. math::
    W^l_0 = \sigma_l \Big(\sum_j e^u_j \otimes \tilde\varphi_j + \sum_k \tilde g_k \otimes e^r_k\Big),

with :math:`\tilde\varphi_j` and :math:`\tilde g_k` orthonormal bases of the span of those fields (in :math:`L^2` of layer l - 1 and of
layer l) and independent standard Gaussians :math:`e^u_j` (samples of layer l), :math:`e^r_k` (of layer l - 1), one for each new
direction. This is the pair of Gaussian processes u, r of [bordelon2022]_ in coordinates: their covariances are the order
parameters :math:`\Phi^{l-1}, G^{l+1}`, and :math:`\langle\phi(h^{l-1}_t)\, e^r_k\rangle`, :math:`\langle g^l_t\, e^u_j\rangle` are its
responses A and B by Stein's identity.
Training adds :math:`\tilde g\, K_t\, \tilde\varphi^\top`, so that with :math:`c_t` and :math:`b_t` the coordinates of :math:`\phi(h_t)` and
:math:`g_t`

.. math::
    h^l_t &= \sigma_l (c_t\, e^u + a_t\, \tilde g) + c_t K_t^\top \tilde g, & a_t &= \langle\partial\phi(h_t)/\partial e^r\rangle, \\
    z^{l-1}_t &= \sigma_l (b_t\, e^r + d_t\, \tilde\varphi) + b_t K_t\, \tilde\varphi, & d_t &= \langle\partial g_t/\partial e^u\rangle, \\
    K^l_t &= -\kappa_l \sum_{s<t} \sum_{i,c} \omega_{ts}\, D^c_{s,i}\; b^c_{s,i} \otimes c_{s,i}, & g^l_t &= \phi'(h^l_t)\, z^l_t ,

for rates :math:`\kappa_l` relative to the base rate, coefficients :math:`\omega_{ts}` of the gradient of step s in today's parameters,
:math:`D_{s,i} = \gamma\, \partial_f\ell_{s,i} / n`, and one backward field per output c. The first layer has the inputs for
:math:`\tilde\varphi`, the last the outputs for :math:`\tilde g`; :math:`f_t = \gamma^{-1}\langle z^L_t\,\phi(h^L_t)\rangle`. Everything
is explicit: one sweep forward and one backward per time, no fixed point. With R directions a time costs :math:`O(L\,S\,n k R)` operations,
and the memory is :math:`O(L\,S\,R)` however many times there were.

References
----------
.. [bordelon2022] Bordelon and Pehlevan, arXiv:2205.09653, section 3.2: the processes, their kernels and responses.
.. [yang2020laws] Yang, arXiv:2009.10685 (a Gaussian matrix conditioned on what was seen of it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..activations import Activation
from .bases import Basis
from .innovations import ABOVE, BELOW, Innovations
from .rows import Budget, Rows, Table

__all__ = ["FieldTheory", "Layer", "March", "widened"]

Array = np.ndarray

CHUNK = 1 << 18  # numbers in a temporary array of one chunk of samples
BEYOND = 1e-6  # mean square of a unit direction outside the noise, below which it is noise


@dataclass(frozen=True)
class FieldTheory:
    """What the march must know of the network. ``weight_std`` and ``rates`` have one number per weight layer, ``L + 1``."""

    hidden_layers: int
    activation: Activation
    gamma: float
    weight_std: tuple[float, ...]
    rates: tuple[float, ...]
    samples: int
    tolerance: float


class Layer:
    """Samples of one hidden layer: white noise of the weights below and above, and bases of its features and gradients.

    New noise is independent of every field so far. Made orthogonal to them, averages that are zero in the limit are zero: the outputs at
    the start are, and the responses to noise that came later, so that no error is divided by gamma.
    """

    def __init__(self, theory: FieldTheory, seeds: np.random.SeedSequence, budget: Budget, like: Layer | None) -> None:
        S = theory.samples
        self.noise: Innovations = Innovations(seeds, S, budget, None if like is None else like.noise)
        self.from_below, self.from_above = Rows(S, budget), Rows(S, budget)  # e^u and e^r
        self.features, self.gradients = (Basis(S, theory.tolerance, budget) for _ in range(2))
        self.beyond = Rows(S, budget)  # orthonormal: what features and gradients have outside the noise

    def excite(self, side: int, time: int, number: int) -> None:
        """The weights below or above meet that many new directions."""
        rows = self.from_below if side == BELOW else self.from_above
        rows.append(self.draw(number, side, time))

    def draw(self, number: int, side: int, time: int, *earlier: Array) -> Array:
        """New noise, shape (number, S); orthogonal to ``earlier`` draws that the layer does not keep, too."""
        return self.noise.draw(number, side, time, self.from_below.values, self.from_above.values, *earlier, avoided=self.beyond.values)

    def meet(self, directions: Array) -> None:
        """Noise to come is orthogonal to these, too, shape (new, S); as long as there are samples for it."""
        S = directions.shape[1]
        if not len(directions) or 4 * (len(self.beyond) + len(directions)) > S:
            return
        rest = directions.copy()
        for rows in 2 * (self.from_below, self.from_above, self.beyond):
            rest -= (rest @ rows.values.T / S) @ rows.values
        variance, axes = np.linalg.eigh(rest @ rest.T / S)
        kept = variance > BEYOND
        self.beyond.append((axes[:, kept] / np.sqrt(variance[kept])).T @ rest)

    @property
    def kept(self) -> tuple[Rows, ...]:
        """All that grows with the directions."""
        return self.from_below, self.from_above, self.features.rows, self.gradients.rows, self.beyond


class March:
    """One system of S samples per layer.

    Parameters
    ----------
    theory : FieldTheory
    inputs : ndarray, shape (n, r)
        Coordinates of the training inputs in an orthonormal basis.
    outputs : int
        k.
    seeds : numpy SeedSequence
    budget : Budget
    like : March, optional
        Meet the same noise as this one, of the same seeds, which must be a step ahead.
    """

    def __init__(
        self,
        theory: FieldTheory,
        inputs: Array,
        outputs: int,
        seeds: np.random.SeedSequence,
        budget: Budget,
        like: March | None = None,
    ) -> None:
        self.theory, self.inputs, self.k = theory, inputs, outputs
        L = theory.hidden_layers
        models: list[Layer | None] = [None] * L if like is None else list(like.layers)
        self.layers: list[Layer] = [Layer(theory, seed, budget, model) for seed, model in zip(_children(seeds, L), models, strict=True)]
        self.layers[0].excite(BELOW, -1, inputs.shape[1])
        n = len(inputs)
        self.features = [Table(1, budget) for _ in range(L + 1)]  # coordinates of each layer's features, (times n, 1, R); inputs first
        self.gradients = [Table(outputs, budget) for _ in range(L + 1)]  # and of its gradients, (times n, k, R); outputs last
        self.drive = np.zeros((0, n, outputs))  # gamma times the residuals over n, of each time
        self.h = np.zeros((L, n, theory.samples))
        self.drifts: list[Array] = []
        self.sizes: list[list[list[int]]] = []  # of what each layer keeps, before each time; .storage goes back to them

    @property
    def time(self) -> int:
        """Number of times that gradients are known of."""
        return len(self.drive)

    # One time

    def extend(self, weights: Array) -> Array:
        """Outputs (n, k) of the next time; ``weights`` (t, 1) are the coefficients of the past gradients."""
        self.sizes.append([[len(rows) for rows in layer.kept] for layer in self.layers])
        self.drifts = [self._drift(l, weights) for l in range(self.theory.hidden_layers + 1)]
        self._forward()
        return self._backward()

    def learn(self, residual: Array) -> None:
        """Take the gradient of the loss with respect to the outputs of the newest time, shape (n, k)."""
        self.drive = np.concatenate([self.drive, self.theory.gamma * residual[None]])

    def _drift(self, l: int, weights: Array) -> Array:
        """K: what training has added to weight layer l (from 0), between the gradients above and the features below."""
        D = (weights[:, :, None] * self.drive).reshape(-1, self.k)
        pushed = np.einsum("pc,pcr->pr", D, self.gradients[l].values)
        return -self.theory.rates[l] * pushed.T @ self.features[l].values[:, 0]

    def _forward(self) -> None:
        phi = self.theory.activation.value
        c, response = self.inputs, None
        self.features[0].append(c[:, None])
        for l, layer in enumerate(self.layers):
            noise, kicks = self.forward_mix(l, c, response)
            h = self.h[l]
            for chunk in self._chunks(len(h)):
                h[:, chunk] = noise @ layer.from_below.values[:, chunk] + kicks @ layer.gradients.values[:, chunk]

            def fields(chunk: slice, h: Array = h) -> Array:
                return phi(h[:, chunk])

            gram, c, response = self._moments(fields, len(h), layer.features.values, layer.from_above.values)
            growth = layer.features.grow(layer.features.plan(gram, c), fields, self._chunks(len(h)))
            layer.meet(layer.features.values[len(layer.features) - len(growth.fields) :])
            c = growth.coordinates
            self.features[l + 1].append(c[:, None])
            if layer is not self.layers[-1]:
                above = self.layers[l + 1]
                above.excite(BELOW, self.time, len(growth.fields))

    def _backward(self) -> Array:
        theory, n, k = self.theory, len(self.inputs), self.k
        phi, slope = theory.activation.value, theory.activation.derivative
        if self.time == 0:  # after the features of the start, which the readout is independent of
            self.layers[-1].excite(ABOVE, 0, k)
        b = np.tile(np.eye(k), (n, 1))
        self.gradients[-1].append(b.reshape(n, k, k))
        noise, kicks = theory.weight_std[-1] * np.eye(k), widened(self.drifts[-1], k, len(self.layers[-1].features))
        outputs = np.zeros((n, k))
        for l in range(theory.hidden_layers - 1, -1, -1):
            layer, h = self.layers[l], self.h[l]

            def z(chunk: slice, layer: Layer = layer, noise: Array = noise, kicks: Array = kicks) -> Array:
                z = noise @ layer.from_above.values[:, chunk] + kicks @ layer.features.values[:, chunk]
                return z.reshape(-1, k, z.shape[1])  # (n, k, samples); of the last layer (1, k, samples)

            def fields(chunk: slice, h: Array = h, z: Any = z) -> Array:
                return (slope(h[:, chunk])[:, None] * z(chunk)).reshape(n * k, -1)

            if l == theory.hidden_layers - 1:
                for chunk in self._chunks(n):
                    outputs += phi(h[:, chunk]) @ z(chunk)[0].T
            gram, b, response = self._moments(fields, n * k, layer.gradients.values, layer.from_below.values)
            growth = layer.gradients.grow(layer.gradients.plan(gram, b), fields, self._chunks(n * k))
            layer.meet(layer.gradients.values[len(layer.gradients) - len(growth.fields) :])
            b = growth.coordinates
            self.gradients[l].append(b.reshape(n, k, -1))
            if l:
                below = self.layers[l - 1]
                below.excite(ABOVE, self.time, len(growth.fields))
                drift = widened(self.drifts[l], b.shape[1], response.shape[1])
                noise, kicks = theory.weight_std[l] * b, theory.weight_std[l] * response + b @ drift
        return outputs / (theory.samples * theory.gamma)

    def forward_mix(self, l: int, c: Array, response: Array | None) -> tuple[Array, Array]:
        """Coefficients of the noise from below and of the gradients in the fields h of layer l."""
        std, drift = self.theory.weight_std[l], self.drifts[l]
        kicks = c[:, : drift.shape[1]] @ drift.T
        return std * c, kicks if response is None else kicks + std * response[:, : kicks.shape[1]]

    def _chunks(self, rows: int) -> Iterator[slice]:
        """Slices of the samples, so that as many rows of one are small."""
        size = max(256, CHUNK // max(rows, 1))
        return (slice(start, start + size) for start in range(0, self.theory.samples, size))

    def _moments(self, fields: Callable[[slice], Array], rows: int, *others: Array) -> list[Array]:
        """Means over the samples of products of the fields with each other and with others."""
        sums = [np.zeros((rows, rows)), *(np.zeros((rows, len(other))) for other in others)]
        for chunk in self._chunks(rows):
            F = fields(chunk)
            sums[0] += F @ F.T
            for total, other in zip(sums[1:], others, strict=True):
                total += F @ other[:, chunk].T
        return [total / self.theory.samples for total in sums]


def widened(matrix: Array, rows: int, columns: int) -> Array:
    """The matrix with zeros added, to that many rows and columns."""
    return np.pad(matrix, ((0, rows - matrix.shape[0]), (0, columns - matrix.shape[1])))


def _children(seeds: np.random.SeedSequence, number: int) -> list[np.random.SeedSequence]:
    """The same ones at every call, unlike ``spawn``."""
    return [np.random.SeedSequence(seeds.entropy, spawn_key=(*seeds.spawn_key, i)) for i in range(number)]
