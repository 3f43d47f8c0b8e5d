"""Arguments at the boundary: converted, or refused by name with the way out."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import infwidth as iw
from infwidth.solvers import checks


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=3), st.none(), st.booleans()))
def test_rates_are_positive_finite_numbers_or_refused(value):
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < np.inf
    if good:
        assert iw.GradientDescent(value, 1).rate(0) == value
    else:
        with pytest.raises(ValueError, match="learning_rate"):
            iw.GradientDescent(value, 1)


@given(arrays(st.sampled_from([np.float32, np.float64, np.int16, np.bool_]), array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
def test_arrays_are_finite_matrices_or_refused(value):
    if value.ndim in (1, 2) and value.size > 0 and np.isfinite(value).all():
        a = checks.array("X", value)
        assert a.ndim == 2 and a.flags.c_contiguous
        assert a.dtype == (np.float32 if value.dtype == np.float32 else np.float64)
        np.testing.assert_array_equal(a, value.reshape(len(value), -1))
    else:
        with pytest.raises(ValueError, match="X: "):
            checks.array("X", value)


@pytest.mark.parametrize("value", [3, 3.0, np.int32(3), np.float32(3)])
def test_numbers_of_every_kind(value):
    assert checks.real("a", value, above=2, least=3) == 3.0 and type(checks.real("a", value)) is float
    assert checks.integer("a", value, least=3) == 3 and type(checks.integer("a", value, least=0)) is int


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: checks.real("a", 2, above=2), "a: need a finite number > 2, got 2"),
        (lambda: checks.real("a", 1.5, least=2, way_out="give 2"), "a: need a finite number >= 2, got 1.5; give 2"),
        (lambda: checks.real("a", float("inf")), "a: need a finite number, got inf"),
        (lambda: checks.real("a", True), "a: need a finite number, got True"),
        (lambda: checks.integer("a", 1, least=2), "a: need an integer >= 2, got 1"),
        (lambda: checks.integer("a", 2.5, least=2, way_out="count"), "a: need an integer >= 2, got 2.5; count"),
        (lambda: checks.integer("a", True, least=0), "a: need an integer >= 0, got True"),
        (lambda: checks.integer("a", float("nan"), least=0), "a: need an integer >= 0, got nan"),
        (lambda: checks.array("a", np.zeros((2, 3)), columns=4), "a: need 4 columns, one row per sample, got shape (2, 3)"),
        (lambda: checks.array("a", [[1.0], [np.inf]]), "a: row 1 holds NaN or infinity; remove or impute it"),
        (lambda: checks.array("a", 3.0), "a: need a matrix with one row per sample, got shape (); reshape it"),
        (lambda: checks.array("a", []), "a: is empty (shape (0,)); give at least one sample and one column"),
    ],
)
def test_refusals_to_the_letter(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_arrays_of_a_wanted_precision_and_layout():
    a = checks.array("a", np.eye(3, dtype=np.float32)[:, ::2], dtype=np.dtype(float), columns=2)
    assert a.dtype == np.float64 and a.flags.c_contiguous and a.tolist() == [[1, 0], [0, 0], [0, 1]]
    kept = np.eye(3)
    assert checks.array("a", kept) is kept  # no copy where none is needed


def test_states_of_observables_can_be_written():
    """Of one that cannot there is a copy: numba would compile everything a second time for it."""
    problem = iw.TwoLayerMeanField("tanh", 4).bind(iw.solvers.Data.check([[1.0]], [1.0]), np.random.default_rng(0))
    state = problem.start()
    assert checks.observed(state, problem, type(problem), "TwoLayerMeanField(...)") is state
    state.flags.writeable = False
    copied = checks.observed(state, problem, type(problem), "TwoLayerMeanField(...)")
    assert copied.flags.writeable and np.array_equal(copied, state)


def test_generators_without_an_end_are_refused():
    assert checks.listed("grid", (i for i in range(3))) == [0, 1, 2] and checks.listed("grid", range(2)) == [0, 1]
    nets = [iw.Network(1, 1, m, "linear", iw.Parameterization.mup(1)) for m in (4, 8)]
    method = iw.GradientDescent(0.1, 2)
    for name, call in {
        "grid": lambda: iw.sweep(lambda a: a, {"a": itertools.count()}),
        "save_at": lambda: iw.solve(nets[0], [[1.0]], [1.0], method, save_at=itertools.count()),
        "seeds": lambda: iw.compare(None, nets, [[1.0]], [1.0], method, seeds=itertools.count()),
        "networks": lambda: iw.compare(None, itertools.repeat(nets[0]), [[1.0]], [1.0], method),
    }.items():
        with pytest.raises(ValueError, match=f"^{name}: a generator of more than 1000000 values"):
            call()
