r"""The stationary points of integrable parameterizations, and how networks of finite width leave them.

In the infinite-width limit independent centred initial weights act as the zero operator. Where f stays 0 for ever:

* naive IP with :math:`L \ge 3`: the L - 1 middle matrices are zero at initialisation, and one is not enough for a gradient of the others;
* IP-LLR with :math:`L \ge 5` and an activation with :math:`\phi(0) = 0`, :math:`\phi'(0) \ne 0` and no kink at 0 (linear, tanh, elu, gelu):
  after the large first step :math:`W_l` maps the initial *forward* fields :math:`u_{l-1}` of layer l - 1 to the *backward* fields
  :math:`g_l` of layer l. The forward vector of layer 2 is then a function :math:`F(g_2)`, of any mean, and :math:`W_3` reads it against
  :math:`u_2`, which is independent of :math:`g_2` and centred: :math:`E\, u_2 F(g_2) = 0`, so :math:`W_3` maps it to zero. Likewise
  backward from :math:`u_{L-1}`, on which layer L - 1 depends. None of the L - 3 matrices :math:`W_3, \ldots, W_{L-1}` in between has a
  gradient, and nor have the others.

"For ever" is meant for gradient descent, gradient flow, and heavy ball started at rest.

At width m every matrix carries noise of operator norm of order :math:`\epsilon = m^{-1/2}`. The output is a product of the missing signals:

* Naive IP: L - 1 signals, all of order :math:`\epsilon`. Their common size c obeys :math:`\dot c \propto (\epsilon + c)^{L-2}`, hence
  :math:`t \sim \ln m` for L = 3 and :math:`\epsilon^{-(L-3)} = m^{(L-3)/2}` beyond.
* IP-LLR, L = 5: two signals, :math:`W_3` and :math:`W_4`: :math:`\ln m`.
* IP-LLR, L >= 6: a kernel that survived can bridge one link, for example :math:`g_2 \to u_3 \to g_4 \to u_5` by way of :math:`W_4`
  for L = 6. The two signals beside it are single numbers of order :math:`\epsilon^2`, because noise spreads over all m directions and they
  need one. They grow at the rate :math:`\epsilon^{L-6}`, exponentially over a factor m: :math:`t \sim m^{(L-6)/2} \ln m`, and L = 6 is a
  strict saddle. From L = 8 on there is room for two bridges, with three such numbers a of order 1/m: :math:`\dot a \sim \epsilon^{L-8} a^2`
  blows up at :math:`t \sim \epsilon^{-(L-8)} m = m^{(L-6)/2}`, without the logarithm. Without bridges it would be
  :math:`m^{(L-5)/2}`. At moderate widths and with a small first rate (the bridge costs
  factors :math:`|\rho_0|`) those signals come first: exponents fitted from m = 32 to 512 are about .4 to .6 for L = 6, and 1.2 to
  1.7 for L = 7 (to 256), where the curve of the direct signals fits better. From m = 64 to 4096 (a range chosen after the narrower networks
  were seen), with :math:`|\rho_0|` = 1, that of L = 6 is 0 within .09. The orders for L >= 7 rest on the argument above and on the exact
  chain (:class:`~infwidth.limits.DeepLinearIntegrable`), integrated from its stationary point moved by :math:`\epsilon` in the entries
  :math:`u \to u, g \to g` of the middle matrices and by :math:`\epsilon^2` in :math:`g \to u`.

At a strict saddle the pair of signals grows by the factor :math:`1 + \eta\kappa` per step, and the output by its square. From an output of
order :math:`m^{-q}`, q = 1 (L = 3, 5) or 2 (L = 6),

.. math:: t_{\rm escape} = q\, \frac{\eta \ln m}{2 \ln(1 + \eta\kappa)} + O(1) \quad\to\quad q\, \frac{\ln m}{2\kappa} \quad (\eta \to 0).

References
----------
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596: the stationary point of naive IP, and IP-LLR. The second stationary point and
   the escape times are derived here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.data import Data
from ...solvers.losses import Loss
from .. import activations, gaussian
from ..activations import Activation
from .schemes import STATIONARY_FROM, check_scheme

__all__ = ["EscapeScaling", "escape_scaling", "growth_rate", "is_stationary", "log_slope"]

Array = np.ndarray


class EscapeScaling(NamedTuple):
    r"""Escape time :math:`t \sim m^p`, times :math:`\ln m` if ``logarithm``.

    Attributes
    ----------
    exponent : float
        p.
    logarithm : bool
    """

    exponent: float
    logarithm: bool


def is_stationary(hidden_layers: int, scheme: str = "naive") -> bool:
    """Whether the limit is f = 0 for all time: naive IP (``"naive"``) from L = 3 on, IP-LLR (``"large_lr"``) from L = 5 on.

    For IP-LLR with activations that are smooth at 0 with value 0 there; never for relu.

    Parameters
    ----------
    hidden_layers : int
        L >= 1.
    scheme : {"naive", "large_lr"}

    Raises
    ------
    ValueError
        Where L is not a positive integer, or the scheme is another.

    Examples
    --------
    >>> from infwidth.limits import saddle
    >>> [saddle.is_stationary(L) for L in (2, 3)], [saddle.is_stationary(L, "large_lr") for L in (4, 5)]
    ([False, True], [False, True])
    """
    L = integer("hidden_layers", hidden_layers, least=1)
    return L >= STATIONARY_FROM[check_scheme(scheme, STATIONARY_FROM)]


def escape_scaling(hidden_layers: int, scheme: str = "naive") -> EscapeScaling:
    r"""How the escape time grows with the width m.

    Naive IP: :math:`\ln m` for L = 3, then :math:`m^{(L-3)/2}`. IP-LLR: :math:`\ln m` for L = 5 and 6, :math:`m^{1/2} \ln m` for L = 7,
    then :math:`m^{(L-6)/2}`.

    Parameters
    ----------
    hidden_layers : int
        L >= 1.
    scheme : {"naive", "large_lr"}

    Raises
    ------
    ValueError
        Where there is no stationary point to escape from, or an argument is out of its range.

    Examples
    --------
    >>> from infwidth.limits import saddle
    >>> [tuple(saddle.escape_scaling(L)) for L in (3, 4, 5)]
    [(0.0, True), (0.5, False), (1.0, False)]
    >>> [tuple(saddle.escape_scaling(L, "large_lr")) for L in (5, 6, 7, 8)]
    [(0.0, True), (0.0, True), (0.5, True), (1.0, False)]
    """
    if not is_stationary(hidden_layers, scheme):
        raise ValueError(
            f"hidden_layers: there is no stationary point with {hidden_layers} under {scheme!r};"
            f" it needs at least {STATIONARY_FROM[scheme]}"
        )
    if scheme == "naive":
        return EscapeScaling((hidden_layers - 3) / 2, hidden_layers == 3)
    return EscapeScaling(max(hidden_layers - 6, 0) / 2, hidden_layers <= 7)


def growth_rate(
    X: Any,
    y: Any,
    hidden_layers: int = 3,
    *,
    first_learning_rate: float | None = None,
    loss: str | Loss = "squared",
    activation: str | Activation = "linear",
) -> float:
    r"""Rate :math:`\kappa` at which a network leaves a strict saddle: naive IP with L = 3, or linear IP-LLR with L = 5 or 6.

    With the residuals :math:`r_i` at f = 0 (one output), :math:`\bar\rho = -\mathrm{mean}_i\, r_i x_i`, :math:`\rho_0 = \eta_0\bar\rho` and
    unit variances of the weights:

    * naive IP, L = 3: :math:`\kappa = \phi'(0)^2\, \| \mathrm{mean}_i\, r_i \phi(w \cdot x_i) \|_{L^2(w \sim \mathcal N(0, I))}`; that is
      :math:`|\bar\rho|` for a linear network;
    * linear IP-LLR, L = 5: :math:`\kappa = |\rho_0|^2 |\bar\rho| \sqrt{2 + |\rho_0|^2}`. The pair :math:`W_3, W_4` alone would give
      :math:`|\rho_0|^2|\bar\rho|`; the root is what :math:`W_2` and :math:`W_5` add;
    * linear IP-LLR, L = 6: :math:`\kappa = |\rho_0|^3 |\bar\rho|`, by way of the surviving :math:`W_4`.

    Parameters
    ----------
    X : array_like, shape (n, d)
    y : array_like, shape (n,) or (n, 1)
    hidden_layers : {3, 5, 6}
    first_learning_rate : float, optional
        Base rate :math:`\eta_0` of the large first step of IP-LLR; None for naive IP.
    loss : str or Loss
    activation : str or Activation
        Smooth at 0, with value 0 there.

    Returns
    -------
    float
        In units of 1/t, t = learning rate times steps.

    Raises
    ------
    ValueError
        Where there is more than one output, the activation has a kink or a value at 0, it is not linear under IP-LLR, or the point is no
        strict saddle: at that depth, or because the targets do not correlate with the inputs and the rate is 0.

    Examples
    --------
    >>> from infwidth.limits import saddle
    >>> X, y = np.eye(2), np.array([2.0, -2.0])
    >>> saddle.growth_rate(X, y), saddle.growth_rate(X, y, activation="tanh")
    (1.4142, 0.8880)
    >>> saddle.growth_rate(X, y, 5, first_learning_rate=1.0), saddle.growth_rate(X, y, 6, first_learning_rate=1.0)
    (5.6569, 4.0000)
    """
    known = (3,) if first_learning_rate is None else (5, 6)
    hidden_layers = integer("hidden_layers", hidden_layers, least=1)
    if hidden_layers not in known:
        raise ValueError(
            f"hidden_layers: {hidden_layers} is no strict saddle with first_learning_rate={first_learning_rate};"
            " those are 3 without it (naive IP), and 5 and 6 with it (IP-LLR)"
        )
    data = Data.check(X, y, loss)
    if data.outputs != 1:
        raise ValueError(f"y: has {data.outputs} columns; the rate is known for one output")
    phi = activations.get(activation)
    slope = _slope_at_zero(phi)
    X, r = data.X.astype(float), data.judge(np.zeros_like(data.y))[1][:, 0].astype(float)  # the residuals come divided by n
    rho = float(np.linalg.norm(r @ X))
    rate = rho if phi.name == "linear" else slope**2 * math.sqrt(max(float(r @ _second_moments(phi, X) @ r), 0.0))
    if rate <= 1e-12 * float(np.abs(r) @ np.linalg.norm(X, axis=1)):
        raise ValueError("y: its residuals at f = 0 do not correlate with the inputs, so that the rate is 0 and nothing leaves this saddle")
    if first_learning_rate is not None:
        if phi.name != "linear":
            raise ValueError(f"activation: under IP-LLR the rate is known for linear networks, not for {phi.name}; leave it out")
        first = real("first_learning_rate", first_learning_rate, above=0, most=1e50) * rho
        return first**2 * rho * math.sqrt(2 + first**2) if hidden_layers == 5 else first**3 * rho
    return rate


def log_slope(rate: float, hidden_layers: int, scheme: str = "naive", learning_rate: float | None = None) -> float:
    r"""Slope :math:`\mathrm d t_{\rm escape} / \mathrm d \ln m` at a strict saddle of growth rate :math:`\kappa`.

    :math:`q \eta / (2 \ln(1 + \eta\kappa))` for gradient descent, :math:`q/(2\kappa)` for the flow (no ``learning_rate``), where the output
    starts at :math:`m^{-q}`: q = 1 for naive IP with L = 3 and IP-LLR with L = 5, q = 2 for IP-LLR with L = 6.

    Parameters
    ----------
    rate : float
        :func:`growth_rate` of the same network.
    hidden_layers : int
    scheme : {"naive", "large_lr"}
    learning_rate : float, optional
        Of gradient descent, after the first step; None for the flow.

    Returns
    -------
    float
        In units of t.

    Raises
    ------
    ValueError
        Where the rate is not positive, or the escape time is not proportional to :math:`\ln m`.

    Examples
    --------
    >>> from infwidth.limits import saddle
    >>> saddle.log_slope(1.0, 3), saddle.log_slope(1.0, 3, learning_rate=0.5), saddle.log_slope(1.0, 6, "large_lr")
    (0.5, 0.6166, 1.0)
    """
    if escape_scaling(hidden_layers, scheme) != EscapeScaling(0.0, True):
        raise ValueError(f"hidden_layers: the escape time with {hidden_layers} under {scheme!r} is no multiple of ln m; see escape_scaling")
    rate = real("rate", rate, above=0)
    q = 2 if (scheme, hidden_layers) == ("large_lr", 6) else 1
    if learning_rate is None:
        return q / (2 * rate)
    eta = real("learning_rate", learning_rate, above=0)
    return q * eta / (2 * math.log1p(eta * rate))


def _slope_at_zero(phi: Activation) -> float:
    value, slope = phi.at_zero()
    tiny = np.array([-1e-9, 1e-9])
    if value != 0 or slope == 0 or not np.allclose(phi.derivative(tiny), slope, atol=1e-6):
        raise ValueError(
            f"activation: {phi.name} has a value, a kink or no slope at 0; this saddle is that of activations which are smooth there,"
            " with phi(0) = 0"
        )
    return slope


def _second_moments(phi: Activation, X: Array) -> Array:
    r"""E :math:`\phi(w \cdot x_i)\, \phi(w \cdot x_j)` over w ~ N(0, I), shape (n, n)."""
    Q = X @ X.T
    q = np.diag(Q)
    size = np.sqrt(np.where(q > 0, q, 1))
    return gaussian.dual(phi, q[:, None], q, np.clip(Q / np.outer(size, size), -1, 1)).value
