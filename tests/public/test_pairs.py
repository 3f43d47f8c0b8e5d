"""Every model with every method: a limit, held against networks of growing width or where the line says, or refused with the way out.

The models and methods are those that the packages list: a new one fails here until its row is written.
"""

import ast
import copy
import inspect
import re
from pathlib import Path

import method_table
import numpy as np
import pytest
from pair_catalogue import CELLS, DATA, METHODS, ROWS, Finite, Held, Near, P, Refused, X, descent, network

import infwidth as iw
from infwidth import limits, solvers
from infwidth.solvers.running.fingerprint import fingerprint

HERE = Path(__file__).parents[1]
OFTEN = ("GradientDescent", "GradientDescent, minibatches", "HeavyBall", "Langevin")  # the others of the slopes are slow


def slow(name, method):
    """What takes long: limits that are drawn anew for every seed, and the methods that are not among the frequent ones."""
    drawn = np.isfinite(getattr(ROWS[name][2][method], "neurons", np.inf)) and method in ("GradientDescent, minibatches", "Langevin")
    return drawn or method not in OFTEN


def cells(kind):
    chosen = [cell for cell in CELLS if isinstance(ROWS[cell[0]][2][cell[1]], kind)]
    return [pytest.param(*cell, id=" x ".join(cell), marks=[pytest.mark.slow] if kind is Near and slow(*cell) else []) for cell in chosen]


def listed(package, seen=None):
    """Every class that a package and its public parts list."""
    seen = {} if seen is None else seen
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.ismodule(value) and value.__name__ not in seen:
            seen[value.__name__] = None
            listed(value, seen)
        elif inspect.isclass(value):
            seen[name] = value
    return {name: value for name, value in seen.items() if value is not None}


def test_every_model_has_its_rows_and_every_method_its_column():
    rows = {type(model).__name__ for model, _, _ in ROWS.values()}
    columns = {type(method).__name__ for method in METHODS.values()}
    protocols = {"Model", "FiniteModel", "Method", "Refining", "Rescaled"}
    models = {value.__name__ for value in listed(limits).values() if callable(getattr(value, "bind", None))} - protocols
    methods = {value.__name__ for value in listed(solvers).values() if callable(getattr(value, "trajectory", None))} - protocols
    assert rows == models and columns == methods
    assert all(set(answers) == set(METHODS) for _, _, answers in ROWS.values())


def test_the_page_of_methods_has_these_rows():
    assert method_table.of_the_page() == method_table.table(ROWS, Refused), "run tests/public/method_table.py"


def test_whoever_holds_a_pair_is_there():
    for _, _, answers in ROWS.values():
        for answer in answers.values():
            if isinstance(answer, Held):
                file, test = answer.where.split("::")
                functions = [
                    node.name
                    for node in ast.walk(ast.parse((HERE / file).read_text(encoding="utf-8")))
                    if isinstance(node, ast.FunctionDef)
                ]
                assert any(name.startswith(test) for name in functions), answer.where


def run(model, data, method, seed=0):
    X, y = data or (None, None)
    return iw.solve(model, X, y, method, rng=seed, save_at=[method.end])


@pytest.mark.parametrize(("name", "method"), cells(Refused))
def test_refused_and_the_way_out_is_open(name, method):
    model, data, answers = ROWS[name]
    answer = answers[method]
    with pytest.raises(ValueError, match=rf"^{answer.argument}: .*{answer.words}"):
        run(model, data, METHODS[method])
    other, way, its_data = answer.instead
    assert run(other, its_data, way).success


UNDECIDED = (  # a state does not decide how these go on: a history, a density on two grids, a large first step
    "RadialMeanField of a density", "CircleMeanField", "CircleMeanField of a population", "DensityMeanField", "InteractionMeanField",
    "DeepIntegrable with factored kernels", "DeepLinearMuP", "DeepLinearMuP of a population", "DynamicalMeanField",
    "HybridNetwork", "CalibratedNetwork", "Network with a large first step", "LinearizedNetwork with a large first step",
    "DeepLinearIntegrable with a large first step", "DeepIntegrable with a large first step", "DeepIntegrable with kinks",
    "DeepIntegrable with biases",
)  # fmt: skip


def descended(name, steps, **options):
    """A run of that row, by minibatches where it takes nothing else."""
    model, data, answers = ROWS[name]
    method = descent(model, 1e-3, steps, 2 if isinstance(answers["GradientDescent"], Refused) else None)
    X, y = data or (None, None)
    return iw.solve(model, X, y, method, rng=5, **options)


@pytest.mark.parametrize("name", [name for name in ROWS if name not in UNDECIDED])
def test_a_run_goes_on_from_its_state(name):
    """Two halves have the bits of one run, but for minibatches, which are drawn anew."""
    half = descended(name, 4)
    second = descended(name, 4, start=half.state)
    np.testing.assert_array_equal(second.outputs[:1], half.outputs[-1:])
    if not isinstance(ROWS[name][2]["GradientDescent"], Refused):
        np.testing.assert_array_equal(second.state, descended(name, 8).state)


@pytest.mark.parametrize("name", UNDECIDED)
def test_a_run_that_its_state_does_not_decide_goes_on_from_a_checkpoint(name, tmp_path):
    half = descended(name, 4, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match=r"^start: .*give it a checkpoint, and then more steps"):
        descended(name, 4, start=half.state)
    whole, long = descended(name, 8), descended(name, 8, checkpoint=tmp_path / "run")
    np.testing.assert_array_equal(long.outputs, whole.outputs)
    np.testing.assert_array_equal(long.loss, whole.loss)


@pytest.mark.parametrize("name", ROWS)
def test_a_model_is_the_same_after_a_run(name, tmp_path):
    """What it remembers decides nothing: the finished run is found again, in this process too."""
    model, data, answers = ROWS[name]
    model = copy.deepcopy(model)
    before = fingerprint(model)
    method = descent(model, 1e-3, 3, 2 if isinstance(answers["GradientDescent"], Refused) else None)
    X, y = data or (None, None)
    first, again = (iw.solve(model, X, y, method, rng=5, checkpoint=tmp_path / "run") for _ in range(2))
    assert fingerprint(model) == before
    np.testing.assert_array_equal(again.outputs, first.outputs)
    assert first.stats["seconds"] > 0 and again.stats["steps"] == 3


MEASURES = (iw.RadialMeanField, iw.InteractionMeanField, iw.DensityMeanField, iw.CircleMeanField)


@pytest.mark.parametrize(("name", "method"), cells((Finite, Held)))
def test_accepted(name, method):
    model, data, _ = ROWS[name]
    chosen = METHODS[method]
    if isinstance(model, MEASURES) and method.startswith("GradientDescent"):
        chosen = iw.GradientDescent(1e-3, 3, first_learning_rate=chosen.first_learning_rate and 2e-3)  # within the bound of masses
    sol = run(model, data, chosen)
    assert sol.success and np.isfinite(sol.loss).all()


@pytest.mark.parametrize(("name", "method"), cells(Near))
def test_networks_come_near_like_the_root_of_the_width(name, method):
    """The slope of the root mean square gap over seeds, between two widths: within 2 standard errors of -1/2."""
    _, data, answers = ROWS[name]
    near, chosen = answers[method], METHODS[method]
    points = X if not data else None
    outputs = lambda sol: sol.outputs[-1] if points is None else sol.predict(points)  # noqa: E731
    drawn = getattr(chosen, "batch_size", None) is not None  # limit and network see the same batches of a seed
    random = drawn or (isinstance(chosen, iw.Langevin) and np.isfinite(near.neurons))
    limit = [outputs(run(near.limit, data, chosen, seed)) for seed in range(near.seeds if random else 1)]
    gaps = np.array(
        [
            [((outputs(run(near.network(m), data, chosen, seed)) - limit[seed if random else 0]) ** 2).mean() for seed in range(near.seeds)]
            for m in near.widths
        ]
    )
    mean, stretch = gaps.mean(axis=1), np.diff(np.log([1 / (1 / m + 1 / near.neurons) for m in near.widths]))[0]
    error = gaps.std(axis=1, ddof=1) / np.sqrt(near.seeds) / mean / 2
    slope, se = np.diff(0.5 * np.log(mean))[0] / stretch, np.hypot(*error) / stretch
    assert se < 0.1
    assert abs(slope + 0.5) < 2 * se, f"slope {slope:.3f} with standard error {se:.3f}"


def test_what_scaling_hands_out_takes_the_same_method_or_says_so():
    """``scaling.limit`` of every kind of network, with every method that the network itself takes."""
    takers = 0
    for parameterization, L, activation in [
        (P.mup, 1, "linear"), (P.mup, 1, "tanh"), (P.mup, 2, "linear"), (P.mup, 2, "tanh"), (P.integrable, 2, "linear"),
        (P.integrable, 2, "tanh"), (P.integrable, 2, "relu"), (P.integrable_large_lr, 2, "tanh"), (P.integrable_bias, 1, "relu"),
        (P.integrable_bias, 2, "tanh"), (P.integrable_non_centered, 3, "tanh"),
    ]:  # fmt: skip
        net = network(parameterization, L, activation)(8)
        limit = limits.scaling.limit(net, particles=64, neurons=256)
        for method in METHODS.values():
            try:
                run(net, DATA, method)
            except ValueError:
                continue
            try:
                sol = run(limit, DATA, method)
            except ValueError as error:
                assert re.match(r"^(method|batch_size|first_learning_rate): .*(use|take|leave|give)", str(error)), error
            else:
                takers += 1
                assert sol.success
    assert takers > 60
