"""A good call of every public name: what the generated test varies, argument by argument."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import infwidth as iw
from infwidth import limits, solvers
from infwidth.limits import (
    activations,
    catapult,
    escape,
    estimators,
    fluctuations,
    isotropic,
    kernels,
    networks,
    propagation,
    saddle,
    scaling,
)
from infwidth.limits import particle_diagnostics as diagnostics
from infwidth.limits.densities import density, dissipation, free_energy
from infwidth.limits.two_layer import initial_laws
from infwidth.solvers import Grid, datasets, losses, replicas

P = iw.Parameterization
X = np.array([[1.0, 0.5], [0.0, 1.0], [-1.0, 0.25], [0.5, -0.75]])
Y = np.array([1.0, -1.0, 0.5, 0.25])
x = X[:, :1].copy()
GD = iw.GradientDescent(0.1, 2)
NET = iw.Network(2, 1, 6, "tanh", P.mup(1))
TEACHER = iw.GaussianTeacher([[1.0, 0.0]], [1.0], "erf")
SAMPLED = limits.SampledTeacher(lambda X: X[:, 0], 2)
FOLDER = Path(tempfile.mkdtemp())
GRID = Grid.uniform(-3.0, 3.0, 24)
START = lambda w: np.exp(-(w**2).sum(axis=1))  # noqa: E731
DENSITY = iw.DensityMeanField(GRID, START, "tanh", temperature=0.1)
FLOW = iw.TransportFlow(0.05, estimate_error=False)


@dataclass(frozen=True)
class Call:
    """A function and good arguments; ``use`` then does with the result what it is for."""

    function: Callable[..., Any]
    arguments: dict[str, Any]
    use: Callable[[Any], Any] = lambda made: made
    fine: dict[str, tuple[str, ...]] = field(default_factory=dict)  # odd values that an argument takes all the same
    elementwise: bool = False  # NaN goes in and comes out
    seconds: float = 60.0  # in which one call must end: a loop without a bound does not; the first compilation takes a while
    free: tuple[str, ...] = ()  # arguments that take anything: the values handed to a user's own function, for one


def close(figure):
    """Figures of pyplot stay open otherwise."""
    from matplotlib import pyplot

    pyplot.close(figure)


def fit(estimator):
    return estimator.fit(X, Y).predict(X)


def classify(estimator):
    return estimator.fit(X, Y > 0.3).predict_proba(X)


def dense(W_std):
    return kernels.Dense(W_std)


def train(model, method=GD, inputs=X, targets=Y):
    return iw.solve(model, inputs, targets, method, rng=0)


def populate(model, method=GD):
    return iw.solve(model, None, None, method, rng=0)


def run(method, model=NET, inputs=X, targets=Y):
    return iw.solve(model, inputs, targets, method, rng=0)


def flow(method):
    return iw.solve(DENSITY, x, Y, method)


KERNEL = kernels.serial(kernels.Dense(1.4, 0.1), kernels.Relu(), kernels.Dense(1.0, 0.1))
SOLVED = train(NET, iw.GradientDescent(0.1, 2))
LINE = iw.solve(DENSITY, x, Y, FLOW, save_at=[0, 0.05])
COMPARED = iw.compare(iw.DeepLinearMuP(1), [iw.Network(2, 1, m, "linear", P.mup(1)) for m in (4, 8, 16)], X, Y, GD, seeds=2)
STORED = FOLDER / "stored.npz"
SOLVED.save(STORED)
COMPARED_FILE = FOLDER / "compared.npz"
COMPARED.save(COMPARED_FILE)
W0, A0 = np.random.default_rng(0).standard_normal((2, 8, 2))
PARTICLES = iw.TwoLayerMeanField("tanh", 8)
MOVED = train(PARTICLES)
ESCAPED = iw.solve(iw.Network(2, 1, 16, "linear", P.integrable(1)), X, Y, iw.GradientDescent(0.5, 60), rng=0)
CIRCLE = iw.CircleMeanField("relu", 16)
TURNED = iw.solve(CIRCLE, X, Y, iw.GradientFlow(0.1, estimate_error=False))
ISOTROPIC = limits.IsotropicNetwork(4, 0.5, 8, test_samples=50)
WALKED = iw.solve(ISOTROPIC, method=iw.GradientDescent(0.01, 2, batch_size=4), rng=0)

PIXELS = (np.arange(60).reshape(20, 3) ** 2 % 251).astype(np.uint8)
IMAGES = datasets.Images("made up", PIXELS, np.arange(20) % 4)
for file, axes, entries in (
    ("train-images-idx3-ubyte", (4, 5, 3), bytes(PIXELS)),
    ("train-labels-idx1-ubyte", (4,), bytes(range(4))),
    ("t10k-images-idx3-ubyte", (4, 5, 3), bytes(PIXELS)),
    ("t10k-labels-idx1-ubyte", (4,), bytes(range(4))),
):
    head = bytes([0, 0, 8, len(axes)]) + b"".join(length.to_bytes(4, "big") for length in axes)
    (FOLDER / file).write_bytes(head + entries)
for file in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
    (FOLDER / file).write_bytes(bytes(3073))

CALLS: dict[str, Call] = {
    # datasets
    "datasets.mnist": Call(datasets.mnist, dict(folder=str(FOLDER)), lambda images: images.prepare()),
    "datasets.cifar10": Call(datasets.cifar10, dict(folder=str(FOLDER), grayscale=True)),
    "datasets.Images.prepare": Call(
        IMAGES.prepare,
        dict(train=7, test=2, classes=(0, 3), targets="signs", scale="each", seed=1),
        fine={"classes": ("holds array of two", "holds list")},  # groups of labels
    ),
    "datasets.accuracy": Call(datasets.accuracy, dict(outputs=np.eye(3), y=np.eye(3))),
    # methods
    "GradientDescent": Call(iw.GradientDescent, dict(learning_rate=0.1, steps=3, batch_size=2, first_learning_rate=0.2), run),
    "GradientFlow": Call(
        iw.GradientFlow,
        dict(t_end=0.2, rtol=1e-4, atol=1e-6, stepper="RK45", first_learning_rate=0.1, estimate_error=True),
        run,
    ),
    "HeavyBall": Call(iw.HeavyBall, dict(step_size=0.1, friction=1.0, steps=3, first_learning_rate=0.1), run),
    "RMSProp": Call(iw.RMSProp, dict(learning_rate=0.1, steps=3, decay=0.9, epsilon=1e-8, batch_size=2), run),
    "Langevin": Call(iw.Langevin, dict(step_size=0.1, temperature=0.1, weight_decay=0.1, steps=3, stepper="euler"), run),
    "TransportFlow": Call(iw.TransportFlow, dict(t_end=0.05, cfl=0.9, tol=1e-3, estimate_error=True), flow),
    "ImplicitTransport": Call(iw.ImplicitTransport, dict(t_end=0.1, tol=1e-2, estimate_error=True), flow),
    # models
    "Network": Call(
        iw.Network,
        dict(input_dim=2, hidden_layers=2, width=5, activation="tanh", parameterization=P.mup(2), output_dim=1, initial="gaussian"),
        train,
        fine={"width": ("array of two", "list")},  # one width, or one per hidden layer
    ),
    "HybridNetwork": Call(
        limits.HybridNetwork,
        dict(input_dim=2, hidden_layers=2, width=5, activation="relu", kind="HPZ", weight_std=1.0, output_dim=1),
        train,
        # one number for all layers, or a number per layer
        fine={"weight_std": ("array of two", "list")},
    ),
    "CalibratedNetwork": Call(
        limits.CalibratedNetwork,
        dict(network=NET, first_layer=1.0, size=1.0, output_size=0.1, cap=10.0, samples=2),
        train,
    ),
    "DeepLinearIntegrable": Call(iw.DeepLinearIntegrable, dict(hidden_layers=2, scheme="large_lr", takes_noise=True), train),
    "DeepLinearMuP": Call(iw.DeepLinearMuP, dict(hidden_layers=2, gamma=1.0), train),
    "TwoLayerMeanField": Call(
        iw.TwoLayerMeanField,
        dict(
            activation="tanh",
            particles=8,
            bias=True,
            initial="gaussian",
            weight_std=1.0,
            output_std=1.0,
            quasi_random=False,
            offset=lambda X: 0.1 * X[:, 0],
            replicas=2,
            compiled=True,
            output_bias=False,
            train_output=True,
            takes_noise=True,
        ),
        train,
    ),
    "TwoLayerMeanField of a population": Call(iw.TwoLayerMeanField, dict(activation="erf", particles=8, population=TEACHER), populate),
    "TwoLayerMeanField of a law": Call(
        iw.TwoLayerMeanField,
        dict(activation="relu", particles=8, initial=lambda rng, N, D, k: (rng.standard_normal((N, D)), np.ones((N, k)))),
        train,
    ),
    "GaussianTeacher": Call(
        iw.GaussianTeacher,
        dict(weights=np.array([[1.0, 0.0], [0.5, 1.0]]), output_weights=np.array([1.0, 2.0]), activation="erf", noise=0.1),
        lambda teacher: populate(iw.TwoLayerMeanField("erf", 8, population=teacher)),
    ),
    "GaussianTeacher.sample": Call(TEACHER.sample, dict(rng=np.random.default_rng(0), size=3)),
    "SampledTeacher.__call__": Call(SAMPLED, dict(X=X)),
    "SampledTeacher.sample": Call(SAMPLED.sample, dict(rng=np.random.default_rng(0), size=3)),
    "SampledTeacher": Call(
        limits.SampledTeacher,
        dict(
            function=lambda X: X[:, 0], input_dim=2, outputs=1, noise=0.1, inputs=lambda rng, n: rng.standard_normal((n, 2)), test_samples=9
        ),
        lambda teacher: populate(iw.TwoLayerMeanField("tanh", 8, population=teacher), iw.GradientDescent(0.1, 2, batch_size=3)),
    ),
    "GaussianTeacher.__call__": Call(TEACHER, dict(X=X)),
    "GaussianTeacher.risk": Call(TEACHER.risk, dict(W=W0, a=A0[:, :1].copy())),
    "GaussianTeacher.risk_and_velocity": Call(TEACHER.risk_and_velocity, dict(W=W0, a=A0[:, :1].copy(), velocity=True)),
    "CircleMeanField": Call(
        iw.CircleMeanField,
        dict(activation="relu", cells=16, bias=False, initial=1.0),
        lambda model: train(model, iw.GradientFlow(0.1, estimate_error=False)),
    ),
    "CircleMeanField of a law": Call(
        partial(iw.CircleMeanField, "relu", 16),
        dict(initial=lambda angles: np.stack((1 + 0 * angles, 1 + np.cos(angles) ** 2))),
        lambda model: train(model, iw.GradientFlow(0.1, estimate_error=False)),
        fine={"initial": ("number",)},
    ),
    "DensityMeanField": Call(
        iw.DensityMeanField,
        dict(grid=GRID, initial=START, activation="tanh", unit="w", weights=np.full(4, 0.25), temperature=0.1, weight_decay=0.1),
        lambda model: iw.solve(model, x, Y, FLOW),
    ),
    "InteractionMeanField": Call(
        iw.InteractionMeanField,
        dict(
            grid=GRID,
            initial=START,
            potential=lambda w: (w**2).sum(axis=1),
            interaction=lambda a, b: (a @ b.T) ** 2,
            convolution=False,
            temperature=0.1,
        ),
        lambda model: iw.solve(model, method=FLOW),
    ),
    "InteractionMeanField by convolution": Call(
        partial(iw.InteractionMeanField, GRID, START, convolution=True),
        dict(interaction=lambda d: (d**2).sum(axis=1), own_cell=lambda h: (h**2).sum(axis=1) / 12),
        lambda model: iw.solve(model, method=FLOW),
    ),
    "RadialMeanField": Call(
        iw.RadialMeanField,
        dict(
            dim=4,
            delta=0.5,
            discretisation="particles",
            size=8,
            activation=isotropic.MEI_MONOTONE,
            initial=0.8,
            random_start=False,
        ),
        lambda model: populate(model),
    ),
    "RadialMeanField of a density": Call(
        iw.RadialMeanField,
        dict(dim=4, delta=0.5, discretisation="density", size=24, initial=stats.chi(4), r_max=6.0, temperature=0.1, weight_decay=0.1),
        lambda model: populate(model, FLOW),
        fine={"initial": ("number",)},
    ),
    "IsotropicNetwork": Call(
        limits.IsotropicNetwork,
        dict(
            dim=4,
            delta=0.5,
            width=8,
            activation=isotropic.MEI_MONOTONE,
            initial=0.8,
            temperature=0.1,
            weight_decay=0.1,
            test_samples=20,
        ),
        lambda model: populate(model, iw.GradientDescent(0.01, 2, batch_size=4)),
    ),
    "TwoLayerLinearNetwork": Call(catapult.TwoLayerLinearNetwork, dict(width=16), train),
    # parameterizations
    "Parameterization": Call(
        P,
        dict(
            a=(0.0, 1.0),
            b=(0.0, 0.0),
            c=(-1.0, -1.0),
            first_c=(-1.0, -1.0),
            mean=0.0,
            weight_std=(1.0, 1.0),
            bias_std=(0.5, 0.5),
            bias_c=(0.0, 0.0),
            first_bias_c=(0.0, 0.0),
            name="mine",
        ),
        lambda p: train(iw.Network(2, 1, 5, "tanh", p)),
        fine={"name": ("unknown",), "first_c": ("none",), "first_bias_c": ("none",), "mean": ("array of two",)},
    ),
    "Parameterization.standard": Call(P.standard, dict(hidden_layers=2, c=1.0), lambda p: train(iw.Network(2, 2, 5, "tanh", p))),
    "Parameterization.ntk": Call(P.ntk, dict(hidden_layers=2)),
    "Parameterization.torch_default": Call(P.torch_default, dict(hidden_layers=2, input_dim=2)),
    "Parameterization.mup": Call(P.mup, dict(hidden_layers=2)),
    "Parameterization.integrable": Call(P.integrable, dict(hidden_layers=2)),
    "Parameterization.integrable_large_lr": Call(
        P.integrable_large_lr, dict(hidden_layers=2, homogeneity=1.0), lambda p: train(iw.Network(2, 2, 5, "tanh", p))
    ),
    "Parameterization.integrable_bias": Call(P.integrable_bias, dict(hidden_layers=2)),
    "Parameterization.integrable_non_centered": Call(P.integrable_non_centered, dict(hidden_layers=2)),
    "Parameterization.with_biases": Call(P.mup(1).with_biases, dict(std=1.0), lambda p: train(iw.Network(2, 1, 5, "tanh", p))),
    # activations and Gaussian integrals
    "activations.get": Call(activations.get, dict(activation="relu")),
    "activations.leaky_relu": Call(activations.leaky_relu, dict(slope=0.1), lambda a: train(iw.TwoLayerMeanField(a, 8))),
    "activations.hermite": Call(activations.hermite, dict(degree=2), lambda a: train(iw.TwoLayerMeanField(a, 8))),
    "activations.monomial": Call(activations.monomial, dict(degree=2), lambda a: train(iw.TwoLayerMeanField(a, 8))),
    "activations.custom": Call(
        activations.custom,
        dict(name="mine", value=lambda h: h**3, derivative=lambda h: 3 * h**2, homogeneity=3.0),
        lambda a: train(iw.TwoLayerMeanField(a, 8)),
        fine={"name": ("unknown",)},
    ),
    "Activation": Call(
        iw.Activation,
        dict(name="mine", value=lambda h: h**3, derivative=lambda h: 3 * h**2, homogeneity=3.0),
        lambda a: (train(iw.TwoLayerMeanField(a, 8)), train(iw.Network(2, 1, 5, a, P.mup(1)))),
        fine={"name": ("unknown",)},
    ),
    "PiecewiseLinear": Call(
        isotropic.PiecewiseLinear,
        dict(knots=(0.5, 1.5), values=(-2.5, 7.5)),
        lambda a: populate(iw.RadialMeanField(4, 0.5, size=4, activation=a)),
    ),
    "PiecewiseLinear.value": Call(
        isotropic.MEI_MONOTONE.value, dict(h=Y), fine={"h": ("nan", "infinite", "empty", "no columns", "four axes")}, elementwise=True
    ),
    "PiecewiseLinear.derivative": Call(
        isotropic.MEI_MONOTONE.derivative, dict(h=Y), fine={"h": ("nan", "infinite", "empty", "no columns", "four axes")}, elementwise=True
    ),
    "PiecewiseLinear.radial_mean": Call(
        isotropic.MEI_MONOTONE.radial_mean,
        dict(s=np.abs(Y), dim=4),
        fine={"s": ("nan", "infinite", "empty", "no columns", "four axes")},
        elementwise=True,
    ),
    "PiecewiseLinear.radial_slope": Call(
        isotropic.MEI_MONOTONE.radial_slope,
        dict(s=np.abs(Y), dim=4),
        fine={"s": ("nan", "infinite", "empty", "no columns", "four axes")},
        elementwise=True,
    ),
    # data, losses, solutions
    "Data.check": Call(iw.Data.check, dict(X=X, y=Y, loss="squared", X_test=X[:2].copy())),
    "losses.get": Call(losses.get, dict(loss="squared")),
    "Loss": Call(
        iw.Loss,
        dict(
            name="cubic",
            value_and_residual=lambda f, y: ((np.abs(f - y) ** 3).sum(axis=1), 3 * np.sign(f - y) * (f - y) ** 2),
            targets=lambda y, dtype: np.asarray(y, dtype).reshape(len(y), -1),
        ),
        lambda loss: iw.solve(NET, X, Y, GD, loss=loss, rng=0),
        fine={"name": ("unknown",)},
    ),
    "solve": Call(
        iw.solve,
        dict(
            model=NET,
            X=X,
            y=Y,
            method=GD,
            loss="squared",
            X_test=X[:2].copy(),
            rng=0,
            start=SOLVED.state.copy(),
            save_at=[0, 2],
            observables={"size": lambda t, state, problem: float(state @ state)},
            callback=lambda point: False,
            progress=False,
            checkpoint_seconds=30.0,
        ),
        free=("callback",),
        fine={"rng": ("longer than a float",), "start": ("none",), "save_at": ("none",), "observables": ("none", "dict")},
    ),
    "solve of an observable": Call(
        lambda observable: iw.solve(NET, X, Y, GD, rng=0, observables={"observable": observable}),
        dict(observable=lambda t, state, problem: float(state @ state)),
        fine={"observable": ("gives nan", "gives complex", "gives another shape")},
        elementwise=True,
    ),
    "solve of a flow": Call(
        partial(iw.solve, NET, X, Y, iw.GradientFlow(0.1, estimate_error=False)),
        dict(save_at=np.array([0.0, 0.05, 0.1]), rng=0),
        fine={"rng": ("longer than a float",), "save_at": ("four axes",)},
    ),
    "Solution.predict": Call(SOLVED.predict, dict(X=X)),
    "Solution.plot": Call(SOLVED.plot, dict(samples=2), close),
    "Solution.save": Call(SOLVED.save, dict(path=FOLDER / "again.npz"), fine={"path": ("text",)}),
    "Solution.load": Call(iw.Solution.load, dict(path=STORED, problem=SOLVED.problem), fine={"path": ("text",), "problem": ("none",)}),
    # studies
    "compare": Call(
        iw.compare,
        dict(
            limit=iw.DeepLinearMuP(1),
            networks=[iw.Network(2, 1, m, "linear", P.mup(1)) for m in (4, 8)],
            X=X,
            y=Y,
            method=GD,
            seeds=2,
        ),
        fine={"limit": ("none",), "seeds": ("array of two",)},
    ),
    "Comparison.plot": Call(COMPARED.plot, {}, close),
    "Comparison.save": Call(COMPARED.save, dict(path=FOLDER / "comparison.npz"), fine={"path": ("text",)}),
    "Comparison.load": Call(iw.Comparison.load, dict(path=COMPARED_FILE), fine={"path": ("text",)}),
    "power_law": Call(iw.power_law, dict(sizes=np.array([10.0, 20.0, 40.0]), values=np.array([1.0, 0.6, 0.5]))),
    "replicas.covariance": Call(replicas.covariance, dict(outputs=X[:, :, None].copy()), fine={"outputs": ("no columns", "four axes")}),
    "replicas.covariance_error": Call(
        replicas.covariance_error, dict(outputs=X[:, :, None].copy(), level=0.95), fine={"outputs": ("no columns", "four axes")}
    ),
    "replicas.interval": Call(replicas.interval, dict(outputs=X, level=0.95), fine={"outputs": ("no columns", "four axes")}),
    "replicas.simultaneous_error": Call(
        replicas.simultaneous_error, dict(outputs=X[:, :, None].copy(), level=0.95), fine={"outputs": ("no columns", "four axes")}
    ),
    "sweep": Call(iw.sweep, dict(function=lambda a: a + 1, grid={"a": [1, 2]}), free=("function",)),
    # grids and distances
    "Grid": Call(lambda edges: Grid(edges), dict(edges=np.array([0.0, 1.0, 3.0, 4.0]))),
    "Grid.uniform": Call(Grid.uniform, dict(lower=-1.0, upper=1.0, cells=8), fine={"lower": ("list",), "upper": ("list",)}),
    "Grid.stretched": Call(Grid.stretched, dict(lower=-1.0, upper=1.0, cells=8, focus=0.2, finest=0.1)),
    "Grid.adapted": Call(Grid.adapted, dict(lower=-1.0, upper=1.0, cells=8, density=lambda x: np.exp(-(x**2)), share=0.5)),
    "Grid.adapted_to": Call(GRID.adapted_to, dict(masses=np.full(24, 1 / 24), cells=8, share=0.5)),
    "Grid.masses": Call(GRID.masses, dict(density=START)),
    "wasserstein": Call(solvers.wasserstein, dict(first=X, second=X[::-1] + 1.0, order=1)),
    "circular_wasserstein": Call(
        solvers.circular_wasserstein, dict(angles=Y, masses=np.abs(Y), other_angles=Y + 1, other_masses=np.abs(Y))
    ),
    "wasserstein_to_particles": Call(
        solvers.wasserstein_to_particles, dict(grid=Grid.uniform(0, 1, 4), masses=np.full(4, 0.25), particles=np.abs(Y))
    ),
    "wasserstein_of_grids": Call(
        solvers.wasserstein_of_grids,
        dict(grid=Grid.uniform(0, 1, 4), masses=np.full(4, 0.25), other=Grid.uniform(0, 1, 4), other_masses=np.array([0.5, 0, 0, 0.5])),
    ),
    # theory
    "scaling.limit": Call(scaling.limit, dict(network=NET, particles=8), train),
    "scaling.regime": Call(scaling.regime, dict(parameterization=P.mup(2), activation="relu", steps=2)),
    "scaling.exponents": Call(scaling.exponents, dict(parameterization=P.mup(2), activation="relu", steps=2)),
    "scaling.yang_hu": Call(scaling.yang_hu, dict(a=(0, 0.5, 0.5), b=(0, 0, 0), c=0.0)),
    "scaling.slopes": Call(
        scaling.slopes,
        dict(
            parameterization=P.mup(1),
            activation="tanh",
            X=X,
            y=Y,
            learning_rate=0.1,
            first_learning_rate=0.1,
            widths=(4, 8),
            seeds=(0, 1),
            steps=1,
        ),
        lambda measured: (measured.slope, measured.standard_error, measured.last_slope),
        elementwise=True,
    ),
    "saddle.is_stationary": Call(saddle.is_stationary, dict(hidden_layers=3, scheme="naive")),
    "saddle.escape_scaling": Call(saddle.escape_scaling, dict(hidden_layers=3, scheme="naive")),
    "saddle.growth_rate": Call(saddle.growth_rate, dict(X=X, y=Y, hidden_layers=3, loss="squared", activation="tanh")),
    "saddle.growth_rate after a first step": Call(
        saddle.growth_rate, dict(X=X, y=Y, hidden_layers=5, first_learning_rate=1.0, activation="linear")
    ),
    "saddle.log_slope": Call(saddle.log_slope, dict(rate=1.0, hidden_layers=3, scheme="naive", learning_rate=0.1)),
    "escape.escape_time": Call(escape.escape_time, dict(solution=ESCAPED, fraction=0.9, reference=1.0)),
    "escape.fit_growth": Call(
        escape.fit_growth,
        dict(
            widths=[4, 8, 16, 32],
            times=np.random.default_rng(0).lognormal(0, 0.1, (4, 8)) * np.array([[4.0], [8.0], [16.0], [32.0]]),
            exponent=1.0,
            logarithm=False,
            resamples=20,
            rng=0,
        ),
        fine={"times": ("infinite",), "rng": ("longer than a float",)},
    ),
    "fluctuations.replica_fluctuations": Call(
        fluctuations.replica_fluctuations,
        dict(model=iw.TwoLayerMeanField("tanh", 8, replicas=4), X=X, y=Y, method=GD, X_test=X, loss="squared", rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "fluctuations.linearized_fluctuations": Call(
        fluctuations.linearized_fluctuations,
        dict(model=PARTICLES, X=X, y=Y, method=GD, X_test=X, draws=2, epsilon=0.1, loss="squared", rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "minimum_risk": Call(isotropic.minimum_risk, dict(dim=4, delta=0.5, activation=isotropic.MEI_MONOTONE, atoms=1)),
    "one_atom_transition": Call(
        isotropic.one_atom_transition, dict(dim=np.inf, activation=isotropic.MEI_MONOTONE, tolerance=0.1), seconds=20.0
    ),
    "initial_laws.draw": Call(
        initial_laws.draw, dict(law="gaussian", rng=np.random.default_rng(0), particles=4, dim=2, outputs=1, quasi_random=False)
    ),
    "catapult.phase": Call(catapult.phase, dict(kernel=2.0, learning_rate=0.5)),
    "catapult.trajectory": Call(catapult.trajectory, dict(output=1.0, kernel=2.0, learning_rate=0.5, width=16, steps=4)),
    "catapult.draw": Call(catapult.draw, dict(rng=0, width=16, size=4), fine={"rng": ("longer than a float",)}),
    "catapult.peak_time": Call(catapult.peak_time, dict(output=1.0, kernel=2.0, learning_rate=1.5, width=16)),
    "catapult.largest_stable_rate": Call(
        catapult.largest_stable_rate,
        dict(model=NET, X=X, y=Y, steps=4, loss="squared", tolerance=0.5, rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "LinearizedNetwork": Call(iw.limits.LinearizedNetwork, dict(network=NET), train),
    "networks.empirical_ntk": Call(networks.empirical_ntk, dict(problem=SOLVED.problem, X1=X, X2=X, state=SOLVED.state, trace=True)),
    # estimators: bad parameters are refused by fit
    "estimators.NNGPRegressor": Call(estimators.NNGPRegressor, dict(kernel=KERNEL, noise_variance=0.1), fit, fine={"kernel": ("none",)}),
    "estimators.NTKRegressor": Call(
        estimators.NTKRegressor, dict(kernel=KERNEL, t=1.0, noise_variance=0.1), fit, fine={"kernel": ("none",), "t": ("infinite",)}
    ),
    "estimators.NNGPClassifier": Call(
        estimators.NNGPClassifier, dict(kernel=KERNEL, noise_variance=0.1), classify, fine={"kernel": ("none",)}
    ),
    "estimators.NTKClassifier": Call(
        estimators.NTKClassifier, dict(kernel=KERNEL, t=1.0, noise_variance=0.1), classify, fine={"kernel": ("none",), "t": ("infinite",)}
    ),
    # kernels
    "kernels.ensemble": Call(
        kernels.ensemble,
        dict(
            kernel=KERNEL,
            X=X,
            y=Y,
            X_test=X,
            t=np.array([0.0, 2.0]),
            learning_rate=0.1,
            momentum=0.5,
            noise_variance=0.1,
            covariance="full",
        ),
        fine={"t": ("infinite", "one number")},
    ),
    "kernels.posterior": Call(kernels.posterior, dict(kernel=KERNEL, X=X, y=Y, X_test=X, noise_variance=0.1, covariance="full")),
    "kernels.kernel_ridge": Call(kernels.kernel_ridge, dict(kernel=KERNEL, X=X, y=Y, X_test=X, relative_ridge=0.1, get="ntk")),
    "kernels.log_marginal_likelihood": Call(kernels.log_marginal_likelihood, dict(kernel=KERNEL, X=X, y=Y, noise_variance=0.1)),
    "kernels.maximize_likelihood": Call(
        kernels.maximize_likelihood,
        dict(architecture=dense, X=X, y=Y, start={"W_std": 1.0}, noise_variance=0.1, bounds={"W_std": (0.1, 10.0)}, iterations=3),
        fine={"bounds": ("none", "dict")},
    ),
    # observables
    "diagnostics.dissipation": Call(
        diagnostics.dissipation,
        dict(t=0.0, state=MOVED.state, problem=MOVED.problem),
        free=("t",),
        fine={"state": ("nan", "infinite")},
        elementwise=True,
    ),
    "diagnostics.imbalance": Call(
        lambda activation: (
            train(iw.TwoLayerMeanField(activation, 8), iw.GradientDescent(0.1, 1)).problem.activation
            and diagnostics.imbalance(
                0.0, train(iw.TwoLayerMeanField(activation, 8)).state, train(iw.TwoLayerMeanField(activation, 8)).problem
            )
        ),
        dict(activation="relu"),
    ),
    "diagnostics.KineticEnergy": Call(
        diagnostics.KineticEnergy,
        dict(step_size=0.1),
        lambda kinetic: iw.solve(PARTICLES, X, Y, iw.HeavyBall(0.1, 1.0, 2), rng=0, observables={"kinetic": kinetic}),
        elementwise=False,
    ),
    "diagnostics.FreeEnergy": Call(
        diagnostics.FreeEnergy,
        dict(temperature=0.1, weight_decay=0.1),
        lambda energy: iw.solve(PARTICLES, X, Y, iw.Langevin(0.1, 0.1, 0.1, 2), rng=0, observables={"free": energy}),
    ),
    "diagnostics.entropy": Call(diagnostics.entropy, dict(cloud=np.random.default_rng(0).standard_normal((8, 2)), neighbour=2)),
    "diagnostics.energy_defect": Call(
        diagnostics.energy_defect, dict(t=np.arange(4.0), loss=np.array([1.0, 0.5, 0.3, 0.2]), spent=np.array([0.5, 0.3, 0.2, 0.1]))
    ),
    "densities.density": Call(
        density, dict(t=0.0, state=LINE.state, problem=LINE.problem), free=("t",), fine={"state": ("nan", "infinite")}, elementwise=True
    ),
    "densities.free_energy": Call(
        free_energy, dict(t=0.0, state=LINE.state, problem=LINE.problem), free=("t",), fine={"state": ("nan", "infinite")}, elementwise=True
    ),
    "densities.dissipation": Call(
        dissipation,
        dict(t=0.0, state=TURNED.state, problem=TURNED.problem),
        free=("t",),
        fine={"state": ("nan", "infinite")},
        elementwise=True,
    ),
    "isotropic.weight_radii": Call(
        isotropic.weight_radii,
        dict(t=0.0, state=WALKED.state, problem=WALKED.problem),
        free=("t",),
        fine={"state": ("nan", "infinite")},
        elementwise=True,
    ),
    "catapult.sharpness": Call(catapult.sharpness, dict(t=0.0, state=SOLVED.state, problem=SOLVED.problem), free=("t",)),
    "catapult.tangent_sharpness": Call(catapult.tangent_sharpness, dict(t=0.0, state=SOLVED.state, problem=SOLVED.problem), free=("t",)),
    "propagation.pair_corrections": Call(
        propagation.pair_corrections, dict(maps=propagation.MeanFieldMaps("tanh", 1.2, 0.1), q=1.0, c=0.5, depth=2)
    ),
    "propagation.gram_corrections": Call(
        propagation.gram_corrections,
        dict(maps=propagation.MeanFieldMaps("tanh", 1.2, 0.1), gram=np.array([[1.0, 0.3], [0.3, 0.7]]), depth=2),
    ),
    "propagation.measure_gram": Call(
        propagation.measure_gram,
        dict(
            maps=propagation.MeanFieldMaps("tanh", 1.2, 0.1),
            gram=np.array([[1.0, 0.3], [0.3, 0.7]]),
            width=8,
            depth=2,
            networks=2,
            rng=0,
        ),
        fine={"rng": ("longer than a float",)},
    ),
    "propagation.singular_value_density": Call(
        propagation.singular_value_density,
        dict(maps=propagation.MeanFieldMaps("tanh", 1.2, 0.1), depth=2, squared=np.array([0.5, 1.0]), weights="gaussian", q=1.0),
    ),
    "propagation.sensitivity": Call(propagation.sensitivity, dict(problem=SOLVED.problem, state=SOLVED.state, X=X, of="outputs")),
    "propagation.expected_sensitivity": Call(propagation.expected_sensitivity, dict(network=iw.Network(2, 2, 6, "tanh", P.ntk(2)), X=X)),
    "propagation.measure_circle": Call(
        propagation.measure_circle,
        dict(maps=propagation.MeanFieldMaps("tanh", 1.2, 0.1), width=8, depth=1, networks=2, points=128, rng=0),
        fine={"rng": ("longer than a float",)},
    ),
}

# What nobody calls with arguments of their own: protocols, results that the library makes, functions of no argument.
RECORDS = set(
    """
    Batched Causal Evaluation FiniteModel FirstStep Foreseen Fused HasLimit ImplicitSteps Method MethodFailed Model Point Population Problem
    RandomLimit RandomStart Rated Refinable Refining Replicated Rescaled Retractable Settling Stepwise Transported WithError WithRemark
    Comparison CoordinateCheck Data EscapeFit EscapeScaling Exponents Fluctuations GrowthCurve PlaneClass Regime Slopes Solution Sweep
    LikelihoodFit Posterior Ridge
    Trajectory YangHu Ensemble Estimate HermiteSeries Moments Kernels LearningCurve Spectrum Tail ParameterizationTable
    TailExponents RadialMinimum Engine LayerRow
    Images Samples digits mnist_5000
    Advice Corrections GramCorrections Grams CriticalPoint Curve DepthScales FixedPoint Measured MeasuredCurve MeasuredSingularValues
    PhaseDiagram CommonParameters NoiseUnits Noisy NormalisedOnly OnGrid WithWaysOut Signals SingularValues ClosedForm engine names
    """.split()
)
