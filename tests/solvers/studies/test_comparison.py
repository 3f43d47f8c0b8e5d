import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits.networks.problem import NetworkProblem
from infwidth.solvers import Comparison

X, Y = np.eye(2), np.array([1.0, -1.0])
MUP = iw.Parameterization.mup(1)
METHOD = iw.GradientDescent(0.2, 5)


def networks(*widths):
    return [iw.Network(2, 1, m, "linear", MUP) for m in widths]


@pytest.fixture(scope="module")
def result():
    return iw.compare(iw.DeepLinearMuP(1), networks(32, 128, 512), X, Y, METHOD, seeds=range(5, 11), X_test=X + 1, save_at=[1, 5])


def test_gaps_are_those_of_the_single_runs(result):
    assert result.gaps.shape == (3, 6)
    assert result.gap_paths.shape == (3, 6, 2)
    options = {"X_test": X + 1, "save_at": [1, 5]}
    net = iw.solve(networks(128)[0], X, Y, METHOD, rng=np.random.SeedSequence([7, 128]), **options)
    limit = iw.solve(iw.DeepLinearMuP(1), X, Y, METHOD, **options)
    both = np.concatenate([net.outputs - limit.outputs, net.test_outputs - limit.test_outputs], axis=1)
    assert result.gaps[1, 2] == pytest.approx(np.sqrt(np.mean(both**2)))
    np.testing.assert_allclose(result.gap_paths[1, 2], np.sqrt(np.mean(both**2, axis=(1, 2))))
    np.testing.assert_array_equal(result.seeds, range(5, 11))


def test_every_network_has_a_stream_of_its_own(result):
    assert len(np.unique(result.gaps)) == result.gaps.size


def test_slope_and_error_against_lstsq(result):
    x = np.log(np.repeat([32, 128, 512], 6))
    A = np.stack([x, np.ones_like(x)], axis=1)
    z = np.log(result.gaps).ravel()
    coefficients, residual, _, _ = np.linalg.lstsq(A, z, rcond=None)
    covariance = np.linalg.inv(A.T @ A) * residual[0] / (len(x) - 2)
    assert result.slope == pytest.approx(coefficients[0])
    assert result.slope_error == pytest.approx(np.sqrt(covariance[0, 0]))


def test_failed_runs_are_reported_and_left_out():
    """A rate at which the limit is stable but narrow networks often diverge."""
    result = iw.compare(iw.DeepLinearMuP(1), networks(2, 64, 256), X, Y, iw.GradientDescent(1.9, 60), seeds=12)
    failed = np.isnan(result.gaps)
    assert failed[0].any()
    assert len(result.failed) == failed.sum()
    assert "width 2, seed" in result.failed[0]
    assert np.isfinite(result.slope)
    assert result.failed[0] in str(result)


def test_zero_against_zero_keeps_the_gaps_and_says_so():
    class Still:
        def __init__(self, width):
            self.width = width

        def bind(self, data, rng):
            return iw.DeepLinearIntegrable(1, "naive").bind(data, rng)

    result = iw.compare(iw.DeepLinearIntegrable(1, "naive"), [Still(4), Still(8)], X, Y, METHOD, seeds=2)
    assert np.isnan(result.slope)
    assert result.gaps.shape == (2, 2)
    assert "0 against 0" in result.failed[0]


def test_a_random_limit_starts_where_each_network_does():
    """Gap 0 at the start, for training and test points; and with a start of one's own the limit stays as it is given."""
    nets = [iw.Network(2, 1, m, "erf", iw.Parameterization.ntk(1)) for m in (8, 32)]
    result = iw.compare(networks=nets, X=X, y=Y, method=METHOD, seeds=3, X_test=X + 1)
    assert np.abs(result.gap_paths[:, :, 0]).max() < 1e-15 < result.gap_paths[:, :, 1:].min()
    sol = iw.solve(nets[1], X, Y, METHOD, rng=np.random.SeedSequence([2, 32]), X_test=X + 1)
    own = nets[1].limit().started_at(lambda Z: sol.problem.predict(sol.problem.start(), Z))
    gap = iw.solve(own, X, Y, METHOD, X_test=X + 1)
    both = np.concatenate([sol.outputs - gap.outputs, sol.test_outputs - gap.test_outputs], axis=1)
    assert result.gaps[1, 2] == pytest.approx(np.sqrt(np.mean(both**2)), rel=1e-12)
    with pytest.warns(RuntimeWarning, match="limit: the network of width 32 .* or of another start"):
        from_zero = iw.compare(iw.NeuralTangentLimit(nets[0].limit().kernel), nets, X, Y, METHOD, seeds=3)
    assert from_zero.gap_paths[:, :, 0].min() > 1e-3


def test_a_limit_that_diverges_from_a_start_is_reported():
    class Steep(iw.NeuralTangentLimit):
        def started_at(self, start):
            return super().started_at(lambda Z: 1e200 * start(Z))

    nets = [iw.Network(2, 1, m, "erf", iw.Parameterization.ntk(1)) for m in (8, 32)]
    result = iw.compare(Steep(nets[0].limit().kernel, initial="gaussian"), nets, X, Y, METHOD, seeds=2)
    assert np.isnan(result.gaps).all() and "width 8, seed 0 (its limit): " in result.failed[0]


@pytest.mark.parametrize(("hidden_layers", "widths"), [(1, (64, 256, 1024)), pytest.param(2, (128, 512, 2048), marks=pytest.mark.slow)])
def test_minibatches_are_the_same_for_limit_and_networks(hidden_layers, widths):
    """With other batches the gap would not fall at all. Seeds 0..63."""
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((12, 3))
    method, p = iw.GradientDescent(0.1, 40, batch_size=2), iw.Parameterization.mup(hidden_layers)
    nets = [iw.Network(3, hidden_layers, m, "linear", p) for m in widths]
    found = iw.compare(iw.DeepLinearMuP(hidden_layers), nets, Z, Z @ [1, -0.5, 0.3], method, seeds=64, save_at=[20, 40])
    assert found.slope_error <= 0.05
    assert abs(found.slope + 0.5) < 2 * found.slope_error
    by_hand = [
        iw.solve(model, Z, Z @ [1, -0.5, 0.3], method, rng=(first, np.random.SeedSequence([3])), save_at=[20, 40]).outputs
        for model, first in ((nets[1], np.random.SeedSequence([3, widths[1]])), (iw.DeepLinearMuP(hidden_layers), 0))
    ]
    assert found.gaps[1, 3] == pytest.approx(np.sqrt(np.mean((by_hand[0] - by_hand[1]) ** 2)))


def test_an_executor_and_a_folder_change_no_number(result, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    call = (iw.DeepLinearMuP(1), networks(32, 128, 512), X, Y, METHOD)
    options = {"seeds": range(5, 11), "X_test": X + 1, "save_at": [1, 5]}
    with ThreadPoolExecutor(2) as pool:
        np.testing.assert_array_equal(iw.compare(*call, executor=pool, resume=tmp_path, **options).gaps, result.gaps)
    files = sorted(tmp_path.rglob("*.npz"))
    assert len(files) == 18
    times = [file.stat().st_mtime_ns for file in files]
    again = iw.compare(*call, resume=tmp_path, **options)
    np.testing.assert_array_equal(again.gaps, result.gaps)
    assert [file.stat().st_mtime_ns for file in files] == times  # nothing was computed again
    wider = iw.compare(*call[:4], iw.GradientDescent(0.1, 5), resume=tmp_path, **options)  # another run: files of its own
    assert np.abs(wider.gaps - result.gaps).max() > 1e-4


@pytest.mark.parametrize("option", ["checkpoint", "start", "rng"])
def test_what_belongs_to_a_single_run_is_refused_with_the_way_out(option):
    with pytest.raises(ValueError, match=f"^{option}: belongs to a single run; a comparison has seeds, and resume=folder"):
        iw.compare(iw.DeepLinearMuP(1), networks(32, 64), X, Y, METHOD, seeds=3, **{option: 0})


def test_a_network_that_raises_leaves_the_others():
    def fails(t, state, problem):
        if isinstance(problem, NetworkProblem) and problem.shapes[0][0] == 128:
            raise MemoryError("no room")
        return t

    found = iw.compare(iw.DeepLinearMuP(1), networks(32, 64, 128), X, Y, METHOD, seeds=3, observables={"t": fails})
    assert np.isfinite(found.gaps[:2]).all()
    assert np.isnan(found.gaps[2]).all()
    assert found.failed[0] == "width 128, seed 0: MemoryError: no room"
    assert np.isfinite(found.slope)

    def always(t, state, problem):
        if isinstance(problem, NetworkProblem):
            raise MemoryError("no room")
        return t

    with pytest.raises(MemoryError, match="no room"):
        iw.compare(iw.DeepLinearMuP(1), networks(32, 64), X, Y, METHOD, seeds=3, observables={"t": always})


def test_ctrl_c_in_the_limit_is_ctrl_c(monkeypatch):
    """A part of the limit is nothing to compare with, and a limit that ended just in time does not start the networks."""
    import signal

    def press_at(time):
        def press(t, state, problem):
            if isinstance(problem, NetworkProblem):
                raise AssertionError("no network may run")
            if t == time:
                signal.raise_signal(signal.SIGINT)
            return t

        return press

    for step in (2, METHOD.steps):
        with pytest.raises(KeyboardInterrupt):
            time = METHOD.learning_rate * step
            iw.compare(iw.DeepLinearMuP(1), networks(32, 64), X, Y, METHOD, seeds=3, observables={"t": press_at(time)})


def test_a_limit_that_fails_hands_over_what_there_is():
    with pytest.raises(ValueError, match=r"^limit: its run failed \(diverged at step") as caught:
        iw.compare(iw.DeepLinearMuP(1), networks(32, 64), X, Y, iw.GradientDescent(1e3, 50), seeds=3)
    assert not caught.value.solution.success and len(caught.value.solution.t) > 1


def test_equal_runs_are_no_repetitions():
    with pytest.raises(ValueError, match=r"^seeds: 1 occurs twice, and the same seed gives the same run"):
        iw.compare(iw.DeepLinearMuP(1), networks(32, 64), X, Y, METHOD, seeds=[0, 1, 1])
    with pytest.raises(ValueError, match=r"^networks: two of them are equal"):
        iw.compare(iw.DeepLinearMuP(1), networks(32, 64, 32), X, Y, METHOD, seeds=3)


def test_networks_of_different_limits_are_no_series():
    other = iw.Network(2, 1, 64, "tanh", iw.Parameterization.mup(1))
    with pytest.raises(ValueError, match=r"^networks: name different limits, .*give networks alike but for their widths"):
        iw.compare(None, [*networks(32), other], X, Y, METHOD, seeds=3)
    kernel = [iw.Network(2, 1, m, "tanh", iw.Parameterization.ntk(1)) for m in (16, 32)]
    assert np.isfinite(iw.compare(None, kernel, X, Y, METHOD, seeds=2).gaps).all()  # kernels that are built anew are equal


def test_runs_that_a_callback_stops_at_other_times_are_not_compared():
    def stops(point):
        return point.step == (2 if len(point.state) == 3 * 64 else 3)

    found = iw.compare(iw.TwoLayerMeanField("linear", 512), networks(32, 64), X, Y, METHOD, seeds=2, callback=stops)
    rate = METHOD.learning_rate
    assert found.failed[:2] == [
        f"width 64, seed {s}: it was stopped at t = {2 * rate:g}, and the limit at t = {3 * rate:g}; leave callback out" for s in (0, 1)
    ]
    assert np.isfinite(found.gaps[0]).all() and np.isnan(found.gaps[1]).all()


def test_the_limits_own_error_is_told_from_the_gaps_of_networks():
    """100 particles are as far from the limit as 100 neurons are: the gaps stop falling there, and it says why."""
    tanh = [iw.Network(2, 1, m, "tanh", iw.Parameterization.mup(1)) for m in (64, 512, 4096)]
    found = iw.compare(iw.TwoLayerMeanField("tanh", 100), tanh, X, Y, METHOD, seeds=8)
    assert found.slope > -0.5 + 2 * found.slope_error
    assert re.match(r"limit: two draws of it are [\d.e-]+ apart, networks of width 4096 .* raise its particles", found.failed[-1])
    assert iw.compare(iw.TwoLayerMeanField("tanh", 20000), tanh[:2], X, Y, METHOD, seeds=8).failed == []


@pytest.mark.parametrize(
    ("limit", "activation", "scheme", "theirs"),
    [
        (iw.TwoLayerMeanField("tanh", 4000), "linear", iw.Parameterization.mup(1), "DeepLinearIntegrable"),
        (iw.DeepLinearMuP(1), "linear", iw.Parameterization.ntk(1), "NeuralTangentLimit"),
        (iw.DeepLinearMuP(1, gamma=3.0), "linear", iw.Parameterization.mup(1), "DeepLinearIntegrable"),
    ],
    ids=["activation", "parameterization", "richness"],
)
def test_a_limit_that_is_that_of_other_networks_is_told(limit, activation, scheme, theirs):
    """The networks are nearer to the limit that they name; a limit of few particles (above) is not blamed for that."""
    some = [iw.Network(2, 1, m, activation, scheme) for m in (128, 512, 2048)]
    with pytest.warns(RuntimeWarning, match=r"^limit: the network of width 2048 is .* leave limit out to take theirs$") as told:
        found = iw.compare(limit, some, X, Y, METHOD, seeds=3)
    assert told[0].filename == __file__
    far, near, name = re.search(r"is (\S+) from the given one and (\S+) from the one that it names, (\w+)", found.failed[-1]).groups()
    assert name == theirs
    assert float(far) == pytest.approx(found.gaps[-1, 0], rel=0.05) and float(near) < float(far) / 2
    own = iw.compare(None, some, X, Y, METHOD, seeds=3)
    assert float(near) == pytest.approx(own.gaps[-1, 0], rel=0.05) and own.failed == []


def test_the_same_limit_in_other_coordinates_is_not_told_of():
    """Nor is the right limit where the gaps do not fall for another reason: networks whose widths hardly differ."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        some = networks(*range(100, 108))
        assert iw.compare(iw.DeepLinearMuP(1), some, X, Y, METHOD, seeds=1).failed == []
        assert iw.compare(iw.TwoLayerMeanField("linear", 50_000), networks(64, 512), X, Y, METHOD, seeds=4).failed == []


def test_noise_on_an_output_bias_is_shared_with_the_limit():
    """It is one parameter at every width, and its noise does not average out."""
    biased = iw.Parameterization.mup(1).with_biases()
    some = [iw.Network(2, 1, m, "tanh", biased) for m in (32, 128, 512)]
    method = iw.Langevin(0.1, 0.1, 0.2, 6)
    found = iw.compare(None, some, X, Y, method, seeds=24, save_at=[6])
    assert found.slope_error < 0.08
    assert abs(found.slope + 0.5) < 2 * found.slope_error


def test_flows_estimate_no_error_that_nobody_reads():
    flow = iw.GradientFlow(1.0)
    found = iw.compare(iw.DeepLinearMuP(1), networks(32, 64), X, Y, flow, seeds=2, save_at=[1.0])
    assert iw.solve(iw.DeepLinearMuP(1), X, Y, flow, save_at=[1.0]).error is not None
    assert found.limit.error is None


def test_ctrl_c_stops_the_comparison():
    import signal

    presses = []

    def press(t, state, problem):
        if isinstance(problem, NetworkProblem) and problem.shapes[0][0] == 128 and not presses:
            presses.append(t)
            signal.raise_signal(signal.SIGINT)
        return t

    result = iw.compare(iw.DeepLinearMuP(1), networks(32, 64, 128, 256), X, Y, METHOD, seeds=3, observables={"t": press})
    assert len(presses) == 1
    assert np.isfinite(result.gaps[:2]).all()
    assert np.isnan(result.gaps[2:]).all()
    assert result.failed == ["interrupted by Ctrl-C: the networks from width 128, seed 0 on were not run"]
    assert np.isfinite(result.slope)


def test_repr_is_short(result):
    assert repr(result).startswith("Comparison(widths 32, 128, 512; 18 of 18 networks; slope -0.")


def test_save_load_print_plot(result, tmp_path):
    result.save(tmp_path / "gaps")
    back = Comparison.load(tmp_path / "gaps")
    np.testing.assert_array_equal(back.gaps, result.gaps)
    assert back.slope == result.slope
    assert str(back) == str(result)
    assert "   128   " in str(result)
    figure = result.plot()
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), result.gaps.ravel())
    fitted = figure.axes[0].lines[2].get_ydata()
    assert np.log(fitted[-1] / fitted[0]) / np.log(512 / 32) == pytest.approx(result.slope)
    assert figure.axes[0].get_xlabel() == "width $m$"
    iw.solve(networks(8)[0], X, Y, METHOD, rng=0).save(tmp_path / "sol")
    with pytest.raises(ValueError, match="is not a comparison but a solution"):
        Comparison.load(tmp_path / "sol")


def test_networks_say_their_limit(result):
    own = iw.compare(networks=networks(32, 128, 512), X=X, y=Y, method=METHOD, seeds=range(5, 11), X_test=X + 1, save_at=[1, 5])
    np.testing.assert_allclose(own.gaps, result.gaps, atol=1e-10)
    deep = [iw.Network(2, 2, m, "tanh", iw.Parameterization.integrable(2)) for m in (8, 16)]
    found = iw.compare(networks=deep, X=X, y=Y, method=METHOD, seeds=2)
    assert found.limit.problem.systems[0].neurons == 2048 and np.isfinite(found.gaps).all()


def test_networks_that_say_no_limit_are_refused():
    class Silent:
        width = 8

        def bind(self, data, rng):
            raise AssertionError

    with pytest.raises(ValueError, match="limit: Silent does not say what its limit is; give the limit model"):
        iw.compare(networks=[Silent(), type("Silent", (Silent,), {"width": 16})()], X=X, y=Y, method=METHOD)


def test_methods_of_other_scales_need_the_limit():
    """RMSProp, and any method that says so; with a limit it compares."""
    method = iw.RMSProp(0.01, 2, epsilon=1e-3)
    with pytest.raises(ValueError, match=r"limit: the one that networks name is that of gradients.*for example TwoLayerMeanField"):
        iw.compare(None, networks(32, 64), X, Y, method, seeds=2)
    limit = iw.TwoLayerMeanField("linear", particles=64)
    mean_field = [iw.Network(2, 1, m, "linear", iw.Parameterization((-1, 0), (1, 1), (1, 1))) for m in (32, 64)]
    assert np.isfinite(iw.compare(limit, mean_field, X, Y, method, seeds=2).gaps).all()


def test_figure_and_text_of_widths_that_failed(result):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        part = replace(result, gaps=result.gaps * np.array([[np.nan], [1], [1]]))
        labels = [line.get_label() for line in part.plot().axes[0].lines]
        assert labels[1:2] == ["median"] and labels[-1] == "$m^{-1/2}$"
        assert "32   nan" in str(part)
        none = replace(result, gaps=result.gaps * np.nan, slope=np.nan, slope_error=np.nan)
        assert [line.get_label() for line in none.plot().axes[0].lines] == ["one network"]
        str(none)


def test_figure_of_widths_in_any_order(result):
    turned = replace(result, widths=result.widths[[1, 0, 2]], gaps=result.gaps[[1, 0, 2]])
    for plain, other in zip(result.plot().axes[0].lines[1:], turned.plot().axes[0].lines[1:], strict=True):
        np.testing.assert_allclose(plain.get_xydata(), other.get_xydata())
