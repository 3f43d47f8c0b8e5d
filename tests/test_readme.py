"""What the README shows is what comes out."""

import ast
import doctest
import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def test_examples_of_the_readme():
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    results = doctest.testfile(str(README), module_relative=False, optionflags=flags)
    assert results.attempted > 10
    assert results.failed == 0


def test_links_of_the_readme_exist():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README.read_text(encoding="utf-8"))
    assert "docs/stationary_point.png" in links
    for link in links:
        assert (README.parent / link).exists(), link


def test_the_two_commands_lead():
    """One line each: the first sh block runs the benchmark, the second the tests (.ci/run relies on it)."""
    blocks = [block.split("```")[0].strip() for block in README.read_text(encoding="utf-8").split("```sh\n")[1:]]
    assert [len(block.splitlines()) for block in blocks[:2]] == [1, 1]
    assert "benchmarks/stationary_point.py --quick" in blocks[0]
    assert "pytest" in blocks[1]


@pytest.mark.parametrize(
    ("file", "equation"),
    [
        ("limits/scaling/closed_formula.py", "r = "),  # the formula of Yang and Hu
        ("limits/densities/mean_field.py", r"\partial_t"),  # the mean-field PDE
        ("limits/isotropic/mean_field.py", r"\partial_t \rho = \partial_r"),
        ("limits/integrable/deep_linear.py", r"A_{L+1} A_L \cdots A_1 x"),
        ("limits/feature_learning/growing_network.py", "A_{L+1} A_L"),
        ("limits/feature_learning/march.py", r"parameters :math:`\Phi^{l-1}, G^{l+1}`"),  # the order parameters of µP
    ],
)
def test_equations_are_one_link_away(file, equation):
    assert f"]({file})" in README.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse((README.parent / file).read_text(encoding="utf-8")))
    assert docstring is not None and equation in docstring
