"""The fence around `_target_`, condition by condition: take one away, and a test here is red."""

import importlib
import inspect
import sys
from pathlib import Path

import pytest

from distillrun.config.build import build
from distillrun.config.protocols import PROTOCOLS
from distillrun.config.target import find_class
from distillrun.errors import ConfigError
from tests.structure.disk import MODULES, module_of

MARKER = "marker"


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two modules on the Python path, of which a user permits the first; both need no arguments anywhere."""
    files = {
        "mine_part.py": """
import os
from pathlib import Path
from mine_partner import Neighbour
from distillrun.objective.sum import Sum
from distillrun.task.everyday import Everyday
from distillrun.errors import ConfigError

class Own:
    class Inner: ...

class _Hidden: ...

class Part_: ...

def function(): ...

instance = Own()
again = Own
""",
        "mine_partner.py": f"open({str(tmp_path / MARKER)!r}, 'a').write('x')\nclass Neighbour: ...\n",
        "mine_broken.py": "import not_there_at_all\nclass Own: ...\n",
        "strange.py": f"open({str(tmp_path / MARKER)!r}, 'a').write('x')\nclass Strange: ...\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def find(target: str) -> type:
    return find_class(target, "task", allowed=["mine_part"])


def test_a_class_of_a_permitted_module_is_found() -> None:
    assert find("mine_part.Own").__name__ == "Own"
    assert find("mine_part.Part_").__name__ == "Part_"


@pytest.mark.parametrize("name", ["Path", "Neighbour", "Sum", "Everyday", "ConfigError"])
def test_a_class_that_a_permitted_module_merely_imported_is_refused(name: str) -> None:
    assert isinstance(getattr(importlib.import_module("mine_part"), name), type)
    with pytest.raises(ConfigError, match=rf"task\._target_=mine_part\.{name}: mine_part defines no class {name}"):
        find(f"mine_part.{name}")


@pytest.mark.parametrize("name", ["function", "instance", "os", "__name__", "__builtins__"])
def test_what_is_no_class_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"mine_part\.{name}"):
        find(f"mine_part.{name}")


@pytest.mark.parametrize(
    "name", ["_Hidden", "Own.__init__", "Own._Inner", "__class__", "_Hidden.x", ".Own", "Own\n", ""]
)
def test_a_name_that_is_hidden_or_none_is_refused_before_anything_is_imported(name: str) -> None:
    with pytest.raises(ConfigError, match="is not allowed"):
        find(f"mine_part.{name}")
    assert "mine_part" not in sys.modules


def test_a_class_in_a_class_is_no_class_of_a_module() -> None:
    with pytest.raises(ConfigError, match="there is no module"):
        find("mine_part.Own.Inner")


@pytest.mark.parametrize(
    "target", ["strange.Strange", "mine_partner.Neighbour", "mine_par.Own", "mine_part", "os.system"]
)
def test_what_is_outside_is_refused_and_not_imported(target: str, mine: Path) -> None:
    with pytest.raises(ConfigError, match=rf"task\._target_={target} is not allowed: it must be task/Name"):
        find(target)
    assert not {"strange", "mine_partner", "mine_part"} & set(sys.modules)
    assert not (mine / MARKER).exists()


def test_nothing_is_permitted_unless_it_is_named(mine: Path) -> None:
    for allowed in ((), [""], ["mine"], ["mine_part.Own"]):
        with pytest.raises(ConfigError, match="is not allowed"):
            find_class("mine_part.Own", "task", allowed)
    assert "mine_part" not in sys.modules


def test_a_class_of_another_group_is_refused() -> None:
    for target in ("teacher/Scripted", "distillrun.teacher.scripted.Scripted"):
        with pytest.raises(ConfigError, match="is not allowed: it must be task/Name, a class of distillrun/task;"):
            find_class(target, "task")


def test_a_module_inside_a_permitted_one_is_permitted_too(mine: Path) -> None:
    (mine / "mine_package").mkdir()
    for name, text in (("one", "class One: ...\n"), ("two", "from mine_package.one import One\n")):
        (mine / "mine_package" / f"{name}.py").write_text(text, encoding="utf-8")
    allowed = ["mine_package", "mine_package.two"]
    assert find_class("mine_package.two.One", "task", allowed).__module__ == "mine_package.one"
    with pytest.raises(ConfigError, match="defines no class One"):
        find_class("mine_package.two.One", "task", ["mine_package.two"])


def test_a_hidden_module_cannot_be_permitted() -> None:
    with pytest.raises(ConfigError, match="is not allowed"):
        find_class("_mine.Own", "task", ["_mine"])


def test_a_permitted_module_that_lacks_a_package_says_so() -> None:
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        find_class("mine_broken.Own", "task", ["mine_broken"])
    with pytest.raises(ConfigError, match="there is no module mine_absent"):
        find_class("mine_absent.Own", "task", ["mine_absent"])


def imported_classes() -> list[tuple[str, str]]:
    """Return group and name of every class that a module of a group imported from elsewhere."""
    found = []
    for path in MODULES:
        module = module_of(path)
        group = module.split(".")[1] if "." in module else ""
        if group in PROTOCOLS and path.stem != "__init__":
            values = vars(importlib.import_module(module)).items()
            named = [(name, value) for name, value in values if inspect.isclass(value) and not name.startswith("_")]
            found += [(group, name) for name, value in named if not value.__module__.startswith(f"distillrun.{group}.")]
    return found


def test_no_module_of_a_group_lends_what_it_imported() -> None:
    found = imported_classes()
    assert len(found) > 100
    assert {group for group, _ in found} == set(PROTOCOLS)
    for group, name in found:
        with pytest.raises(ConfigError, match=f"distillrun/{group} defines no class {name}"):
            find_class(f"{group}/{name}", group)


STRANGE = {"_target_": "strange.Strange"}
NESTED = {
    "a member of an ensemble": (
        "teacher",
        {"_target_": "teacher/Ensemble", "mode": "all"},
        "members",
    ),
    "a sum": ("objective", {"_target_": "objective/Sum"}, "parts"),
}


@pytest.mark.parametrize("place", NESTED)
def test_a_nested_target_is_held_to_the_fence_of_its_place(place: str, mine: Path) -> None:
    group, leaf, key = NESTED[place]
    hints = inspect.signature(find_class(leaf["_target_"], group)).parameters
    rest = {name: 1 for name, one in hints.items() if one.default is one.empty and name not in leaf}
    with pytest.raises(ConfigError, match=r"_target_=strange\.Strange is not allowed"):
        build({**rest, **leaf, key: {"one": STRANGE, "two": STRANGE}}, group)
    assert not (mine / MARKER).exists()


@pytest.mark.parametrize("node", [None, [], "strange.Strange", {}, {"_target_": 1}, {"_target_": ["strange.Strange"]}])
def test_a_leaf_that_names_no_class_builds_nothing(node: object) -> None:
    with pytest.raises(ConfigError, match="has no _target_"):
        build(node, "task")  # type: ignore[arg-type]


@pytest.mark.parametrize("node", [None, [], "strange.Strange", {}])
def test_a_step_that_is_no_leaf_builds_nothing(node: object) -> None:
    with pytest.raises(ConfigError, match=r"generation\.steps\.x has no _target_"):
        build(node, "generation", key="generation.steps.x")  # type: ignore[arg-type]


def test_a_class_of_the_group_that_is_no_part_is_not_used() -> None:
    with pytest.raises(ConfigError, match="cannot be used as teacher"):
        build({"_target_": "teacher/Secret", "value": None}, "teacher")
