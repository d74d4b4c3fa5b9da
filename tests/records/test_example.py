"""Where choices repeat, every one that reads as the right one is right, whatever looks at it.

Of CommonsenseQA's test questions, six repeat the right choice.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distillrun.evaluation.self_consistency import answer_in
from distillrun.evaluation.shared.confidence import sureness_of
from distillrun.evaluation.shared.likelihood_rule import is_tied
from distillrun.files.rows import read_rows
from distillrun.records import (
    Example,
    Prediction,
    Rationale,
    ScoredContinuation,
    Segment,
    TeacherRecord,
    answer_of,
    choice_shares,
    first_alike,
    gold,
    gold_choice,
    is_right,
    reads_alike,
    repeats_choices,
    wrong_choices,
)
from distillrun.report.data_card.answers import choice_scores
from distillrun.report.page.block import Card, Table
from distillrun.report.run.answers import position_section, prediction_section
from distillrun.report.run.scores import chance_level, majority_level
from distillrun.task.commonsenseqa import _example
from tests.answered import answered
from tests.leaves import made

ZOO = Example("zoo", "Where do lions live in a city?", ("park", "zoo", "Zoo ", "lake", "zoo"), 4)
PLAIN = Example("plain", "Where do fish live?", ("park", "oven", "shed", "lake", "road"), 3)
COPIES = (1, 2, 4)


@pytest.fixture
def real(shared_data: Path) -> list[Example]:
    """The test questions of CommonsenseQA that repeat the right choice."""
    examples = [_example(row) for row in read_rows(shared_data / "cqa" / "validation.jsonl")]
    return [one for one in examples if len(one.choices) - len(wrong_choices(one)) > 1]


def copy_of(example: Example) -> int:
    """Return a choice that reads as the right one and is another."""
    return next(n for n in range(len(example.choices)) if n != example.answer and is_right(example, n))


def test_choices_are_compared_by_what_they_read() -> None:
    assert [choice for choice in range(5) if is_right(ZOO, choice)] == list(COPIES)
    assert wrong_choices(ZOO) == [0, 3]
    assert {first_alike(ZOO, choice) for choice in COPIES} == {1}
    assert [repeats_choices(one) for one in (ZOO, PLAIN)] == [True, False]
    assert not reads_alike(ZOO, 0, 3)
    assert not is_right(ZOO, None)
    assert not is_right(replace(ZOO, answer=None), 1)
    assert not reads_alike(ZOO, None, None)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("bank  teller", "Bank\tteller", True),
        ("caf\u00e9", "cafe\u0301", True),
        ("f'", "f", False),
        ("x\u00b2", "x2", False),
        ("c++", "c", False),
        ("+", "-", False),
    ],
)
def test_signs_count_and_spacing_does_not(one: str, other: str, alike: bool) -> None:
    assert is_right(Example("q", "?", (one, other), 0), 1) == alike


class Last:
    """A student to whom the last of equal choices is the likeliest by a hair, as where answers are letters."""

    def __init__(self, *answers: int) -> None:
        self.answers = answers

    def score(
        self, sources: object, continuations: Sequence[Sequence[Sequence[Segment]]], tokens_per_batch: int
    ) -> list[tuple[ScoredContinuation, ...]]:
        return [
            tuple(ScoredContinuation(0.0 if n == answer else -1.0, 1) for n in range(len(row)))
            for answer, row in zip(self.answers, continuations, strict=True)
        ]


def values(measure: str, student: Any, examples: Sequence[Example], **given: Any) -> dict[str, float]:
    predictions = [Prediction(one.id, "", "Because.", gold(one)) for one in examples]
    seen = answered(
        objective=made("objective", "counterfactual"),
        examples=examples,
        predictions=predictions,
        student=lambda: student,
        **given,
    )
    return {score.name: score.value for score in made("evaluation", measure).measure(seen).scores}


def argued(example: Example, choice: int) -> Rationale:
    kind = "factual" if is_right(example, choice) else "counterfactual"
    return Rationale(f"It is {example.choices[choice]}.", "", choice, kind, "initial")  # type: ignore[arg-type]


def test_an_answer_follows_a_rationale_for_any_of_its_copies() -> None:
    """The teacher argues for the fourth zoo and for the lake; the student answers with the second zoo."""
    records = [TeacherRecord(one.id, (argued(one, gold_choice(one)), argued(one, 0)), {}) for one in (ZOO, PLAIN)]
    found = values("rationale_swap", Last(1, 3), [ZOO, PLAIN], reference=lambda: records)
    assert found == {"swap/flip_rate": 0.0, "swap/kept": 1.0, "swap/follows_factual": 1.0}


def test_a_rationale_for_a_copy_of_the_own_answer_argues_for_no_other_choice() -> None:
    wrong = replace(ZOO, answer=0)  # the student answers zoo, which is wrong, and the teacher argues for another zoo
    records = [TeacherRecord(one.id, (argued(one, 1), argued(one, 3)), {}) for one in (wrong, replace(PLAIN, answer=0))]
    found = values("rationale_swap", Last(4, 2), [wrong, replace(PLAIN, answer=0)], reference=lambda: records)
    assert found == {"swap/flip_rate": 0.0, "swap/kept": 1.0}


class Turning(Last):
    """Answers with another copy each time that it is asked."""

    def score(self, sources: object, continuations: Any, tokens_per_batch: int) -> list[tuple[ScoredContinuation, ...]]:
        first, *rest = self.answers
        self.answers = (*rest, first)
        return [tuple(ScoredContinuation(float(n == first), 1) for n in range(5)) for _ in continuations]


def test_an_answer_that_changes_to_its_copy_has_not_changed() -> None:
    found = values("rationale_perturbation", Turning(*COPIES), [ZOO, replace(ZOO, id="2")])
    assert {name: value for name, value in found.items() if name.endswith(("/flips", "/drop"))} == {
        f"perturbation/{change}/{what}": 0.0
        for change in ("dropped", "shuffled", "masked", "random")
        for what in ("flips", "drop")
    }


def test_copies_are_one_vote() -> None:
    task = made("task", "multiple_choice", folder="unused", choice_template="{letter}", answer_template="{letter}")
    assert [answer_in(text, ZOO, task) for text in ("(b)", "(c)", "(e)", "(a)", "so?")] == [1, 1, 1, 0, None]


def test_copies_are_one_answer_to_be_sure_of() -> None:
    """Equal words are no likelier for standing there three times, and the answer is the one that accuracy counts."""
    found = sureness_of(Prediction("zoo", "", "", 0, (-0.5, -1.0, -1.0, -2.0, -1.0), (1,) * 5), ZOO)
    assert not found.right
    assert found.confidence == pytest.approx(0.606531 / (0.606531 + 0.367879 + 0.135335), abs=1e-5)


def test_a_tie_is_one_of_choices_that_read_unlike() -> None:
    assert not is_tied([-3.0, -1.0, -1.0, -2.0, -1.0], ZOO)
    assert is_tied([-1.0, -1.0, -1.0, -2.0, -1.0], ZOO)
    assert not is_tied([-1.0, -2.0, -3.0, -4.0, -5.0], PLAIN)


def test_what_a_teacher_gives_to_copies_is_given_to_one_answer() -> None:
    """Half of it goes to the zoo, a third of that to each copy; the park has two fifths."""
    shares = (0.4, 1 / 6, 1 / 6, 0.1, 1 / 6)
    log_probs = tuple(map(math.log, shares))
    record = TeacherRecord("zoo", (), {}, choice_log_probs=log_probs)
    assert choice_shares(ZOO, log_probs) == pytest.approx({0: 0.4, 1: 0.5, 3: 0.1})
    assert answer_of(record, ZOO) == 1
    told = choice_scores([record], {"zoo": ZOO})
    assert told["accuracy"] == 1.0
    assert told["mean entropy (nats)"] == pytest.approx(0.9433, abs=1e-4)  # of .4, .5, .1
    assert told["entropy of a guess (nats)"] == pytest.approx(1.0986, abs=1e-4)  # log 3


def test_a_card_shows_the_verdict_that_accuracy_counts() -> None:
    cards_are_right([ZOO])


def cards_are_right(real: Sequence[Example]) -> None:
    rows = {one.id: {"question": one.question, "choices": list(one.choices), "answer": one.answer} for one in real}
    said = [{"example_id": one.id, "text": "", "rationale": "", "choice": copy_of(one)} for one in real]
    section = prediction_section(said, rows)  # type: ignore[arg-type]
    assert section is not None
    cards = [block for block in section.blocks if isinstance(block, Card)]
    assert [card.verdict for card in cards] == ["right"] * len(real)
    assert all(choice.gold for card in cards for choice in card.choices if choice.predicted)
    positions = position_section(said, rows)  # type: ignore[arg-type]
    assert positions is not None
    (table,) = [block for block in positions.blocks if isinstance(block, Table)]
    off_the_diagonal = [cell for n, row in enumerate(table.rows[:-1]) for m, cell in enumerate(row[1:]) if m != n]
    assert set(off_the_diagonal) == {"0"}


def test_guessing_is_right_as_often_as_choices_are() -> None:
    rows: dict[str, Any] = {
        one.id: {"question": one.question, "choices": list(one.choices), "answer": one.answer} for one in (ZOO, PLAIN)
    }
    said: list[dict[str, Any]] = [{"example_id": name, "choice": 0} for name in rows]
    assert chance_level(rows, said) == pytest.approx((3 / 5 + 1 / 5) / 2)
    assert majority_level(rows, said) == pytest.approx(1 / 2)
    assert majority_level({"zoo": rows["zoo"], "plain": {**rows["plain"], "answer": 1}}, said) == 1.0


@pytest.mark.realdata
def test_every_measure_counts_the_real_questions_right(real: list[Example]) -> None:
    assert len(real) == 6
    predictions = [Prediction(one.id, "", f"It is {one.choices[gold_choice(one)]}.", copy_of(one)) for one in real]
    (table,) = made("evaluation", "explanation_text").measure(answered(examples=real, predictions=predictions)).tables
    assert [row[:2] for row in table.rows] == [("right", 6)]
    cards_are_right(real)
    records = [
        TeacherRecord(one.id, (argued(one, gold_choice(one)), argued(one, wrong_choices(one)[0])), {}) for one in real
    ]
    student = Last(*map(copy_of, real))
    found = values("rationale_swap", student, real, reference=lambda: records)
    assert found == {"swap/flip_rate": 0.0, "swap/kept": 1.0, "swap/follows_factual": 1.0}
    assert all(
        value == 0 for name, value in values("rationale_perturbation", student, real).items() if "/flips" in name
    )
