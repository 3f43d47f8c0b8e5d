"""One labelled run: what a step leaves behind, for gradient descent and RMSProp."""

import numpy as np
import pytest

from infwidth.limits import Parameterization as P
from infwidth.limits.scaling.label_run import Run
from infwidth.limits.scaling.labels import largest
from infwidth.limits.scaling.nonlinearity import nonlinearity


def run(p, steps, activation="relu", **rule):
    made = Run(p, nonlinearity(activation), **rule)
    for _ in range(steps):
        made.step()
    return made


def test_moves_of_gradient_descent():
    """NTK, two hidden layers: entries of the outer layers move by m^{-1/2}, those of the matrix between by 1/m."""
    moves = run(P.ntk(2), 1).points[0].moves
    assert [move.entry for move in moves] == [-0.5, -1, -0.5]
    assert [largest(move.right) for move in moves] == [0, 0, 0] and moves[-1].left == {}


def test_bounded_residuals():
    """Output weights that are too large: f grows like the square root of the width, and so do residuals of the squared loss alone."""
    p = P((0, 0), (0, 0), (0, 0))
    grown, bounded = (run(p, 1, bounded=value).points[0] for value in (False, True))
    assert grown.f == bounded.f == 0.5
    assert [move.entry for move in grown.moves] == [0.5, 0.5] and [move.entry for move in bounded.moves] == [0, 0]


@pytest.mark.parametrize("c", [(0, 0, 0), (0.5, 1, 0.25)])
def test_steps_of_rmsprop_are_as_large_as_their_rates(c):
    """Whatever the gradients, which shrink with the width here."""
    p = P(P.integrable(2).a, (0, 0, 0), c)
    for point in run(p, 3, normalised=True).points:
        assert [move.entry for move in point.moves] == [-e for e in c]


def test_gradients_that_have_shrunk_move_less():
    """tanh saturates after a first step that is large: the gradient of the first layer is smaller from then on."""
    moves = [p.moves[0].entry for p in run(P((0, 1), (0, 0), (-1, 0)), 3, "tanh", normalised=True).points]
    assert moves[0] == 1 and moves[1] < 1


def test_directions_stay_as_large_as_they_were_beside_the_largest():
    p = P(P.mup(2).a, (0, 0, 0), (0, 0.5, 0))
    plain, normalised = (run(p, 1, normalised=value).points[0].moves[1] for value in (False, True))
    for old, new in ((plain.left, normalised.left), (plain.right, normalised.right)):
        assert new == {label: e - largest(old) for label, e in old.items()} and largest(new) == 0


def test_the_difference_of_two_points():
    """Of neighbours in the NTK: the last features move by the own update of their layer and what comes from below."""
    made = run(P.ntk(2), 2)
    dh, dx, df = made.difference(0, 1)
    assert [largest(v) for v in dh] == [-0.5, -0.5] == [largest(v) for v in dx] and df == 0
    assert largest(made.learned(2, made.points[0].x[1], 0, 1)) == -0.5
    assert np.isneginf(largest(made.learned(2, made.points[0].x[1], 0, 0)))
