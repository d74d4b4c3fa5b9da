"""The README's commands are commands, and it names everything that there is."""

import re
import shlex

import pytest

from distillrun.composition import compose_first
from tests.structure.disk import CONF, GROUPS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SUBCOMMANDS = ("plan", "predict", "report", "store", "study", "objective.predict_wieght=0.3")


def commands() -> list[list[str]]:
    """Return the arguments of every experiment that the README starts, in code blocks and in its table of words."""
    blocks = "\n".join(re.findall(r"```\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
    lines = [line.split("distillrun ", 1)[1] for line in blocks.splitlines() if re.match(r"(\$ )?distillrun ", line)]
    lines += [line.split(" ", 1)[1] for line in re.findall(r"`(scripts/demo -[^`]*)`", README)]
    rows = re.search(r"\| you want \| say \|\n(.*?)\n\n", README, re.DOTALL)
    assert rows is not None
    for cell in re.findall(r"\| ([^|]*) \|$", rows[1], re.MULTILINE):
        lines += [code for code in re.findall(r"`([^`]*)`", cell) if re.match(r"-m |[a-z_.]+=", code)]
    found = [shlex.split(line.split("#")[0].replace("…", "")) for line in lines]
    return [words for words in found if words and words[0] not in SUBCOMMANDS]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_composes(words: list[str]) -> None:
    compose_first([word for word in words if "=" in word])


def test_there_are_commands_to_check() -> None:
    assert len(commands()) > 10


@pytest.mark.parametrize("group", [*GROUPS, "training"])
def test_every_option_is_named(group: str) -> None:
    options = [path.stem for path in (CONF / group).glob("*.yaml")]
    assert options
    assert [option for option in options if f"`{option}`" not in README and f"{group}={option}`" not in README] == []
