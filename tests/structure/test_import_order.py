"""A module imports only from the left of one line, and from its own package."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure.disk import MODULES, PACKAGE, module_of, name_of

LINE: tuple[tuple[str, ...], ...] = (
    ("errors", "records"),
    ("csv_rows", "disk", "strict_json", "thinking"),
    (
        "tensors",
        "schema",
        "template",
        "cleaning",
        "jsonl",
        "repeats",
        "rows",
        "folder",
        "hydra_settings",
        "inside",
        "interrupt",
        "meaning",
        "secret",
        "streams",
        "upstream",
    ),
    (
        "interfaces",
        "token_loss",
        "divergence",
        "distribution",
        "alignment",
        "runtime",
        "environment",
        "everyday",
        "statistics",
        "report",
        "refusal",
        "traits",
        "published",
    ),
    ("language_model", "data_card", "comparison", "progress"),
    # siblings never import each other
    ("task", "teacher", "generation", "objective", "evaluation", "tracking", "student"),
    ("artifacts",),
    ("journal",),
    ("training",),
    ("stages",),
    ("fence", "config", "permitted"),
    ("composition", "build", "result", "preflight_logits"),
    ("enumeration", "guess"),
    ("complaint", "preflight", "run_folder"),
    ("cells", "experiment", "speaker", "sweep_page"),
    ("measurement", "study"),
    ("assessment", "schooling"),
    ("baseline",),
    ("pipeline", "predict", "sweep"),
    ("plan",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LINE) for name in names}

LIGHT = (
    "cells",
    "cli",
    "commands",
    "complaint",
    "composition",
    "config",
    "disk",
    "enumeration",
    "errors",
    "folder",
    "guess",
    "hydra_settings",
    "inside",
    "interrupt",
    "meaning",
    "permitted",
    "records",
    "schema",
    "secret",
    "statistics",
    "streams",
    "sweep",
    "upstream",
)
"""What the command line imports before a run begins."""


def top_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield (dotted name, whether it is imported when the module is) of every import, also those inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_import = {id(node) for node in ast.iter_child_nodes(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "distillrun" else [module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) in at_import


def imported_tops(path: Path) -> set[str]:
    """Return the modules and packages right under distillrun that a file imports, its own left out."""
    names = [name.split(".") for name, _ in imports(path)]
    tops = {name[1] for name in names if name[0] == "distillrun" and len(name) > 1}
    return {top for top in tops if not top.startswith("__")} - {top_of(path)}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_its_left(path: Path) -> None:
    top = top_of(path)
    if top == "__init__":
        assert not imported_tops(path)
        return
    assert top in RANK, f"{top} has no place on the line yet; give it one in LINE"
    wrong = {other for other in imported_tops(path) if other not in RANK or RANK[other] >= RANK[top]}
    assert not wrong, f"{name_of(path)} imports {sorted(wrong)}, which stand beside it or to its right"


def test_the_line_names_nothing_that_is_gone() -> None:
    assert set(RANK) == {top_of(path) for path in MODULES} - {"__init__"}


def test_no_package_imports_itself_in_a_circle() -> None:
    graph = {module_of(path): {name for name, _ in imports(path)} for path in MODULES}
    graph = {module: {name for name in names if name in graph} - {module} for module, names in graph.items()}
    while free := {module for module, names in graph.items() if not names & graph.keys()}:
        graph = {module: names for module, names in graph.items() if module not in free}
    assert not graph, f"these import each other: {sorted(graph)}"


def test_what_the_command_line_reads_first_is_light() -> None:
    heavy = {"torch", "transformers", "datasets", "wandb", "accelerate", "peft", "pandas", "scipy", "numpy", "pydantic"}
    files = [path for path in MODULES if top_of(path) in LIGHT]
    assert {top_of(path) for path in files} == set(LIGHT)
    for path in files:
        names = {name for name, at_import in imports(path) if at_import}
        assert not {name.split(".")[0] for name in names} & heavy, name_of(path)
        inside = {name.split(".")[1] for name in names if name.startswith("distillrun.")}
        assert inside - {"__version__"} <= set(LIGHT), f"{name_of(path)} imports what is not light"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "misc", "tools"}
    assert MODULES
    assert not [name_of(path) for path in MODULES if path.stem in drawers]
