"""Measures of whether explanations matter, against students that obey or ignore them."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from distillrun.evaluation.las import las_value
from distillrun.evaluation.rationale_perturbation import masked, scrambled
from distillrun.evaluation.self_consistency import agreement, entropy, majority, seed_of
from distillrun.evaluation.shared.forced_rationale import NOT_APPLICABLE
from distillrun.evaluation.shared.simulator import simulator_examples
from distillrun.interfaces import MetricContext
from distillrun.records import Example, MetricResult, Prediction, Rationale, ScoredContinuation, Segment, TeacherRecord
from tests.answered import answered
from tests.leaves import made

CHOICES = ("bank", "river", "oven", "field", "shed")
EXAMPLES = [
    Example("a", "Where is a vault?", CHOICES, 0),
    Example("b", "Where do fish live?", CHOICES, 1),
    Example("c", "Where is bread made?", CHOICES, 2),
]
RATIONALES = ["Vaults are in a bank.", "Fish live in a river.", "Bread comes out of an oven."]


class Obedient:
    """Answers with the last choice that the text before its answer names, and with the first where it names none."""

    def score(
        self,
        sources: Sequence[Sequence[Segment]],
        continuations: Sequence[Sequence[Sequence[Segment]]],
        tokens_per_batch: int,
    ) -> list[tuple[ScoredContinuation, ...]]:
        return [tuple(self._scores(row)) for row in continuations]

    def _scores(self, row: Sequence[Sequence[Segment]]) -> list[ScoredContinuation]:
        texts = ["".join(segment.text for segment in answer) for answer in row]
        said = texts[0].split(" So the answer is")[0]
        place = max(range(5), key=lambda n: (said.rfind(CHOICES[n]), -n))
        return [ScoredContinuation(0.0 if n == place else -1.0, 1) for n in range(5)]


class Deaf(Obedient):
    """Answers with the first choice whatever it is told."""

    def _scores(self, row: Sequence[Sequence[Segment]]) -> list[ScoredContinuation]:
        return [ScoredContinuation(-float(n), 1) for n in range(5)]


def records() -> list[TeacherRecord]:
    """What a teacher gives: a factual rationale, and one for each wrong choice."""
    return [
        TeacherRecord(
            example.id,
            tuple(
                Rationale(
                    f"It is a {choice}.",
                    "",
                    place,
                    "factual" if place == example.answer else "counterfactual",
                    "initial",
                )
                for place, choice in enumerate(CHOICES)
            ),
            {},
        )
        for example in EXAMPLES
    ]


def measured_after(student: Any, objective: str, rationales: Sequence[str] = tuple(RATIONALES)) -> MetricContext:
    predictions = [
        Prediction(example.id, "", rationale, place)
        for place, (example, rationale) in enumerate(zip(EXAMPLES, rationales, strict=True))
    ]
    return answered(
        objective=made("objective", objective),
        examples=EXAMPLES,
        predictions=predictions,
        trained_on=EXAMPLES,
        student=lambda: student,
        reference=records,
    )


def values(found: MetricResult) -> dict[str, float]:
    return {score.name: score.value for score in found.scores}


def test_a_student_that_obeys_its_rationale_loses_its_accuracy_with_it() -> None:
    found = values(made("evaluation", "rationale_perturbation").measure(measured_after(Obedient(), "counterfactual")))
    assert found["perturbation/own"] == 1
    # without any rationale it answers bank, which is right for one question of three
    assert found["perturbation/dropped/drop"] == pytest.approx(2 / 3)
    assert found["perturbation/masked/drop"] == pytest.approx(2 / 3)
    assert found["perturbation/shuffled/drop"] == 1
    assert found["perturbation/shuffled/flips"] == 1


def test_a_student_that_ignores_its_rationale_loses_nothing() -> None:
    measured = made("evaluation", "rationale_perturbation").measure(measured_after(Deaf(), "counterfactual"))
    found = values(measured)
    # three questions do not show that nothing is ever lost: 1.959964 x sqrt(2 / 5 / 5), by Bonett and Price
    drop = next(score for score in measured.scores if score.name == "perturbation/dropped/drop")
    assert (drop.low, drop.high) == pytest.approx((-0.554362, 0.554362), abs=1e-6)
    assert {value for name, value in found.items() if name != "perturbation/own"} == {0.0}


def test_the_teachers_rationales_stand_in_where_a_reference_is_wanted() -> None:
    measure = made("evaluation", "rationale_perturbation", reference="initial")
    found = values(measure.measure(measured_after(Obedient(), "counterfactual", ["", "", ""])))
    assert found["perturbation/own"] == pytest.approx(1 / 3)
    assert found["perturbation/teacher/drop"] == pytest.approx(-2 / 3)


def test_flips_follow_the_rationales_for_other_choices() -> None:
    obedient = values(made("evaluation", "rationale_swap").measure(measured_after(Obedient(), "counterfactual")))
    assert obedient == {"swap/flip_rate": 1, "swap/kept": 0, "swap/follows_factual": 1}
    measured = made("evaluation", "rationale_swap").measure(measured_after(Deaf(), "counterfactual"))
    deaf = values(measured)
    # that no question of so few flips is Wilson's interval of 0: up to z^2 / (n + z^2)
    rate = measured.scores[0]
    assert (rate.low, rate.high) == pytest.approx((0, 3.841459 / (rate.n + 3.841459)), abs=1e-6)
    assert deaf == {"swap/flip_rate": 0, "swap/kept": 1, "swap/follows_factual": pytest.approx(1 / 3)}


@pytest.mark.parametrize("measure", ["rationale_perturbation", "rationale_swap"])
def test_a_student_that_answers_first_is_not_measured(measure: str) -> None:
    found = made("evaluation", measure).measure(measured_after(Obedient(), "multitask"))
    assert found == MetricResult(note=NOT_APPLICABLE)


def test_agreement_asks_again_without_a_rationale_where_it_comes_first() -> None:
    found = values(
        made("evaluation", "answer_explanation_agreement").measure(measured_after(Obedient(), "counterfactual"))
    )
    assert found["agreement"] == pytest.approx(1 / 3)
    assert found["agreement/implied"] == 1


def test_agreement_reads_the_explanation_where_it_is_a_text_of_its_own() -> None:
    texts = ["In a bank.", "In an oven.", "Nobody knows."]
    measure = made("evaluation", "answer_explanation_agreement")
    found = values(measure.measure(measured_after(Obedient(), "multitask", texts)))
    assert found["agreement/implied"] == pytest.approx(2 / 3)
    assert found["agreement"] == 0.5


def test_masking_takes_longer_choices_first_and_whole_words_only() -> None:
    example = Example("q", "?", ("bank", "bank teller", "river", "oven", "field"), 0)
    assert masked("A Bank teller in banks by the River.", example) == "A something in banks by the something."


def test_scrambling_keeps_the_length_and_changes_nothing_at_share_zero() -> None:
    text = "one two three four"
    assert scrambled(text, ["x"], 0.0, Random(0)) == text
    assert scrambled(text, ["x"], 1.0, Random(0)) == "x x x x"
    assert scrambled(text, ["x"], 0.5, Random(0)).split().count("x") == 2


def test_las_is_the_mean_over_leaked_and_other_explanations() -> None:
    leaked = np.array([True, True, True, True, False, False])
    both = np.array([True, True, True, False, True, False])
    question = np.array([True, True, False, False, False, False])
    assert las_value(leaked, both, question) == pytest.approx(0.375)
    assert las_value(leaked, question, question) == 0
    assert np.isnan(las_value(np.ones(6, bool), both, question))


def test_a_simulator_learns_the_students_answers_and_no_right_ones() -> None:
    predictions = [Prediction("a", "", "Because.", 3), Prediction("b", "", "", 1), Prediction("c", "", "So.", None)]
    examples = simulator_examples(EXAMPLES, predictions)
    assert [(one.question, one.answer) for one in examples] == [
        ("Where is a vault?", 3),
        ("Because.", 3),
        ("Where is a vault? Because.", 3),
    ]
    assert len({one.id for one in examples}) == 3


def test_a_question_that_holds_a_field_name_is_left_as_it_is() -> None:
    odd = replace(EXAMPLES[0], question="What is {explanation}?")
    assert simulator_examples([odd], [Prediction("a", "", "text", 0)])[2].question == "What is {explanation}? text"


def test_the_majority_is_the_most_frequent_answer_and_of_equals_the_first() -> None:
    assert majority([2, None, 1, 1, 2]) == 2
    assert majority([None, None]) is None
    assert agreement([2, None, 1, 2]) == pytest.approx(2 / 3)
    assert entropy([1, 1, None]) == 0
    assert entropy([0, 1]) == pytest.approx(np.log(2))


def test_every_sample_has_a_seed_of_its_own() -> None:
    seeds = {seed_of(seed, example, sample) for seed in (0, 1) for example in "ab" for sample in range(3)}
    assert len(seeds) == 12
