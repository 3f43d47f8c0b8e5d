import numpy as np
import pytest

from infwidth.limits.kernels import Dense, Erf, FanInSum, FanOut, Identity, Relu, parallel, serial

X = np.array([[1.0, 0.5], [0.8, -0.7], [0.0, 0.0]])
RESIDUAL = serial(FanOut(2), parallel(Identity(), serial(Relu(), Dense())), FanInSum())  # correlated with its input


def test_serial_nests():
    a, b, c = Dense(1.3, 0.1), Relu(), Dense(0.7)
    for k in (serial(serial(a, b), c), serial(a, serial(b, c)), serial(a, Identity(), b, c)):
        np.testing.assert_array_equal(k(X), serial(a, b, c)(X))
    assert serial(a, b, c) == serial(a, b, c) and hash(serial(a, b)) == hash(serial(a, b))


def test_a_sum_of_branches_is_the_sum_of_their_kernels():
    first, second = serial(Erf(), Dense(1.2, 0.3)), serial(Relu(), Dense(0.8))
    k = serial(Dense(1.1, 0.2), FanOut(3), parallel(first, Identity(), second), FanInSum())
    trunk = Dense(1.1, 0.2)
    parts = [serial(trunk, part)(X) for part in (first, second)] + [trunk(X)]
    for found, expected in zip(k(X), zip(*parts, strict=True), strict=True):
        np.testing.assert_allclose(found, sum(expected), rtol=1e-13)


def test_registers_are_few_however_deep():
    block = serial(FanOut(2), parallel(Identity(), serial(Relu(), Dense(2**0.5))), FanInSum())
    k = serial(Dense(), *(block for _ in range(30)))
    assert k._program(X).registers == 2
    np.testing.assert_allclose(k.diagonal(X, get="nngp"), 2.0**30 * Dense().diagonal(X, get="nngp"), rtol=1e-13)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((Dense(), FanOut(2), FanInSum()), "a sum of values that are correlated"),
        ((Dense(), FanOut(2), parallel(Relu(), Identity()), FanInSum()), "a sum of values that are correlated"),
        ((Dense(), FanOut(2), parallel(Identity(), RESIDUAL), FanInSum()), "a sum of values that are correlated"),
        ((Dense(), FanOut(3), parallel(Identity(), Identity()), FanInSum()), "parallel of 2 layers got 3 branches"),
        ((FanOut(2), parallel(Identity(), Dense()), FanInSum(), Relu()), "relu needs Gaussian values"),
        ((Relu(), Dense()), "relu needs Gaussian values"),
    ],
)
def test_architectures_that_have_no_kernel_limit_here_are_refused(layers, words):
    with pytest.raises(ValueError, match=f"kernel: {words}"):
        serial(*layers)(X)


def test_what_is_no_layer():
    with pytest.raises(TypeError, match=r"layers\[1\]: need a layer, got .*; call it: Relu\(\)"):
        serial(Dense(), Relu)
    with pytest.raises(TypeError, match=r"layers\[0\]: need a layer, got 'relu'$"):
        parallel("relu")
    with pytest.raises(ValueError, match="number: need an integer from 1"):
        FanOut(0)


def test_networks_built_layer_by_layer_in_a_loop_are_as_flat_as_those_built_at_once():
    """A thousand blocks, each serial of the one before: the recursion of Python does not bound the depth."""
    block = serial(FanOut(2), parallel(Identity(), serial(Relu(), Dense(0.1))), FanInSum())
    built = Dense(1.0)
    for _ in range(1000):
        built = serial(built, Identity())
    for _ in range(3):
        built = serial(built, block)
    once = serial(Dense(1.0), *[Identity()] * 1000, *[block] * 3)
    assert built == once and repr(built) == repr(once)
    np.testing.assert_array_equal(built(X, get="ntk"), once(X, get="ntk"))


def test_branches_within_branches_that_python_cannot_follow_are_refused():
    kernel = Dense(1.0)
    for _ in range(1000):
        kernel = serial(FanOut(2), parallel(kernel, Dense(1.0)), FanInSum())
    with pytest.raises(ValueError, match="kernel: branches within branches are nested too deep; place blocks one after another by serial"):
        kernel(np.eye(2))
