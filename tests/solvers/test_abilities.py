"""Which abilities the problems of this library have: methods ask for them, so one that is lost or gained silently changes a run."""

import inspect

import numpy as np
import pytest

import infwidth as iw
from infwidth import solvers
from infwidth.limits import CircleMeanField, DensityMeanField, GaussianTeacher, IsotropicNetwork, LinearTeacher, kernels
from infwidth.solvers import Causal, Data, Grid, Problem, abilities, model_abilities, noise_abilities, problem
from infwidth.solvers.abilities import (
    Batched,
    FirstStep,
    Foreseen,
    Fused,
    ImplicitSteps,
    NormalisedOnly,
    OnGrid,
    Population,
    RandomLimit,
    Rated,
    Refinable,
    Replicated,
    Retractable,
    Settling,
    Stepwise,
    Transported,
    WithError,
    WithRemark,
    WithWaysOut,
    has_first_step,
)
from infwidth.solvers.noise_abilities import CommonParameters, NoiseUnits, Noisy

DATA = Data.check(np.eye(2), [1.0, -1.0])
LARGE = iw.Parameterization.integrable_large_lr(2)
TEACHER = GaussianTeacher(np.eye(2), [1.0, -1.0], "relu")
TANGENT = kernels.of(iw.Network(2, 1, 4, "relu", iw.Parameterization.ntk(1)))
DENSITY = {Fused, Refinable, Transported, ImplicitSteps, WithWaysOut, OnGrid, WithRemark}
CAUSAL = {Batched, Settling, Retractable, Refinable, WithError}
PARTICLES = {Fused, Rated, CommonParameters, NoiseUnits}
ABILITIES = {
    "network": (iw.Network(2, 2, 4, "relu", LARGE), DATA, {Fused, FirstStep, Rated, CommonParameters}),
    "exact deep linear": (iw.DeepLinearIntegrable(2), DATA, {Fused, FirstStep, WithWaysOut}),
    "exact two-layer linear": (iw.DeepLinearIntegrable(1), DATA, {Fused, FirstStep, WithWaysOut, Noisy, NoiseUnits}),
    "neurons of a deep limit": (
        iw.limits.DeepIntegrable(2, "tanh", 8, scheme="naive"),
        DATA,
        {Fused, FirstStep, Replicated, CommonParameters, NoiseUnits},
    ),
    "causal": (iw.DeepLinearMuP(2), DATA, CAUSAL),
    "causal on a population": (iw.DeepLinearMuP(2, population=LinearTeacher(np.eye(2))), None, {*CAUSAL, Population}),
    "particles": (iw.TwoLayerMeanField("relu", 4, replicas=2), DATA, {Replicated, *PARTICLES}),
    "particles on a population": (
        iw.TwoLayerMeanField("relu", 4, population=TEACHER),
        None,
        {Replicated, Population, *PARTICLES},
    ),
    "particles of the plane": (
        iw.limits.scaling.plane_limit(-1, 1, "tanh", 4),
        DATA,
        {Replicated, Stepwise, WithRemark, WithWaysOut, *PARTICLES},
    ),
    "particles of the plane of RMSProp": (
        iw.limits.scaling.plane_limit(-1, 0, "tanh", 4, method="rmsprop"),
        DATA,
        {Replicated, Stepwise, WithRemark, WithWaysOut, NormalisedOnly, *PARTICLES},
    ),
    "kernel of the plane": (iw.limits.scaling.plane_limit(-0.5, 0, "tanh"), DATA, {Fused, Stepwise, WithRemark, WithWaysOut}),
    "tangent kernel": (iw.NeuralTangentLimit(TANGENT, "gaussian"), DATA, {Fused, WithRemark, WithWaysOut}),
    "tangent kernel from many starts": (
        iw.NeuralTangentLimit(TANGENT, "gaussian", 2),
        DATA,
        {Fused, Replicated, RandomLimit, WithRemark, WithWaysOut},
    ),
    "initialization-corrected": (
        iw.limits.InitCorrectedMeanField("relu", 4, replicas=2),
        DATA,
        {Replicated, RandomLimit, WithRemark, *PARTICLES},
    ),
    "circle": (CircleMeanField(cells=16), DATA, {Fused, Refinable, WithWaysOut, OnGrid}),
    "density": (DensityMeanField(Grid.uniform((-1, -1), (1, 1), (4, 4)), lambda p: np.ones(len(p)), unit="w"), DATA, DENSITY),
    "radial particles": (iw.RadialMeanField(10, 0.5, size=4), None, {Noisy}),
    "radial density": (iw.RadialMeanField(10, 0.5, "density", 8), None, DENSITY),
    "radial network": (IsotropicNetwork(10, 0.5, 4, test_samples=10), None, {Fused, Population, WithWaysOut}),
}
PLAIN = {Fused, FirstStep, Population, WithError, Refinable, Transported, ImplicitSteps, Noisy, OnGrid, Rated, WithRemark, WithWaysOut}
ALL = {*PLAIN, CommonParameters, NoiseUnits, RandomLimit, Replicated, Batched, Settling, Retractable, Foreseen, Stepwise, NormalisedOnly}


def test_the_table_has_every_ability_of_problems():
    others = {"has_first_step", "way_out"}
    assert {ability.__name__ for ability in ALL} | others == {*abilities.__all__, *noise_abilities.__all__}


@pytest.mark.parametrize(
    "module", [abilities, model_abilities, noise_abilities, problem], ids=lambda module: module.__name__.rpartition(".")[2]
)
def test_the_contract_is_public(module):
    """Those who write a model, a problem or a method of their own find every protocol in one place."""
    protocols = [name for name in module.__all__ if getattr(getattr(module, name), "_is_protocol", False)]
    assert protocols and [name for name in protocols if name not in solvers.__all__] == []


@pytest.mark.parametrize("name", ABILITIES)
def test_problems_have_these_abilities_and_no_others(name):
    model, data, expected = ABILITIES[name]
    problem = model.bind(data, np.random.default_rng(0))
    expected = expected | ({WithError} if Replicated in expected else set())
    assert {ability.__name__ for ability in ALL if isinstance(problem, ability)} == {ability.__name__ for ability in expected}


def unwritten(thing, protocol):
    """Members that the thing lacks, or has only as the protocol writes them down: a class that names its abilities passes isinstance."""
    names = {
        name for base in protocol.__mro__ if getattr(base, "_is_protocol", False) for name in (*vars(base), *inspect.get_annotations(base))
    }
    for name in sorted(name for name in names if not name.startswith("_")):
        owner = next((base for base in type(thing).__mro__ if name in vars(base)), None)
        member = owner and vars(owner)[name]
        function = member.fget if isinstance(member, property) else member
        if not hasattr(thing, name) or (getattr(owner, "_is_protocol", False) and inspect.isfunction(function) and empty(function)):
            yield name


def empty(function):
    return set(function.__code__.co_consts) <= {function.__doc__, None, Ellipsis} and not function.__code__.co_names


@pytest.mark.parametrize("name", ABILITIES)
def test_nothing_of_an_ability_is_left_unwritten(name):
    model, data, expected = ABILITIES[name]
    problem = model.bind(data, np.random.default_rng(0))
    kind = Causal if isinstance(problem, Causal) else Problem
    assert {ability.__name__: missing for ability in {kind, *expected} if (missing := list(unwritten(problem, ability)))} == {}


def test_the_check_of_abilities_sees():
    class Part(Refinable, WithRemark, Stepwise):
        def remark(self, state):
            return ""

    part = Part()
    assert isinstance(part, Refinable) and isinstance(part, Stepwise)
    assert [list(unwritten(part, ability)) for ability in (Refinable, WithRemark, Stepwise)] == [["coarser"], [], ["no_flow"]]


@pytest.mark.parametrize(
    ("model", "special"),
    [
        (iw.Network(2, 2, 4, "relu", LARGE), True),
        (iw.Network(2, 2, 4, "relu", iw.Parameterization.mup(2)), False),
        (iw.DeepLinearIntegrable(2, "large_lr"), True),
        (iw.DeepLinearIntegrable(2, "naive"), False),
        (iw.TwoLayerMeanField("relu", 4), False),  # without the ability
    ],
)
def test_the_first_step_is_special_under_large_rates_alone(model, special):
    assert has_first_step(model.bind(DATA, np.random.default_rng(0))) is special
