"""What a kill left is damaged before the run goes on: it says so, and ends with the bytes of an undisturbed run."""

from pathlib import Path
from typing import Any

import pytest

from distillrun.files.jsonl import write_records
from distillrun.pipeline.stages import evaluate
from distillrun.training.loop import Trainer
from tests.damage import DAMAGES
from tests.end_to_end.runs import run_small, student_bytes

WORDS = (
    "objective=label_only",
    "training.save_every=2",
    "training.eval_every=2",
    "training.keep=best",
    "training.log_every=3",
    "student.dropout=0.1",
    "student=tiny_t5",
)

LEFT = ("checkpoint-*/progress.json", "checkpoint-*/optimizer.safetensors", "best-*/weights.safetensors")
"""What a training resumes from. `tests/training/test_checkpoint.py` damages each of its files in every way."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    run_small(folder, *WORDS)
    return folder


def made(store: Path) -> dict[str, bytes]:
    """Return every file that the run made and that holds no times, by its name in the store."""
    files = [file for file in sorted(store.glob("*/*/**/*")) if file.is_file()]
    timed = ("manifest.json", "training.json", "speed.jsonl")
    return {str(file.relative_to(store)): file.read_bytes() for file in files if file.name not in timed}


@pytest.mark.parametrize(("name", "damage"), list(zip(LEFT * 2, DAMAGES, strict=True)))
def test_a_damaged_checkpoint_costs_its_steps_alone(
    name: str, damage: str, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, store = Trainer._step, tmp_path / "store"

    def dies(self: Trainer, number: int) -> float:
        if number == 5:
            raise RuntimeError("pulled the plug")
        return step(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", dies)
        with pytest.raises(RuntimeError, match="plug"):
            run_small(tmp_path / "run", *WORDS, store=store)
    (file,) = store.glob(f"train/*.partial/scratch/{name}")
    DAMAGES[damage](file)
    run_small(tmp_path / "again", *WORDS, store=store)
    assert "set aside" in (tmp_path / "again" / "run.log").read_text()
    assert student_bytes(tmp_path / "again") == student_bytes(undisturbed)
    assert made(store) == made(undisturbed / "store")


@pytest.mark.parametrize("damage", ["torn", "flipped"])
def test_damaged_answers_are_asked_again(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    run_small(tmp_path / "undisturbed", *WORDS)
    store = tmp_path / "store"

    def dies(file: Path, rows: Any) -> None:
        if file.name == "scores.jsonl":
            raise RuntimeError("pulled the plug")
        write_records(file, rows)

    with monkeypatch.context() as patch:
        patch.setattr("distillrun.pipeline.stages.evaluate.write_records", dies)
        with pytest.raises(RuntimeError, match="plug"):
            run_small(tmp_path / "run", *WORDS, store=store)
    first, second, *_ = sorted(store.glob("evaluate-*/*.partial/scratch/*/predictions.jsonl"))
    DAMAGES[damage](second)
    run_small(tmp_path / "again", *WORDS, store=store)
    assert (
        f"{second.parent.name}: predictions.jsonl has changed since it was written"
        in (tmp_path / "again" / "run.log").read_text()
    )
    assert made(store) == made(tmp_path / "undisturbed" / "store")
    assert first.parent.name == "00000000"
