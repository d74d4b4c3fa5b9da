"""The train stage: what is asked of it at its very end."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

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
