"""Private parts of other packages are used in `distillrun/upstream.py` alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure.disk import MODULES, PACKAGE, name_of, tree

UPSTREAM = PACKAGE / "upstream.py"
PRIVATE = re.compile(r"(^|\.)_[a-z]")


def names_of_ours() -> set[str]:
    """Return every name with a leading underscore that this package itself defines."""
    names: set[str] = set()
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                is_own = isinstance(node, ast.Name) or (isinstance(node.value, ast.Name) and node.value.id == "self")
                names |= {node.id if isinstance(node, ast.Name) else node.attr} if is_own else set()
    return names


OURS = names_of_ours()


def private_parts(path: Path) -> Iterator[str]:
    """Yield the private modules that a file imports or names, and the private attributes of others that it uses."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "hydra._internal" in node.value:
            names = [node.value]
        elif isinstance(node, ast.Attribute) and not node.attr.endswith("_") and node.attr not in OURS:
            names = [node.attr]
        else:
            continue
        is_ours = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("distillrun")
        yield from (name for name in names if PRIVATE.search(name) and not is_ours)


@pytest.mark.parametrize("path", [path for path in MODULES if path != UPSTREAM], ids=name_of)
def test_only_one_module_uses_private_parts_of_other_packages(path: Path) -> None:
    assert not list(private_parts(path)), "such parts change without notice; put what uses them into upstream.py"


def test_that_module_is_seen_to_use_them() -> None:
    assert {"hydra._internal.hydra", "_weight_conversions", "_option_string_actions"} <= set(private_parts(UPSTREAM))
