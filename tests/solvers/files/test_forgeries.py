"""Whatever is forged in a file, reading it either gives what the good one gives, or says in a good message what is wrong with it."""

import json
import zlib

import numpy as np
import pytest
from forging import forgeries, read, write

import infwidth as iw

X, Y = np.array([[1.0, 0.5], [0.0, 1.0], [-1.0, 0.25]]), np.array([1.0, -1.0, 0.5])
NET = iw.Network(2, 1, 3, "tanh", iw.Parameterization.mup(1))
GD = iw.GradientDescent
NETWORKS = [iw.Network(2, 1, m, "linear", iw.Parameterization.mup(1)) for m in (4, 8)]
PART = 8  # of the forgeries, one of so many by default


def heart(sol):
    error = None if sol.error is None else sol.error.tolist()
    return sol.t.tolist(), sol.loss.tolist(), sol.outputs.tolist(), error


def forged(path, use, names, part):
    """Labels of forgeries that raise something else than ValueError, or are taken for another content; and how many there were."""
    outline, arrays = read(path)
    write(path, outline, arrays)
    everything = list(forgeries(path))  # before a run goes on and writes it anew
    good, wrong, made = use(path), [], 0
    for label, other, parts in everything:
        if zlib.crc32(label.encode()) % part:
            continue
        made += 1
        write(path, other, parts)
        try:
            if use(path) != good:
                wrong.append(f"accepted: {label}")
        except ValueError as error:
            if not str(error).startswith(names):
                wrong.append(f"raw: {label}: {error}")
        except Exception as error:
            wrong.append(f"raw: {label}: {type(error).__name__}: {error}")
    return wrong, made


RUNS = {
    "gradient descent": (NET, GD(0.1, 2), GD(0.1, 4)),
    "minibatches": (NET, GD(0.1, 2, batch_size=2), GD(0.1, 4, batch_size=2)),
    "heavy ball": (NET, iw.HeavyBall(0.1, 1.0, 2), iw.HeavyBall(0.1, 1.0, 4)),
    "rmsprop": (NET, iw.RMSProp(0.1, 2), iw.RMSProp(0.1, 4)),
    "langevin": (NET, iw.Langevin(0.1, 0.1, 0.1, 2), iw.Langevin(0.1, 0.1, 0.1, 4)),
    "flow": (NET, iw.GradientFlow(0.2, estimate_error=False), iw.GradientFlow(0.4, estimate_error=False)),
    "history": (iw.DeepLinearMuP(1), GD(0.1, 2), GD(0.1, 4)),
}


def checkpoint(name, finished, path, part):
    model, method, longer = RUNS[name]
    iw.solve(model, X, Y, method, rng=0, checkpoint=path)
    method = method if finished else longer
    wrong, made = forged(path, lambda file: heart(iw.solve(model, X, Y, method, rng=0, checkpoint=file)), ("checkpoint:",), part)
    # the random numbers to come and the size of the next step decide what follows: another one is as good
    free = ("resume/stepper/h_abs = 2.5", "resume/rng", "resume/step")
    return [line for line in wrong if not (line.startswith("accepted") and any(part in line for part in free))], made


@pytest.mark.parametrize("finished", [True, False], ids=["same end", "later end"])
@pytest.mark.parametrize("name", RUNS)
def test_a_forged_checkpoint(name, finished, tmp_path):
    wrong, made = checkpoint(name, finished, tmp_path / "run.npz", PART * 4)
    assert not wrong, "\n".join(wrong)
    assert made > 10


@pytest.mark.slow
@pytest.mark.parametrize("finished", [True, False], ids=["same end", "later end"])
@pytest.mark.parametrize("name", RUNS)
def test_every_forged_checkpoint(name, finished, tmp_path):
    wrong, _ = checkpoint(name, finished, tmp_path / "run.npz", 2)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("with_problem", [True, False], ids=["with its problem", "alone"])
def test_a_forged_solution(with_problem, tmp_path):
    sol = iw.solve(NET, X, Y, iw.GradientFlow(0.2), rng=0, X_test=X[:1], observables={"o": lambda t, state, problem: t})
    sol.save(tmp_path / "run.npz")
    problem = sol.problem if with_problem else None
    wrong, made = forged(tmp_path / "run.npz", lambda file: heart(iw.Solution.load(file, problem)), ("path:", "problem:"), PART)
    wrong = [line for line in wrong if "error/" not in line]
    assert not wrong, "\n".join(wrong)
    assert made > 40


def test_a_forged_comparison(tmp_path):
    iw.compare(iw.DeepLinearMuP(1), NETWORKS, X, Y, GD(0.1, 2), seeds=2).save(tmp_path / "c.npz")

    def use(file):
        back = iw.Comparison.load(file)
        return str(back), repr(back), back.t.tolist(), back.gap_paths.tolist()

    wrong, made = forged(tmp_path / "c.npz", use, ("path:",), 2)
    assert not wrong, "\n".join(wrong)
    assert made > 100


def test_a_forged_result_of_a_comparison(tmp_path):
    def go():
        return str(iw.compare(iw.DeepLinearMuP(1), NETWORKS, X, Y, GD(0.1, 2), seeds=2, resume=tmp_path))

    go()
    file = sorted(tmp_path.glob("*.npz"))[0]
    wrong, made = forged(file, lambda path: go(), ("resume:",), 6)
    wrong = [line for line in wrong if "message" not in line]  # another reason why there is no gap
    assert not wrong, "\n".join(wrong)
    assert made > 10


def test_the_result_of_another_point_is_not_taken(tmp_path):
    double = lambda a: 2 * a  # noqa: E731
    iw.sweep(double, {"a": [1]}, resume=tmp_path / "one")
    iw.sweep(double, {"a": [2]}, resume=tmp_path / "two")
    (one,), (two,) = (list((tmp_path / name).iterdir()) for name in ("one", "two"))
    one.replace(two)
    with pytest.raises(ValueError, match=r"^resume: .* holds the result of another point .*; delete it"):
        iw.sweep(double, {"a": [2]}, resume=tmp_path / "two")


def test_minibatches_do_not_go_on_without_their_random_numbers(tmp_path):
    file, method = tmp_path / "run.npz", RUNS["minibatches"]
    iw.solve(NET, X, Y, method[1], rng=0, checkpoint=file)
    outline, arrays = read(file)
    del outline["content"]["resume"]["rng"]
    write(file, outline, arrays)
    with pytest.raises(ValueError, match=r"^checkpoint: .*'rng'.*; delete it"):
        iw.solve(NET, X, Y, method[2], rng=0, checkpoint=file)


@pytest.mark.parametrize("array", range(2, 4), ids=["loss", "outputs"])
def test_a_record_that_its_state_does_not_give(array, tmp_path):
    file = tmp_path / "run.npz"
    iw.solve(NET, X, Y, GD(0.1, 2), rng=0, checkpoint=file)
    outline, arrays = read(file)
    assert json.dumps(outline["content"]["record"]["arrays"]["outputs"]) == '{"": ["array", 3]}'
    arrays[array] = arrays[array] + 1.0
    write(file, outline, arrays)
    for steps in (2, 4):
        with pytest.raises(ValueError, match=r"^checkpoint: .*gives another loss or other outputs than its record"):
            iw.solve(NET, X, Y, GD(0.1, steps), rng=0, checkpoint=file)
