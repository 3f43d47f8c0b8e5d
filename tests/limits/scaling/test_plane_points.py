"""A point of each of the thirteen classes, at any depth."""

import pytest

from infwidth.limits import scaling


@pytest.mark.parametrize("method", ["gradient", "rmsprop"])
@pytest.mark.parametrize("L", [1, 2, 5])
def test_thirteen_classes(L, method):
    """The names of one hidden layer, with the depth and the method behind them."""
    one, deep = scaling.plane_classes(), scaling.plane_classes(method, L)
    assert len({found.name for found in deep}) == 13
    ending = (f" ({L} hidden layers)" if L > 1 else "") + (" (RMSProp)" if method == "rmsprop" else "")
    for shallow, found in zip(one, deep, strict=True):
        assert found.name == (shallow.name.replace("upper edge", "evolving") if L > 1 else shallow.name) + ending
        assert (found.hidden_layers, found.method) == (L, method)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scaling.plane_classes("adam"), "method: 'adam' is not one of gradient, rmsprop"),
        (lambda: scaling.plane_classes(hidden_layers=9), "hidden_layers: need an integer from 1 to 8"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
