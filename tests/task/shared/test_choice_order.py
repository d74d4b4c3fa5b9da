"""Choices whose right one always stands at one place are warned of, and can be shuffled."""

import logging
from collections import Counter
from typing import Any

import pytest

from distillrun.records import Example, place
from distillrun.task.shared.choice_order import shuffled, warn_of_one_place

EXAMPLES = [Example(f"q{n}", "?", (f"w{n}", f"x{n}", f"y{n}", f"z{n}"), 3) for n in range(400)]


def test_an_order_is_drawn_by_seed_and_id_and_keeps_the_right_answer() -> None:
    found = [shuffled(example, 0) for example in EXAMPLES]
    assert [one.choices[place(one.answer or 0)] for one in found] == [example.choices[3] for example in EXAMPLES]
    assert all(80 < count < 120 for count in Counter(one.answer for one in found).values())
    assert found == [shuffled(example, 0) for example in EXAMPLES]
    assert found != [shuffled(example, 1) for example in EXAMPLES]
    assert shuffled(Example("q", "?", ("a", "b"), None), 0).answer is None


@pytest.mark.parametrize(
    ("examples", "warned"),
    [
        (EXAMPLES, True),
        (EXAMPLES[:19], False),
        ([*EXAMPLES[:20], Example("q", "?", ("a", "b"), 0)], False),
        ([Example(f"q{n}", "?", ("yes", "no"), 0) for n in range(30)], False),
    ],
)
def test_one_place_for_all_right_answers_is_warned_of(
    examples: list[Example], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_one_place(examples, "task.shuffle_choices=true")
    told: Any = "the right answer is choice 4 of every question"
    assert (told in caplog.text) == warned
