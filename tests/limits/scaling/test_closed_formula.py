"""The closed formula of Yang and Hu on the named parameterizations, and what it does not cover."""

import numpy as np
import pytest

from infwidth.limits import Parameterization, scaling


@pytest.mark.parametrize(("L", "r"), [(1, 0.5), (4, 0.5)])
def test_the_formula_on_known_parameterizations(L, r):
    ntk = Parameterization.ntk(L)
    assert scaling.yang_hu(ntk.a, ntk.b, 0) == scaling.YangHu(r, "kernel")
    sp = Parameterization.standard(L)
    assert scaling.yang_hu(sp.a, sp.b, 1) == scaling.YangHu(0.5 if L > 1 else 1.5, "kernel")
    assert scaling.yang_hu(sp.a, sp.b, 0).name == "unstable"
    assert scaling.yang_hu(sp.a, sp.b, 2).name == "trivial"
    mup = ((-0.5, *(0.0,) * (L - 1), 0.5), (0.5,) * (L + 1))
    assert scaling.yang_hu(*mup, 0) == scaling.YangHu(0.0, "feature_learning")


def test_the_formula_refuses_what_it_does_not_cover():
    ip = Parameterization.integrable(3)
    with pytest.raises(ValueError, match=r"a, b: the formula needs .* 1/2 in layers 2..L, got \[0.0, 1.0, 1.0\]; use scaling.regime"):
        scaling.yang_hu(ip.a, ip.b, -1)
    with pytest.raises(ValueError, match="a, b: need L"):
        scaling.yang_hu((0, 1), (0,), 0)
    with pytest.raises(ValueError, match="c: need a finite number"):
        scaling.yang_hu((0, 0.5), (0, 0), np.nan)


def test_the_formula_counts_an_output_that_starts_large():
    assert scaling.yang_hu((0, 0.25), (0, 0), 0.5) == scaling.YangHu(0.75, "unstable")
