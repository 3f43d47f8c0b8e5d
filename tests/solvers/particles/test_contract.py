"""Engines and activations have the members that the contract names, with its arguments."""

import inspect

import pytest

from infwidth.limits import activations
from infwidth.solvers.particles import blocks, reference, sorted_angles, thin
from infwidth.solvers.particles.contract import Elementwise, Engine


def members(protocol):
    return [name for name in vars(protocol) if not name.startswith("_")]


def test_the_contract_is_read():
    assert members(Engine) == ["prepare", "outputs", "move"]
    assert members(Elementwise) == ["name", "value", "derivative", "homogeneity"]


@pytest.mark.parametrize("engine", [reference.NumpyEngine, blocks.BlockEngine, sorted_angles.SortedAngles, thin.ThinEngine])
@pytest.mark.parametrize("name", members(Engine))
def test_engines_take_the_arguments_of_the_contract(engine, name):
    arguments = [(p.name, p.default) for p in inspect.signature(getattr(engine, name)).parameters.values()]
    assert arguments == [(p.name, p.default) for p in inspect.signature(getattr(Engine, name)).parameters.values()]


@pytest.mark.parametrize("name", ["relu", "tanh", "sin"])
def test_activations_are_elementwise(name):
    activation = activations.get(name)
    assert all(hasattr(activation, member) for member in members(Elementwise))
    assert activation.name == name
