"""HP and HPZ: the same states as IP-LLR for relu, a gap of m^{-1/2}, and neither for tanh."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import HybridNetwork, Network, Parameterization
from infwidth.solvers import power_law

X = np.array([[1.0, 0.2, -0.3], [-0.4, 0.9, 0.1], [0.3, -0.5, 0.8], [-0.8, -0.6, 0.2]])
Y = np.array([1.0, -0.5, 0.7, 0.3])
METHOD = iw.GradientDescent(0.3, 4, first_learning_rate=2.0)


def hinged(f, y):
    """Straight for |f| below 1/2, so that small outputs have the same residual; squares beyond."""
    beyond = np.sign(f) * np.maximum(np.abs(f) - 0.5, 0)
    return (-y * f + 0.5 * beyond**2).sum(axis=1), -y + beyond


HINGED = iw.Loss("hinged", hinged, lambda y, dtype: np.array(y, dtype).reshape(len(y), -1))


def outputs(network, seed, method=METHOD, loss=HINGED):
    sol = iw.solve(network, X, Y, method, loss=loss, rng=seed)
    assert sol.success, sol.message
    return sol.outputs[:, :, 0]


def large(L, width, activation, weight_std=1.0):
    return Network(3, L, width, activation, replace(Parameterization.integrable_large_lr(L), weight_std=weight_std))


@pytest.mark.parametrize("L", [1, 2, 3, 5])
@pytest.mark.parametrize(("activation", "std"), [("relu", 2**0.5), ("leaky_relu", 1.0), ("linear", 1.0)])
def test_hp_is_ip_llr_to_rounding(L, activation, std):
    for seed in range(3):
        hp = outputs(HybridNetwork(3, L, 90, activation, "HP", weight_std=std), seed)
        llr = outputs(large(L, 90, activation, std), seed)
        assert max(np.abs(hp[0]).max(), np.abs(llr[0]).max()) < 0.5  # the residual of step 0 is -y for both
        assert np.abs(hp[1:] - llr[1:]).max() < 1e-12 * (1 + np.abs(llr).max())
        if activation == "relu" and L <= 2:
            assert np.abs(llr[-1]).max() > 0.5  # beyond the straight part: later residuals follow the outputs
        if L > 1:
            assert not np.allclose(hp[0], llr[0], atol=1e-3)  # step 0 is that of µP


def test_other_methods_go_the_same_way():
    for method in (
        iw.HeavyBall(0.2, 1.0, 4, first_learning_rate=2.0),
        iw.GradientFlow(0.8, rtol=1e-4, first_learning_rate=2.0, estimate_error=False),
    ):
        saved = None if method.discrete else [0.4, 0.8]
        pair = [
            iw.solve(net, X, Y, method, loss=HINGED, rng=0, save_at=saved).outputs
            for net in (HybridNetwork(3, 2, 64, "relu", "HP"), large(2, 64, "relu"))
        ]
        assert np.abs(pair[0][1:] - pair[1][1:]).max() < 1e-3 < 0.1 < np.abs(pair[0][1:]).max()
    with pytest.raises(ValueError, match=r"^first_learning_rate: .*one large step; give GradientFlow its base rate"):
        iw.solve(HybridNetwork(3, 3, 64, "relu"), X, Y, iw.GradientFlow(0.8), rng=0)


def gaps(kind, activation, widths, seeds, other):
    """Rms gap over steps 1.. and samples, (widths, seeds)."""
    return np.array(
        [
            [np.sqrt(np.mean((outputs(HybridNetwork(3, 2, m, activation, kind), s) - outputs(other(m), s))[1:] ** 2)) for s in range(seeds)]
            for m in widths
        ]
    )


WIDTHS = (128, 256, 512, 1024)


def test_the_gap_of_hpz_falls_like_the_root_of_the_width():
    found = gaps("HPZ", "relu", WIDTHS, 24, lambda m: HybridNetwork(3, 2, m, "relu", "HP"))
    slope, error = power_law(WIDTHS, found)
    assert error < 0.05 and abs(slope + 0.5) < 2 * error


def test_mup_itself_stays_away():
    found = gaps("HP", "relu", WIDTHS, 8, lambda m: Network(3, 2, m, "relu", Parameterization.mup(2)))
    slope, error = power_law(WIDTHS, found)
    assert slope - 2 * error > -0.25 and np.median(found[-1]) > 0.1


def test_tanh_breaks_the_identity():
    found = gaps("HP", "tanh", WIDTHS, 16, lambda m: large(2, m, "tanh"))
    slope, error = power_law(WIDTHS, found)
    assert slope - 2 * error > -0.25  # relu: 0 to rounding; a gap that vanished with the width would have -1/2
    assert np.median(found[-1]) > 0.01


def test_the_limit_is_that_of_ip_llr():
    model = HybridNetwork(3, 2, 64, "relu", "HPZ", weight_std=2**0.5).limit()
    assert model == large(2, 64, "relu", 2**0.5).limit()
    networks = [HybridNetwork(3, 2, m, "relu", "HPZ") for m in (64, 256, 1024)]
    compared = iw.compare(networks=networks, X=X, y=Y, method=iw.GradientDescent(0.2, 3, first_learning_rate=1.0), seeds=8)
    assert compared.slope + 2 * compared.slope_error < -0.25
    with pytest.raises(NotImplementedError, match="activation: 'tanh' is not of degree 1"):
        HybridNetwork(3, 2, 64, "tanh").limit()


def test_the_first_step():
    """By hand: middle weights are kept by their factor, and all get the update of µP."""
    for kind, kept in (("HP", 81**-0.5), ("HPZ", 0.0)):
        net = HybridNetwork(3, 3, 81, "tanh", kind)
        one = iw.GradientDescent(0.3, 1, first_learning_rate=2.0)
        hybrid = iw.solve(net, X, Y, one, rng=5)
        plain = iw.solve(Network(3, 3, 81, "tanh", Parameterization.mup(3)), X, Y, one, rng=5)
        start, after, moved = (
            problem.layers(state)[0]
            for problem, state in (
                (hybrid.problem, hybrid.problem.start()),
                (hybrid.problem, hybrid.state),
                (plain.problem, plain.state),
            )
        )
        for l, factor in enumerate((1.0, kept, kept, 1.0)):
            assert np.allclose(after[l], moved[l] - (1 - factor) * start[l], rtol=0, atol=1e-13)


def test_what_is_refused():
    with pytest.raises(ValueError, match="kind: 'HPX' is not one of HP, HPZ"):
        HybridNetwork(3, 2, 64, "relu", "HPX")
    with pytest.raises(ValueError, match="width: need an integer"):
        HybridNetwork(3, 2, 0, "relu")
    with pytest.raises(ValueError, match="weight_std: need 3 numbers"):
        HybridNetwork(3, 2, 8, "relu", weight_std=(1.0, 1.0))
    problem = iw.solve(HybridNetwork(3, 2, 8, "relu"), X, Y, iw.GradientDescent(0.1, 1), rng=0).problem
    with pytest.raises(ValueError, match="step: step 0 of a hybrid is no gradient step"):
        problem.evaluate(problem.start(), problem.start(), step=0)
