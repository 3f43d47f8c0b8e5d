import copy
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations, kernels


def test_value_and_slope_at_zero():
    assert activations.get("gelu").at_zero() == (0.0, 0.5)
    assert activations.get("sigmoid").at_zero() == (0.5, 0.25)


def test_an_activation_by_hand_must_keep_float32():
    with pytest.raises(ValueError, match=r"value: must keep float32.*activations\.custom"):
        activations.Activation("scaled", lambda h: np.float64(2.0) * h, lambda h: 2 * np.ones_like(h))


@pytest.mark.parametrize(
    ("value", "homogeneity"),
    [(np.tanh, 1.0), (np.abs, 2.0), (lambda h: np.minimum(np.maximum(h, 0), 6), 1.0), (lambda h: np.maximum(h - 0.01, 0), 1.0)],
    ids=["tanh", "abs", "clipped beyond 6", "shifted by .01"],
)
def test_a_false_homogeneity_is_refused(value, homogeneity):
    """Solvers take a 1-homogeneous function to be piecewise linear: it would train as another function."""
    with pytest.raises(ValueError, match="homogeneity: value"):
        activations.Activation("mine", value, np.sign, homogeneity)


def test_the_name_of_another_activation_is_refused():
    """Solvers have compiled forms by name."""
    with pytest.raises(ValueError, match="name: 'tanh' is a built-in activation, which is another function"):
        activations.Activation("tanh", np.sin, np.cos)
    assert activations.Activation("tanh", np.tanh, lambda h: 1 - np.tanh(h) ** 2) == activations.get("tanh")


FAMILIES = [
    activations.leaky_relu(0.2),
    activations.leaky_relu(-1e-3),
    activations.hermite(0),
    activations.hermite(3),
    activations.monomial(2),
]


@pytest.mark.parametrize("phi", [*map(activations.get, activations.names()), *FAMILIES], ids=lambda phi: phi.name)
def test_activations_of_the_library_travel(phi):
    h = np.linspace(-2, 2, 9)
    for again in (pickle.loads(pickle.dumps(phi)), copy.deepcopy(phi)):
        assert (again == phi and again.duals is not None) or phi.duals is None
        for name in ("value", "derivative", "second_derivative"):
            if (function := getattr(phi, name)) is not None:
                np.testing.assert_array_equal(getattr(again, name)(h), function(h))
    kernel = kernels.serial(kernels.Dense(1.5, 0.3), kernels.Elementwise(phi), kernels.Dense())
    assert pickle.loads(pickle.dumps(kernel)) == kernel


def test_another_function_of_such_a_name_is_not_exchanged_on_the_way():
    mine = activations.custom("leaky_relu(0.2)", np.tanh, slope_of_tanh)
    assert pickle.loads(pickle.dumps(mine)).value(np.array([1.0])) == np.tanh(1.0)
    assert pickle.loads(pickle.dumps(activations.custom("leaky_relu(small)", np.tanh, slope_of_tanh))).name == "leaky_relu(small)"
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(activations.custom("mine", lambda h: h, lambda h: np.ones_like(h)))


def slope_of_tanh(h):
    return 1 - np.tanh(h) ** 2


def test_networks_of_a_family_run_in_other_processes():
    """The leaky relu of arXiv:2003.05884, section 5, in a comparison on a pool."""
    X, y = np.array([[1.0, 0.2], [-0.3, 0.9]]), np.array([1.0, -0.5])
    networks = [iw.Network(2, 1, m, activations.leaky_relu(0.1), iw.Parameterization.ntk(1)) for m in (8, 16)]
    method = iw.GradientDescent(0.1, 3)
    limit = iw.NeuralTangentLimit(kernels.of(networks[0]), initial="gaussian")
    with ProcessPoolExecutor(1) as pool:
        found = iw.compare(limit, networks, X, y, method, seeds=[0, 1], executor=pool)
    np.testing.assert_array_equal(found.gaps, iw.compare(limit, networks, X, y, method, seeds=[0, 1]).gaps)
