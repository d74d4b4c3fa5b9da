"""Soft labels and contrastive prompts."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

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


def run(store: Path, teacher: Told, name: str = "choice_scores", **changes: Any) -> TeacherRecord:
    step = made("generation", name, **changes)
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


def test_two_prompts_that_differ_in_the_answer_alone_are_contrasted(tmp_path: Path) -> None:
    teacher = Told("It lends novels.")
    record = run(tmp_path, teacher, "contrastive")
    (prompt,) = teacher.prompts
    assert prompt.contrast is not None
    assert (prompt.contrast.weight, prompt.contrast.plausibility) == (0.5, 0.1)
    assert prompt.messages[:-1] == prompt.contrast.messages[:-1]
    gold, other = prompt.messages[-1].content, prompt.contrast.messages[-1].content
    assert gold.endswith("The answer is library.")
    wrong = other.rsplit("The answer is ", 1)[1].rstrip(".")
    assert wrong in EXAMPLE.choices
    assert wrong != "library"
    assert record.rationales[0].origin == "contrastive"
    assert Prompt(prompt.messages, prompt.request).digest != prompt.digest


def test_the_contrast_may_be_with_no_answer(tmp_path: Path) -> None:
    teacher = Told("It lends novels.")
    run(tmp_path, teacher, "contrastive", against="empty")
    contrast = teacher.prompts[0].contrast
    assert contrast is not None
    assert contrast.messages[-1].content.endswith("The answer is .")


def test_sampling_is_refused_where_decoding_is_greedy() -> None:
    sampling = {**leaf("generation", "contrastive")["sampling"], "temperature": 0.7}
    with pytest.raises(ConfigError, match="contrastive decoding is greedy"):
        made("generation", "contrastive", sampling=sampling)
