"""Energy identity, conserved quantities, kinetic and free energy, entropy."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import cumulative_trapezoid

import infwidth as iw
from infwidth.limits import GaussianTeacher, activations
from infwidth.limits.two_layer.diagnostics import FreeEnergy, KineticEnergy, dissipation, energy_defect, entropy, imbalance

RNG = np.random.default_rng(7)
X = RNG.standard_normal((8, 2))
Y = np.sin(3 * X[:, 0])
OBSERVED = {"dissipation": dissipation, "imbalance": imbalance}


def descend(rate, activation, callback=None):
    model = iw.TwoLayerMeanField(activation, 400, bias=True)
    return iw.solve(
        model,
        X,
        Y,
        iw.GradientDescent(rate, steps=round(4 / rate)),
        rng=0,
        observables=OBSERVED if activation == "relu" else {"dissipation": dissipation},
        callback=callback,
    )


def test_energy_identity_of_gradient_descent_up_to_the_rate():
    """The trapezoid rule is off by rate/4 times the change of the dissipation, so the defect halves with the rate."""
    defects = []
    for rate in (0.05, 0.025):
        sol = descend(rate, "tanh")
        spent = sol.observables["dissipation"]
        defects.append(energy_defect(sol.t, sol.loss, spent))
    assert defects[-1] == pytest.approx(rate / 4 * (spent[0] - spent[-1]) / (sol.loss[0] - sol.loss[-1]), rel=0.1)
    assert np.log2(defects[0] / defects[1]) == pytest.approx(1, abs=0.15)


def test_particles_that_slide_along_a_kink_spend_less_than_their_velocities():
    """Where both sides of a relu's kink push towards it, the velocity alternates from step to step and its mean alone moves the particle.
    So velocities overspend, by 1% here however small the rate; displacements over many steps do not."""
    overspent, by_displacements = [], []
    for rate in (0.01, 0.005, 0.0025):
        states = []
        sol = descend(rate, "relu", callback=lambda point, states=states: states.append(point.state.copy()))
        drop, many = sol.loss[0] - sol.loss[-1], round(0.04 / rate)
        overspent.append(np.trapezoid(sol.observables["dissipation"], sol.t) / drop - 1)
        moves = np.diff(np.array(states)[::many], axis=0)
        by_displacements.append((moves**2).sum() / (400 * many * rate) / drop - 1)
    at_rate_0 = [2 * fine - coarse for coarse, fine in pairwise(overspent)]
    assert at_rate_0 == pytest.approx([0.0103, 0.0103], rel=0.02)
    assert abs(by_displacements[-1]) < 0.05 * at_rate_0[-1]
    signs = np.array([np.column_stack([X, np.ones(8)]) @ sol.problem.particles(state)[0].T > 0 for state in states[-40:]])
    changes = np.diff(signs, axis=0).sum(axis=0)  # a particle that passes a kink has one
    assert 30 < (changes > 2).any(axis=0).sum() < 60  # of 400 particles


def test_drift_of_the_conserved_quantity_is_of_the_order_of_the_rate():
    drifts = [np.ptp(descend(rate, "relu").observables["imbalance"], axis=0).max() for rate in (0.05, 0.025)]
    assert np.log2(drifts[0] / drifts[1]) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("activation", ["linear", "cubic"])
def test_flow_conserves_the_imbalance(activation):
    cubic = activations.custom("cubic", lambda h: h**3, lambda h: 3 * h**2, homogeneity=3)
    model = iw.TwoLayerMeanField(cubic if activation == "cubic" else activation, 40, bias=True)
    sol = iw.solve(
        model, X, Y, iw.GradientFlow(1.0, rtol=1e-7, atol=1e-9, estimate_error=False), rng=0, save_at=[0, 1], observables=OBSERVED
    )
    drift = np.abs(np.diff(sol.observables["imbalance"], axis=0)).max()
    W, _ = sol.problem.particles(sol.state)
    W_0, _ = sol.problem.particles(sol.problem.start())
    assert drift < 1e-4
    assert np.abs((W**2).sum(axis=1) - (W_0**2).sum(axis=1)).max() > 0.1  # its parts are not conserved


def test_imbalance_needs_homogeneity():
    problem = iw.solve(iw.TwoLayerMeanField("tanh", 4), X, Y, iw.GradientDescent(0.1, 0), rng=0).problem
    with pytest.raises(ValueError, match="'tanh' is not homogeneous"):
        imbalance(0.0, problem.start(), problem)


def test_heavy_ball_energy_decays_at_the_rate_of_friction():
    """H = Loss + K, dH/dt = -2 friction K with friction 0.2, at every time up to O(h). (At the end alone it holds better, by a change of
    sign of what is left.)"""
    defects = []
    for h in (0.02, 0.01):
        method = iw.HeavyBall(h, friction=0.2, steps=round(16 / h))
        sol = iw.solve(iw.TwoLayerMeanField("tanh", 200), X, Y, method, rng=0, observables={"kinetic": KineticEnergy(h)})
        total, kinetic = sol.loss + sol.observables["kinetic"], sol.observables["kinetic"]
        assert kinetic[0] == 0 and kinetic.max() > 0.01
        assert (np.diff(total) < 1e-12).all()
        assert (np.diff(sol.loss) > 0).any()  # the loss alone does not decrease
        defects.append(np.abs(total[0] - total - cumulative_trapezoid(0.4 * kinetic, sol.t, initial=0)).max())
        assert energy_defect(sol.t, total, 0.4 * kinetic) < 1e-4
    assert np.log2(defects[0] / defects[1]) == pytest.approx(1, abs=0.15)
    assert defects[1] < 0.01 * kinetic.max()


@pytest.mark.parametrize("replicas", [1, 3])
def test_kinetic_energy_is_that_of_the_last_move(replicas):
    """Half the mean square of (theta_s - theta_{s-1}) / h over all particles, 0 before the first."""
    h, N = 0.3, 12
    states = []
    sol = iw.solve(
        iw.TwoLayerMeanField("tanh", N, replicas=replicas),
        X,
        Y,
        iw.HeavyBall(h, friction=0.5, steps=4),
        rng=0,
        observables={"kinetic": KineticEnergy(h)},
        callback=lambda point: states.append(point.state.copy()),
    )
    moves = np.diff(states, axis=0, prepend=states[:1])
    np.testing.assert_allclose(sol.observables["kinetic"], (moves**2).sum(axis=1) / (2 * N * h**2), rtol=1e-9)
    assert sol.observables["kinetic"][1:].min() > 1e-3


@pytest.mark.parametrize("population", [None, GaussianTeacher([[1.0, 0.5]], [1.0], "erf")])
def test_observables_of_replicas_are_the_mean_of_theirs(population):
    """Of three systems that are solved alone. The loss of their mean output is another one."""
    model = iw.TwoLayerMeanField("erf", 60, population=population, replicas=3)
    data = () if population else (X, Y)

    def observed(model, method, observables):
        sol = iw.solve(model, *data, method=method, rng=0, observables=observables)
        return sol, np.array([*sol.observables.values()])

    for method, observables in (
        (iw.GradientDescent(0.3, 3), {"free": FreeEnergy(0.3, 0.2), "spent": dissipation}),
        (iw.HeavyBall(0.3, 0.5, 3), {"kinetic": KineticEnergy(0.3)}),
    ):
        sol, together = observed(model, method, observables)
        W, a = sol.problem.particles(sol.problem.start())
        alone = [
            observed(iw.TwoLayerMeanField("erf", 20, population=population, initial=(W[i : i + 20], a[i : i + 20])), method, observables)
            for i in (0, 20, 40)
        ]
        np.testing.assert_allclose(together, np.mean([values for _, values in alone], axis=0), rtol=1e-10, atol=1e-14)
        assert (sol.loss < 0.99 * np.mean([single.loss for single, _ in alone], axis=0)).all()


def test_energy_defect_of_known_curves():
    """Loss t^2 from 2 to 1 spends -2t; a spending off by 10% is a defect of .1; of a loss that stands still it has no scale."""
    t = np.linspace(2.0, 1.0, 3)
    assert energy_defect(t, t**2, -2 * t) == pytest.approx(0, abs=1e-15)
    assert energy_defect(t, t**2, -2.2 * t) == pytest.approx(0.1, rel=1e-12)
    assert energy_defect(t[::-1], t[::-1] ** 2, -2.2 * t[::-1]) == pytest.approx(0.1, rel=1e-12)
    for steps in (slice(None), slice(1)):
        with pytest.raises(ValueError, match=r"loss: is 0\.5 at the start and at the end, so the defect has no scale"):
            energy_defect(t[steps], np.full(3, 0.5)[steps], t[steps])


def test_kinetic_energy_needs_momentum():
    with pytest.raises(ValueError, match="KineticEnergy needs that of a method with momentum"):
        iw.solve(iw.TwoLayerMeanField("tanh", 4), X, Y, iw.GradientDescent(0.1, 1), rng=0, observables={"k": KineticEnergy(0.1)})
    with pytest.raises(ValueError, match=r"observables\['k'\]: needs the memory"):
        iw.solve(iw.TwoLayerMeanField("tanh", 4), X, Y, iw.GradientFlow(1.0), rng=0, save_at=[0.5], observables={"k": KineticEnergy(0.1)})


def test_free_energy_decreases_to_that_of_the_gaussian_without_a_force():
    """At x = 0 there is no force: from N(0, I) to N(0, (tau / lambda) I), all in closed form."""
    tau, decay = 0.3, 0.6
    energy = FreeEnergy(tau, decay)
    sol = iw.solve(
        iw.TwoLayerMeanField("relu", 4000),
        [[0.0]],
        [0.0],
        iw.Langevin(0.02, tau, decay, steps=400),
        rng=0,
        save_at=range(0, 401, 40),
        observables={"free": energy},
    )
    decayed = np.exp(-2 * decay * sol.t)
    variance = decayed + tau / decay * (1 - decayed)
    exact = decay * variance - tau * np.log(2 * np.pi * np.e * variance)  # two weights per particle
    np.testing.assert_allclose(sol.observables["free"], exact, atol=0.03)
    assert (np.diff(exact) < 0).all() and exact[0] - exact[-1] > 0.09


def test_free_energy_decreases_in_training():
    tau, decay = 0.05, 0.1
    method = iw.Langevin(0.05, tau, decay, steps=400)
    sol = iw.solve(
        iw.TwoLayerMeanField("tanh", 4000), X, Y, method, rng=0, save_at=range(0, 401, 40), observables={"free": FreeEnergy(tau, decay)}
    )
    assert (np.diff(sol.observables["free"]) < 0.002).all()  # entropy is sampled to about 0.05 x 0.02
    assert sol.observables["free"][0] - sol.observables["free"][-1] > 0.1


def test_entropy_of_known_laws():
    rng = np.random.default_rng(7)
    normal = rng.multivariate_normal([0, 0, 0], [[2, 0.5, 0], [0.5, 1, 0], [0, 0, 0.1]], size=20000)
    exact = stats.multivariate_normal(cov=[[2, 0.5, 0], [0.5, 1, 0], [0, 0, 0.1]]).entropy()
    assert entropy(normal) == pytest.approx(exact, abs=0.04)
    assert entropy(3 * rng.random((20000, 1))) == pytest.approx(np.log(3), abs=0.03)
    with pytest.raises(ValueError, match="some particles coincide"):
        entropy(np.zeros((10, 2)))
    with pytest.raises(ValueError, match="neighbour: 4 needs more than 4"):
        entropy(np.eye(4))
    # psi(3) - psi(1) = 3/2, the ball of one dimension is 2 long, and the distances are 1, 1 and 2
    assert entropy(np.array([[0.0], [1.0], [3.0]]), neighbour=1) == pytest.approx(1.5 + np.log(2) + np.log(2) / 3, rel=1e-14)


def test_the_ridge_of_the_free_energy_is_half_the_mean_square_of_the_particles():
    problem = iw.solve(iw.TwoLayerMeanField("tanh", 40, bias=True), np.eye(2), [1.0, -1.0], iw.GradientDescent(0.5, 2), rng=0).problem
    state = problem.start()
    W, a = problem.particles(state)
    found = FreeEnergy(0.2, 3.0)(0.0, state, problem) - FreeEnergy(0.2, 0.0)(0.0, state, problem)
    assert found == pytest.approx(1.5 * ((W**2).sum() + (a**2).sum()) / 40, rel=1e-12)
