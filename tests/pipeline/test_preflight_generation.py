"""Generation steps that cannot work together are refused before anything is asked."""

from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from tests.end_to_end.runs import experiment

REVISED = ("objective=rationale_answer", "objective.rationale=revised")


def test_steps_in_an_order_that_cannot_work_are_refused(tmp_path: Path) -> None:
    steps = "generation=[revision,critique,few_shot_rationale]"
    with pytest.raises(ConfigError, match="put few_shot_rationale before revision") as refused:
        experiment(tmp_path, steps, *REVISED)
    assert "put critique before revision" in str(refused.value)


def test_steps_may_stand_in_any_order_that_works(tmp_path: Path) -> None:
    experiment(tmp_path, "generation=[counterfactual,few_shot_rationale,critique,revision]", *REVISED)


def test_a_kind_that_no_step_makes_is_named_with_the_steps_as_they_were_written(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"needs revised rationales, but generation=\[few_shot_rationale\] makes only"
    ):
        experiment(tmp_path, "generation=[few_shot_rationale]", *REVISED)
