"""Labels that a teacher is not sure of are taken out, and counted."""

import math
from pathlib import Path
from typing import Any

import pytest

from distillrun.records import Failure, TeacherRecord
from tests.asking import Told, context
from tests.leaves import EXAMPLE, made


def filtered(tmp_path: Path, record: TeacherRecord, **changes: Any) -> TeacherRecord:
    step = made("generation", "label_filter", **changes)
    found: TeacherRecord
    (found,) = step.run([EXAMPLE], [record], context(tmp_path, Told("unasked"), made("task", "everyday", limit=1)))
    return found


@pytest.mark.parametrize(("agreement", "stays"), [(0.59, False), (0.6, True), (1.0, True)])
def test_an_answer_stays_from_the_threshold_on(agreement: float, stays: bool, tmp_path: Path) -> None:
    record = TeacherRecord(EXAMPLE.id, (), {}, 1, agreement)
    found = filtered(tmp_path, record, min_agreement=0.6)
    assert (found.answer, found.agreement) == ((1, agreement) if stays else (None, None))
    assert found.failures == (() if stays else (Failure("label_filter", "min_agreement", f"{agreement:.4f}"),))


def test_an_answer_whose_agreement_is_not_told_is_not_sure(tmp_path: Path) -> None:
    found = filtered(tmp_path, TeacherRecord(EXAMPLE.id, (), {}, 1), min_agreement=0.5)
    assert found.answer is None
    assert found.failures[0].detail == "not told"


@pytest.mark.parametrize(("shares", "stays"), [((0.1, 0.7, 0.1, 0.1), True), ((0.2, 0.4, 0.2, 0.2), False)])
def test_scores_stay_where_the_likeliest_answer_is_likely_enough(
    shares: tuple[float, ...], stays: bool, tmp_path: Path
) -> None:
    values = (*map(math.log, shares), *[-math.inf] * (len(EXAMPLE.choices) - len(shares)))
    record = TeacherRecord(EXAMPLE.id, (), {}, choice_log_probs=values)
    found = filtered(tmp_path, record, of="choice_scores", min_agreement=None, min_probability=0.6)
    assert found.choice_log_probs == (values if stays else None)
    assert [one.reason for one in found.failures] == ([] if stays else ["min_probability"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_agreement": 1.2}, "min_agreement=1.2 must be above 0"),
        ({"min_probability": 0.5}, "min_probability=0.5 is a threshold of choice_scores, not of answers"),
        ({"of": "choice_scores"}, "min_agreement=0.6 is a threshold of answers"),
    ],
)
def test_thresholds_that_filter_nothing_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made("generation", "label_filter", **changes)
