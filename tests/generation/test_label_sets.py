"""The step that asks for all labels: a vote on each, shares, empty sets, and samples that cannot be used."""

from pathlib import Path
from typing import Any

import pytest

from distillrun.records import Completion, Example, TeacherRecord
from tests.asking import Told, context
from tests.leaves import leaf, made

NAMES = ("card", "fee", "rate")
TEXT = Example("1", "my card cost a fee", NAMES, None)
SAMPLES = [
    Completion("card; fee", "stop", 1, 1),
    Completion("Labels: fee", "stop", 1, 1),
    Completion("none", "stop", 1, 1),
    Completion("fee; ra", "length", 1, 1),  # cut off: rate may have been meant
    Completion("I like trains", "stop", 1, 1),
    Completion("2, 1", "stop", 1, 1),
]


def labelled(tmp_path: Path, samples: list[Completion], **changes: Any) -> tuple[TeacherRecord, Told]:
    (tmp_path / "labels.txt").write_text("\n".join(NAMES), encoding="utf-8")
    task = made("task", "classification", folder=str(tmp_path), labels="labels.txt", multi_label=True)
    teacher = Told(lambda draw: samples[draw.sample])
    sampling = {**leaf("generation", "label_sets")["sampling"], "samples": len(samples), "temperature": 0.7}
    step = made("generation", "label_sets", sampling=sampling, **changes)
    (record,) = step.run([TEXT], [TeacherRecord("1", (), {})], context(tmp_path, teacher, task))
    return record, teacher


def test_more_than_half_of_the_samples_decide_on_each_label(tmp_path: Path) -> None:
    record, teacher = labelled(tmp_path, SAMPLES)
    assert record.label_shares == (0.5, 0.75, 0.0)
    assert record.answers == (1,)
    assert record.agreement == 0.25
    assert [failure.reason for failure in record.failures] == ["cut off", "unparsed"]
    asked = teacher.prompts[0].messages[-1].content
    assert asked.endswith("All labels that apply, separated by semicolons, or none:")
    assert "1. card\n2. fee\n3. rate" in asked


def test_a_teacher_may_name_no_label_and_its_word_for_it_is_a_setting(tmp_path: Path) -> None:
    record, _ = labelled(tmp_path, [Completion("Nichts.", "stop", 1, 1)], none_reply="nichts")
    assert record.answers == ()
    assert record.label_shares == (0.0, 0.0, 0.0)
    assert record.agreement == 1.0


def test_without_a_sample_that_can_be_read_there_is_no_label(tmp_path: Path) -> None:
    record, _ = labelled(tmp_path, [Completion("card; fe", "length", 1, 1)])
    assert (record.answers, record.label_shares) == (None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"none_reply": " "}, "none_reply is empty"),
        (
            {"sampling": {**leaf("generation", "label_sets")["sampling"], "samples": 3}},
            "the same answer again and again",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made("generation", "label_sets", **change)
