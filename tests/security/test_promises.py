"""SECURITY.md names the tests that hold its promises."""

import re

from tests.structure.disk import ROOT


def test_every_promise_names_tests_that_are_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    promised, _, _ = text.partition("## What is not")
    rows = [line for line in promised.splitlines() if line.startswith("| ") and "promise | held" not in line]
    assert len(rows) > 8
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)`", row.rpartition(" | ")[2])
        assert named, row
        assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_attack_is_part_of_a_promise() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    files = sorted((ROOT / "tests" / "security").glob("test_*.py"))
    assert [
        path.name for path in files if path.name not in (*re.findall(r"test_\w+\.py", text), "test_promises.py")
    ] == []
