"""Numbers read out of a judge's reply."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.evaluation.qualitative import read_names
from distillrun.evaluation.shared.family import families_of, in_family_of
from distillrun.evaluation.shared.rating import FIVE_POINTS, YES_OR_NO, Scale, asked, chat, read_ratings
from distillrun.records import Draw, Request, Sampling
from tests.asking import Told, context
from tests.leaves import EXAMPLE, made

NAMES = ("plausibility", "completeness")
GREEDY = Sampling(20, 0.0, 1.0, 1, ())


@pytest.mark.parametrize(
    "text",
    [
        '{"plausibility": 4, "completeness": 2}',
        'Here you are:\n```json\n{"Completeness": "2/5", "Plausibility": 4.0}\n```\nI hope this helps {you}.',
        '{"plausibility": {"rating": 4, "reason": "…"}, "completeness": {"score": "2"}}',
        '{"plausibility": 1, "completeness": 1}\nOn second thoughts:\n{"plausibility": 4, "completeness": 2}',
        "**Plausibility**: 4/5\nCompleteness = 2",
        "- plausibility: *4*\n- completeness: 2 because a step is missing",
    ],
)
def test_numbers_are_read_however_they_are_written(text: str) -> None:
    assert read_ratings(text, NAMES, FIVE_POINTS) == {"plausibility": 4, "completeness": 2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is a fine explanation.",
        '{"plausibility": 4}',
        '{"plausibility": 4, "completeness": 6}',
        '{"plausibility": 4, "completeness": 0}',
        '{"plausibility": 4, "completeness": 2.5}',
        '{"plausibility": 4, "completeness": true}',
        '{"plausibility": 4, "completeness": "two"}',
        '{"plausibility": N, "completeness": N}',
        "Plausibility: 4\nCompleteness: 2\nCompleteness: 3",
        "Plausibility: 4\nCompleteness: 2.5",
        "Plausibility: 44\nCompleteness: 2",
        "{" * 5000,
        '{"plausibility": NaN, "completeness": 2}',
        '{"plausibility": 4, "completeness": -Infinity}',
        '{"plausibility": 4, "completeness": 1e400}',
        '{"plausibility": 4, "completeness": 2e-400}',
        '{"plausibility": 4, "completeness": {"rating": NaN}}',
        '{"plausibility": 4, "completeness": "' + "2" * 5000 + '"}',
        '{"plausibility": 4, "completeness": ' + "2" * 5000 + "}",
        "Plausibility: 4\nCompleteness: " + "2" * 5000,
    ],
)
def test_what_is_no_number_on_the_scale_is_none_and_never_a_number(text: str) -> None:
    assert read_ratings(text, NAMES, FIVE_POINTS) is None


@given(st.lists(st.sampled_from([*'{}[]":,/.eE+-0123456789', "plausibility", "completeness", "NaN", "Infinity", "\n"])))
def test_any_reply_gives_ratings_on_the_scale_or_none(parts: list[str]) -> None:
    ratings = read_ratings("".join(parts), NAMES, FIVE_POINTS)
    assert ratings is None or {FIVE_POINTS.low <= value <= FIVE_POINTS.high for value in ratings.values()} == {True}
    assert all(name == name.strip() for name in read_names("".join(parts)))


def test_a_list_of_thousands_of_brackets_or_digits_names_nothing() -> None:
    assert read_names("[" * 100_000 + "]" * 100_000) == []
    assert read_names("[" + "4" * 5000 + "]") == []


def test_a_scale_may_be_yes_or_no() -> None:
    assert read_ratings('{"claim": 0}', ("claim",), YES_OR_NO) == {"claim": 0}
    assert read_ratings('{"claim": 2}', ("claim",), YES_OR_NO) is None
    assert read_ratings("claim: 7/7", ("claim",), Scale(1, 7)) == {"claim": 7}


def test_a_judge_that_writes_prose_is_asked_again_once(tmp_path: Path) -> None:
    def reply(draw: Draw) -> str:
        asked_again = draw.prompt.messages[-1].content == "Numbers, please."
        number = draw.prompt.request.draft
        return "prose" if number == "never" or not asked_again else '{"plausibility": 3, "completeness": 3}'

    judge = Told(reply)
    prompts = [chat("", f"Rate {n}", Request("rating", EXAMPLE, 1, draft=n, names=NAMES)) for n in ("once", "never")]
    own = context(tmp_path, judge, made("task", "everyday"), max_failed_share=1.0)
    found = asked(own, judge, prompts, GREEDY, "Numbers, please.")
    assert found == [{"plausibility": 3, "completeness": 3}, None]
    assert len(judge.draws) == 4
    again = judge.prompts[2].messages
    assert [message.role for message in again] == ["user", "assistant", "user"]
    assert again[1].content == "prose"
    assert asked(own, judge, prompts, GREEDY, "Numbers, please.") == found
    assert len(judge.draws) == 4  # every reply was kept


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("meta-llama/Llama-2-13b-chat-hf", "llama"),
        ("/models/vicuna-7b/", "llama"),
        ("gpt-4o-2024-08-06", "openai"),
        ("o3-mini", "openai"),
        ("Qwen/Qwen2.5-7B-Instruct", "qwen"),
        ("deepseek-r1", "deepseek"),
        ("google/flan-t5-base", "t5"),
        ("mixtral-8x7b", "mistral"),
        ("gpt2", "gpt2"),
        ("my-own-model", "my-own-model"),
    ],
)
def test_a_family_is_known_by_the_name(name: str, family: str) -> None:
    assert families_of(name) == {family}


def test_kin_are_found_among_teachers() -> None:
    assert in_family_of("llama-3-70b", ["Llama-2-13b", "gpt-4o", ""]) == ["Llama-2-13b"]
    assert in_family_of("scripted", ["scripted"]) == ["scripted"]


def test_a_distilled_judge_is_akin_to_its_teacher_and_to_what_it_was_before() -> None:
    teachers = ["deepseek-chat", "Qwen/Qwen2.5-7B", "meta-llama/Llama-3.1-8B"]
    assert in_family_of("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", teachers) == ["Qwen/Qwen2.5-7B", "deepseek-chat"]
    assert in_family_of("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", teachers) == [
        "deepseek-chat",
        "meta-llama/Llama-3.1-8B",
    ]


@pytest.mark.parametrize(
    "text",
    [
        'Sure: ["Places", "uses of tools"]',
        "1. Places: where things are\n2) *Uses of tools*\n",
        '["places", "Places ", "uses  of tools", 3]',
    ],
)
def test_names_are_read_from_a_list(text: str) -> None:
    assert read_names(text) == ["places", "uses of tools"]
