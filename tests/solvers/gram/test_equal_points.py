import numpy as np
import pytest

from infwidth.solvers.gram.equal_points import equal_points, settle_equal_points
from infwidth.solvers.gram.program import Program, Step
from infwidth.solvers.gram.tiles import Gram

POINTS = np.array([[1.0, 2.0], [0.0, 0.5], [1.0, 2.0], [2.0, 1.0], [-0.0, 0.5], [1.0, 2.0], [1.0, np.nextafter(2.0, 3)]])


def program(constant=0.0):
    step = Step("LINEAR", 0, 0, np.zeros((5, 7)), constant)
    relu = Step("PIECEWISE", 0, 0, np.zeros((0, 7)), 0.3)
    return Program(POINTS, (relu, step), 1, 0, np.arange(1.0, 8.0), np.arange(11.0, 18.0))


def test_groups_are_equal_rows_of_any_order_and_sign_of_zero():
    assert sorted(group.tolist() for group in equal_points(POINTS)) == [[0, 2, 5], [1, 4]]
    assert equal_points(POINTS[:2]) == [] and equal_points(POINTS[:1]) == []
    assert [group.tolist() for group in equal_points(np.zeros((3, 0)))] == [[0, 1, 2]]


@pytest.mark.parametrize("block", [1, 7, 2**20])
@pytest.mark.parametrize("values", [(0.0, 1.0), (-1.0, 1.0), (0.1, 0.7, -3.0)], ids=str)
def test_against_a_set_of_rows(values, block, monkeypatch):
    """Corners of cubes too, whose numbers differ in few bits."""
    monkeypatch.setattr("infwidth.solvers.gram.equal_points.BLOCK", block)
    points = np.random.default_rng(0).choice(values, (200, 6))
    found = {tuple(points[group[0]]): group.tolist() for group in equal_points(points)}
    rows = [tuple(row) for row in points]
    assert found == {row: [i for i, other in enumerate(rows) if other == row] for row in rows if rows.count(row) > 1}


def test_rows_of_one_key_that_differ_are_no_group(monkeypatch):
    monkeypatch.setattr("infwidth.solvers.gram.equal_points.hash", lambda row: 0, raising=False)
    assert equal_points(POINTS[[0, 1]]) == [] and [g.tolist() for g in equal_points(POINTS[[0, 2]])] == [[0, 1]]


@pytest.mark.parametrize("rows", [None, 3])
def test_pairs_of_equal_points_get_what_a_point_has_with_itself(rows):
    shape = (7, 7) if rows is None else (3, 4)
    into = Gram(np.zeros(shape), np.zeros(shape))
    settle_equal_points(into, program(), POINTS, rows)
    first, other = (POINTS, POINTS) if rows is None else (POINTS[:3], POINTS[3:])
    index = np.arange(7) if rows is None else np.arange(3)
    equal = (first[:, None] == other).all(axis=2)
    if rows is None:
        np.fill_diagonal(equal, [True, True, True, False, True, True, False])  # a point alone is left to the diagonal
    firsts = np.array([0, 1, 0, 3, 1, 0, 6])[index]
    for matrix, scale in zip(into, (program().std, program().tangent), strict=True):
        np.testing.assert_array_equal(matrix, np.where(equal, scale[firsts][:, None] ** 2, 0))
    settle_equal_points(Gram(None, into.ntk), program(), POINTS, rows)


def test_points_with_masks_of_their_own_are_not_one():
    into = Gram(np.zeros((7, 7)), None)
    settle_equal_points(into, program(0.5), POINTS, None)
    assert not into.nngp.any() and program(0.5).draws_masks and not program().draws_masks
