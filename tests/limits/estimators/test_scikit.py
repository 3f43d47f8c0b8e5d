"""Without scikit-learn the room can be seen, and says what it needs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import infwidth
from infwidth.limits import estimators


def test_without_scikit_learn(tmp_path):
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import infwidth\nprint(infwidth.limits.estimators.__all__[0])\n"
        "try:\n    infwidth.limits.estimators.NNGPRegressor\nexcept ImportError as error:\n    print(error)"
    )
    source = str(Path(infwidth.__file__).parents[1])
    found = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r})\n{code}"], cwd=tmp_path, capture_output=True)
    assert found.stdout.decode().split("\n")[:2] == [
        "NNGPClassifier",
        "estimators are for scikit-learn 1.6 or later: pip install infwidth[data]",
    ], found.stderr.decode()


@pytest.mark.parametrize("name", ["NNGPRegressor", "NTKRegressor", "NNGPClassifier", "NTKClassifier"])
def test_masked_entries_dates_and_text_are_no_numbers(name):
    X, y = np.array([[1.0, 0.5], [0.0, 1.0], [-1.0, 0.25], [0.5, -0.75]]), np.array([0, 1, 1, 0])
    model = getattr(estimators, name)().fit(X, y)
    hidden = np.ma.MaskedArray(X, mask=np.eye(4, 2, dtype=bool))
    for odd, message in ((hidden, "2 entries are masked"), (X.astype(str), "need numbers"), (np.zeros((4, 2), "M8[D]"), "need numbers")):
        with pytest.raises(ValueError, match=f"^X: {message}"):
            model.predict(odd)
        with pytest.raises(ValueError, match=f"^X: {message}"):
            getattr(estimators, name)().fit(odd, y)
    with pytest.raises(ValueError, match="y: 1 entries are masked"):
        getattr(estimators, name)().fit(X, np.ma.MaskedArray(y, mask=y * np.arange(4) == 1))
    np.testing.assert_array_equal(model.predict(np.ma.MaskedArray(X)), model.predict(X))
