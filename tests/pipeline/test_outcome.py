"""What a run says of its scores."""

import pytest

from distillrun.config.compose import config_of
from distillrun.pipeline.outcome import Outcome
from distillrun.records import Score


@pytest.mark.parametrize(("unparsed", "is_told"), [(1.0, True), (0.9, True), (0.5, False)])
def test_a_student_that_has_not_learnt_to_write_is_told_of(unparsed: float, is_told: bool) -> None:
    outcome = Outcome(config_of([]), {})
    outcome.scores |= {"test/unparsed": Score("test/unparsed", unparsed, 40, 0.4, 1.0)}
    *scores, last = outcome.shown().splitlines()
    assert ("has not learnt to write answers" in last) is is_told
    assert len(scores) == is_told
    if is_told:
        assert last.startswith(f"{100 * unparsed:.0f} % of what the student wrote names no choice")
        for cure in ("training.max_steps", "student=t5_base", "evaluation=[choice_likelihood]"):
            assert cure in last
