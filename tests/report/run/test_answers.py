"""Cards of predictions: of many labels, those that matter."""

from distillrun.report.page.block import Card
from distillrun.report.run.answers import MOST_SHOWN, prediction_section
from distillrun.report.run.values import Values


def shown(count: int) -> list[tuple[str, bool, bool]]:
    """Return the choices on the card of a question whose last choice is right and whose first was answered."""
    example: Values = {"question": "why?", "choices": [f"label {n}" for n in range(count)], "answer": count - 1}
    section = prediction_section([{"example_id": "1", "choice": 0}], {"1": example})
    assert section is not None
    (card,) = [block for block in section.blocks if isinstance(block, Card)]
    return [(one.text, one.gold, one.predicted) for one in card.choices]


def test_a_card_lists_all_choices_of_a_question_and_of_many_labels_the_right_and_the_predicted_one() -> None:
    assert len(shown(MOST_SHOWN)) == MOST_SHOWN
    assert shown(150) == [("label 0", False, True), ("label 149", True, False)]
