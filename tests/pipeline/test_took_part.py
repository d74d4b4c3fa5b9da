"""A page names what took part in its run, although a config chooses an option of every group."""

from pathlib import Path

import pytest

from distillrun.artifacts import ArtifactStore
from distillrun.pipeline.graph import graph_of
from distillrun.pipeline.took_part import WHITE_BOX, options_in_use
from tests.end_to_end.runs import experiment
from tests.end_to_end.taught import words_for, write_teacher

TEXTS = "objective@objective.texts"
ALWAYS = {"task", "runtime", "tracking"}
TRAINED = ALWAYS | {"objective", "student", "training", "evaluation"}


@pytest.fixture(scope="module")
def white_box(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return words_for("forward_kl", write_teacher(tmp_path_factory.mktemp("teacher") / "run"))


def in_use(folder: Path, *words: str) -> dict[str, object]:
    prepared = experiment(folder, *words)
    return {**options_in_use(prepared, graph_of(prepared, ArtifactStore(folder)))}


def test_a_run_without_questions_to_a_teacher_names_none(tmp_path: Path) -> None:
    assert in_use(tmp_path, "objective=label_only").keys() == TRAINED
    assert in_use(tmp_path, "objective=label_only", "until=load").keys() == ALWAYS
    asked = in_use(tmp_path, "objective=label_only", "evaluation.baselines=true")
    assert asked.keys() == TRAINED | {"teacher"}


def test_only_the_steps_and_rules_that_run_are_named(tmp_path: Path) -> None:
    found = in_use(tmp_path, "objective=multitask", "generation=[few_shot_rationale,counterfactual]")
    assert found.keys() == TRAINED | {"teacher", "generation"}
    assert (found["generation"], found["evaluation"]) == (["few_shot_rationale"], ["generated_answer"])
    ended = in_use(tmp_path, "until=generate", "generation=[few_shot_rationale,counterfactual]")
    assert ended.keys() == ALWAYS | {"teacher", "generation"}
    assert ended["generation"] == ["few_shot_rationale", "counterfactual"]


def test_a_white_box_teacher_is_named_in_place_of_one_that_nobody_asks(white_box: list[str], tmp_path: Path) -> None:
    assert in_use(tmp_path, *white_box).keys() == TRAINED | {WHITE_BOX, TEXTS}
    assert in_use(tmp_path, *white_box, "until=load").keys() == ALWAYS
