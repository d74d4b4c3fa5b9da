"""What the documentation says of the code is so: settings, error messages, and the length of the README."""

import ast
import re
import runpy
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.structure.disk import CONF, MODULES, ROOT, YAMLS, tree

REFERENCE: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "config_reference.py"))
TROUBLES = (ROOT / "docs/reference/troubleshooting.md").read_text(encoding="utf-8")


def leaves(node: Any, prefix: str = "") -> set[str]:
    """Return the dotted keys of what PyYAML reads, lists and empty mappings counting as values."""
    if not isinstance(node, dict) or not node:
        return {prefix[:-1]}
    return {leaf for key, value in node.items() if key != "_target_" for leaf in leaves(value, f"{prefix}{key}.")}


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.relative_to(CONF).as_posix())
def test_the_reference_has_every_key_of_a_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    written = {key for key, _, _ in REFERENCE["keys_of"](text)}
    flow = {key for key in leaves(yaml.safe_load(text)) if not any(key.startswith(f"{one}.") for one in written)}
    assert flow <= written


def test_a_key_has_its_comment_its_default_and_the_type_of_the_constructor() -> None:
    page = REFERENCE["reference_pages"]()["reference/configuration/teacher.md"]
    assert "| `budget.usd` | `` null `` | `` float | None `` | " in page
    assert "| `concurrency` | `` 32 `` | `` int `` | requests under way at once |" in page


@cache
def said() -> str:
    """Return every text of the code, with … for what is filled in."""
    texts = []
    for path in MODULES:
        nodes = [*ast.walk(tree(path))]
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.JoinedStr):
                texts.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                texts.append(node.value)
    return "\n".join(texts)


def messages() -> list[str]:
    rows = [line.split(" | ")[0] for line in TROUBLES.splitlines() if line.startswith("| `")]
    found = [message for row in rows for message in re.findall(r"`([^`]+)`", row)]
    return [message for message in found if message != "No space left on device"]  # the system's own


@pytest.mark.parametrize("message", messages())
def test_a_message_that_is_explained_is_one_that_the_code_gives(message: str) -> None:
    pieces = re.split(r"…|\b[NM]\b|=|\(|\)|objective\.predict_wieght|'question'|:17", message)
    wanted = [piece.strip(" ;:,?'") for piece in pieces if len(piece.strip(" ;:,?'")) > 6]
    assert wanted, f"nothing of {message!r} could be looked for"
    assert [piece for piece in wanted if piece not in said()] == []


PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"`((?:distillrun|conf|scripts|tests)/[\w./-]*\w/?)`")
PLACEHOLDER = re.compile(r"\bNAME\b|/x\.|/a/b\.py|/a/test_b\.py|smoothed_labels")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_path_that_a_page_names_is_there(page: Path) -> None:
    if page.name == "CHANGELOG.md":  # it names what was
        return
    named = {path for path in NAMED.findall(page.read_text(encoding="utf-8")) if not PLACEHOLDER.search(path)}
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_equations_are_shown_without_a_script() -> None:
    pytest.importorskip("mkdocs")
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        hook = runpy.run_path(str(ROOT / "scripts" / "docs_site.py"))
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    html = hook["on_page_content"](r'<p><span class="arithmatex">\(a &lt; \frac{b}{2}\)</span></p>', None, None, None)
    assert html.startswith("<p><math")
    assert "<mfrac>" in html
    assert "arithmatex" not in html


def test_the_readme_counts_what_is_there() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    said = re.search(
        r"(\d+) objectives, (\d+) ways to generate data, (\d+) rules and metrics, (\d+) kinds of teacher", readme
    )
    assert said is not None
    groups = ("objective", "generation", "evaluation", "teacher")
    assert [int(count) for count in said.groups()] == [len([*(CONF / group).glob("*.yaml")]) for group in groups]
