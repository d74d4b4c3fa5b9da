"""Every value of `explanation_text`, counted by hand."""

import pytest

from distillrun.records import Example, MetricResult, Prediction, Rationale, TeacherRecord
from tests.answered import answered
from tests.leaves import made

CHOICES = ("bank", "bank teller", "river", "oven", "Oven ")
EXAMPLES = [
    Example("copied", "Who hands out money in a big house?", CHOICES, 1),
    Example("again", "Where is bread made at noon?", CHOICES, 3),
    Example("silent", "Where do fish live?", CHOICES, 2),
    Example("unread", "What is it?", CHOICES, 0),
    Example("wrong", "What is that?", CHOICES, 0),
]
PREDICTIONS = [
    # 8 words, runs of four: 5, of which "money in a big" and "in a big house" stand in the question
    Prediction("copied", "", "A bank teller: money in a big house.", 1),
    # 12 words, runs of four: 9, the last four of which stood before
    Prediction("again", "", "Bread comes out of it. Bread comes out of it, no river.", 4),
    Prediction("silent", "", " \n", 2),
    Prediction("unread", "", "An oven, a river, a bank.", None),
    Prediction("wrong", "", "Told so by all of them.", 3),
]


def found(reference: str | None = None, records: list[TeacherRecord] | None = None) -> MetricResult:
    measure = made("evaluation", "explanation_text", reference=reference)
    seen = answered(examples=EXAMPLES, predictions=PREDICTIONS, records=records, reference=lambda: records)
    finding: MetricResult = measure.measure(seen)
    return finding


def told(example_id: str, text: str) -> TeacherRecord:
    return TeacherRecord(example_id, (Rationale(text, text, 0, "factual", "initial"),), {})


def test_what_is_counted_in_each_explanation() -> None:
    finding = found()
    assert finding.rows == (
        {
            "example_id": "copied",
            "words": 8.0,
            "names_answer": True,
            "names_others": False,  # the bank stands inside the bank teller
            "others_named": 0.0,
            "repetition": 0.0,
            "copies_question": pytest.approx(2 / 5),
        },
        {
            "example_id": "again",
            "words": 12.0,
            "names_answer": False,
            "names_others": True,
            "others_named": 1.0,
            "repetition": pytest.approx(2 / 9),  # "bread comes out of", "comes out of it"
            "copies_question": 0.0,
        },
        {
            "example_id": "unread",
            "words": 6.0,
            "names_answer": False,
            "names_others": True,
            "others_named": 3.0,  # the two ovens read alike
            "repetition": 0.0,
            "copies_question": 0.0,
        },
        {
            "example_id": "wrong",
            "words": 6.0,
            "names_answer": False,
            "names_others": False,
            "others_named": 0.0,
            "repetition": 0.0,
            "copies_question": 0.0,
        },
    )


def test_scores_are_shares_of_questions_and_means_of_explanations() -> None:
    scores = {score.name: (score.value, score.n, score.unit) for score in found().scores}
    assert scores == {
        "explained": (0.8, 5, "share"),
        "explanation/words": (8.0, 4, ""),
        "explanation/names_answer": (0.25, 4, "share"),
        "explanation/names_others": (0.5, 4, "share"),
        "explanation/others_named": (1.0, 4, ""),
        "explanation/repetition": (pytest.approx(1 / 18), 4, ""),
        "explanation/copies_question": (pytest.approx(0.1), 4, ""),
    }


def test_right_answers_are_those_that_read_right() -> None:
    """The second oven is right where the first one is marked."""
    (table,) = found().tables
    assert table.columns[:3] == ("answer", "explanations", "words")
    assert [row[:3] for row in table.rows] == [("right", 2, 10.0), ("wrong", 1, 6.0), ("unparsed", 1, 6.0)]
    assert {"names answer", "repetition", "copies question"} <= set(table.shares)
    assert not {"words", "others named"} & set(table.shares)


def test_the_teachers_training_texts_are_known_and_its_test_texts_compared_with() -> None:
    records = [
        told("copied", "A bank teller: money in the house."),
        told("again", "bread comes out of it bread comes out of it no river"),
        TeacherRecord("silent", (), {}),
        TeacherRecord("unread", (), {}),
        told("wrong", "Told by nobody."),
    ]
    finding = found("initial", records)
    rows = {row["example_id"]: row for row in finding.rows}
    # of its 5 runs of four words, the teacher wrote "a bank teller money" and "bank teller money in"
    assert rows["copied"]["novelty"] == pytest.approx(3 / 5)
    assert (rows["again"]["novelty"], rows["unread"]["novelty"]) == (0.0, 1.0)
    assert [row["exact_copies"] for row in finding.rows] == [False, True, False, False]
    # 8 and 7 words, of which "a bank teller money in house" are shared: 2 * 6 / 15
    assert rows["copied"]["rouge_l"] == pytest.approx(0.8)
    assert rows["again"]["rouge_l"] == 1.0
    assert rows["wrong"]["rouge_l"] == pytest.approx(2 * 2 / 9)  # "told by"
    assert "rouge_l" not in rows["unread"]
    scores = {score.name: (score.value, score.n) for score in finding.scores}
    assert scores["explanation/exact_copies"] == (0.25, 4)
    assert scores["explanation/rouge_l"] == pytest.approx(((0.8 + 1 + 4 / 9) / 3, 3))


def test_a_student_that_explains_nothing_is_told_to() -> None:
    seen = answered(examples=EXAMPLES[:1], predictions=[Prediction("copied", "", "", 1)])
    finding = made("evaluation", "explanation_text").measure(seen)
    assert [(score.name, score.value) for score in finding.scores] == [("explained", 0.0)]
    assert finding.tables == ()
