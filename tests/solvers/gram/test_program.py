import numpy as np

from infwidth.solvers.gram.program import Program, Step


def test_a_part_of_the_points_has_their_factors_alone():
    rng = np.random.default_rng(0)
    step = Step("SERIES", 0, 0, rng.random((3, 7)), 0.5, rng.random((8, 7)), rng.random((8, 7)), rng.random(2), 1e-9)
    whole = Program(rng.random((7, 2)), (step,), 1, 0, rng.random(7), rng.random(7))
    part = whole.of(slice(2, 5))
    np.testing.assert_array_equal(part.directions, whole.directions[2:5])
    np.testing.assert_array_equal(part.tangent, whole.tangent[2:5])
    for name in ("factors", "values", "slopes"):
        np.testing.assert_array_equal(getattr(part.steps[0], name), getattr(step, name)[:, 2:5])
    assert part.steps[0].tolerance == 1e-9 and part.steps[0].constant == 0.5
    np.testing.assert_array_equal(part.steps[0].tails, step.tails)
