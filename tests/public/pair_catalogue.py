"""What every model answers to every method: a row per model, a column per method."""

from dataclasses import dataclass

import numpy as np

import infwidth as iw
from infwidth import limits
from infwidth.limits import catapult, kernels

P = iw.Parameterization
X = np.array([[1.0, 0.3], [-0.4, 0.8], [0.2, -1.1]])
Y = np.array([1.0, -0.7, 0.4])
DATA, COLUMN, NOTHING = (X, Y), (X[:, :1].copy(), Y), ()
TEACHER = iw.GaussianTeacher([[1.0, 0.0]], [1.0], "erf")
RELU_TEACHER = iw.GaussianTeacher([[1.0, 0.0]], [1.0], "relu")
GRID = iw.Grid.uniform(-3.0, 3.0, 24)
START = lambda w: np.exp(-(w**2).sum(axis=1))  # noqa: E731

METHODS = {
    "GradientDescent": iw.GradientDescent(0.2, 8),
    "GradientDescent, first step": iw.GradientDescent(0.2, 8, first_learning_rate=0.5),
    "GradientDescent, minibatches": iw.GradientDescent(0.2, 8, batch_size=2),
    "HeavyBall": iw.HeavyBall(0.3, 1.0, 8),
    "HeavyBall, first step": iw.HeavyBall(0.3, 1.0, 8, first_learning_rate=0.5),
    "RMSProp": iw.RMSProp(0.02, 8),
    "RMSProp, minibatches": iw.RMSProp(0.02, 8, batch_size=2),
    "Langevin": iw.Langevin(0.2, 0.1, 0.2, 8),
    "GradientFlow": iw.GradientFlow(0.5, rtol=1e-4, atol=1e-6, estimate_error=False),
    "GradientFlow, first step": iw.GradientFlow(0.5, rtol=1e-4, atol=1e-6, first_learning_rate=0.5, estimate_error=False),
    "TransportFlow": iw.TransportFlow(0.05, estimate_error=False),
    "ImplicitTransport": iw.ImplicitTransport(0.05, estimate_error=False),
}


@dataclass(frozen=True)
class Near:
    """Networks ``network(m)`` come near the limit like the width to the power -1/2; ``neurons`` of the one that stands for the limit, where
    it is of a kind with them: the gap is then that of widths ``1 / (1/m + 1/neurons)``."""

    limit: object
    network: object
    widths: tuple[int, int] = (64, 512)
    neurons: float = np.inf
    seeds: int = 40


@dataclass(frozen=True)
class Held:
    """The pair is held to an exact answer or to networks by the test ``where``, of the folder above."""

    where: str


@dataclass(frozen=True)
class Refused:
    """The message names ``argument``, says ``words``, and what it says is taken: ``instead``, a model and a method."""

    argument: str
    words: str
    instead: tuple


@dataclass(frozen=True)
class Finite:
    """No limit, but a network: every step is its own."""


def moves_densities(model, data):
    """Flows of densities refuse what has none."""
    flow = Refused("method", "moves densities .*use GradientFlow", (model, METHODS["GradientFlow, first step"], data))
    return {"TransportFlow": flow, "ImplicitTransport": flow}


def needs_a_first_rate(model):
    """Steps that have no rate for a large first step, and noise, which has none."""
    return {
        "HeavyBall": Refused("first_learning_rate", "give HeavyBall its base rate", (model, METHODS["HeavyBall, first step"], DATA)),
        "GradientFlow": Refused(
            "first_learning_rate", "give GradientFlow its base rate", (model, METHODS["GradientFlow, first step"], DATA)
        ),
        "Langevin": Refused("method", "use GradientDescent", (model, METHODS["GradientDescent"], DATA)),
        **rates(Refused("method", "use GradientDescent", (model, METHODS["GradientDescent"], DATA))),
    }


def rates(answer):
    """One answer for both columns of RMSProp."""
    return {"RMSProp": answer, "RMSProp, minibatches": answer}


def no_rates():
    """RMSProp takes parameters of networks, and particles."""
    return rates(Refused("method", "RMSProp on a finite Network", (iw.Network(2, 1, 8, "tanh", P.mup(1)), METHODS["RMSProp"], DATA)))


def all_of(answer, model, data=DATA):
    """One answer for every method that moves parameters; RMSProp, which needs all of them one by one, is added where it is taken."""
    return {name: answer for name in METHODS} | no_rates() | moves_densities(model, data)


def no_noise(model, words="use a finite Network", instead=None, data=DATA):
    """Noise has another limit, which this model is not."""
    other = iw.Network(2, 1, 8, "tanh", P.mup(1)) if instead is None else instead
    return {"Langevin": Refused("method", words, (other, METHODS["Langevin"], data))}


def of_a_density(model, data, held, noise, momentum, batches):
    """What densities share: flows, and Euler steps of them up to their bound; no momentum, noise or minibatches."""
    ball = Refused("method", momentum, (model, METHODS["TransportFlow"], data))
    return {
        "GradientDescent": Held(
            "limits/densities/test_problem.py::test_gradient_descent_within_the_bound_is_euler_and_beyond_it_ends_naming_the_rate"
        ),
        "GradientDescent, first step": Held(
            "limits/densities/test_problem.py::test_gradient_descent_within_the_bound_is_euler_and_beyond_it_ends_naming_the_rate"
        ),
        "GradientDescent, minibatches": Refused("batch_size", batches, (model, METHODS["TransportFlow"], data)),
        "HeavyBall": ball,
        "HeavyBall, first step": ball,
        **no_rates(),
        "Langevin": Refused("method", "set the model's temperature", noise),
        "GradientFlow": Held(held),
        "GradientFlow, first step": Held(held),
        "TransportFlow": Held(held),
        "ImplicitTransport": Held(held),
    }


def network(parameterization, hidden_layers=1, activation="tanh"):
    return lambda m: iw.Network(2, hidden_layers, m, activation, parameterization(hidden_layers))


def of_a_circle(model, data):
    no_batches = "leave batch_size out"
    particles = iw.TwoLayerMeanField("relu", 16)
    held = "limits/densities/test_circle.py::test_quasi_random_particles_agree_within_the_errors_of_grid_and_time_step"
    euler = Held("limits/densities/test_circle_problem.py::test_gradient_descent_at_the_stable_rate_keeps_every_mass_non_negative")
    ball = Refused("method", "use GradientFlow", (model, METHODS["GradientFlow"], data))
    return {
        "GradientDescent": euler,
        "GradientDescent, first step": euler,
        "GradientDescent, minibatches": Refused("batch_size", no_batches, (model, METHODS["GradientDescent"], data)),
        "HeavyBall": ball,
        "HeavyBall, first step": ball,
        **no_rates(),
        "Langevin": Refused("method", "particles .TwoLayerMeanField., which take noise", (particles, METHODS["Langevin"], DATA)),
        "GradientFlow": Held(held),
        "GradientFlow, first step": Held(held),
        **moves_densities(model, data),
    }


def of_an_isotropic_network(model):
    fresh = Refused("batch_size", "give GradientDescent a batch_size", (model, METHODS["GradientDescent, minibatches"], NOTHING))
    flow = Refused("method", "use GradientDescent with a batch_size", (model, METHODS["GradientDescent, minibatches"], NOTHING))
    held = Held("limits/isotropic/test_network.py::test_sgd_of_800_neurons_follows_the_limit")
    return {
        **{name: fresh for name in METHODS},
        **no_rates(),
        "GradientDescent, minibatches": held,
        "TransportFlow": flow,
        "ImplicitTransport": flow,
    }


NET = iw.Network(2, 1, 32, "tanh", P.mup(1))
LARGE = iw.Network(2, 2, 16, "tanh", P.integrable_large_lr(2))
HYBRID = limits.HybridNetwork(2, 2, 16, "tanh", "HP")
CALIBRATED = limits.CalibratedNetwork(LARGE)
LINEARIZED, LARGE_LINEARIZED = limits.LinearizedNetwork(NET), limits.LinearizedNetwork(LARGE)
CORRECTED = limits.InitCorrectedNetwork(32, "tanh")
WAVES = catapult.TwoLayerLinearNetwork(16)
ISOTROPIC = limits.IsotropicNetwork(5, 0.5, 16, test_samples=20)
RADIAL, RADII = iw.RadialMeanField(5, 0.5, size=16), iw.RadialMeanField(5, 0.5, "density", 24)
CIRCLE, POPULATED = iw.CircleMeanField("relu", 16), iw.CircleMeanField("relu", 16, population=RELU_TEACHER)
DENSITY = iw.DensityMeanField(GRID, START, "tanh", temperature=0.1)
PAIRS = iw.InteractionMeanField(GRID, START, lambda w: (w**2).sum(axis=1), temperature=0.1)
TWO = iw.TwoLayerMeanField("tanh", 2048, quasi_random=True)
STUDENT = iw.TwoLayerMeanField("erf", 256, population=TEACHER, quasi_random=True)
MOVING, FIXED = limits.two_layer.PlaneLimit(-1, 1, "tanh", 64), limits.two_layer.PlaneLimit(-0.75, 0.5, "tanh")
NORMALISED = limits.two_layer.PlaneLimit(-1, 0, "tanh", 64, method="rmsprop")
FEW_STUDENTS = lambda m: iw.TwoLayerMeanField("erf", m, population=TEACHER)  # noqa: E731
PROCESS = limits.InitCorrectedMeanField("tanh", 64)
LINEAR = {L: iw.DeepLinearIntegrable(L, "naive") for L in (1, 2)}
LARGE_LINEAR, CENTRED = iw.DeepLinearIntegrable(2), iw.DeepLinearIntegrable(2, "non_centered")
DEEP = {scheme: iw.DeepIntegrable(2, "tanh", 1024, scheme) for scheme in ("naive", "large_lr", "bias", "non_centered")}
KINKED, SINGLE = iw.DeepIntegrable(2, "relu", 64, "naive"), iw.DeepIntegrable(3, "tanh", 64, "non_centered")
FACTORED, STILL = iw.DeepIntegrable(2, "tanh", 64, "naive", kernels="factored"), iw.DeepIntegrable(3, "tanh", 64, "naive")
GROWING, ONE_PASS = iw.DeepLinearMuP(2), iw.DeepLinearMuP(2, population=limits.LinearTeacher(np.eye(2)))
DYNAMICAL = iw.DynamicalMeanField(2, "tanh", 2048)
NO_RATES_IN_THE_PLANE = Refused("method", "use GradientDescent or HeavyBall", (MOVING, METHODS["GradientDescent"], DATA))
LAZY = iw.NeuralTangentLimit(kernels.of(iw.Network(2, 1, 8, "relu", P.ntk(1))))

DEEP_HELD = "limits/integrable/test_nonlinear.py::test_finite_networks_approach_the_limit"
PLANE_HELD = "limits/two_layer/test_plane_limit.py::test_networks_approach_the_limit_of_their_class"
PROCESS_HELD = "limits/two_layer/test_initialization_corrected.py::test_finite_networks_approach_the_limit"
MUP_HELD = "limits/feature_learning/test_deep_linear.py::test_finite_networks_approach_the_limit"
FLOW_HELD = "limits/isotropic/test_mean_field.py::test_particles_approach_the_density"
OWN_UNIT = P((-1, 0), (1, 1), (1, 1))  # moves of order 1, and gradients too
OWN_SAMPLES = "leave batch_size out"


def row(model, data, *parts):
    """All answers of one model; later parts win."""
    answers = {}
    for part in parts:
        answers |= part
    return model, data, answers


def no_flow(model, words):
    """A limit by its history that is stepped only."""
    flow = Refused("method", "use GradientDescent", (model, METHODS["GradientDescent"], DATA))
    transport = Refused("method", words, (model, METHODS["GradientDescent"], DATA))
    return {"GradientFlow": flow, "GradientFlow, first step": flow, "TransportFlow": transport, "ImplicitTransport": transport}


def descent(model, rate, steps, batch_size=None):
    """Gradient descent, or RMSProp on a limit of that alone."""
    kind = iw.RMSProp if isinstance(model, limits.two_layer.PlaneLimit) and model.method == "rmsprop" else iw.GradientDescent
    return kind(rate, steps, batch_size=batch_size)


ROWS = {
    "Network": row(NET, DATA, all_of(Finite(), NET), rates(Finite())),
    "Network with a large first step": row(LARGE, DATA, all_of(Finite(), LARGE), needs_a_first_rate(LARGE)),
    "HybridNetwork": row(HYBRID, DATA, all_of(Finite(), HYBRID), needs_a_first_rate(HYBRID)),
    "CalibratedNetwork": row(CALIBRATED, DATA, all_of(Finite(), CALIBRATED), needs_a_first_rate(CALIBRATED)),
    "LinearizedNetwork": row(LINEARIZED, DATA, all_of(Finite(), LINEARIZED), rates(Finite())),
    "LinearizedNetwork with a large first step": row(
        LARGE_LINEARIZED, DATA, all_of(Finite(), LARGE_LINEARIZED), needs_a_first_rate(LARGE_LINEARIZED)
    ),
    "InitCorrectedNetwork": row(CORRECTED, DATA, all_of(Finite(), CORRECTED), rates(Finite())),
    "TwoLayerLinearNetwork": row(
        WAVES,
        DATA,
        all_of(Held("limits/catapult/test_linear_network.py::test_equal_to_the_network_step_by_step"), WAVES),
        {
            name: Refused("method", "use GradientDescent, or a finite Network", (WAVES, METHODS["GradientDescent"], DATA))
            for name in ("HeavyBall", "HeavyBall, first step")
        },
        no_noise(WAVES, "use a Network, whose parameters take it"),
    ),
    "IsotropicNetwork": row(ISOTROPIC, NOTHING, of_an_isotropic_network(ISOTROPIC)),
    "TwoLayerMeanField": row(TWO, DATA, all_of(Near(TWO, network(P.mup)), TWO), rates(Near(TWO, network(lambda L: OWN_UNIT)))),
    "TwoLayerMeanField of a population": row(
        STUDENT,
        NOTHING,
        all_of(Near(STUDENT, FEW_STUDENTS, (8, 64)), STUDENT, NOTHING),
        rates(Near(STUDENT, FEW_STUDENTS, (8, 64))),
    ),
    "InitCorrectedMeanField": row(
        PROCESS,
        DATA,
        all_of(Held(PROCESS_HELD), PROCESS),
        rates(Held(PROCESS_HELD)),
    ),
    "PlaneLimit of particles": row(MOVING, DATA, all_of(Held(PLANE_HELD), MOVING), no_noise(MOVING), rates(NO_RATES_IN_THE_PLANE)),
    "PlaneLimit of a kernel": row(FIXED, DATA, all_of(Held(PLANE_HELD), FIXED), no_noise(FIXED), rates(NO_RATES_IN_THE_PLANE)),
    "PlaneLimit of RMSProp": row(
        NORMALISED,
        DATA,
        dict.fromkeys(METHODS, Refused("method", "use RMSProp", (NORMALISED, METHODS["RMSProp"], DATA))),
        rates(Held("limits/two_layer/test_plane_of_rmsprop.py::test_networks_approach_the_limit_of_their_class")),
    ),
    "RadialMeanField": row(
        RADIAL,
        NOTHING,
        all_of(Held(FLOW_HELD), RADIAL, NOTHING),
        {"Langevin": Held("limits/isotropic/test_particles.py::test_noise_on_weights_in_d_dimensions_is_seen_in_their_radii")},
        {"GradientDescent, minibatches": Refused("batch_size", OWN_SAMPLES, (RADIAL, METHODS["GradientDescent"], NOTHING))},
    ),
    "RadialMeanField of a density": row(
        RADII,
        NOTHING,
        of_a_density(
            RADII,
            NOTHING,
            FLOW_HELD,
            (iw.RadialMeanField(5, 0.5, "density", 24, temperature=0.1), METHODS["TransportFlow"], NOTHING),
            "use TransportFlow or ImplicitTransport",
            OWN_SAMPLES,
        ),
    ),
    "CircleMeanField": row(CIRCLE, DATA, of_a_circle(CIRCLE, DATA)),
    "CircleMeanField of a population": row(POPULATED, NOTHING, of_a_circle(POPULATED, NOTHING)),
    "DensityMeanField": row(
        DENSITY,
        COLUMN,
        of_a_density(
            DENSITY,
            COLUMN,
            "limits/densities/test_mean_field.py::test_two_parameters_per_neuron_against_particles",
            (DENSITY, METHODS["TransportFlow"], COLUMN),
            "use TransportFlow or ImplicitTransport",
            "use TransportFlow, or particles",
        ),
    ),
    "InteractionMeanField": row(
        PAIRS,
        NOTHING,
        of_a_density(
            PAIRS,
            NOTHING,
            "limits/densities/test_interaction.py::test_interacting_gaussians_with_noise",
            (PAIRS, METHODS["TransportFlow"], NOTHING),
            "use TransportFlow or ImplicitTransport",
            OWN_SAMPLES,
        ),
    ),
    "DeepLinearIntegrable of one hidden layer": row(
        LINEAR[1], DATA, all_of(Near(LINEAR[1], network(P.integrable, 1, "linear")), LINEAR[1])
    ),
    "DeepLinearIntegrable": row(
        LINEAR[2], DATA, all_of(Near(LINEAR[2], network(P.integrable, 2, "linear")), LINEAR[2]), no_noise(LINEAR[2])
    ),
    "DeepLinearIntegrable with a large first step": row(
        LARGE_LINEAR,
        DATA,
        all_of(Near(LARGE_LINEAR, network(P.integrable_large_lr, 2, "linear")), LARGE_LINEAR),
        needs_a_first_rate(LARGE_LINEAR),
        no_noise(LARGE_LINEAR),
    ),
    "DeepLinearIntegrable, non-centered": row(
        CENTRED, DATA, all_of(Near(CENTRED, network(P.integrable_non_centered, 2, "linear"), seeds=60), CENTRED), no_noise(CENTRED)
    ),
    "DeepIntegrable": row(DEEP["naive"], DATA, all_of(Near(DEEP["naive"], network(P.integrable, 2), (32, 256), 1024), DEEP["naive"])),
    "DeepIntegrable with kinks": row(KINKED, DATA, all_of(Held(DEEP_HELD), KINKED), needs_a_first_rate(KINKED)),
    "DeepIntegrable with a large first step": row(
        DEEP["large_lr"], DATA, all_of(Held(DEEP_HELD), DEEP["large_lr"]), needs_a_first_rate(DEEP["large_lr"])
    ),
    "DeepIntegrable with biases": row(DEEP["bias"], DATA, all_of(Held(DEEP_HELD), DEEP["bias"]), needs_a_first_rate(DEEP["bias"])),
    "DeepIntegrable, non-centered": row(
        DEEP["non_centered"],
        DATA,
        all_of(Near(DEEP["non_centered"], network(P.integrable_non_centered, 2), (32, 256), 1024), DEEP["non_centered"]),
    ),
    "DeepIntegrable of single neurons": row(SINGLE, DATA, all_of(Held(DEEP_HELD), SINGLE), no_noise(SINGLE)),
    "DeepIntegrable with factored kernels": row(
        FACTORED,
        DATA,
        all_of(Held("limits/integrable/test_nonlinear.py::test_the_form_of_the_kernels"), FACTORED),
        no_noise(FACTORED, "take kernels='dense', or a finite Network", iw.DeepIntegrable(2, "tanh", 64, "naive", kernels="dense")),
    ),
    "DeepIntegrable that stands still": row(
        STILL, DATA, all_of(Held("limits/integrable/test_stationary.py::test_"), STILL), no_noise(STILL)
    ),
    "DeepLinearMuP": row(GROWING, DATA, all_of(Held(MUP_HELD), GROWING), no_noise(GROWING)),
    "DeepLinearMuP of a population": row(ONE_PASS, NOTHING, all_of(Held(MUP_HELD), ONE_PASS, NOTHING), no_noise(ONE_PASS)),
    "DynamicalMeanField": row(
        DYNAMICAL,
        DATA,
        all_of(Held("limits/feature_learning/test_dynamical.py::test_finite_networks_approach_the_limit"), DYNAMICAL),
        no_noise(DYNAMICAL),
        no_flow(DYNAMICAL, "use GradientDescent or HeavyBall"),
    ),
    "NeuralTangentLimit": row(
        LAZY, DATA, all_of(Held("limits/kernels/test_tangent_limit.py::test_networks_from_their_own_start"), LAZY), no_noise(LAZY)
    ),
}
CELLS = [(name, method) for name in ROWS for method in METHODS]
