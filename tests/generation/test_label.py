"""The label alone: what a teacher says, how it is voted on, and what becomes a soft label."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from distillrun.errors import ConfigError
from distillrun.records import Completion, Draw, Example, TeacherRecord
from tests.asking import Told, context
from tests.leaves import made

NAMES = ("card_arrival", "lost card", "rate")
TEXT = Example("t", "It was stolen.", NAMES, None)


def run(
    store: Path, reply: Callable[[Draw], str | Completion], examples: Sequence[Example] = (TEXT,), **changes: Any
) -> tuple[Told, list[TeacherRecord]]:
    teacher, step = Told(reply), made("generation", "label", **changes)
    task = made("task", "classification", folder=str(store), labels="labels.csv")
    (store / "labels.csv").write_text("name,description\ncard_arrival,\nlost card,gone\nrate,\n", encoding="utf-8")
    blank = [TeacherRecord(one.id, (), {}) for one in examples]
    return teacher, list(step.run(examples, blank, context(store, teacher, task, "label", max_failed_share=1.0)))


def sampled(samples: int) -> dict[str, Any]:
    return {"max_new_tokens": 8, "temperature": 0.7, "top_p": 1.0, "samples": samples, "stop": []}


def test_a_teacher_reads_the_list_and_says_one_label(tmp_path: Path) -> None:
    teacher, (record,) = run(tmp_path, lambda draw: "2. Lost card.")
    system, user = teacher.prompts[0].messages
    assert "label alone" in system.content
    assert user.content == "Labels:\n1. card_arrival\n2. lost card: gone\n3. rate\n\nText: It was stolen.\nLabel:"
    assert (record.answer, record.agreement) == (1, 1.0)


def test_samples_become_shares(tmp_path: Path) -> None:
    said = ["lost card", "rate", "lost card", "no idea", "lost card"]
    _, (record,) = run(tmp_path, lambda draw: said[draw.sample], sampling=sampled(5), smoothing=0.03)
    assert (record.answer, record.agreement) == (1, 0.75)
    assert record.choice_log_probs is not None
    shares = [math.exp(value) for value in record.choice_log_probs]
    assert shares == pytest.approx([0.01, 0.97 * 0.75 + 0.01, 0.97 * 0.25 + 0.01])
    assert [one.reason for one in record.failures] == ["unparsed"]


def test_choices_with_equal_texts_share_their_part(tmp_path: Path) -> None:
    repeated = Example("t", "It was stolen.", ("rate", "lost card", "Rate"), None)
    _, (record,) = run(tmp_path, lambda draw: "rate", [repeated], smoothing=0.3)
    assert record.answer == 0
    assert [math.exp(value) for value in record.choice_log_probs or ()] == pytest.approx([0.45, 0.1, 0.45])


def test_what_cannot_be_read_is_no_label(tmp_path: Path) -> None:
    _, (record,) = run(tmp_path, lambda draw: "I would say it depends")
    assert (record.answer, record.agreement, record.choice_log_probs) == (None, None, None)
    assert record.failures[0].detail == "I would say it depends"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"smoothing": 0.0}, "smoothing=0.0 must be above 0 and below 1"),
        ({"sampling": {**sampled(3), "temperature": 0.0}}, "the same answer again and again"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made("generation", "label", **changes)


def test_a_label_that_was_cut_off_has_no_vote(tmp_path: Path) -> None:
    """`lost ca` is not read as another label that begins so, and lines that ended before the cut count."""
    said = ["rate", "card_arr", "rate\nBecause the cust", "lost card", "1"]
    ends: list[Literal["stop", "length"]] = ["stop", "length", "length", "stop", "length"]
    _, (record,) = run(
        tmp_path, lambda draw: Completion(said[draw.sample], ends[draw.sample], 1, 1), sampling=sampled(5)
    )
    assert record.answer == 2
    assert record.agreement == pytest.approx(2 / 3)
    assert [one.reason for one in record.failures] == ["cut off", "cut off"]
