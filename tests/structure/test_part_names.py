"""The names of parts: one class for each, found by the file system."""

import importlib
from pathlib import Path

import pytest

from distillrun.config.protocols import PROTOCOLS
from distillrun.config.target import find_class
from distillrun.errors import ConfigError
from distillrun.names import parts
from distillrun.names.former_paths import FORMER_PATHS
from distillrun.names.parts import GROUPS, as_hashed, modules_of, name_of, with_names
from tests.structure.disk import MODULES, PACKAGE, ROOT, leaves, module_of, read


def test_every_group_of_parts_has_names() -> None:
    assert set(GROUPS) == set(PROTOCOLS)


@pytest.mark.parametrize("group", GROUPS)
def test_a_class_is_defined_once_in_its_group_and_where_it_is_looked_for(group: str) -> None:
    found = modules_of(group)
    assert found
    for name, modules in found.items():
        assert len(modules) == 1, f"{' and '.join(modules)} both define {name}; rename one of them"
        assert getattr(importlib.import_module(modules[0]), name).__module__ == modules[0]


@pytest.mark.parametrize("group", GROUPS)
def test_every_file_directly_in_a_group_is_an_option(group: str) -> None:
    """What options share is in shared/ or in a folder of its own, so that `ls` is a menu."""
    files = {path for path in MODULES if path.parent == PACKAGE / group and path.name != "__init__.py"}
    chosen = {find_class(read(path)["_target_"], group).__module__ for path, of in leaves() if of == group}
    assert files
    assert {module_of(path) for path in files} - chosen == set()


def test_tests_stand_where_the_code_stands() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | {
        *("contracts", "data", "end_to_end", "security", "structure")
    }
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("*/test_*.py")}
    assert folders <= rooms


def test_a_former_path_leads_to_a_part_of_today() -> None:
    shipped = {read(path)["_target_"] for path, _ in leaves()}
    assert shipped >= FORMER_PATHS.keys()
    for name, path in FORMER_PATHS.items():
        assert name_of(path) == name_of(name) == name


def test_a_class_that_two_modules_define_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"Sum": ("distillrun.objective.sum", "distillrun.objective.sum_copy")}
    monkeypatch.setattr("distillrun.config.target.modules_of", lambda group: both)
    with pytest.raises(ConfigError, match=r"_target_=objective/Sum: distillrun\.objective\.sum and .* both define"):
        find_class("objective/Sum", "objective")


def test_a_file_that_cannot_be_imported_defines_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "__file__", str(tmp_path / "distillrun" / "names" / "parts.py"))
    for name in ("one.py", "inner/two.py", ".ipynb_checkpoints/one.py", "one copy.py", "one-copy.py"):
        file = tmp_path / "distillrun" / "task" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"class {file.stem.title()[:3]}:\n    class Inner: ...\n\nclass _Hidden: ...\n")
    found = modules_of.__wrapped__("task")
    assert found == {"One": ("distillrun.task.one",), "Two": ("distillrun.task.inner.two",)}


@pytest.mark.parametrize("former", ["distillrun.objective.old.Former", "objective/Former"])
def test_a_renamed_class_is_hashed_as_before_and_read_by_any_name(former: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FORMER_PATHS", {"objective/Sum": former})
    parts._now.cache_clear()
    try:
        for given in ("objective/Sum", "objective/Former", "distillrun.objective.old.Former"):
            named = with_names([{"parts": {"one": {"_target_": given}}}])
            assert named == [{"parts": {"one": {"_target_": "objective/Sum"}}}]
        assert as_hashed({"_target_": "objective/Sum"}) == {"_target_": former}
    finally:
        parts._now.cache_clear()
