"""A config that lies in a folder decides nothing: neither what is built nor what may be."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from distillrun.cli import main
from distillrun.config.compose import config_of
from distillrun.config.settings import plain
from distillrun.sweep.finishing import finish
from distillrun.sweep.job import Job, write_job

MARKER = "marker"
CONFIG = config_of(["tracking=jsonl"])


def hostile(**changed: Any) -> str:
    """Return the config of a run whose tracker, once built, writes a file, and which permits that by itself."""
    settings = plain(CONFIG)
    settings["tracking"] = {"_target_": "logging.FileHandler", "filename": MARKER}
    settings["runtime"]["allow_targets"] = ["logging"]
    return yaml.safe_dump({**settings, **changed})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_end_of_a_sweep_builds_what_the_command_line_chose(here: Path) -> None:
    for name in ("000_own", "zzz_strange"):
        (here / "sweep" / name).mkdir(parents=True)
        write_job(Job(0, str(here / "sweep" / name), (), "failed", 1, 0.0))
        (here / "sweep" / name / "config.yaml").write_text(hostile(), encoding="utf-8")
    finish(here / "sweep", CONFIG, complete=True)
    assert (here / "sweep" / "report.html").is_file()
    assert not (here / MARKER).exists()


@pytest.mark.parametrize("group", ["task", "objective", "student"])
def test_predict_builds_nothing_that_a_run_folder_permits_itself(
    group: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "run" / "student").mkdir(parents=True)
    part = {"_target_": "logging.FileHandler", "filename": MARKER}
    (here / "run" / "config.yaml").write_text(hostile(**{group: part}), encoding="utf-8")
    assert main(["predict", "run", "Where?", "--choices", "here", "there"]) == 2
    assert f"{group}._target_=logging.FileHandler is not allowed" in capsys.readouterr().err
    assert not (here / MARKER).exists()


def test_a_report_builds_nothing(here: Path) -> None:
    (here / "run").mkdir()
    (here / "run" / "config.yaml").write_text(hostile(), encoding="utf-8")
    (here / "run" / "result.json").write_text(json.dumps({"status": "done", "scores": {}}), encoding="utf-8")
    main(["report", "run"])
    assert not (here / MARKER).exists()


@pytest.mark.parametrize("words", [["until=load"], ["plan"], ["-m", "training.seed=0,1", "until=load"]])
def test_no_file_permits_modules(words: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "conf" / "experiment").mkdir(parents=True)
    text = "# @package _global_\nruntime: {allow_targets: [logging]}\n"
    (here / "conf" / "experiment" / "evil.yaml").write_text(text, encoding="utf-8")
    assert main([*words, "--config-dir", "conf", "experiment=evil", "tracking=jsonl"]) == 2
    assert "runtime.allow_targets would let a file run any code" in capsys.readouterr().err
    assert [file.name for file in here.iterdir()] == ["conf"]
