"""The random streams of a solve."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers.running.streams import identity, streams

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))
DESCENT = iw.GradientDescent(0.2, 20)


def test_seeds():
    def run(rng):
        return iw.solve(NET, X, Y, DESCENT, rng=rng).outputs

    np.testing.assert_array_equal(run(3), run(3))
    np.testing.assert_array_equal(run(np.random.default_rng(3)), run(np.random.default_rng(3)))
    sequence = np.random.SeedSequence(3)
    np.testing.assert_array_equal(run(sequence), run(sequence))
    assert np.abs(run(3) - run(4)).max() > 1e-3
    assert np.abs(run(None) - run(None)).max() > 1e-3


def test_minibatches_do_not_change_the_start():
    batches = iw.solve(NET, X, Y, iw.GradientDescent(0.2, 2, batch_size=1), rng=0)
    np.testing.assert_array_equal(batches.outputs[0], iw.solve(NET, X, Y, DESCENT, rng=0).outputs[0])


def test_model_and_method_draw_from_different_streams():
    for rng in (0, np.random.SeedSequence(0), np.random.default_rng(0)):
        one, two = streams(rng)
        assert one.random() != two.random()


def test_a_sequence_has_the_streams_of_its_own_place_whatever_was_spawned_from_it():
    sequence = np.random.SeedSequence(3)
    sequence.spawn(2)
    draws = [[one.random() for one in streams(rng)] for rng in (3, np.int64(3), sequence, np.random.SeedSequence(3, spawn_key=(1,)))]
    assert draws[0] == draws[1] == draws[2] == [np.random.default_rng(child).random() for child in np.random.SeedSequence(3).spawn(2)]
    assert draws[3] != draws[0]
    assert sequence.n_children_spawned == 2  # left as it was


def test_the_identity_decides_the_streams():
    assert identity(3) == identity(np.random.SeedSequence(3)) != identity(np.random.SeedSequence(3, spawn_key=(1,)))
    generator = np.random.default_rng(3)
    before = identity(generator)
    streams(generator)
    assert identity(generator) != before == identity(np.random.default_rng(3))


def test_a_pair_gives_the_model_and_the_method_a_seed_each():
    one, two = streams((3, 4))
    assert one.random() == streams(3)[0].random()
    assert two.random() == streams(4)[1].random()
    assert identity((3, 4)) == identity((np.random.SeedSequence(3), 4)) != identity((4, 3))
    for wrong in ((1,), (1, 2, 3), (1, (2, 3))):
        with pytest.raises(ValueError, match="rng: a pair has a seed for the model and one for the method"):
            streams(wrong)


@pytest.mark.parametrize("rng", [-1, 1.5, True, "seed"])
def test_what_is_no_seed_is_refused(rng):
    with pytest.raises(ValueError, match=r"^rng: need a non-negative integer, a Generator, a SeedSequence or a pair of them, got "):
        streams(rng)
