"""A module imports only from the left of one line, and from its own package."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.structure.disk import MODULES, PACKAGE, module_of, name_of, tree

LINE: tuple[tuple[str, ...], ...] = (
    ("errors", "names", "records", "statistics", "upstream"),
    ("everyday", "loss", "text"),
    ("files", "interfaces"),
    ("artifacts", "config"),
    ("process",),
    ("journal", "language_model", "scorer"),
    # siblings never import each other
    ("task", "teacher", "generation", "objective", "evaluation", "tracking", "student"),
    ("training", "report"),
    ("sweep",),
    ("pipeline", "study"),
    ("intake", "planning"),
    ("commands",),
    ("api", "cli"),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LINE) for name in names}

LIGHT = (
    "artifacts.meaning",
    "cli",
    "commands",
    "config.compose",
    "config.fail_below",
    "config.guess",
    "config.hydra_errors",
    "config.hydra_settings",
    "config.permitted",
    "config.schema",
    "config.settings",
    "config.single_run",
    "config.sweep_jobs",
    "errors",
    "files.disk",
    "files.folder",
    "files.inside",
    "files.streams",
    "names",
    "process.interrupt",
    "records",
    "statistics",
    "sweep",
    "text.secret",
    "upstream",
)
"""What the command line imports before a run begins: rooms, and modules of rooms."""


def top_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Return (dotted name, whether it is imported when the module is) of every import, also those inside functions."""
    found: list[tuple[str, bool]] = []
    at_import = {id(node) for node in ast.iter_child_nodes(tree(path))}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "distillrun" else [module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found += [(name, id(node) in at_import) for name in names]
    return tuple(found)


def imported_tops(path: Path) -> set[str]:
    """Return the modules and packages right under distillrun that a file imports, its own left out."""
    names = [name.split(".") for name, _ in imports(path)]
    tops = {name[1] for name in names if name[0] == "distillrun" and len(name) > 1}
    return {top for top in tops if not top.startswith("__")} - {top_of(path)}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_its_left(path: Path) -> None:
    top = top_of(path)
    if top == "__init__":
        assert not {name for name, at_import in imports(path) if at_import and name.startswith("distillrun")}
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
    heavy |= {"matplotlib"}
    light = {f"distillrun.{name}" for name in LIGHT}
    files = [path for path in MODULES if _within(module_of(path), light)]
    assert {one for one in light if any(_within(module_of(path), {one}) for path in files)} == light
    packages = {module_of(path) for path in MODULES if path.name == "__init__.py"}
    for path in files:
        names = {name for name, at_import in imports(path) if at_import}
        assert not {name.split(".")[0] for name in names} & heavy, name_of(path)
        inside = {name for name in names if name.startswith("distillrun.")} - packages - {"distillrun.__version__"}
        wrong = {name for name in inside if not _within(name, light)}
        assert not wrong, f"{name_of(path)} imports {sorted(wrong)}, which are not light"


def test_nothing_imports_matplotlib_before_a_chart_is_drawn() -> None:
    found = {path: at_import for path in MODULES for name, at_import in imports(path) if name.startswith("matplotlib")}
    assert found
    assert not any(found.values())
    assert {path.parent.relative_to(PACKAGE).as_posix() for path in found} == {"report/page"}


def _within(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "misc", "tools"}
    assert MODULES
    assert not [name_of(path) for path in MODULES if path.stem in drawers]
