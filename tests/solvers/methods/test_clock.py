"""Where methods end, and how they count."""

import pytest

import infwidth as iw
from infwidth.solvers import ImplicitTransport, Method, Refining, TransportFlow


@pytest.mark.parametrize("method", [iw.GradientDescent(0.1, 7), iw.HeavyBall(0.1, 1.0, 7), iw.Langevin(0.1, 0.1, 0.1, 7)])
def test_steps_are_counted(method):
    assert isinstance(method, Method) and method.discrete and method.end == 7


@pytest.mark.parametrize("method", [iw.GradientFlow(2.5), TransportFlow(2.5), ImplicitTransport(2.5)])
def test_flows_have_a_last_time(method):
    assert isinstance(method, Refining) and not method.discrete and method.end == 2.5
