"""What the teacher writes, its own answers among it."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from distillrun.artifacts.meaning import with_meanings
from distillrun.errors import ConfigError
from distillrun.pipeline.stages.training_data import training_data_of
from distillrun.records import Rationale
from tests.leaves import EXAMPLE, RECORD, leaf, made

DECODES = replace(
    RECORD,
    rationales=(
        Rationale("Ovens are warm.", "", 0, "factual", "initial"),
        Rationale("A library lends.", "", 1, "factual", "initial"),
        Rationale("Revised.", "", 1, "factual", "revised"),
        Rationale("Rivers.", "", 2, "counterfactual", "initial"),
    ),
)


def texts(decodes: str, seed: int = 0) -> list[str]:
    task: Any = made("task", "multiple_choice", folder="unused")
    objective = made("objective", "sequence_level", decodes=decodes)
    pairs = objective.targets(EXAMPLE, DECODES, task, seed)
    return ["".join(segment.text for segment in pair.target) for pair in pairs]


def test_all_decodes_are_learnt_with_the_teacher_s_own_answers() -> None:
    first, second = texts("all")
    assert "oven" in first
    assert "Ovens are warm." in first
    assert "library" in second


def test_one_decode_is_drawn_for_each_step() -> None:
    assert {texts("one", seed)[0] for seed in range(20)} == set(texts("all"))


def test_cross_entropy_on_samples_is_the_forward_kl_to_their_frequencies() -> None:
    """Up to the entropy of the frequencies, which has no gradient."""
    logits = torch.randn(4, dtype=torch.float64, requires_grad=True)
    samples = torch.tensor([0, 0, 3, 2])
    nll = torch.nn.functional.cross_entropy(logits.expand(4, 4), samples)
    frequencies = torch.bincount(samples, minlength=4) / 4
    kl = torch.nn.functional.kl_div(logits.log_softmax(0), frequencies.double(), reduction="sum")
    (one,) = torch.autograd.grad(nll, logits)
    (other,) = torch.autograd.grad(kl, logits)
    torch.testing.assert_close(one, other)


def test_a_revision_is_no_decode() -> None:
    with pytest.raises(ConfigError, match="a decode is what the teacher wrote at first"):
        made("objective", "sequence_level", texts=leaf("objective", "rationale_answer", rationale="revised"))


OWN = replace(
    RECORD,
    rationales=(
        Rationale("Libraries lend.", "", 1, "counterfactual", "initial", "forward"),
        Rationale("Told to argue.", "", 2, "counterfactual", "initial", "counterfactual"),
    ),
)


def test_wrong_decodes_are_learnt_where_they_are_asked_for() -> None:
    task: Any = made("task", "multiple_choice", folder="unused")
    objective = made("objective", "sequence_level", decodes="all", wrong=True)
    (pair,) = objective.targets(EXAMPLE, OWN, task, 0)
    assert "library" in "".join(segment.text for segment in pair.target)
    assert "wrong decodes" in objective.needs


def test_a_question_that_the_teacher_never_answered_rightly_is_trained_on_then() -> None:
    examples, records = [EXAMPLE, EXAMPLE], [OWN, DECODES]
    for wrong, count in ((False, 1), (True, 2)):
        objective = made("objective", "sequence_level", wrong=wrong)
        assert len(training_data_of(objective, examples, [], records).train) == count


def test_results_from_before_there_was_the_setting_stay_valid() -> None:
    settings = leaf("objective", "sequence_level")
    made("objective", "sequence_level")  # hashed after it is built
    assert "wrong" not in with_meanings(settings)  # type: ignore[operator]
    assert with_meanings(settings | {"wrong": True})["wrong"] is True  # type: ignore[call-overload, index]
