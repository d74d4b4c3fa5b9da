"""Soft labels: how likely the teacher finds each choice."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.generation.choice_scores import normalised
from distillrun.interfaces import Account
from distillrun.records import Prompt, ScoredContinuation, TeacherRecord
from tests.asking import Told, context
from tests.leaves import EXAMPLE, leaf, made

BLANK = [TeacherRecord(EXAMPLE.id, (), {})]


class Scoring(Told):
    """Gives the scores of a table by the last word of the prompt and the continuation."""

    can = frozenset({"complete", "score"})

    def __init__(self, table: dict[tuple[bool, str], tuple[float, int]]) -> None:
        super().__init__("unused")
        self.table = table
        self.scored: list[tuple[Prompt, Sequence[str]]] = []

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        for index, (prompt, texts) in enumerate(zip(prompts, continuations, strict=True)):
            self.scored.append((prompt, texts))
            asked = EXAMPLE.question in prompt.messages[-1].content
            yield index, tuple(ScoredContinuation(*self.table[asked, text]) for text in texts)


def run(store: Path, teacher: Told, **changes: Any) -> TeacherRecord:
    step = made("generation", "choice_scores", **changes)
    (record,) = step.run([EXAMPLE], BLANK, context(store, teacher, made("task", "multiple_choice", folder="unused")))
    assert isinstance(record, TeacherRecord)
    return record


def test_letters_are_scored_after_the_lettered_question(tmp_path: Path) -> None:
    logs = {letter: math.log(p) for letter, p in zip("ABCDE", (0.1, 0.3, 0.05, 0.04, 0.01), strict=True)}
    teacher = Scoring({(True, f" {letter}"): (value, 1) for letter, value in logs.items()})
    record = run(tmp_path, teacher)
    assert record.choice_log_probs == pytest.approx([math.log(p / 0.5) for p in (0.1, 0.3, 0.05, 0.04, 0.01)])
    ((prompt, texts),) = teacher.scored
    assert list(texts) == [" A", " B", " C", " D", " E"]
    assert prompt.messages[-1].content == (
        "Question: Where would you borrow a novel?\nA. oven\nB. library\nC. river\nD. garage\nE. field\nAnswer:"
    )
    assert run(tmp_path, Scoring({})) == record  # from the journal


def test_texts_are_scored_with_the_prior_taken_off_and_per_token(tmp_path: Path) -> None:
    table = {(True, f" {text}"): (-6.0, 2) for text in EXAMPLE.choices}
    table |= {(False, f" {text}"): (-6.0, 2) for text in EXAMPLE.choices} | {(False, " library"): (-9.0, 2)}
    changes: dict[str, Any] = {"form": "text", "continuation": " {answer}", "prior": "Answer:"}
    record = run(tmp_path / "sum", Scoring(table), **changes)
    others = math.exp(-3) / (1 + 4 * math.exp(-3))
    assert [math.exp(value) for value in record.choice_log_probs or ()] == pytest.approx(
        [others, 1 / (1 + 4 * math.exp(-3)), others, others, others]
    )
    record = run(tmp_path / "token", Scoring(table), **changes, normalise="token", temperature=0.5)
    assert (record.choice_log_probs or ())[1] == pytest.approx(-math.log(1 + 4 * math.exp(-3)))


def test_choices_that_read_alike_share_one_place() -> None:
    example = replace(EXAMPLE, choices=("fridge", "lamp", "Fridge ", "road", "drum"))
    found = [math.exp(value) for value in normalised([0.0, 0.0, -5.0, 0.0, 0.0], example, 1.0)]
    assert found == pytest.approx([0.125, 0.25, 0.125, 0.25, 0.25])


@given(st.permutations(range(5)), st.lists(st.floats(-30, 0), min_size=5, max_size=5), st.floats(0.2, 5))
def test_permuting_the_choices_permutes_the_scores(order: list[int], values: list[float], temperature: float) -> None:
    example = replace(EXAMPLE, choices=("fridge", "lamp", "Fridge ", "road", "drum"))
    found = normalised(values, example, temperature)
    assert math.fsum(map(math.exp, found)) == pytest.approx(1)
    other = replace(example, choices=tuple(example.choices[place] for place in order))
    permuted = normalised([values[place] for place in order], other, temperature)
    assert permuted == pytest.approx([found[place] for place in order])


def test_the_temperature_divides_the_scores() -> None:
    found = normalised([math.log(4), 0.0, -math.inf, -math.inf, -math.inf], EXAMPLE, 2.0)
    assert [math.exp(value) for value in found] == pytest.approx([2 / 3, 1 / 3, 0, 0, 0])


def test_the_prior_of_the_same_letters_is_asked_once_for_all_questions(tmp_path: Path) -> None:
    examples = [replace(EXAMPLE, id=f"q{n}") for n in range(4)] + [replace(EXAMPLE, id="q9", choices=("yes", "no"))]
    letters = [f" {letter}" for letter in "ABCDE"]
    teacher = Scoring({(asked, text): (-1.0, 1) for text in letters for asked in (True, False)})
    step = made("generation", "choice_scores", prior="Answer:")
    blank = [TeacherRecord(example.id, (), {}) for example in examples]
    list(step.run(examples, blank, context(tmp_path, teacher, made("task", "multiple_choice", folder="unused"))))
    priors = [texts for prompt, texts in teacher.scored if prompt.messages[-1].content == "Answer:"]
    assert [list(texts) for texts in priors] == [letters, letters[:2]]
    assert len(teacher.scored) == 5 + 2


def test_demonstrations_show_their_letter_or_their_answer() -> None:
    task = made("task", "multiple_choice", folder="unused")
    prompt = {**leaf("generation", "choice_scores")["prompt"], "demos": 1}
    letter = made("generation", "choice_scores", prompt=prompt)
    text = made("generation", "choice_scores", prompt=prompt, form="text", continuation=" {answer}")
    assert [step._prompt(EXAMPLE, task).messages[1].content for step in (letter, text)] == ["A", "umbrella"]


@pytest.mark.parametrize(("form", "field"), [("letter", "answer"), ("text", "letter")])
def test_a_continuation_of_the_other_form_is_refused(form: str, field: str) -> None:
    with pytest.raises(ConfigError, match="continuation"):
        made("generation", "choice_scores", form=form, continuation=f" {{{field}}}")


def test_a_teacher_of_its_own_must_tell_how_likely_a_text_is() -> None:
    api = leaf("teacher", "api", base_url="http://127.0.0.1:1/v1", model="m", api_key_env=None)
    with pytest.raises(ConfigError, match="asked to tell how likely a text is, which it cannot"):
        made("generation", "choice_scores", teacher=api)
    assert made("generation", "choice_scores", teacher={**api, "top_log_probs": 5}).asks == frozenset()
    assert made("generation", "choice_scores").asks == {"score"}
