"""Good calls of the methods of public classes, and of the objects that public functions return."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from public_catalogue import COMPARED, GRID, LINE, MOVED, NET, PARTICLES, SOLVED, Call, P, X, Y, close, train
from rooms_catalogue import ANGLES, ANY_SHAPE, MAPS, NTK, SPECTRUM, TEACHER, Q

import infwidth as iw
from infwidth import limits
from infwidth.limits import escape, propagation, scaling, spectra
from infwidth.limits import particle_diagnostics as diagnostics
from infwidth.solvers import losses

FOLDER = Path(tempfile.mkdtemp())
DIAGRAM = propagation.phase_diagram("tanh", [1.0, 2.0, 3.0], [0.0, 0.1])
CURVE = spectra.predicted_curve(SPECTRUM, [1, 2, 4])
CHECKED = scaling.coordinate_check(P.mup(1), "tanh", (8, 16), steps=1, seeds=2)
CORRECTIONS = propagation.corrections(MAPS, 1.0, 3)
TANGENT = propagation.tangent_corrections(MAPS, 1.0, 3)
TIMES = np.random.default_rng(0).lognormal(0, 0.1, (4, 8)) * np.array([[4.0], [8.0], [16.0], [32.0]])
GROWN = escape.fit_growth([4, 8, 16, 32], TIMES, 1.0, rng=0)
CALIBRATED = limits.CalibratedNetwork(NET)
CALIBRATED_RUN = train(CALIBRATED)
AXES = plt.subplots()[1]
PAIR = list(plt.subplots(1, 2)[1])
plt.close("all")


def drawn(figure):
    figure.canvas.draw()
    close(figure)


METHODS: dict[str, Call] = {
    # figures on axes of the user's
    **{
        f"{name} on axes": Call(plot, {"axes": AXES}, lambda figure: figure.canvas.draw(), fine={"axes": ("none",)})
        for name, plot in {
            "Solution.plot": SOLVED.plot,
            "Comparison.plot": COMPARED.plot,
            "PhaseDiagram.plot": DIAGRAM.plot,
            "CoordinateCheck.plot": CHECKED.plot,
            "LearningCurve.plot": CURVE.plot,
        }.items()
    },
    "Solution.plot on two axes": Call(LINE.plot, dict(axes=PAIR, samples=2), lambda figure: figure.canvas.draw(), fine={"axes": ("none",)}),
    # kernels
    "Kernel.diagonal": Call(NTK.diagonal, dict(X=X, get="ntk")),
    "Kernel.__call__ into files": Call(
        NTK, dict(X1=X, out=str(FOLDER)), lambda made: tuple(map(np.array, made)), fine={"X1": ("one row",)}
    ),
    "Kernel.__call__ on an executor": Call(lambda executor: NTK(X, executor=executor), dict(executor=None), fine={"executor": ("none",)}),
    "Kernel.__add__": Call(lambda kernel: (NTK + kernel)(X), dict(kernel=NTK)),
    "Kernel.__mul__": Call(lambda factor: (NTK * factor)(X), dict(factor=2.0)),
    # maps
    "MeanFieldMaps.variance_slope": Call(MAPS.variance_slope, dict(q=Q), fine={"q": ANY_SHAPE}),
    "MeanFieldMaps.gradient_growth": Call(MAPS.gradient_growth, dict(q=Q), fine={"q": ANY_SHAPE}),
    "MeanFieldMaps.variances": Call(MAPS.variances, dict(q=1.0, depth=3)),
    "MeanFieldMaps.correlations": Call(MAPS.correlations, dict(c=0.5, depth=3, q=1.0)),
    "MeanFieldMaps.gradients": Call(MAPS.gradients, dict(q=1.0, depth=3)),
    "MeanFieldMaps.fixed_point": Call(MAPS.fixed_point, dict(q=1.0)),
    "MeanFieldMaps.depth_scales": Call(MAPS.depth_scales, dict(q=1.0)),
    "MeanFieldMaps.chi of correlations": Call(MAPS.chi, dict(c=ANGLES, q=1.0), fine={"c": ANY_SHAPE}),
    "Corrections.width_for": Call(CORRECTIONS.width_for, dict(error=0.1)),
    # parameterizations and the plane
    "Parameterization.table": Call(P.mup(2).table, dict(width=64, base_width=8, optimizer="adam", form="no multipliers"), str),
    "PlaneClass.exponents": Call(scaling.plane_class(-0.5, 0.0).exponents, dict(step=2)),
    "CalibratedNetwork.factors": Call(CALIBRATED.factors, dict(problem=CALIBRATED_RUN.problem)),
    # teachers
    "LinearTeacher.__call__": Call(TEACHER, dict(X=X)),
    "LinearTeacher.risk": Call(TEACHER.risk, dict(P=np.eye(2))),
    "LinearTeacher.gradient": Call(TEACHER.gradient, dict(P=np.eye(2))),
    "LinearTeacher.sample": Call(TEACHER.sample, dict(rng=np.random.default_rng(0), size=3)),
    # fits and series
    "GrowthCurve.__call__": Call(GROWN.curves[0], dict(width=np.array([4.0, 8.0]))),
    # data and studies
    "Loss.check": Call(lambda y: losses.get("logistic").check(y, np.dtype(float)), dict(y=np.sign(Y))),
    # observables that are objects
    "KineticEnergy.__call__": Call(
        diagnostics.KineticEnergy(0.1),
        dict(t=0.0, state=MOVED.state, problem=MOVED.problem, memory={"momentum": MOVED.state}),
        free=("t",),
        fine={"state": ("nan", "infinite")},  # it looks at the momentum alone
    ),
    "FreeEnergy.__call__": Call(diagnostics.FreeEnergy(0.1, 0.1), dict(t=0.0, state=MOVED.state, problem=MOVED.problem), free=("t",)),
    # masses
    "Grid.masses named": Call(lambda density: GRID.masses(density), dict(density=lambda w: np.exp(-(w**2).sum(axis=1)))),
    # models that can be started elsewhere
    "TwoLayerMeanField started at a state": Call(
        lambda start: iw.solve(PARTICLES, X, Y, iw.GradientDescent(0.1, 1), rng=0, start=start),
        dict(start=MOVED.state.copy()),
        fine={"start": ("none",)},
    ),
}

# Methods that nobody calls with arguments of their own: the contract of models, methods and problems, and what has no odd argument.
CONTRACT = set(
    """
    bind check coarser factors fingerprint_parts fit follow gentler get_params history judge pairs predict rate rows second set_params
    settled started_at sums trajectory weights score get_metadata_routing limit law rows_of at_zero as_data
    """.split()
)
