"""New questions: read strictly, and kept only if they are new."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.generation.near_duplicate import NearDuplicates
from distillrun.generation.new_question import Rules, read_question
from distillrun.records import Draw, Example
from tests.asking import Told, context
from tests.leaves import EXAMPLE, made

RULES = Rules(3, 60)
GOOD = {"question": "What keeps milk cold?", "choices": ["fridge", "lamp", "road"], "answer": "fridge"}


def text(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


@pytest.mark.parametrize("answer", ["fridge", "FRIDGE ", "a", "(A)", 0])
def test_a_good_question_is_read_however_its_answer_is_given(answer: str | int) -> None:
    found = read_question(f"Here it is: {text(answer=answer)} Hope it helps!", RULES)
    assert isinstance(found, Example)
    assert (found.question, found.choices, found.answer) == ("What keeps milk cold?", ("fridge", "lamp", "road"), 0)
    assert found.id.startswith("expansion-")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("no json", "malformed JSON"),
        (text()[:40], "malformed JSON"),
        ("{" * 100_000, "malformed JSON"),
        ('{"question": "Q?"}', "keys missing"),
        (text(choices="fridge"), "wrong types"),
        (text(question=7), "wrong types"),
        (text(choices=["fridge", "lamp", 3]), "wrong types"),
        (text(choices=["fridge", "lamp", " "]), "empty text"),
        (text(choices=["fridge", "lamp"]), "wrong number of choices"),
        (text(choices=["fridge", "lamp", "Lamp "]), "repeated choices"),
        (text(answer="oven"), "answer not among the choices"),
        (text(answer=3), "answer not among the choices"),
        (text(answer=True), "answer not among the choices"),
        (text(answer="d"), "answer not among the choices"),
        (text(question="What? " * 20), "too long"),
    ],
)
def test_what_is_wrong_with_a_question_has_a_name(written: str, reason: str) -> None:
    assert read_question(written, RULES) == reason


def test_control_characters_and_code_are_text_at_most() -> None:
    hostile = text(question="What \u001b[31m__import__('os')\u0000 is\u202e it?", choices=["fridge", "=cmd()", "road"])
    found = read_question(hostile, RULES)
    assert isinstance(found, Example)
    assert found.question == "What [31m__import__('os') is it?"


def near(text: str, max_overlap: float, *known: str) -> bool:
    return NearDuplicates(3, max_overlap, known).has_like(text)


def test_overlap_is_the_jaccard_index_of_word_trigrams() -> None:
    milk = "What keeps milk cold at home?"
    assert near("what KEEPS milk, cold at home", 0.99, milk)
    assert not near("what KEEPS milk, cold at home", 1.0, milk)
    assert near("What keeps milk cold in summer?", 0.33, milk)  # 2 of 6 trigrams
    assert not near("What keeps milk cold in summer?", 0.34, milk)
    assert near("who sings", 0.5, milk, "Who sings?")
    assert not near("Where do fish live now?", 0.0, milk)
    assert not near("anything at all", 0.5)


TEXT = st.lists(st.sampled_from("abc"), max_size=8).map(" ".join)


@given(TEXT, st.lists(TEXT, max_size=5), st.sampled_from([0.0, 0.2, 0.5, 0.6, 0.9]))
def test_the_index_finds_what_comparing_with_every_text_finds(text: str, known: list[str], most: float) -> None:
    def grams(words: list[str]) -> set[tuple[str, ...]]:
        return {tuple(words)} if 0 < len(words) < 3 else set(zip(words, words[1:], words[2:], strict=False))

    new = grams(text.split())
    pairs = [(new & grams(other.split()), new | grams(other.split())) for other in known]
    assert near(text, most, *known) == any(len(both) > most * len(either) for both, either in pairs)


def expand(store: Path, reply: Any, held_out: tuple[Example, ...] = (), **changes: Any) -> tuple[Told, Any, Any]:
    teacher = Told(reply)
    step = made("generation", "expansion", **{"count": 3, "max_requests": 8, "choices": 3, "demos": 1, **changes})
    task = made("task", "multiple_choice", folder="unused")
    asking = context(store, teacher, task, held_out=held_out, max_failed_share=1.0, attempts=1)
    return teacher, *step.expand([EXAMPLE], asking)


def question(draw: Draw) -> int:
    return int(draw.prompt.messages[-1].content.split("number ")[1].split(",")[0])


def test_requests_go_on_until_there_are_enough_questions(tmp_path: Path) -> None:
    test = replace(EXAMPLE, id="test", question="Is this about thing number 1 in the test set of ours?")
    replies = {
        1: text(question=test.question),  # a test question
        2: "no json",
        3: text(question="Who reads thing number 3 at night?"),
        4: text(question="Who reads thing number 3 at night, then?"),  # nearly the same
        5: text(question=EXAMPLE.question),  # a training question
        6: text(question="How do six hens lay eggs in winter?", choices=["a", "a", "b"]),
    }
    teacher, kept, counts = expand(
        tmp_path,
        lambda draw: replies.get(question(draw), text(question=f"Sort {question(draw)} of what is it?")),
        (test,),
    )
    assert [one.question for one in kept] == [
        "Who reads thing number 3 at night?",
        "Sort 7 of what is it?",
        "Sort 8 of what is it?",
    ]
    assert counts == {"candidates": 8, "near-duplicate": 3, "malformed JSON": 1, "repeated choices": 1, "kept": 3}
    assert len(teacher.draws) == 8


def test_the_same_questions_come_out_of_the_journal(tmp_path: Path) -> None:
    _, first, counts = expand(tmp_path, lambda draw: text(question=f"Sort {question(draw)} of what is it?"))
    teacher, second, again = expand(tmp_path, lambda draw: "never said")
    assert (first, counts) == (second, again)
    assert teacher.draws == []


def test_the_teacher_may_have_to_agree_with_its_own_answer(tmp_path: Path) -> None:
    def reply(draw: Draw) -> str:
        if draw.prompt.request.ask == "answer":
            return "lamp" if "Sort 2" in draw.prompt.messages[-1].content else "fridge"
        return text(question=f"Sort {question(draw)} of what is it?")

    _, kept, counts = expand(tmp_path, reply, verify="{question}\nThe answer is", max_requests=3)
    assert [one.question[:6] for one in kept] == ["Sort 1", "Sort 3"]
    assert counts["not verified"] == 1


def test_a_question_may_be_asked_for_step_by_step(tmp_path: Path) -> None:
    def reply(draw: Draw) -> str:
        asked = draw.prompt.messages[-1].content
        if "wrong choices" in asked:
            assert "with the right answer fridge" in asked
            return "lamp\nroad"
        return "fridge" if "right answer to" in asked else f"What keeps milk {asked.split('number ')[1][0]} cold?"

    _, kept, _ = expand(tmp_path, reply, form="stepwise", count=1)
    assert (kept[0].question, kept[0].choices, kept[0].answer) == (
        "What keeps milk 1 cold?",
        ("fridge", "lamp", "road"),
        0,
    )


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="choices=1 must be 2 or more"):
        made("generation", "expansion", choices=1)
    with pytest.raises(ConfigError, match="count=0 must be 1 or more"):
        made("generation", "expansion", count=0)
