"""Scoring rules against students whose answers are known."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from distillrun.records import Example, Prediction, ScoredContinuation, Segment
from tests.leaves import made

EXAMPLES = [
    Example("a", "Where is a vault?", ("bank", "bank teller", "river", "oven", "field"), 0, group="seen"),
    Example("b", "Who counts money?", ("bank", "bank teller", "river", "oven", "field"), 1, group="unseen"),
    Example("c", "Where do fish live?", ("bank", "field", "river", "oven", "river"), 2, group="seen"),
    Example("d", "Where is bread made?", ("bank", "field", "river", "oven", "shed"), 3, group="seen"),
]


class ScriptedStudent:
    """Writes given texts and gives given scores, and notes how often each source was read."""

    def __init__(self, texts: Sequence[str] = (), scores: Sequence[Sequence[tuple[float, int]]] = ()) -> None:
        self.texts = texts
        self.scores = scores
        self.asked: list[tuple[int, int]] = []

    def generate(self, sources: Sequence[Sequence[Segment]], max_new_tokens: int, tokens_per_batch: int) -> list[str]:
        self.asked.append((len(sources), max_new_tokens))
        return list(self.texts[: len(sources)])

    def score(
        self,
        sources: Sequence[Sequence[Segment]],
        continuations: Sequence[Sequence[Sequence[Segment]]],
        tokens_per_batch: int,
    ) -> list[tuple[ScoredContinuation, ...]]:
        if len(sources) < len(self.scores):  # asked without a question: the first choice is the likeliest
            return [
                tuple(ScoredContinuation(-1.0 if not n else -4.0, 1) for n, _ in enumerate(row))
                for row in continuations
            ]
        return [tuple(ScoredContinuation(*score) for score in row) for row in self.scores]


def scores_by_name(scores: Sequence[object]) -> dict[str, tuple[float, int]]:
    return {score.name: (score.value, score.n) for score in scores}  # type: ignore[attr-defined]


def test_answers_are_read_and_what_cannot_be_read_is_counted_apart() -> None:
    evaluator = made("evaluation", "generated_answer", explain=False)
    texts = ["[answer] The answer is bank", "[answer] The answer is bank teller", "the answer is river", "no idea"]
    student, task = ScriptedStudent(texts), made("task", "multiple_choice", folder="unused")
    predictions = evaluator.predict(student, made("objective", "label_only"), EXAMPLES, task, 1000)
    assert [prediction.choice for prediction in predictions] == [0, 1, 2, None]
    scores = scores_by_name(evaluator.score(predictions, EXAMPLES))
    assert scores == {
        "accuracy": (0.75, 4),
        "accuracy/seen": (pytest.approx(2 / 3), 3),
        "accuracy/unseen": (1.0, 1),
        "unparsed": (0.25, 4),
        "accuracy_parsed": (1.0, 3),
    }
    assert student.asked == [(4, 32)]


def test_a_repeated_choice_is_right_wherever_it_stands() -> None:
    evaluator = made("evaluation", "generated_answer")
    rows = [Prediction("c", "", "", choice) for choice in (2, 4, 0, None)]
    right = [evaluator.score([row], [EXAMPLES[2]])[0].value for row in rows]
    assert right == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("objective", "changes", "explain", "asked"),
    [
        ("label_only", {}, True, [(4, 32)]),
        ("multitask", {}, True, [(4, 32), (4, 128)]),
        ("multitask", {}, False, [(4, 32)]),
        ("counterfactual", {}, False, [(4, 160)]),
        ("rationale_answer", {}, False, [(4, 32)]),
        ("rationale_answer", {}, True, [(4, 160)]),
        ("rationale_answer", {"order": "rationale_first"}, False, [(4, 160)]),
    ],
)
def test_a_student_writes_no_more_than_is_read(
    objective: str, changes: dict[str, str], explain: bool, asked: list[tuple[int, int]]
) -> None:
    student, task = ScriptedStudent(["x"] * 4), made("task", "multiple_choice", folder="unused")
    evaluator = made("evaluation", "generated_answer", explain=explain)
    evaluator.predict(student, made("objective", objective, **changes), EXAMPLES, task, 1000)
    assert student.asked == asked


def test_likelihoods_rank_by_sum_and_per_token_and_count_ties() -> None:
    evaluator = made("evaluation", "choice_likelihood")
    scores = [
        [(-2.0, 1), (-3.0, 3), (-9.0, 1), (-9.0, 1), (-9.0, 1)],  # right by sum, wrong per token
        [(-2.0, 1), (-3.0, 3), (-9.0, 1), (-9.0, 1), (-9.0, 1)],  # wrong by sum, right per token
        [(-9.0, 1), (-9.0, 1), (-1.0, 1), (-9.0, 1), (-1.0, 1)],  # two rivers are no tie, and right
        [(-1.0, 1), (-9.0, 1), (-9.0, 1), (-1.0, 1), (-9.0, 1)],  # a tie: the first counts, and is wrong
    ]
    student, task = ScriptedStudent(scores=scores), made("task", "multiple_choice", folder="unused")
    predictions = evaluator.predict(student, made("objective", "label_only"), EXAMPLES, task, 1000)
    assert predictions[1].choice_log_probs == (-2.0, -3.0, -9.0, -9.0, -9.0)
    assert predictions[1].choice_tokens == (1, 3, 1, 1, 1)
    found = scores_by_name(evaluator.score(predictions, EXAMPLES))
    assert found["likelihood_sum/accuracy"] == (0.5, 4)
    assert found["likelihood_mean/accuracy"] == (0.5, 4)
    assert found["likelihood_sum/ties"] == (0.25, 4)
    assert found["likelihood_mean/accuracy/unseen"] == (1.0, 1)
    # bank is the first answer of the template without a question: -1, the others -4
    assert predictions[0].choice_prior == (-1.0, -4.0, -4.0, -4.0, -4.0)
    # a: -1 against 1 for "bank teller"; b: 1 is right; c: a tie at 3 that is right; d: 0 against -5, -5, 3 is right
    assert found["likelihood_prior/accuracy"] == (0.75, 4)
    # b, per character: -2 / 4 = -0.5 against -3 / 11 = -0.27
    assert found["likelihood_character/accuracy"] == (0.5, 4)


def test_where_every_answer_is_one_token_its_length_plays_no_part() -> None:
    evaluator = made("evaluation", "choice_likelihood", prior=False)
    student, task = ScriptedStudent(scores=[[(-1.0, 1)] * 5] * 4), made("task", "multiple_choice", folder="unused")
    predictions = evaluator.predict(student, made("objective", "label_only"), EXAMPLES, task, 1000)
    names = {name.split("/")[0] for name in scores_by_name(evaluator.score(predictions, EXAMPLES))}
    assert names == {"likelihood_sum"}


def test_a_student_that_reasons_first_is_scored_after_its_own_rationale() -> None:
    texts = ["[factual] Answer: Vaults are in banks. So the answer is oven."] * 4
    student, task = ScriptedStudent(texts, [[(-1.0, 1)] * 5] * 4), made("task", "multiple_choice", folder="unused")
    evaluator = made("evaluation", "choice_likelihood")
    predictions = evaluator.predict(student, made("objective", "counterfactual"), EXAMPLES, task, 1000)
    assert {prediction.rationale for prediction in predictions} == {"Vaults are in banks."}


def test_a_budget_without_text_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"answer_tokens=0 allows no text"):
        made("evaluation", "generated_answer", answer_tokens=0)


def test_the_best_scores_survive_the_file(tmp_path: Path) -> None:
    from distillrun.files.jsonl import read_records, write_records

    prediction = Prediction("a", "t", "r", 1, (-0.1, -2.5), (1, 2))
    write_records(tmp_path / "p.jsonl", [prediction])
    assert read_records(tmp_path / "p.jsonl", Prediction) == [prediction]
