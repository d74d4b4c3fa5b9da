"""Several teachers in one."""

from collections import Counter
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import EnsembleTeacher
from distillrun.records import Message, Prompt, Request
from tests.leaves import EXAMPLE, leaf, made

PROMPTS = [Prompt((Message("user", f"question {n}"),), Request("rationale", EXAMPLE, 1)) for n in range(400)]


def ensemble(**changes: Any) -> Any:
    return made("teacher", "ensemble", **changes)


def test_turns_are_spread_evenly_and_depend_on_the_prompt_alone() -> None:
    taking_turns = ensemble()
    assert isinstance(taking_turns, EnsembleTeacher)
    routes = [tuple(taking_turns.route(prompt)) for prompt in PROMPTS]
    assert routes == [tuple(ensemble().route(prompt)) for prompt in PROMPTS]
    counts = Counter(routes)
    assert set(counts) == {("careful",), ("hasty",)}
    assert min(counts.values()) > 150
    assert list(ensemble(mode="all").route(PROMPTS[0])) == ["careful", "hasty"]


def test_problems_of_members_are_named_with_them() -> None:
    members = {"a": leaf("teacher", "scripted"), "b": leaf("teacher", "local", checkpoint="./nowhere")}
    problems = ensemble(members=members).check(made("task", "everyday"))
    assert problems[0].startswith("teacher.members.b: teacher.checkpoint=./nowhere: there is no such folder")


def test_an_ensemble_of_one_or_of_twins_is_none() -> None:
    scripted = leaf("teacher", "scripted")
    with pytest.raises(ConfigError, match="an ensemble needs two or more"):
        ensemble(members={"a": scripted})
    assert ensemble(members={"a": scripted, "b": scripted}).check(made("task", "everyday")) == [
        "teacher.members has the same teacher twice; their answers would be the same, too"
    ]


def test_a_member_that_is_no_teacher_is_refused_by_its_key() -> None:
    with pytest.raises(ConfigError, match=r"teacher\.members\.b"):
        ensemble(members={"a": leaf("teacher", "scripted"), "b": {"_target_": "os.system"}})


def test_identity_holds_mode_and_members() -> None:
    assert ensemble().identity() != ensemble(mode="all").identity()
    assert ensemble().identity()["careful"]["mistaken_share"] == 0.1
