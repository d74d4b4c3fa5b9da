"""Code that decides results does not change unnoticed: its MEANING rises, or somebody says why results are the same."""

import ast
import re
from pathlib import Path

import pytest

from distillrun.names.parts import GROUPS
from tests.structure.disk import MODULES, module_of
from tests.structure.meanings import DECISIVE, _plain, advice, main, read_noted, read_package, unlike, write_noted
from tests.structure.test_import_order import imports, top_of

INDIFFERENT = frozenset({"errors", "files", "interfaces", "process", "records", "upstream"})
"""What parts import and no result depends on, unless what is read or handed on changes, which is hashed as content."""

PART = '''"""A part."""
import os
from typing import ClassVar, TYPE_CHECKING

if TYPE_CHECKING:
    from a import B

RATE: float = 0.5


class Part:
    """What it is."""

    MEANING: ClassVar[int] = 2
    RESTS_ON: ClassVar = ()
    width: int

    def loss(self, x: int) -> float:
        """Return it."""
        return f"{x * RATE:.2f}"  # a comment
'''
SAME = {
    "a docstring": ('"""Return it."""', '"""Return the loss."""'),
    "a comment": ("# a comment", ""),
    "annotations": ("x: int) -> float", "x: float)"),
    "an annotation": ("RATE: float = 0.5", "RATE = 0.5"),
    "imports": ("import os", "from a.b import os"),
    "imports for types": ("    from a import B", "    from a.c import B"),
    "spaces": ("RATE: float = 0.5", "RATE: float = (\n    0.50\n)"),
}
OTHER = {
    "a number": ("0.5", "0.25"),
    "a type of number": ("0.5", "1"),
    "an operator": ("x * RATE", "x + RATE"),
    "a field": ("width: int", "height: int"),
    "a format": (":.2f", ":.3f"),
    "a default": ("x: int)", "x: int = 1)"),
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of one objective, noted in a file in it."""
    (tmp_path / "objective").mkdir()
    (tmp_path / "loss").mkdir()
    (tmp_path / "objective" / "part.py").write_text(PART)
    (tmp_path / "loss" / "divergence.py").write_text("def kl(p, q): return p - q\n")
    write_noted(read_package(tmp_path), tmp_path / "noted.json")
    return tmp_path


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def differing(package: Path) -> list[str]:
    return unlike(read_noted(package / "noted.json"), read_package(package))


def note(package: Path, *words: str) -> int:
    return main(words, package, package / "noted.json")


def test_no_code_that_decides_results_changed_unnoticed() -> None:
    changed = unlike(read_noted(), read_package())
    assert not changed, advice(changed)


def test_every_module_that_a_part_imports_is_looked_at_or_known_to_decide_nothing() -> None:
    used = {module_of(path): {name for name, _ in imports(path)} for path in MODULES}
    reached: set[str] = set()
    waiting = [module_of(path) for path in MODULES if top_of(path) in GROUPS and top_of(path) != "tracking"]
    while waiting:
        reached.add(module := waiting.pop())
        waiting += [name for name in used.get(module, ()) if name.startswith("distillrun.") and name not in reached]
    tops = {name.split(".")[1] for name in reached}
    assert tops >= {"loss", "language_model"}
    assert tops <= {*DECISIVE, *INDIFFERENT}, "name it in DECISIVE (tests/structure/meanings.py), or in INDIFFERENT"
    assert set(DECISIVE) | INDIFFERENT <= {top_of(path) for path in MODULES}


def test_every_module_is_looked_at() -> None:
    files = [path for path in MODULES if top_of(path) in DECISIVE and path.stem != "__init__"]
    assert len(read_package()) == len(files) > 150


@pytest.mark.parametrize("name", SAME)
def test_what_changes_no_result_needs_no_note(name: str, package: Path) -> None:
    change(package / "objective" / "part.py", *SAME[name])
    assert differing(package) == []


@pytest.mark.parametrize("name", OTHER)
def test_a_change_needs_a_note_that_says_why(name: str, package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(package / "objective" / "part.py", *OTHER[name])
    assert differing(package) == ["objective/part"]
    assert note(package) == 1
    assert re.match(r'objective/part changed\..* scripts/meanings --same "why"', capsys.readouterr().err)
    assert differing(package) == ["objective/part"]
    assert note(package, "--same", "a rounding that nobody reads") == 0
    assert differing(package) == []
    assert read_noted(package / "noted.json")["objective/part"].why == "a rounding that nobody reads"


def test_a_risen_meaning_needs_no_reason_but_is_noted(package: Path) -> None:
    change(package / "objective" / "part.py", *OTHER["a number"])
    change(package / "objective" / "part.py", "= 2", '= {"x=1": 3}')
    assert differing(package) == ["objective/part"]
    assert note(package) == 0
    assert differing(package) == []
    change(package / "objective" / "part.py", '{"x=1": 3}', "2")  # taken back
    assert note(package) == 1


def test_a_meaning_alone_may_rise(package: Path) -> None:
    (package / "loss" / "divergence.py").write_text("def kl(p, q): return p - q\n\nMEANING = 2\n")
    assert differing(package) == ["loss/divergence"]
    assert note(package) == 0


def test_a_module_that_moves_or_is_renamed_needs_no_note(package: Path) -> None:
    (package / "objective" / "shared").mkdir()
    (package / "objective" / "part.py").rename(package / "objective" / "shared" / "part.py")
    assert differing(package) == []
    (package / "objective" / "shared" / "part.py").rename(package / "objective" / "piece.py")
    assert differing(package) == []


def test_a_new_module_is_noted_and_one_that_was_rewritten_elsewhere_needs_a_reason(package: Path) -> None:
    (package / "objective" / "new.py").write_text("RATE = 3\n")
    assert differing(package) == ["objective/new"]
    assert note(package) == 0
    (package / "objective" / "new.py").unlink()
    (package / "objective" / "newer.py").write_text("RATE = 4\n")
    assert note(package) == 1


def test_a_tree_is_told_apart_by_more_than_its_numbers() -> None:
    trees = [ast.parse(text) for text in ("a = 1", "b = 1", "a = True", "a = '1'", "a = 1.0", "a = '1.0'", "a = None")]
    assert len({str(_plain(tree)) for tree in trees}) == len(trees)
