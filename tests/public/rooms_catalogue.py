"""Good calls of the rooms of kernels, propagation, spectra, Gaussian integrals, dynamical mean field, growing networks and the plane."""

import numpy as np
from public_catalogue import Call, P, X, Y, populate, train

import infwidth as iw
from infwidth import limits
from infwidth.limits import gaussian, kernels, propagation, scaling, spectra

DENSE = kernels.Dense(1.4, 0.1)
NTK = kernels.serial(DENSE, kernels.Relu(), DENSE)
MAPS = propagation.MeanFieldMaps("tanh", 1.5, 0.1)
SPECTRUM = spectra.Spectrum(np.array([1.0, 0.5, 0.25, 0.1]), np.array([1.0, 0.5, 0.2, 0.1]), np.ones(4), 0.0)
TEACHER = limits.LinearTeacher(np.array([[1.0, 0.5], [0.0, 1.0]]), np.array([[1.0, 0.2], [0.2, 0.5]]))
PATH = gaussian.ProcessPath(lambda X, Z: X @ Z.T, 1, np.random.default_rng(0))
ANGLES = np.array([0.2, -0.5, 0.9])
Q = np.array([0.5, 1.0, 2.0])
MOVED = iw.solve(iw.Network(2, 1, 6, "relu", P.mup(1)), X, Y, iw.GradientDescent(0.1, 2), rng=0)
PLANE = {
    "q_sigma": -0.5,
    "q_tilde": 0.0,
    "activation": "tanh",
    "particles": 8,
    "weight_std": 1.0,
    "output_std": 1.0,
    "reference_width": 4,
    "quasi_random": True,
    "hidden_layers": 2,
    "q_tilde_hidden": 0.0,
    "method": "gradient",
}
ANY_SHAPE = ("empty", "no columns", "four axes")


def grams(kernel):
    """What a layer is for: kernels of a network that it is in."""
    return kernels.serial(DENSE, kernel, DENSE)(X, get=("nngp", "ntk"))


def lazily(kernel):
    return train(iw.NeuralTangentLimit(kernel))


def inner(X, Z=None):
    return X @ (X if Z is None else Z).T + 1


ROOMS: dict[str, Call] = {
    # kernels
    **{
        f"kernels.{name}": Call(getattr(kernels, name), {}, grams)
        for name in (
            "Abs",
            "Cos",
            "Elu",
            "Erf",
            "Gaussian",
            "Gelu",
            "Identity",
            "LayerNorm",
            "Relu",
            "Sigmoid",
            "Sign",
            "Silu",
            "Sin",
            "Softplus",
            "Tanh",
        )
    },
    "kernels.Dense": Call(kernels.Dense, dict(W_std=1.0, b_std=0.1, parameterization="ntk"), grams, fine={"b_std": ("none",)}),
    "kernels.Dense of the standard parameterization": Call(
        kernels.Dense, dict(W_std=1.0, b_std=0.1, parameterization="standard", fan_in=8.0), grams
    ),
    "kernels.Linear": Call(kernels.Linear, dict(weight_std=1.0, bias_std=0.1, weight_rate=1.0, bias_rate=1.0, backward_std=1.0), grams),
    "kernels.Dropout": Call(kernels.Dropout, dict(rate=0.9), lambda layer: kernels.serial(DENSE, kernels.Relu(), layer, DENSE)(X)),
    "kernels.Elementwise": Call(kernels.Elementwise, dict(activation="tanh", tolerance=1e-9), grams),
    "kernels.Hermite": Call(kernels.Hermite, dict(degree=2), grams),
    "kernels.Monomial": Call(kernels.Monomial, dict(degree=2), grams),
    "kernels.LeakyRelu": Call(kernels.LeakyRelu, dict(slope=0.1), grams),
    "kernels.FanOut": Call(
        kernels.FanOut, dict(number=2), lambda fan: kernels.serial(DENSE, fan, kernels.parallel(NTK, DENSE), kernels.FanInSum())(X)
    ),
    "kernels.FanInSum": Call(
        kernels.FanInSum, {}, lambda add: kernels.serial(DENSE, kernels.FanOut(2), kernels.parallel(NTK, kernels.Identity()), add)(X)
    ),
    "kernels.of": Call(kernels.of, dict(network=iw.Network(2, 1, 8, "relu", P.ntk(1))), lambda kernel: kernel(X)),
    "kernels.serial": Call(lambda layers: kernels.serial(DENSE, layers), dict(layers=kernels.Relu()), lambda kernel: kernel(X)),
    "kernels.parallel": Call(
        lambda layers: kernels.serial(kernels.FanOut(2), kernels.parallel(layers, NTK), kernels.FanInSum()),
        dict(layers=DENSE),
        lambda kernel: kernel(X),
    ),
    "Kernel.nngp": Call(NTK.nngp, dict(X1=X, X2=X[:2].copy())),
    "Kernel.ntk": Call(NTK.ntk, dict(X1=X, X2=X[:2].copy())),
    "Kernel": Call(NTK, dict(X1=X, X2=X[:2].copy(), get="ntk")),
    "NeuralTangentLimit": Call(iw.NeuralTangentLimit, dict(kernel=NTK, initial="gaussian", replicas=3), train),
    "NeuralTangentLimit of a function": Call(
        lambda initial: train(iw.NeuralTangentLimit(NTK, initial)), dict(initial=lambda X: np.sin(X[:, :1]))
    ),
    # Gaussian integrals
    "gaussian.dual": Call(
        gaussian.dual, dict(activation="tanh", q1=Q, q2=Q[::-1].copy(), c=ANGLES, tolerance=1e-9), fine={"q1": ("one number",)}
    ),
    "gaussian.expectation": Call(
        gaussian.expectation, dict(f=np.tanh, q=Q, kinks=(0.0, 1.0), tolerance=1e-9), fine={"q": ANY_SHAPE, "kinks": ("list",)}
    ),
    "gaussian.hermite_series": Call(gaussian.hermite_series, dict(f=np.tanh, q=Q, terms=8)),
    "gaussian.pair_expectation": Call(
        gaussian.pair_expectation,
        dict(f=np.tanh, g=np.tanh, q1=Q, q2=Q[::-1].copy(), c=ANGLES, kinks=(0.0, 1.0), tolerance=1e-9),
        fine={"q1": ("one number",), "kinks": ("list",)},
    ),
    "gaussian.moments": Call(gaussian.moments, dict(activation="gelu", q=Q, tolerance=1e-9), fine={"q": ANY_SHAPE}),
    "gaussian.ProcessPath": Call(
        gaussian.ProcessPath, dict(covariance=inner, outputs=2, rng=np.random.default_rng(0)), lambda path: path(X).shape
    ),
    "gaussian.ProcessPath.__call__": Call(lambda X: gaussian.ProcessPath(inner, 1, np.random.default_rng(0))(X), dict(X=X)),
    # propagation
    "MeanFieldMaps": Call(
        propagation.MeanFieldMaps,
        dict(activation="tanh", weight_variance=1.5, bias_variance=0.1, keep=0.9, skip=0.5),
        lambda maps: (maps.variance_map(1.0), maps.correlation_map(0.5, 1.0)),
    ),
    "MeanFieldMaps.variance_map": Call(MAPS.variance_map, dict(q=Q), fine={"q": ANY_SHAPE}),
    "MeanFieldMaps.correlation_map": Call(MAPS.correlation_map, dict(c=ANGLES, q=1.0), fine={"c": ANY_SHAPE}),
    "MeanFieldMaps.chi": Call(MAPS.chi, dict(q=1.0)),
    "propagation.advise": Call(propagation.advise, dict(network=iw.Network(2, 3, 64, "tanh", P.standard(3)))),
    "propagation.circle": Call(propagation.circle, dict(maps=MAPS, depth=3)),
    "propagation.corrections": Call(propagation.corrections, dict(maps=MAPS, q=1.0, depth=3)),
    "propagation.tangent_corrections": Call(propagation.tangent_corrections, dict(maps=MAPS, q=1.0, depth=3)),
    "propagation.critical_point": Call(propagation.critical_point, dict(activation="tanh")),
    "propagation.critical_weight_variance": Call(propagation.critical_weight_variance, dict(activation="tanh", bias_variance=0.05)),
    "propagation.initialization": Call(propagation.initialization, dict(name="he", fan_in=8, fan_out=4)),
    "propagation.measure_signals": Call(
        propagation.measure_signals,
        dict(maps=MAPS, width=8, depth=2, q=1.0, c=0.5, networks=2, weights="gaussian", rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "propagation.measure_kernels": Call(
        propagation.measure_kernels,
        dict(maps=MAPS, width=8, depth=2, q=1.0, c=0.5, networks=2, rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "propagation.measure_singular_values": Call(
        propagation.measure_singular_values,
        dict(maps=MAPS, width=8, depth=2, q=1.0, weights="gaussian", networks=2, rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "propagation.measure_sensitivity": Call(
        propagation.measure_sensitivity,
        dict(network=iw.Network(2, 2, 6, "tanh", P.ntk(2)), X=np.eye(2), networks=2, rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "propagation.phase_diagram": Call(
        propagation.phase_diagram, dict(activation="tanh", weight_variances=np.array([1.0, 2.0]), bias_variances=np.array([0.1, 0.2]))
    ),
    "propagation.shaped": Call(
        propagation.shaped, dict(activation="leaky_relu", depth=5, end=0.5), lambda shape: train(iw.TwoLayerMeanField(shape, 8))
    ),
    "propagation.singular_values": Call(propagation.singular_values, dict(maps=MAPS, depth=3, weights="gaussian", q=1.0)),
    # spectra
    "spectra.effective_ridge": Call(spectra.effective_ridge, dict(spectrum=SPECTRUM, samples=3, ridge=0.1)),
    "spectra.gaussian_curve": Call(
        spectra.gaussian_curve,
        dict(spectrum=SPECTRUM, sizes=[1, 2], ridge=0.1, noise=0.1, draws=2, rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "spectra.learning_curve": Call(spectra.learning_curve, dict(kernel=inner, X=X, y=Y, sizes=[1, 2], ridge=0.1, noise=0.1)),
    "spectra.loss_curve": Call(spectra.loss_curve, dict(spectrum=SPECTRUM, t=np.array([0.0, 1.0, 3.0])), fine={"t": ("infinite",)}),
    "spectra.measure_curve": Call(
        spectra.measure_curve,
        dict(kernel=inner, X=X, y=Y, sizes=[1, 2], ridge=0.1, noise=0.1, draws=2, rng=0),
        fine={"rng": ("longer than a float",)},
    ),
    "spectra.measured_spectrum": Call(spectra.measured_spectrum, dict(kernel=inner, X=X, y=Y)),
    "spectra.multiplicity": Call(spectra.multiplicity, dict(degree=3, dim=4)),
    "spectra.predicted_curve": Call(spectra.predicted_curve, dict(spectrum=SPECTRUM, sizes=[1, 2], ridge=0.1, noise=0.1)),
    "spectra.predicted_exponents": Call(spectra.predicted_exponents, dict(dim=2, target="smooth", singularity=1.0, radial=False)),
    "spectra.radial_spectrum": Call(spectra.radial_spectrum, dict(kernel=inner, dim=3, target=lambda r: r**2, radii=20, directions=8)),
    "spectra.tail": Call(spectra.tail, dict(values=np.arange(1.0, 13.0) ** -2, window=(1.0, 12.0), x=np.arange(1.0, 13.0))),
    "spectra.tail_sums": Call(spectra.tail_sums, dict(spectrum=SPECTRUM)),
    "spectra.zonal_spectrum": Call(spectra.zonal_spectrum, dict(kernel=inner, dim=3, degrees=3, target=lambda c: c**2)),
    # deep limits, growing networks, the plane
    "DeepIntegrable": Call(
        iw.DeepIntegrable,
        dict(
            hidden_layers=2,
            activation="tanh",
            neurons=16,
            scheme="large_lr",
            weight_std=1.0,
            replicas=2,
            kernels="auto",
            skip_stationary=True,
            takes_noise=True,
        ),
        train,
    ),
    "DeepIntegrable with biases": Call(
        iw.DeepIntegrable,
        dict(hidden_layers=2, activation="tanh", neurons=16, scheme="bias", weight_std=(1.0, 1.0, 1.0), bias_std=(0.5, 1.0)),
        train,
        fine={"bias_std": ("none",)},
    ),
    "DynamicalMeanField": Call(
        iw.DynamicalMeanField,
        dict(
            hidden_layers=2, activation="tanh", samples=512, gamma=1.0, weight_std=1.0, rates=1.0, replicas=2, tolerance=0.002, memory=1e9
        ),
        train,
    ),
    "InitCorrectedMeanField": Call(
        limits.InitCorrectedMeanField,
        dict(activation="tanh", particles=8, weight_std=1.0, output_std=1.0, replicas=2, reference_width=4, quasi_random=True),
        train,
    ),
    "InitCorrectedMeanField of a start": Call(
        lambda start: train(limits.InitCorrectedMeanField("tanh", 8, start=start)), dict(start=lambda X: np.sin(X[:, :1]))
    ),
    "InitCorrectedNetwork": Call(
        limits.InitCorrectedNetwork, dict(width=8, activation="tanh", weight_std=1.0, output_std=1.0, reference_width=4), train
    ),
    "LinearTeacher": Call(
        limits.LinearTeacher,
        dict(weights=np.array([[1.0, 0.5], [0.0, 1.0]]), covariance=np.array([[1.0, 0.2], [0.2, 0.5]]), noise=0.1),
        lambda teacher: populate(iw.DeepLinearMuP(2, population=teacher)),
    ),
    "scaling.coordinate_check": Call(
        scaling.coordinate_check,
        dict(parameterization=P.mup(1), activation="tanh", widths=(8, 16), built=P.mup(1), steps=1, seeds=2, learning_rate=0.3, band=0.2),
        fine={"built": ("none",)},
    ),
    "scaling.output_terms": Call(
        scaling.output_terms,
        dict(problem=MOVED.problem, state=MOVED.state, X=X),
        fine={"X": ("none",), "state": ("nan", "infinite")},
        elementwise=True,
    ),
    "scaling.output_term_names": Call(scaling.output_term_names, dict(hidden_layers=2)),
    "scaling.output_term_slopes": Call(
        scaling.output_term_slopes,
        dict(
            parameterization=P.mup(1),
            activation="relu",
            X=X,
            y=Y,
            method=iw.GradientDescent(0.1, 1),
            loss="squared",
            widths=(4, 8),
            seeds=(0, 1),
        ),
        lambda measured: (measured.slope, measured.standard_error, measured.last_slope),
        elementwise=True,
    ),
    "in_form": Call(limits.networks.in_form, dict(parameterization=P.mup(1), form="no multipliers")),
    "scaling.plane_limit": Call(
        scaling.plane_limit,
        PLANE,
        train,
    ),
    "two_layer.PlaneLimit": Call(
        limits.two_layer.PlaneLimit,
        PLANE | {"start": lambda X: X[:, :1]},
        train,
    ),
    "two_layer.PlaneLimit.unit": Call(limits.two_layer.PlaneLimit(-0.75, 0.5, "tanh").unit, dict(width=8)),
    "two_layer.PlaneLimit.started_at": Call(
        limits.two_layer.PlaneLimit(-0.5, 0.0, "tanh").started_at, dict(start=lambda X: X[:, :1]), train
    ),
    "scaling.plane_classes": Call(scaling.plane_classes, dict(method="rmsprop", hidden_layers=2)),
    "scaling.plane_class": Call(
        scaling.plane_class, dict(q_sigma=-0.5, q_tilde=0.0, q_tilde_w=0.0, method="rmsprop", hidden_layers=2, q_tilde_hidden=-0.5)
    ),
}
