"""The paper's students on CommonsenseQA with the recorded rationales of LLaMA-2-13B, a few steps of each."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.runs import run_small

pytestmark = pytest.mark.realdata


def recorded(shared_data: Path) -> list[str]:
    return [
        "task=commonsenseqa",
        f"task.folder={shared_data / 'cqa'}",
        "teacher=recorded",
        f"teacher.folder={shared_data / 'llama2-13b-outputs' / 'cqa-train'}",
        "generation=recorded",
        "training.max_steps=3",
        "training.warmup_steps=0",
    ]


@pytest.mark.parametrize("student", ["tiny_t5", "tiny_qwen"])
def test_the_combined_objective_trains_on_the_revised_rationales(
    student: str, shared_data: Path, tmp_path: Path
) -> None:
    result: Any = run_small(
        tmp_path / "run",
        *recorded(shared_data),
        "task.limit=64",
        f"student={student}",
        "objective=multitask_counterfactual",
        "objective.rationale=revised",
    )
    assert result["status"] == "done"
    assert result["data"]["recordings"]["joined"] == 64
    assert result["data"]["recordings"]["missing"] == 0
    assert result["data"]["rationales"]["revised"]["examples"] == 64 - result["data"]["recordings"].get(
        "revised: empty", 0
    )
    assert result["data"]["rationales"]["counterfactual"]["rationales"] > 4 * 64 * 0.8
    losses = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {"train/loss/predict", "train/loss/explain", "train/loss/factual", "train/loss/counterfactual"} <= set(
        losses[-2]
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What runs on one data share."""
    return tmp_path_factory.mktemp("store")


@pytest.mark.slow
@pytest.mark.parametrize(("size", "steps", "most"), [(16, 8, 1.2), (64, 2, 1.08)])
def test_little_of_a_step_is_padding(
    size: int, steps: int, most: float, shared_data: Path, store: Path, tmp_path: Path
) -> None:
    result: Any = run_small(
        tmp_path / "run",
        *recorded(shared_data),
        "task.limit=600",
        "student=tiny_t5",
        "student.width=8",
        "student.heads=2",
        "student.feed_forward_width=8",
        "student.layers=1",
        "objective=multitask_counterfactual",
        "objective.rationale=revised",
        f"training.examples_per_step={size}",
        f"training.max_steps={steps}",
        "training.dev_examples=4",
        "until=train",
        store=store,
    )
    assert result["training"]["padding"] < most


def test_strategyqa_trains_through_multiple_choice(shared_data: Path, tmp_path: Path) -> None:
    outputs = shared_data / "llama2-13b-outputs"
    result: Any = run_small(
        tmp_path / "run",
        "experiment=strategyqa",
        f"task.folder={outputs}",
        f"teacher.folder={{train: {outputs / 'strategyqa-train'}, test: {outputs / 'strategyqa-test'}}}",
        "objective=multitask_counterfactual",
    )
    assert result["status"] == "done"
    assert result["data"]["recordings"]["missing"] == 0
