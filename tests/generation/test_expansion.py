"""New questions: read strictly, and kept only if they are new."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.everyday.base import read_base
from distillrun.everyday.inventing import known_fact
from distillrun.generation.shared.near_duplicate import NearDuplicates
from distillrun.generation.shared.new_question import QuestionRules, mixed, read_question, unlabelled
from distillrun.records import Draw, Example, place
from tests.asking import Told, context
from tests.leaves import made

EXAMPLE = Example("q1", "Where would you borrow a novel?", ("oven", "library", "river"), 1)
RULES = QuestionRules(3, 60)
GOOD = {"question": "What keeps milk cold?", "choices": ["fridge", "lamp", "road"], "answer": "fridge"}


def text(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


@pytest.mark.parametrize("answer", ["fridge", "FRIDGE ", "a", "(A)", "A. fridge", "a) Fridge", 0])
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
        (text(answer="b) fridge"), "answer not among the choices"),
        (text(question="?!"), "empty text"),
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


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (["A. fridge", "B. lamp"], ["fridge", "lamp"]),
        (["(c) fridge", "(d) lamp"], ["fridge", "lamp"]),
        (["2) fridge ", " 3) lamp"], ["fridge", "lamp"]),
        (["- fridge", "* lamp"], ["fridge", "lamp"]),
        (["A. Lincoln", "C. Darwin"], ["A. Lincoln", "C. Darwin"]),
        (["1. fridge", "lamp"], ["1. fridge", "lamp"]),
        (["- fridge", "1. lamp"], ["- fridge", "1. lamp"]),
        ([], []),
    ],
)
def test_labels_go_where_every_choice_has_one_in_order(lines: list[str], left: list[str]) -> None:
    assert unlabelled(lines) == left


def test_every_place_is_right_equally_often_whatever_the_teacher_writes() -> None:
    places = [mixed(Example(f"n{number}", "Q?", ("right", "b", "c"), 0)) for number in range(600)]
    assert {one.choices[place(one.answer or 0)] for one in places} == {"right"}
    assert all(set(one.choices) == {"right", "b", "c"} for one in places)
    assert all(150 < sum(one.answer == n for one in places) < 250 for n in range(3))  # 200 but for chance


def near(text: str, max_overlap: float, *known: str) -> bool:
    index = NearDuplicates(3, max_overlap)
    index.add(known, "known")
    return index.group_of(text) == "known"


def test_overlap_is_the_jaccard_index_of_word_trigrams() -> None:
    milk = "What keeps milk cold at home?"
    assert near("what KEEPS milk, cold at home", 0.99, milk)
    assert not near("what KEEPS milk, cold at home", 1.0, milk)
    assert near("What keeps milk cold in summer?", 0.33, milk)  # 2 of 6 trigrams
    assert not near("What keeps milk cold in summer?", 0.34, milk)
    assert near("who sings", 0.5, milk, "Who sings?")
    assert not near("Where do fish live now?", 0.0, milk)
    assert not near("anything at all", 0.5)


def test_a_text_like_several_counts_to_the_group_that_was_known_first() -> None:
    index = NearDuplicates(3, 0.6)
    index.add(["What keeps milk cold at home?"], "test")
    index.add(["What keeps milk cold at home", "Where do fish live now?"], "train")
    assert index.group_of("What keeps milk cold at home?") == "test"
    assert index.group_of("Where do fish live now?") == "train"
    assert index.group_of("Who sings at night?") is None


TEXT = st.lists(st.sampled_from("abc"), max_size=8).map(" ".join)


@given(TEXT, st.lists(TEXT, max_size=5), st.sampled_from([0.0, 0.2, 0.5, 0.6, 0.9]))
def test_the_index_finds_what_comparing_with_every_text_finds(text: str, known: list[str], most: float) -> None:
    def grams(words: list[str]) -> set[tuple[str, ...]]:
        return {tuple(words)} if 0 < len(words) < 3 else set(zip(words, words[1:], words[2:], strict=False))

    new = grams(text.split())
    pairs = [(new & grams(other.split()), new | grams(other.split())) for other in known]
    assert near(text, most, *known) == any(len(both) > most * len(either) for both, either in pairs)


def test_questions_of_one_pattern_are_compared_in_no_time() -> None:
    pattern = [f"What is the colour of thing {number} in the room of house {number % 97}?" for number in range(8000)]
    index = NearDuplicates(3, 0.6)
    began = time.thread_time()
    index.add(pattern[:4000], "known")
    assert not any(index.group_of(text) for text in pattern[4000:])
    assert index.group_of(pattern[7]) == "known"
    assert time.thread_time() - began < 15  # of CPU; comparing each with each takes 40


def expand(
    store: Path, reply: Any, held_out: tuple[Example, ...] = (), failed: float = 1.0, attempts: int = 1, **changes: Any
) -> tuple[Told, Any, Any]:
    teacher = Told(reply)
    step = made("generation", "expansion", **{"count": 3, "max_requests": 8, "choices": 3, "demos": 1, **changes})
    task = made("task", "multiple_choice", folder="unused")
    asking = context(store, teacher, task, held_out=held_out, max_failed_share=failed, attempts=attempts)
    kept, counts = step.expand([EXAMPLE], asking)
    removed = {reason: count for reason, count in counts.items() if reason not in ("candidates", "kept")}
    assert counts["candidates"] == sum(removed.values()) + counts["kept"] == sum(removed.values()) + len(kept)
    assert len({one.id for one in kept}) == len(kept)
    return teacher, kept, {reason: count for reason, count in counts.items() if count}


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
    assert counts == {
        "candidates": 8,
        "malformed JSON": 1,
        "repeated choices": 1,
        "near-duplicate of a dev or test question": 1,
        "near-duplicate of a training question": 1,
        "near-duplicate of a new question": 1,
        "kept": 3,
    }
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
    assert counts["answered otherwise by the teacher itself"] == 1


def test_a_bad_text_among_the_last_few_does_not_stop_the_run(tmp_path: Path) -> None:
    def reply(draw: Draw) -> str:
        number = question(draw)
        return {2: text(question="Sort 1 of what is it?"), 4: "no json"}.get(
            number, text(question=f"Sort {number} of what is it?")
        )

    _, kept, counts = expand(tmp_path / "one", reply, failed=0.3)
    assert (len(kept), counts["malformed JSON"]) == (3, 1)  # 1 of 4 completions, though it was asked for alone
    with pytest.raises(ConfigError, match=r"1 of 3 completions cannot be used \(1 malformed JSON\)"):
        expand(tmp_path / "all", lambda draw: "no json", failed=0.3)


def test_a_malformed_text_is_drawn_again_before_it_counts(tmp_path: Path) -> None:
    def reply(draw: Draw) -> str:
        return text(question=f"Sort {question(draw)} of what is it?") if draw.sample else "no json"

    teacher, _, counts = expand(tmp_path, reply, attempts=2)
    assert counts == {"candidates": 3, "kept": 3}
    assert len(teacher.draws) == 6


def piece(draw: Draw) -> tuple[str, int]:
    """Return which piece of which question is asked for."""
    asked = draw.prompt.messages[-1].content
    which = "wrong" if "wrong choices" in asked else "answer" if "right answer to" in asked else "question"
    return which, int(asked.split("number ")[1].split(",")[0].split(":")[0].split(" ")[0].rstrip("."))


def test_a_question_may_be_asked_for_step_by_step(tmp_path: Path) -> None:
    replies = {"answer": "fridge.", "wrong": "1. lamp\n2. road"}
    teacher, kept, _ = expand(
        tmp_path,
        lambda draw: replies.get(piece(draw)[0], "What keeps milk cold?"),
        form="stepwise",
        count=1,
    )
    (one,) = kept
    assert (one.question, sorted(one.choices)) == ("What keeps milk cold?", ["fridge", "lamp", "road"])
    assert one.choices[one.answer] == "fridge"
    assert [draw.prompt.request.draft for draw in teacher.draws] == [
        "",
        "What keeps milk cold?",
        "What keeps milk cold?\nfridge.",
    ]
    shown = [draw.prompt.messages[-2].content for draw in teacher.draws]
    assert shown == ["Where would you borrow a novel?", "library", "oven\nriver"]


def test_after_an_unusable_piece_no_further_one_is_asked(tmp_path: Path) -> None:
    bad = {
        ("question", 1): "I'm sorry, but I cannot write questions.",
        ("question", 2): "What is it?\na) this b) that",
        ("answer", 3): "  ",
        ("wrong", 4): "lamp",
        ("wrong", 5): "lamp\nFridge",
    }

    def reply(draw: Draw) -> str:
        which, number = piece(draw)
        fine = {"question": f"Sort {number} of what is it?", "answer": "fridge", "wrong": "lamp\nroad"}
        return bad.get((which, number), fine[which])

    teacher, kept, counts = expand(tmp_path, reply, form="stepwise", count=6, max_requests=6)
    assert [one.question for one in kept] == ["Sort 6 of what is it?"]
    assert counts == {
        "candidates": 6,
        "wrong number of choices": 1,
        "repeated choices": 1,
        "refused": 1,
        "more than one line": 1,
        "empty": 1,
        "kept": 1,
    }
    asked = [piece(draw) for draw in teacher.draws]
    assert ("answer", 1) not in asked
    assert ("answer", 2) not in asked
    assert ("wrong", 3) not in asked


def test_only_questions_of_the_right_form_with_a_known_answer_are_shown(tmp_path: Path) -> None:
    others = [
        replace(EXAMPLE, id="open", question="Unanswered?", answer=None),
        replace(EXAMPLE, id="twice", question="Repeated?", choices=("oven", "library", "Oven ")),
        replace(EXAMPLE, id="many", question="Longer?", choices=("oven", "library", "river", "field")),
    ]
    teacher = Told(lambda draw: text(question=f"Sort {question(draw)} of what is it?"))
    step = made("generation", "expansion", count=2, choices=3, demos=4)
    asking = context(tmp_path, teacher, made("task", "multiple_choice", folder="unused"))
    step.expand([*others, EXAMPLE], asking)
    assert all(len(prompt.messages) == 4 for prompt in teacher.prompts)  # instruction, one demonstration, the ask
    with pytest.raises(ConfigError, match="no training question with a known answer has choices=3 different choices"):
        step.expand(others, asking)


@pytest.mark.parametrize("form", ["json", "stepwise"])
def test_the_scripted_teachers_new_questions_are_true_and_can_be_explained(tmp_path: Path, form: str) -> None:
    task, teacher = made("task", "everyday", limit=200), made("teacher", "scripted")
    step = made("generation", "expansion", count=30, form=form, verify="{question}")
    held_out = task.examples("test")
    asking = context(tmp_path, teacher, task, held_out=held_out)
    new, counts = step.expand(task.examples("train"), asking)
    assert len(new) == counts["kept"] == 30
    assert counts["near-duplicate of a training question"] > 0
    base = read_base()
    for example in new:
        fact = known_fact(example, base)
        assert fact is not None
        right = [choice for choice in example.choices if base.holds(fact.thing, fact.relation, choice)]
        assert right == [example.choices[example.answer]] == [fact.value]
    known = {example.question for example in (*task.examples("train"), *held_out)}
    assert known.isdisjoint(example.question for example in new)
    explain = made("generation", "few_shot_rationale")
    records = list(explain.run(new, [], context(tmp_path, teacher, task, "few_shot_rationale")))
    assert all(len(record.rationales) == 1 for record in records)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="choices=1 must be 2 or more"):
        made("generation", "expansion", choices=1)
    with pytest.raises(ConfigError, match="count=0 must be 1 or more"):
        made("generation", "expansion", count=0)
    with pytest.raises(ConfigError, match=r"max_overlap=1\.0 from 0 to below 1"):
        made("generation", "expansion", max_overlap=1.0)
    steps = {"question": "Question number {number}:", "answer": "{qestion}", "wrong": ""}
    with pytest.raises(ConfigError, match=r"steps\.answer.*unknown field \{qestion\}"):
        made("generation", "expansion", steps=steps)
