"""A store that commit 78590cc filled: today's code reuses what was right, and makes again what was wrong."""

import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from distillrun.config.compose import config_of
from distillrun.plan.making import make_plan
from distillrun.run.experiment import prepare
from tests.old_store import runs_of

DATA = Path(__file__).parent / "data" / "store_78590cc"
RUNS = runs_of(DATA / "runs.yaml")

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
"""Run -> the stages that are made again, each with the reason; what hangs on a student goes with it."""

CHANGED_EVERYWHERE = {
    "generated_answer",  # letters came before a choice's own text
    "choice_likelihood",  # choices that read alike are one
    "letter_likelihood",
    "calibration",
    "self_consistency",
    "explanation_text",
    "rationale_swap",
    "rationale_perturbation",
    "answer_explanation_agreement",
}
"""What is made again of every run's student, each with the reason."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(DATA / "store.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def made_again(roots: Iterable[str], planned: Iterable[str]) -> set[str]:
    """Return the stages of a plan that are to do where these are: the roots, and what hangs on a student."""
    roots = set(roots)
    told = {name for name in planned if "evaluate/" in name}
    changed = {name for name in told if name.rpartition("/")[2] in CHANGED_EVERYWHERE}
    hanging = {name for name in told if "train" in roots and name.startswith("evaluate/")}
    return (roots & set(planned)) | changed | hanging


def test_every_run_that_changed_is_there() -> None:
    assert len(RUNS) > 30
    assert CHANGED.keys() < RUNS.keys()


@pytest.mark.parametrize("name", RUNS)
def test_what_was_right_is_reused_and_what_was_wrong_is_not(
    name: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store)
    plan = make_plan(prepare(config_of([*RUNS[name], "paths.store=artifacts"])))
    states = {stage.name: stage.state for stage in plan.stages}
    assert len(states) >= 4
    again = {stage for stage, state in states.items() if state != "cached"}
    assert again == made_again(CHANGED.get(name, ()), states)
