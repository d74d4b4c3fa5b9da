"""The commands of README and docs are commands, and together they name every option that there is."""

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.structure.disk import CONF, GROUPS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = "\n".join(
    file.read_text(encoding="utf-8") for file in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
)

# its last part does nothing unless it is the program
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "readme"), run_name="readme")
sys.path.remove(str(ROOT / "scripts"))
shown_commands = SCRIPT["shown_commands"]
SHOWN: list[Any] = shown_commands()


COMPOSED = [shown for shown in SHOWN if not shown.place.startswith("docs/methods/")]
"""Of the methods' pages, `scripts/readme --check` composes every command; their options are composed in test_conf."""


@pytest.mark.parametrize("shown", COMPOSED, ids=lambda shown: shown.place)
def test_every_command_is_read_by_bash_and_composes(shown: Any) -> None:
    assert shown.syntax_error() == ""
    SCRIPT["compose"](shown)


def test_nothing_that_is_fenced_is_left_out() -> None:
    fences = [line for line in README.splitlines() if line.startswith("```")][::2]
    blocks = [shown for shown in SHOWN if shown.place.startswith("README.md") and "\ndistillrun " in f"\n{shown.text}"]
    assert set(fences) == {"```sh", "```console", "```text"}
    assert len(fences) - fences.count("```text") == len({shown.place for shown in SHOWN if not in_a_row(shown)})
    lines = re.findall(r"^(?:\$ )?distillrun ", README, re.MULTILINE)
    assert sum(shown.text.count("\ndistillrun ") + shown.text.startswith("distillrun ") for shown in blocks) >= len(
        lines
    )
    # what is not marked runs, and most is not
    assert sum(not (one.is_heavy or one.needs or one.is_inline) for one in SHOWN) > 10


def in_a_row(shown: Any) -> bool:
    name, _, line = shown.place.partition(":")
    return shown.is_inline or name != "README.md" or README.splitlines()[int(line) - 1].startswith("|")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```\ndistillrun a=1\n```\n", "a block begins with"),
        ("```text\ndistillrun a=1\n```\n", "there is a command in a block of text"),
        ("<!-- needs: luck -->\n```sh\ndistillrun a=1\n```\n", "needs luck"),
        ("```yaml\na: [1\n```\n", "README.md:1: no yaml"),
        ("```python\ndef f(:\n```\n", "README.md:1: no python"),
        ("```json\n{1: 2}\n```\n", "README.md:1: no json"),
    ],
)
def test_a_block_that_would_not_be_run_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        shown_commands(tmp_path)


def test_documents_in_folders_are_read(tmp_path: Path) -> None:
    page = tmp_path / "docs/howto/page.md"
    page.parent.mkdir(parents=True)
    page.write_text("\n```sh\ndistillrun a=1\n```\n", encoding="utf-8")
    assert [(shown.place, shown.text) for shown in shown_commands(tmp_path)] == [
        ("docs/howto/page.md:2", "distillrun a=1")
    ]


def test_marks_and_placeholders_are_read(tmp_path: Path) -> None:
    text = (
        "<!-- heavy --> <!-- needs: hub, gpu -->\n\n"
        "```sh\ndistillrun -m a='1, 2' \\\n  b=DIR/x …\nscripts/demo && ls\n```\n"
        "| you want | say |\n|---|---|\n| it | `c=D`, `-m d=1,2` <!-- with: D = 3 = 3 --> |\n"
        "```console\n$ distillrun x\nno x\n```\n```sh\ndistillrun training.seed=range(6)\n```\n"
    )
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    block, first, second, console, wrong = shown_commands(tmp_path)
    assert (block.is_heavy, block.needs, block.lines()) == (True, ("hub", "gpu"), [["-m", "a=1, 2", "b=DIR/x"]])
    assert (first.lines(), second.lines()) == ([[["c=3", "=", "3"][0], "=", "3"]], [["-m", "d=1,2"]])
    assert (console.text, console.prints) == ("distillrun x", "no x")
    assert "syntax error near unexpected token" in wrong.syntax_error()


@pytest.mark.parametrize("group", [*GROUPS, "training"])
def test_every_option_is_named(group: str) -> None:
    options = [path.stem for path in (CONF / group).glob("*.yaml")]
    assert options
    assert [
        option for option in options if f"`{option}`" not in DOCUMENTS and f"{group}={option}`" not in DOCUMENTS
    ] == []
