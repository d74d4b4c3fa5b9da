"""Contrastive prompts: two that differ in the answer alone, the other answer drawn evenly."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from distillrun.errors import ConfigError
from distillrun.records import Example, Prompt, TeacherRecord
from tests.asking import Told, context
from tests.leaves import EXAMPLE, leaf, made

TWINS = Example("q2", "What keeps milk cold?", ("fridge", "lamp", "Fridge", "road", "drum"), 0)


def run(store: Path, teacher: Told, example: Example = EXAMPLE, **changes: Any) -> TeacherRecord:
    step = made("generation", "contrastive", **changes)
    task = made("task", "multiple_choice", folder="unused")
    (record,) = step.run([example], [TeacherRecord(example.id, (), {})], context(store, teacher, task))
    assert isinstance(record, TeacherRecord)
    return record


def test_two_prompts_that_differ_in_the_answer_alone_are_contrasted(tmp_path: Path) -> None:
    teacher = Told("It lends novels.")
    record = run(tmp_path, teacher)
    (prompt,) = teacher.prompts
    assert prompt.contrast is not None
    assert (prompt.contrast.weight, prompt.contrast.plausibility) == (0.5, 0.1)
    assert prompt.messages[:-1] == prompt.contrast.messages[:-1]
    gold, other = prompt.messages[-1].content, prompt.contrast.messages[-1].content
    assert gold.endswith("The answer is library.")
    wrong = other.rsplit("The answer is ", 1)[1].rstrip(".")
    assert wrong in EXAMPLE.choices
    assert wrong != "library"
    assert gold.rsplit(" ", 1)[0] == other.rsplit(" ", 1)[0]
    (rationale,) = record.rationales
    assert (rationale.origin, rationale.kind, rationale.version, rationale.supports) == (
        "contrastive",
        "factual",
        "initial",
        1,
    )
    assert Prompt(prompt.messages, prompt.request).digest != prompt.digest


def test_the_contrast_may_be_with_no_answer(tmp_path: Path) -> None:
    teacher = Told("It lends novels.")
    run(tmp_path, teacher, against="empty")
    contrast = teacher.prompts[0].contrast
    assert contrast is not None
    assert contrast.messages[-1].content.endswith("The answer is .")


def test_where_every_choice_reads_as_the_right_one_the_contrast_is_with_no_answer(tmp_path: Path) -> None:
    teacher = Told("It cools.")
    run(tmp_path, teacher, replace(TWINS, choices=("fridge", "Fridge")))
    contrast = teacher.prompts[0].contrast
    assert contrast is not None
    assert contrast.messages[-1].content.endswith("The answer is .")


def test_the_other_answer_is_drawn_evenly_by_seed_and_never_reads_as_the_right_one() -> None:
    step = made("generation", "contrastive")
    drawn = [step.other(replace(TWINS, id=f"q{n}"), 0) for n in range(3000)]
    assert set(drawn) == {1, 3, 4}
    assert stats.chisquare(list(Counter(drawn).values())).pvalue > 0.001
    assert drawn[:50] == [step.other(replace(TWINS, id=f"q{n}", question="Who?"), 0) for n in range(50)]
    assert drawn[:50] != [step.other(replace(TWINS, id=f"q{n}"), 1) for n in range(50)]


def test_a_refusal_is_a_failure_and_no_rationale(tmp_path: Path) -> None:
    step, task = made("generation", "contrastive"), made("task", "multiple_choice", folder="unused")
    asking = context(tmp_path, Told("I'm sorry, but I can't do that."), task, max_failed_share=1.0)
    (record,) = step.run([EXAMPLE], [TeacherRecord(EXAMPLE.id, (), {})], asking)
    assert record.rationales == ()
    assert [(failure.step, failure.reason) for failure in record.failures] == [("contrastive", "refused")]


@pytest.mark.parametrize("change", [{"temperature": 0.7}, {"samples": 2}])
def test_sampling_is_refused_where_decoding_is_greedy(change: dict[str, Any]) -> None:
    sampling = {**leaf("generation", "contrastive")["sampling"], **change}
    with pytest.raises(ConfigError, match="contrastive decoding is greedy"):
        made("generation", "contrastive", sampling=sampling)


@pytest.mark.parametrize("change", [{"weight": -0.1}, {"plausibility": -0.1}, {"plausibility": 1.1}])
def test_a_weight_or_a_share_out_of_range_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be 0 or more, and plausibility"):
        made("generation", "contrastive", **change)


def test_a_teacher_of_its_own_must_decode_against_a_second_prompt() -> None:
    api = leaf("teacher", "api", base_url="http://127.0.0.1:1/v1", model="m", api_key_env=None)
    with pytest.raises(ConfigError, match="asked to decode against a second prompt, which it cannot"):
        made("generation", "contrastive", teacher=api)
    ensemble = leaf("teacher", "ensemble")
    assert made("generation", "contrastive", teacher=ensemble).asks == frozenset()
    ensemble["members"]["hasty"] = api
    with pytest.raises(ConfigError, match=r"teacher\.members\.hasty of this step"):
        made("generation", "contrastive", teacher=ensemble)
