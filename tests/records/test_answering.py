"""A row of many labels shows those that matter, and places still name the same labels."""

import pytest

from distillrun.records import Example, Prediction, few_choices, main_score, place

NAMES = tuple(f"label {n}" for n in range(77))
SCORES = tuple(-float(n) for n in range(77))


def test_few_of_many_labels_are_kept_in_their_order() -> None:
    example = Example("1", "text", NAMES, 70)
    said = Prediction("1", "", "", 3, SCORES, (1,) * 77)
    shown, made = few_choices(example, said, 5)
    assert shown.choices == ("label 0", "label 1", "label 2", "label 3", "label 70")
    assert shown.answer is not None
    assert made.choice is not None
    assert (shown.choices[place(shown.answer)], shown.choices[place(made.choice)]) == ("label 70", "label 3")
    assert made.choice_log_probs == (0.0, -1.0, -2.0, -3.0, -70.0)
    assert made.choice_tokens == (1,) * 5


def test_all_labels_of_a_text_are_kept() -> None:
    example = Example("1", "text", NAMES, None, answers=(70, 71, 72))
    shown, made = few_choices(example, Prediction("1", "", "", None, SCORES, labels=(0, 70)), 3)
    assert [shown.choices[place] for place in shown.answers or ()] == ["label 70", "label 71", "label 72"]
    assert [shown.choices[place] for place in made.labels or ()] == ["label 0", "label 70"]


@pytest.mark.parametrize("scores", [None, SCORES[:4]])
def test_few_choices_and_unknown_likelihoods_stay(scores: tuple[float, ...] | None) -> None:
    example = Example("1", "text", NAMES[:4], 1)
    said = Prediction("1", "", "", 0, scores)
    assert few_choices(example, said, 10) == (example, said)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["dev/accuracy", "test/unparsed", "test/accuracy"], "test/accuracy"),
        (["dev/accuracy", "test/likelihood_sum/ties", "test/likelihood_sum/accuracy"], "test/likelihood_sum/accuracy"),
        (["dev/accuracy", "test/macro_f1"], "test/macro_f1"),
        (["train/words"], "train/words"),
        ([], ""),
    ],
)
def test_a_run_is_named_by_the_accuracy_of_its_test(names: list[str], expected: str) -> None:
    assert main_score(names) == expected
