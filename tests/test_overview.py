"""`--help` has a line for every command, flag, group and option, taken from what they say themselves."""

import argparse
import re
from pathlib import Path

import pytest

from distillrun.cli import COMMANDS, PARSERS, main
from distillrun.commands.overview import GROUPS, HEADER, help_text, sentence_of
from distillrun.upstream import flag_parser, flags_of, subparsers_of
from tests.structure.disk import CONF, YAMLS

OVERVIEW = help_text([], None)


def test_every_option_has_a_line_that_begins_as_its_file_does() -> None:
    options = [path.relative_to(CONF).with_suffix("") for path in YAMLS if path.parent != CONF]
    assert len(options) > 100
    for option in options:
        group = next(group for group in GROUPS if option.is_relative_to(group))
        section = OVERVIEW.split(f"\n{group}: ")[1].split("\n\n")[0]
        (told,) = re.findall(rf"^  {option.relative_to(group)} +(\S.*)$", section, re.MULTILINE)
        assert sentence_of(CONF / f"{option}.yaml").startswith(told)


def test_the_overview_leaves_papers_to_the_group_which_shows_all() -> None:
    assert "TAID, Shing et al." not in OVERVIEW
    whole = help_text(["objective"], None)
    assert "as the student follows. TAID, Shing et al. 2025, arXiv:2501.16937" in whole
    assert "commonsenseqa" not in whole


def test_an_option_is_shown_with_its_settings_and_where_they_stand() -> None:
    assert "  momentum: 0.99" in help_text(["objective=taid"], None)
    for option, place in (
        ("objective=taid", "objective."),
        ("generation=star", "generation.steps.star."),
        ("evaluation=las", "evaluation.las."),
        ("hydra/launcher=joblib", "hydra.launcher."),
        ("experiment=paper/cf", ""),
    ):
        assert help_text([option], None).startswith(f"{option}; its settings are written {place}KEY=VALUE\n")


def test_flags_that_are_shown_are_there() -> None:
    shown = set(re.findall(r"(?<![\w-])--[a-z-]+", HEADER.split("Flags:")[1]))
    assert shown <= {*flags_of(flag_parser())}
    assert len(shown) > 5


def parsers() -> list[argparse.ArgumentParser]:
    made = [make() for make in PARSERS.values()]
    return [*made, *(inner for parser in made for inner in subparsers_of(parser).values())]


def test_every_command_and_argument_says_what_it_is() -> None:
    assert PARSERS.keys() == COMMANDS.keys()
    assert all(parser.description for parser in parsers())
    silent = [
        f"{parser.prog} {action.dest}"
        for parser in parsers()
        for action in parser._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert silent == []


def test_options_of_the_users_own_are_shown_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text("# Questions of ours. Nobody 2026\n_target_: mine.Task\nseed: 0\n")
    assert main(["--help", "task", "--config-dir", str(tmp_path)]) == 0
    told = capfd.readouterr().out
    assert "  mine                   Questions of ours. Nobody 2026\n" in told
    assert "  everyday " in told


def test_the_word_may_stand_on_either_side(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help", "objective"]) == main(["objective", "--help"]) == 0
    told = capfd.readouterr().out
    assert told[: len(told) // 2] == told[len(told) // 2 :] == help_text(["objective"], None)
    assert main(["--help", "plan"]) == 0
    assert capfd.readouterr().out.startswith("usage: distillrun plan")


@pytest.mark.parametrize(
    ("word", "cure"),
    [
        ("objectiv", "there is no group objectiv (did you mean 'objective'?)"),
        ("objective=tiad", "there is no objective=tiad (did you mean 'taid'?)"),
    ],
)
def test_what_is_not_there_is_named(word: str, cure: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help", word]) == 2
    assert cure in capfd.readouterr().err
