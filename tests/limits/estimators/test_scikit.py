"""Without scikit-learn the room can be seen, and says what it needs."""

import subprocess
import sys
from pathlib import Path

import infwidth


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
