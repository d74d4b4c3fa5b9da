"""The train stage: what is asked of it at its very end."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from distillrun.training import checkpoint, loop
from tests.end_to_end.runs import run_small


def test_ctrl_c_after_the_last_step_ends_the_run_and_loses_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_best = checkpoint.load_best

    def interrupted(*given: Any) -> None:
        load_best(*given)
        os.kill(os.getpid(), signal.SIGINT)

    words = ("training.keep=best", "training.eval_every=3")
    store = tmp_path / "store"
    monkeypatch.setattr(loop, "load_best", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path / "first", *words, store=store)
    assert '"status": "interrupted"' in (tmp_path / "first" / "result.json").read_text(encoding="utf-8")
    result: Any = run_small(tmp_path / "second", *words, store=store)
    assert result["status"] == "done"
    assert result["stages"]["train"]["cached"] is True


def test_a_training_in_bf16_keeps_its_weights_in_float32_and_is_a_stage_of_its_own(tmp_path: Path) -> None:
    words = ("objective=label_only", "until=train", "training.max_steps=2")
    store = tmp_path / "store"
    run_small(tmp_path / "plain", *words, store=store)
    short: Any = run_small(tmp_path / "short", *words, "training.precision=bf16", store=store)
    assert short["stages"]["train"]["cached"] is False
    weights = [load_file(tmp_path / name / "student" / "model.safetensors") for name in ("plain", "short")]
    for name, weight in weights[1].items():
        assert weight.dtype is torch.float32
        assert torch.allclose(weight, weights[0][name], atol=0.02)
    assert any(not torch.equal(weight, weights[0][name]) for name, weight in weights[1].items())
