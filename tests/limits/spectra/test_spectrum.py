"""What a spectrum refuses, and its totals."""

import numpy as np
import pytest

from infwidth.limits.spectra import Spectrum


def test_shapes_and_total():
    spectrum = Spectrum([2.0, 1.0], np.array([[1.0, 0.5], [3.0, 0.0]]), multiplicity=[1, 3], rest=[0.25, 0.0])
    np.testing.assert_array_equal(spectrum.total, [4.25, 0.5])
    assert Spectrum([1.0], [2.0]).multiplicity.tolist() == [1.0]
    assert len(repr(spectrum)) < 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], [1.0, 1.0]), "eigenvalues: rise; sort them"),
        (([1.0, -1.0], [1.0, 1.0]), "eigenvalues: need a vector of finite numbers >= 0"),
        (([1.0, np.nan], [1.0, 1.0]), "eigenvalues: need a vector"),
        (([[1.0]], [1.0]), "eigenvalues: need a vector"),
        (([1.0], [1.0, 2.0]), r"power: need one row per eigenvalue \(1\)"),
        (([1.0], [-1.0]), "power: holds a negative number.*; give squares"),
        (([1.0], [1.0], [0.0]), "multiplicity: need 1 numbers >= 1"),
        (([1.0], [1.0], None, -1.0), "rest: holds a negative number"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Spectrum(*arguments)
