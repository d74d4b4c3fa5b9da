"""Choices may repeat, so whether one is right is decided by `is_right` and `reads_alike` alone, never by indices."""

import ast
from pathlib import Path

import pytest

from tests.structure.disk import MODULES, PACKAGE, name_of, tree

DECIDES = PACKAGE / "records" / "example.py"
INDICES = {"answer", "choice", "supports"}
"""Attributes, and keys of stored rows, that are indices of choices."""


def is_index(node: ast.expr) -> bool:
    """Return whether an expression is the index of a choice: x.answer, row["choice"], gold(x), row.get("answer")."""
    if isinstance(node, ast.Attribute):
        return node.attr in INDICES
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value in INDICES
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in ("gold", "position", "answer_of"):
            return True
        is_get = isinstance(node.func, ast.Attribute) and node.func.attr == "get" and bool(node.args)
        return is_get and isinstance(node.args[0], ast.Constant) and node.args[0].value in INDICES
    return False


def compared(module: ast.Module) -> list[int]:
    """Return the lines that compare an index of a choice with ==, != or in a set, also by a name that it was given."""
    named = {
        target.id
        for node in ast.walk(module)
        if isinstance(node, ast.Assign) and is_index(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    lines = []
    for node in ast.walk(module):
        if isinstance(node, ast.Compare) and all(isinstance(one, ast.Eq | ast.NotEq) for one in node.ops):
            sides = (node.left, *node.comparators)
            others = [one for one in sides if not isinstance(one, ast.Constant)]
            if len(others) > 1 and any(
                is_index(one) or (isinstance(one, ast.Name) and one.id in named) for one in others
            ):
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("path", [path for path in MODULES if path != DECIDES], ids=name_of)
def test_no_choice_is_compared_by_its_index(path: Path) -> None:
    lines = compared(tree(path))
    assert not lines, f"{name_of(path)}:{lines} compares choices by index; use is_right or reads_alike"


@pytest.mark.parametrize(
    "line",
    [
        "made.choice == example.answer",
        "answer != one.supports",
        "gold(example) == choice",
        "right = row['answer']\nright == said",
        "row.get('choice') == said",
    ],
)
def test_the_search_finds_a_comparison(line: str) -> None:
    assert compared(ast.parse(line))


def test_the_search_leaves_other_comparisons_alone() -> None:
    line = "made.choice is None or example.answer == 3 or kind == 'factual' or len(a.choices) == 2"
    assert not compared(ast.parse(line))
