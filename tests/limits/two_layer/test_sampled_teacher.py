"""One-pass SGD on a teacher of one's own: the run on a Gaussian teacher where it is one, noise, laws of the inputs, refusals."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import GaussianTeacher, SampledTeacher, activations

SGD = iw.GradientDescent(0.3, 40, batch_size=16)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_run_of_a_gaussian_teacher(noise):
    """The same samples in the same order; the loss is that of a sample, and 4 standard errors hold the exact one."""
    closed = GaussianTeacher([[1.0, -0.5]], [1.0], "erf", noise=noise)
    sampled = SampledTeacher(closed, 2, noise=noise, test_samples=50_000)
    runs = [iw.solve(iw.TwoLayerMeanField("erf", 60, population=t), method=SGD, rng=0, save_at=[0, 40]) for t in (closed, sampled)]
    np.testing.assert_allclose(runs[0].state, runs[1].state, rtol=1e-10)
    np.testing.assert_allclose(runs[0].stats["batch_loss"], runs[1].stats["batch_loss"], rtol=1e-9)
    gaps = 0.5 * (runs[1].problem.predict(runs[1].problem.start(), sampled._draw(np.random.default_rng(0), 50_000))[:, 0]
                  - closed(sampled._draw(np.random.default_rng(0), 50_000))[:, 0]) ** 2  # fmt: skip
    assert runs[1].loss[0] == pytest.approx(gaps.mean() + noise**2 / 2, rel=1e-9)
    assert abs(runs[1].loss[0] - runs[0].loss[0]) < 4 * gaps.std() / np.sqrt(50_000)


def test_label_noise_of_a_gaussian_teacher_is_in_samples_and_loss():
    noisy, plain = (GaussianTeacher([[1.0, 0.0]], [1.0], "relu", noise=s) for s in (0.7, 0.0))
    W, a = np.random.default_rng(0).standard_normal((2, 5, 2))
    assert noisy.risk(W, a[:, :1]) - plain.risk(W, a[:, :1]) == pytest.approx(0.245)
    X, y = noisy.sample(np.random.default_rng(1), 100_000)
    assert (y - noisy(X)).std() == pytest.approx(0.7, rel=0.01)
    np.testing.assert_array_equal(X, plain.sample(np.random.default_rng(1), 100_000)[0])
    np.testing.assert_array_equal(plain.sample(np.random.default_rng(1), 9)[1], plain(plain.sample(np.random.default_rng(1), 9)[0]))


@pytest.mark.parametrize("k", [2, 3])
def test_hermite_teachers(k):
    """E He_k(w.x) He_k(v.x) / k! = (w.v)^k for unit vectors: the risk of one student in closed form, and its gradient."""
    c = 0.6
    teacher = GaussianTeacher([[1.0, 0.0]], [1.0], activations.hermite(k))
    W, a = np.array([[c, np.sqrt(1 - c**2)]]), np.array([[2.0]])
    assert teacher.risk(W, a) == pytest.approx(0.5 * (4 - 4 * c**k + 1))
    _, _, da = teacher.risk_and_velocity(W, a)
    assert da.item() == pytest.approx(c**k - 2)
    model = iw.TwoLayerMeanField(activations.hermite(k), 400, initial="sphere", population=teacher)
    sol = iw.solve(model, method=iw.GradientDescent(0.05, 30), rng=0, save_at=[0, 30])
    assert sol.loss[1] < sol.loss[0]


def test_any_student_any_inputs_several_outputs():
    """Uniform inputs, two outputs, biases and replicas: one step moves the output bias by the mean residual of the batch."""
    seen = []

    def inputs(rng, n):
        seen.append(rng.uniform(-1, 1, (n, 2)))
        return seen[-1]

    teacher = SampledTeacher(lambda X: np.column_stack([X[:, 0] * X[:, 1], np.sign(X[:, 0])]), 2, outputs=2, inputs=inputs)
    model = iw.TwoLayerMeanField("tanh", 40, bias=True, output_bias=True, replicas=2, population=teacher)
    sol = iw.solve(model, method=iw.GradientDescent(0.1, 1, batch_size=8), rng=0, save_at=[0, 1], X_test=[[0.5, 0.5]])
    X = next(X for X in seen if len(X) == 8)
    f = sol.problem.replica_outputs(sol.problem.start(), X)
    assert X.shape == (8, 2) and sol.test_outputs.shape == (2, 1, 2)
    np.testing.assert_allclose(sol.problem.output_biases(sol.state), -0.1 * (f - teacher(X)).mean(axis=1), rtol=1e-10)
    assert sol.problem.replica_losses(sol.state).shape == (2,)


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ((3.0, 2), TypeError, "function: "),
        ((lambda X: X, 2), ValueError, "function: "),
        ((lambda X: X[:, 0] * np.nan, 2), ValueError, "function: "),
        ((lambda X: X[:, 0], 0), ValueError, "input_dim: "),
        ((lambda X: X[:, 0], 2, 1, -1.0), ValueError, "noise: "),
        ((lambda X: X[:, 0], 2, 1, 0.0, lambda rng, n: np.ones((n, 3))), ValueError, "inputs: "),
    ],
)
def test_bad_teachers(arguments, error, words):
    with pytest.raises(error, match=words):
        SampledTeacher(*arguments)


def test_full_gradients_and_data_are_refused():
    model = iw.TwoLayerMeanField("relu", 10, population=SampledTeacher(lambda X: X[:, 0], 2))
    for method in (iw.GradientDescent(0.1, 3), iw.GradientFlow(0.1)):
        with pytest.raises(ValueError, match=r"^method: .*; take GradientDescent\(\.\.\., batch_size=\.\.\.\), or a GaussianTeacher"):
            iw.solve(model, method=method, rng=0)
    with pytest.raises(ValueError, match=r"^X: was given, .*; call solve without X and y, or leave out the population"):
        iw.solve(model, np.ones((3, 2)), np.ones(3), SGD)
    with pytest.raises(ValueError, match=r"^activation: 'tanh' is not one of .*: take SampledTeacher"):
        GaussianTeacher([[1.0]], [1.0], "tanh")
