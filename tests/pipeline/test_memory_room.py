"""A training that cannot fit is refused before anything is asked, and a plan says what one takes."""

from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from distillrun.pipeline.memory_room import check_memory, memory_to_train
from distillrun.pipeline.run import run
from distillrun.planning.making import make_plan
from distillrun.planning.text import plan_text
from tests.end_to_end.runs import experiment

HUGE = (
    "student=tiny_qwen",
    "student.width=32768",
    "student.heads=64",
    "student.feed_forward_width=131072",
    "student.layers=2",
)


def test_a_training_that_cannot_fit_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    store = tmp_path / "store"
    huge = experiment(store, *HUGE)
    (tmp_path / "run").mkdir()
    with pytest.raises(ConfigError, match=r"about \d+\.\d GB of memory \(weights .*cpu has .* free; lower") as refused:
        run(huge, tmp_path / "run")
    for cure in ("training.micro_batch_tokens (now 16384)", "student.lora", "runtime.check_memory=false"):
        assert cure in str(refused.value)
    assert not store.exists()
    assert [*(tmp_path / "run").iterdir()] == []
    with pytest.raises(ConfigError, match=r"runtime\.check_memory=false"):
        make_plan(huge)
    check_memory(experiment(store, *HUGE, "runtime.check_memory=false"))
    check_memory(experiment(store, *HUGE, "until=generate"))


def test_a_plan_says_what_a_training_takes(tmp_path: Path) -> None:
    store = tmp_path / "store"
    prepared = experiment(store)
    made = make_plan(prepared)
    (train,) = [stage for stage in made.stages if stage.name == "train"]
    found = memory_to_train(prepared)
    assert found is not None
    assert train.memory == found.sizes()
    assert found.peak == sum(size for name, size in found.sizes().items() if name != "peak") > 5 * found.weights > 0
    assert "train: takes about" in plan_text(made)
    assert all(stage.memory is None for stage in make_plan(experiment(store, "until=generate")).stages)
