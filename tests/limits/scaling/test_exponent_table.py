"""The table of exponents as text."""

from infwidth.limits import Parameterization, scaling


def test_the_table_is_readable():
    text = str(scaling.exponents(Parameterization.integrable(2), "tanh", steps=1))
    assert text.splitlines()[0] == "IP, 2 hidden layers, tanh: exponents of m"
    assert "h2                    -1/2       0" in text
    assert len(text.splitlines()) == 2 + len(scaling.exponents(Parameterization.integrable(2)).rows())
