"""Stores that older commits filled: today's code reuses what was right, and makes again what was wrong."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from distillrun.pipeline.experiment import prepare
from distillrun.planning.making import make_plan
from tests.end_to_end.runs import composed
from tests.old_store import opened, runs_in

CHANGED: dict[str, set[str]] = {
    "adaptive_kl_tail": {"train"},  # its likeliest id was in the tail
    "on_policy_adaptive_kl_tail": {"train"},
    "sum_with_adaptive_kl_tail": {"train"},
    "adaptive_off_policy": {"train"},  # its threshold followed another rule
    "on_policy_taid": {"train"},  # a step of written targets alone destroyed its momentum
    "speculative_taid": {"train"},
    "counterfactual_in_decoder": {"train"},  # the words before the answer were learnt, too
    "multitask_counterfactual_in_decoder": {"train"},
    "everything_measured": {"train"},  # its objective is counterfactual
    "label_only_best": {"train"},  # chosen by how its answers were read: letters came before a choice's own text
    "preference_of_samples": {"train"},
    "sequence_level_of_one_answer": {"generate/chain_of_thought", "train"},
    "rationales_by_self_consistency": {"generate/self_consistency", "train"},
    "rationales_by_star": {"generate/star", "train"},
    "judged_by_itself": {"generate/self_consistency", "generate/self_evaluation", "train"},
    "expansion": {"generate/expansion"},
}
"""Run of 78590cc -> the stages that are made again, each with the reason; what hangs on a student goes with it."""

CHANGED_EVERYWHERE = {
    "generated_answer",  # letters came before a choice's own text
    "choice_likelihood",  # choices with equal texts are one
    "letter_likelihood",
    "calibration",
    "self_consistency",
    "explanation_text",
    "rationale_swap",
    "rationale_perturbation",
    "answer_explanation_agreement",
}
"""What is made again of the student of every run of 78590cc, each with the reason."""

CHANGED_SINCE: dict[str, set[str]] = {}
"""The same for the runs of 385c898."""

CHANGED_EVERYWHERE_SINCE: set[str] = {
    "generated_answer",  # scripts without blanks between words are read, and what looks at the answers hangs on them
    "calibration",  # its intervals are less the bootstrap's bias
    "self_consistency",
    "answer_explanation_agreement",
    "cost",
    "letter_likelihood",  # a blank stands between prompt and letter where plain text is read
    "explanation_text",
    "judge",
    "las",
    "qualitative",
    "rationale_perturbation",
    "rationale_swap",
    "response_similarity",
}
"""The same for the students of 385c898."""

STORES = {
    "78590cc": (CHANGED, CHANGED_EVERYWHERE),
    "385c898": (CHANGED_SINCE, CHANGED_EVERYWHERE_SINCE),
}
RUNS = [(commit, name) for commit in STORES for name in runs_in(commit)]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {commit: opened(commit, tmp_path_factory.mktemp(commit)) for commit in STORES}


def made_again(roots: Iterable[str], everywhere: Iterable[str], planned: Iterable[str]) -> set[str]:
    """Return the stages of a plan that are to do where these are: the roots, and what hangs on a student."""
    roots = set(roots)
    told = {name for name in planned if "evaluate/" in name}
    changed = {name for name in told if name.rpartition("/")[2] in everywhere}
    hanging = {name for name in told if "train" in roots and name.startswith("evaluate/")}
    return (roots & set(planned)) | changed | hanging


def test_every_run_that_changed_is_there() -> None:
    assert len(RUNS) > 40
    for commit, (changed, _) in STORES.items():
        assert changed.keys() < runs_in(commit).keys()


@pytest.mark.parametrize(("commit", "name"), RUNS)
def test_what_was_right_is_reused_and_what_was_wrong_is_not(
    commit: str, name: str, stores: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stores[commit])
    plan = make_plan(prepare(composed(*runs_in(commit)[name], "paths.store=artifacts")))
    states = {stage.name: stage.state for stage in plan.stages}
    assert len(states) >= 4
    again = {stage for stage, state in states.items() if state != "cached"}
    changed, everywhere = STORES[commit]
    assert again == made_again(changed.get(name, ()), everywhere, states)
