"""The random streams of a solve."""

import numpy as np

import infwidth as iw

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
    from infwidth.solvers.running.streams import streams

    for rng in (0, np.random.SeedSequence(0), np.random.default_rng(0)):
        one, two = streams(rng)
        assert one.random() != two.random()
