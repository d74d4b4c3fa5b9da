"""The tables of settings in the docs hold every key of an option's YAML, with its default."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.structure.disk import CONF, ROOT, read

METHODS = ROOT / "docs" / "methods"
WORDS = re.compile(r"see above|see its page|\d+ entries|a line break|two line breaks")
"""Defaults that a table does not show, since the page does, or since they cannot be seen."""

CODE = re.compile(r"</?code>|^`|`$")
"""How a page shows a default: a bar would end a cell, so that one with a bar is written as HTML."""

WHOLE = {("teacher", "ensemble")}
"""Options that are made of whole others."""

PAGES = {
    (group, path.stem): METHODS / group / f"{path.stem}.md"
    for group in ("generation", "evaluation")
    for path in CONF.glob(f"{group}/*.yaml")
}
SECTIONS = {
    (group, path.stem): METHODS / f"{group}s.md"
    for group in ("teacher", "student", "task")
    for path in CONF.glob(f"{group}/*.yaml")
}


def settings(node: dict[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if key not in ("_target_", "defaults"):
            if isinstance(value, dict) and value:
                yield from settings(value, f"{place}{key}.")
            else:
                yield f"{place}{key}", value


def told(group: str, option: str) -> dict[str, str]:
    """Return the rows of a page's table, or of a section's: key -> default, as it stands there."""
    if (group, option) in PAGES:
        text = PAGES[group, option].read_text(encoding="utf-8")
        text = text[text.index("\n## Config\n") : text.index("\n## When to use it")]
    else:
        text = SECTIONS[group, option].read_text(encoding="utf-8").split(f"\n## {option}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \| \S.* \|$", text, re.MULTILINE))


@pytest.mark.parametrize(("group", "option"), sorted({*PAGES, *SECTIONS} - WHOLE), ids=lambda value: value)
def test_a_table_holds_every_key_with_its_default(group: str, option: str) -> None:
    rows = told(group, option)
    for key, value in settings(read(CONF / group / f"{option}.yaml")):
        ends = (key, *(key.split(".", 2)[2:] if key.startswith("steps.") else ()), key.removeprefix("steps."))
        shown = next((rows[end] for end in ends if end in rows), None)
        assert shown is not None, f"{key} is not in the table of {group}={option}"
        if not WORDS.fullmatch(shown):
            assert yaml.safe_load(html.unescape(CODE.sub("", shown))) == value, (
                f"{key}: {shown} is told, {value!r} is set"
            )
