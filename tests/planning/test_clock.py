"""How long a plan says that stages take, against how long they then take."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from distillrun.artifacts import ArtifactStore
from distillrun.commands.plan import plan
from distillrun.config.build import build_parts
from distillrun.config.compose import config_of
from distillrun.planning.timing import BUSY, Timed, span_of
from tests.end_to_end.runs import SMALL, run_small

amounts = st.floats(0.01, 5.0)


@given(st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=4), st.floats(0, 9))
def test_whatever_each_part_of_a_time_costs_the_span_holds_it(
    parts: list[tuple[float, float, float]], fixed: float
) -> None:
    """Each part has a cost a unit, and how many units were, and will be, needed."""
    before = Timed(
        sum(cost * was for cost, was, _ in parts), fixed, {str(n): was for n, (_, was, _) in enumerate(parts)}, ""
    )
    found = span_of([before], {str(n): will for n, (_, _, will) in enumerate(parts)})
    if found is not None:
        assert found.low_s * BUSY <= (fixed + sum(cost * will for cost, _, will in parts)) * (1 + 1e-9)
        assert found.high_s / BUSY >= (fixed + sum(cost * will for cost, _, will in parts)) * (1 - 1e-9)


def test_the_stage_that_narrows_it_down_most_counts_and_none_that_says_nothing() -> None:
    small = Timed(1.0, 0.0, {"steps": 1, "tokens": 1}, "small")
    alike = Timed(40.0, 2.0, {"steps": 50, "tokens": 400}, "alike")
    found = span_of([small, alike], {"steps": 100, "tokens": 1000})
    assert found is not None
    assert found.basis == "alike"
    assert (found.low_s * BUSY, found.high_s / BUSY) == pytest.approx((82.0, 102.0))
    assert span_of([small], {"steps": 100, "tokens": 10_000}) is None
    assert span_of([], {"steps": 1}) is None


def planned(store: Path, capsys: pytest.CaptureFixture[str], *settings: str) -> dict[str, Any]:
    words = [word for word in SMALL if word.split("=")[0] not in {one.split("=")[0] for one in settings}]
    assert plan(["--json", *words, f"paths.store={store}", *settings]) == 0
    return {stage["name"]: stage for stage in json.loads(capsys.readouterr().out)["stages"]}


@pytest.fixture
def clock_of_work(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that the multiplications of models drive, so that a busy machine changes no time."""
    done = [0]

    def count(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        if isinstance(module, nn.Linear):
            done[0] += made.numel() * module.in_features

    hook = register_module_forward_hook(count)
    monkeypatch.setattr(time, "perf_counter", lambda: 1e-9 * done[0])
    yield
    hook.remove()


@pytest.mark.usefixtures("clock_of_work")
def test_a_longer_run_with_larger_steps_takes_as_long_as_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    run_small(tmp_path / "first", "training.max_steps=30", "task.limit=60", store=store)
    larger = ["training.max_steps=120", "training.examples_per_step=12", "task.limit=180", "student.width=64"]
    foreseen = planned(store, capsys, *larger)
    run_small(tmp_path / "second", *larger, store=store)
    took = planned(store, capsys, *larger)
    for name in ("train", "evaluate/generated_answer"):
        about = foreseen[name]["about"]
        assert about["low_s"] <= took[name]["took_s"] <= about["high_s"], (name, about, took[name]["took_s"])
        assert about["high_s"] < 12 * about["low_s"]
    assert foreseen["train"]["about"]["basis"].startswith("30 steps of 4 with ")


def test_nothing_is_said_of_what_was_never_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "store"
    run_small(tmp_path / "first", "training.max_steps=3", store=store)
    assert planned(store, capsys, "training.max_steps=4")["train"]["about"] is not None
    # far more work than was timed, another kind of objective, another precision
    for settings in (["training.max_steps=5000", "training.examples_per_step=64"], ["objective=label_only"]):
        assert planned(store, capsys, *settings)["train"]["about"] is None
    assert planned(store, capsys, "training.precision=bf16")["train"]["about"] is None
    assert plan([*SMALL, f"paths.store={store}", "training.max_steps=5000"]) == 0
    table = capsys.readouterr().out
    assert [line.split()[-1] for line in table.splitlines() if line.startswith("train ")] == ["unknown"]
    # a store of earlier versions notes no device
    (made,) = ArtifactStore(store).made("train")
    noted = json.loads((made.folder / "training.json").read_text())
    del noted["device"]
    (made.folder / "training.json").write_text(json.dumps(noted))
    assert planned(store, capsys, "training.max_steps=4")["train"]["about"] is not None


@pytest.mark.parametrize("student", ["tiny_qwen", "tiny_t5"])
def test_weights_are_counted_without_being_made(student: str, tmp_path: Path) -> None:
    made = build_parts(config_of([f"student={student}"])).student
    model = made.build(0)
    count = sum(weight.numel() for weight in model.module.parameters())
    assert made.weights() == count
    model.save(tmp_path / "saved")
    stored = build_parts(config_of(["student=t5_base", f"student.checkpoint={tmp_path / 'saved'}"])).student
    assert stored.weights() == count
