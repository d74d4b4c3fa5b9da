"""How like the teacher a student writes."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.evaluation.response_similarity import ResponseSimilarity
from distillrun.evaluation.shared.embedding import Encoder
from distillrun.evaluation.shared.rubric import Rubric
from distillrun.evaluation.shared.token_similarity import token_divergences
from distillrun.interfaces import AskingMetric
from distillrun.records import Draw, Example, MetricResult, Prediction, Rationale, Sampling, TeacherRecord
from tests.answered import answered
from tests.asking import Told, context
from tests.leaves import leaf, made
from tests.tiny_checkpoints import write_bert

EXAMPLES = [Example(f"q{n}", f"Question {n}?", ("bank", "river"), 0) for n in range(3)]
TOLD = ["Money is kept safe in a bank.", "Banks keep money for people.", "A bank lends you money."]
RECORDS = [
    TeacherRecord(f"q{n}", (Rationale(text, text, 0, "factual", "initial", teacher="llama-2"),), {})
    for n, text in enumerate(TOLD)
]
RUBRIC = Rubric(**leaf("text", "similarity"))
EQUAL = {"style": 1.0, "structure": 1.0, "detail": 1.0}


def measure(encoder: str | None = None, weights: Any = EQUAL, **judges: Told) -> ResponseSimilarity:
    greedy = Sampling(20, 0.0, 1.0, 1, ())
    return ResponseSimilarity("generated_answer", "initial", RUBRIC, weights, judges, encoder, 100, 0, "mark", greedy)


def student(store: Path, after: list[str], before: list[str], **known: Any) -> Any:
    task = made("task", "multiple_choice", folder="unused")
    usual = {
        "task": task,
        "examples": EXAMPLES,
        "predictions": [Prediction(f"q{n}", "bank", text, 0) for n, text in enumerate(after)],
        "answer": lambda model, examples: [Prediction(f"q{n}", "", text, None) for n, text in enumerate(before)],
        "untrained": lambda: "untrained",
        "student": lambda: "student",
        "reference": lambda: RECORDS,
        "judging": context(store, Told(""), task, max_failed_share=1.0),
    }
    return answered(**{**usual, **known})


def values(found: MetricResult) -> dict[str, float]:
    return {score.name.removeprefix("similarity/"): score.value for score in found.scores}


def rate(draw: Draw) -> str:
    request = draw.prompt.request
    return json.dumps(dict.fromkeys(request.names, 5 if request.draft == request.reference else 2))


def test_the_teachers_own_words_are_as_like_as_can_be(tmp_path: Path) -> None:
    found = values(measure(one=Told(rate)).measure(student(tmp_path, TOLD, ["x y z"] * 3)))
    assert found["rouge_l/after"] == found["shared_runs/after"] == 1
    assert found["rouge_l/before"] == 0
    assert found["rouge_l/gain"] == 1
    for aspect in (*EQUAL, "weighted"):
        assert (found[f"{aspect}/after"], found[f"{aspect}/before"], found[f"{aspect}/gain"]) == (5, 2, 3)
    assert found["unrated"] == 0


def test_weights_weigh_and_must_name_the_aspects(tmp_path: Path) -> None:
    def uneven(draw: Draw) -> str:
        return json.dumps({"style": 5, "structure": 1, "detail": 1})

    own = measure(weights={"style": 3.0, "structure": 1.0, "detail": 0.0}, one=Told(uneven))
    assert values(own.measure(student(tmp_path, TOLD, TOLD)))["weighted/after"] == pytest.approx((3 * 5 + 1) / 4)
    with pytest.raises(ConfigError, match="must give a share of 0 or more to each of style, structure, detail"):
        measure(weights={"style": 1.0})


def test_an_empty_response_is_not_asked_about_and_is_rated_as_unlike_as_can_be(tmp_path: Path) -> None:
    judge = Told(rate)
    empty = {"answer": lambda model, examples: [Prediction(f"q{n}", " ", "", None) for n in range(3)]}
    found = values(measure(one=judge).measure(student(tmp_path, TOLD, [], **empty)))
    assert found["weighted/before"] == 1
    assert found["weighted/gain"] == 4
    assert len(judge.draws) == 3


def test_without_a_judge_nothing_is_asked(tmp_path: Path) -> None:
    found = measure().measure(student(tmp_path, TOLD, TOLD, judging=None))
    assert set(values(found)) == {
        f"{name}/{when}" for name in ("rouge_l", "shared_runs") for when in ("after", "before", "gain")
    }
    assert isinstance(measure(), AskingMetric)


def test_a_judge_that_is_akin_to_the_teacher_is_marked(tmp_path: Path) -> None:
    known = student(tmp_path, TOLD, TOLD, records=RECORDS)
    assert "family of llama-2" in measure(one=Told(rate, name="llama-3")).measure(known).note


def test_cosines_are_those_of_mean_pooled_states(tmp_path: Path) -> None:
    encoder = Encoder(write_bert(tmp_path))
    assert encoder.problems() == []
    texts, others = ["a bank", "money", ""], ["a bank", "the river is wide", "x"]
    same, other, empty = encoder.cosines(texts, others)
    assert same == pytest.approx(1, abs=1e-5)
    assert empty == 0
    tokenizer, module = encoder._loaded

    def pooled(text: str) -> torch.Tensor:
        with torch.no_grad():
            states: torch.Tensor = module(**tokenizer(text, return_tensors="pt")).last_hidden_state
        return states[0].mean(0)

    expected = torch.cosine_similarity(pooled("money"), pooled("the river is wide"), dim=0)
    assert other == pytest.approx(float(expected), abs=1e-5)  # padding plays no part
    assert "no such folder" in Encoder(str(tmp_path / "none")).problems()[0]


def test_two_white_boxes_are_compared_token_by_token(tmp_path: Path) -> None:
    task = made("task", "everyday")
    examples = task.examples("test")[:5]
    own, other = (made("student", "tiny_qwen").build(seed) for seed in (0, 1))
    own.save(tmp_path / "model")
    teacher = made("teacher", "local", checkpoint=str(tmp_path / "model"), device="cpu", dtype="float32")
    known = answered(task=task, examples=examples, student=lambda: own, untrained=lambda: other, logit_teacher=teacher)
    found = token_divergences(known, examples)
    assert found["after"] == pytest.approx([0.0] * 5, abs=1e-6)
    assert all(0 < value < math.log(2) for value in found["before"])
    assert token_divergences(answered(logit_teacher=Told(""), student=lambda: own), examples) == {}
