import importlib
import logging
import os
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import Tracker
from distillrun.records import Json
from distillrun.tracking.jsonl import METRICS, Jsonl, RunLog, read_metrics
from distillrun.tracking.wandb import Wandb

CANARY = "canary" + "0" * 34
JOB = """
import logging, sys
from pathlib import Path
from distillrun.tracking.wandb import Wandb
logging.basicConfig(level=logging.INFO)
tracker = Wandb(project="demo", entity=None, mode="{mode}", group="sweep", tags=["tiny"], init_timeout_s=2)
tracker.start(Path(sys.argv[1]), "job", {{"training": {{"seed": 1}}}})
tracker.log({{"train/loss": 0.5}}, 1)
tracker.summary({{"test/accuracy": 0.25}})
tracker.table("predictions", ["question", "answer"], [["Where?", "here"]])
tracker.finish({succeeded})
"""


class Broken:
    """Fails in every method and remembers what was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self, folder: Path, name: str, config: Mapping[str, Json]) -> None:
        self.fail("start")

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self.fail("log")

    def summary(self, values: Mapping[str, Json]) -> None:
        self.fail("summary")

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None:
        self.fail("table")

    def finish(self, succeeded: bool) -> None:
        self.fail("finish")

    def fail(self, what: str) -> None:
        self.calls.append(what)
        raise OSError(f"no route to host in {what}")


def offline(mode: str = "offline") -> Wandb:
    return Wandb(project="demo", entity=None, mode=mode, group=None, tags=[], init_timeout_s=2)


def run_job(folder: Path, mode: str, succeeded: bool, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    home = {"HOME": str(folder), "NETRC": str(folder / "netrc"), "WANDB_BASE_URL": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-c", JOB.format(mode=mode, succeeded=succeeded), str(folder), f"key={CANARY}"],
        env={**kept, **home, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )


def stored_records(folder: Path) -> list[Any]:
    """Return the records of the one offline run, read from wandb's file: a LevelDB log of protobuf messages."""
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    data, position, message = file.read_bytes(), 7, b""
    records = []
    while position < len(data):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        size, part = struct.unpack_from("<xxxxHB", data, position)
        message += data[position + 7 : position + 7 + size]
        position += 7 + size
        if part in (1, 4):  # whole, or the last part
            records.append(importlib.import_module("wandb.proto.wandb_internal_pb2").Record.FromString(message))
            message = b""
    return records


def stored_text(folder: Path) -> str:
    return "\n".join(str(record) for record in stored_records(folder))


def test_both_trackers_keep_the_protocol() -> None:
    assert isinstance(Jsonl(), Tracker)
    assert isinstance(offline(), Tracker)
    assert isinstance(RunLog(Jsonl()), Tracker)


def test_metrics_are_lines_with_step_and_time(tmp_path: Path) -> None:
    run_log = RunLog(Jsonl())
    run_log.start(tmp_path, "job", {})
    before = time.time()
    run_log.log({"train/loss": 2.5}, step=1)
    run_log.log({"train/loss": float("nan"), "dev/accuracy": 0.5}, step=2)
    run_log.finish(succeeded=True)
    first, second = read_metrics(tmp_path / METRICS)
    assert (first["step"], first["train/loss"]) == (1, 2.5)
    assert isinstance(first["time"], float)
    assert abs(first["time"] - before) < 60
    assert second["train/loss"] is None
    assert second["dev/accuracy"] == 0.5


def test_a_failing_tracker_is_named_once_and_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = Broken()
    run_log = RunLog(broken)
    run_log.start(tmp_path, "job", {})
    run_log.log({"train/loss": 1.0}, 1)
    run_log.summary({})
    run_log.table("predictions", [], [])
    run_log.finish(succeeded=True)
    assert broken.calls == ["start", "finish"]
    assert len(caplog.messages) == 1
    assert "Broken failed in start (OSError: no route to host in start)" in caplog.messages[0]
    assert len(read_metrics(tmp_path / METRICS)) == 1


@pytest.mark.parametrize("succeeded", [True, False])
def test_wandb_records_offline_and_finishes(tmp_path: Path, succeeded: bool) -> None:
    run_job(tmp_path, "auto", succeeded)
    text = stored_text(tmp_path)
    for expected in ("train/loss", "test/accuracy", "training", "sweep", "tiny"):
        assert expected in text
    assert list(tmp_path.glob("wandb/offline-run-*/files/media/table/*.json"))
    exits = [record.exit.exit_code for record in stored_records(tmp_path) if record.HasField("exit")]
    assert exits == [0 if succeeded else 1]


@pytest.fixture(scope="module")
def unreachable(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """Folder, output and seconds of a job that has a key but no network."""
    folder = tmp_path_factory.mktemp("unreachable")
    started = time.monotonic()
    job = run_job(folder, "auto", True, WANDB_API_KEY=CANARY)
    return folder, job.stdout + job.stderr, time.monotonic() - started


def test_a_key_without_network_goes_offline_within_seconds_with_one_warning(
    unreachable: tuple[Path, str, float],
) -> None:
    folder, output, seconds = unreachable
    assert seconds < 30
    assert output.count("recorded offline") == 1
    assert "train/loss" in stored_text(folder)
    assert not list(folder.glob("wandb/run-*"))


def test_no_file_and_no_output_holds_the_key(unreachable: tuple[Path, str, float]) -> None:
    folder, output, _ = unreachable
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 2
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in output


def test_online_without_a_key_never_prompts(tmp_path: Path) -> None:
    job = run_job(tmp_path, "online", True)
    assert "wandb has no key" in job.stderr
    assert "train/loss" in stored_text(tmp_path)


def test_wandb_fails_inside_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    run_log = RunLog(offline())
    run_log.start(tmp_path, "job", {})
    run_log.log({"train/loss": 1.0}, 1)
    run_log.finish(succeeded=False)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert len(read_metrics(tmp_path / METRICS)) == 1


def test_wandb_is_imported_where_it_is_used() -> None:
    code = "import sys; from distillrun.tracking import wandb, jsonl; raise SystemExit('wandb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_mode_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"tracking\.mode=ofline .* \(did you mean 'offline'\?\)"):
        offline("ofline")
