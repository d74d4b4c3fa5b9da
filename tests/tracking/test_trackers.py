import importlib
import importlib.util
import json
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import Kind, Status, TrackedRun, Tracker
from distillrun.records import Json
from distillrun.tracking.jsonl import METRICS, Jsonl, RunLog, read_metrics
from distillrun.tracking.mlflow import Mlflow
from distillrun.tracking.wandb import Wandb
from tests.command_line import Launcher, Running
from tests.end_to_end.runs import SMALL, run_small
from tests.files.test_csv_text import FORMULAS, every_cell, is_inert

CANARY = "canary" + "0" * 34
JOB = """
import logging, sys
from pathlib import Path
from distillrun.interfaces import TrackedRun
from distillrun.tracking.wandb import Wandb
logging.basicConfig(level=logging.INFO)
tracker = Wandb(project="demo", entity=None, mode="{mode}", group="sweep", tags=["tiny"],
    log_student=True, log_texts={texts}, init_timeout_s=2)
folder = Path(sys.argv[1])
config = {{"training": {{"seed": 1}}}}
tracker.start(TrackedRun(folder, "job", config, "experiment", "other", ("multitask",), folder.name))
tracker.log({{"train/loss": 0.5}}, 1)
tracker.summary({{"test/accuracy": 0.25}})
tracker.table("predictions", ["question", "answer"], [["Where?", "here"]])
(folder / "told.jsonl").write_text("{{}}")
tracker.files("teacher-data", "told-1", {{"told.jsonl": folder / "told.jsonl"}})
tracker.files("student", "student-1", {{"model/weights": folder / "told.jsonl"}})
tracker.finish("done" if {succeeded} else "failed")
"""


class Broken:
    """Fails in every method and remembers what was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self, run: TrackedRun) -> None:
        self.fail("start")

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self.fail("log")

    def summary(self, values: Mapping[str, Json]) -> None:
        self.fail("summary")

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None:
        self.fail("table")

    def files(self, kind: Kind, name: str, files: Mapping[str, Path]) -> None:
        self.fail("files")

    def finish(self, status: Status) -> None:
        self.fail("finish")

    def fail(self, what: str) -> None:
        self.calls.append(what)
        raise OSError(f"no route to host in {what}")


def offline(mode: str = "offline") -> Wandb:
    return Wandb(
        project="demo",
        entity=None,
        mode=mode,
        group=None,
        tags=[],
        log_student=False,
        log_texts=False,
        init_timeout_s=2,
    )


Job = Callable[..., str]
"""Run a job that wandb records, and return what it printed."""


@pytest.fixture(scope="module")
def run_job(command_lines: Launcher) -> Job:
    def run(folder: Path, mode: str, succeeded: bool, **environment: str) -> str:
        home = {"HOME": str(folder), "NETRC": str(folder / "netrc"), "WANDB_BASE_URL": "http://127.0.0.1:9"}
        program = JOB.format(mode=mode, succeeded=succeeded, texts="TEXTS" in environment)
        set_there = {name: value for name, value in {**home, **environment}.items() if value}
        job = command_lines.start((str(folder), f"key={CANARY}"), Path.cwd(), set_there, program=program)
        ended = job.end(900)
        assert ended.code == 0, ended.said
        return ended.said

    return run


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
    run_log.start(TrackedRun(tmp_path, "job", {}, "experiment", None, (), "id"))
    before = time.time()
    run_log.log({"train/loss": 2.5}, step=1)
    run_log.log({"train/loss": float("nan"), "dev/accuracy": 0.5}, step=2)
    run_log.finish("done")
    first, second = read_metrics(tmp_path / METRICS)
    assert (first["step"], first["train/loss"]) == (1, 2.5)
    assert isinstance(first["time"], float)
    assert abs(first["time"] - before) < 60
    assert second["train/loss"] is None
    assert second["dev/accuracy"] == 0.5


def test_a_run_that_goes_on_in_its_folder_holds_each_step_once(tmp_path: Path) -> None:
    """A training that goes on hands over what earlier sittings logged; one that ends before that loses nothing."""
    for sitting in ([4, 8], [4, 8, 10, 12], [], [4, 8, 10, 12, 14]):
        run_log = RunLog(Jsonl())
        run_log.start(TrackedRun(tmp_path, "job", {}, "experiment", None, (), "id"))
        for step in sitting:
            run_log.log({"train/loss": 1.0}, step)
        run_log.finish("done")
        if not sitting:
            assert [line["step"] for line in read_metrics(tmp_path / METRICS)] == [4, 8, 10, 12]
    assert [line["step"] for line in read_metrics(tmp_path / METRICS)] == [4, 8, 10, 12, 14]


def test_a_failing_tracker_is_named_once_and_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = Broken()
    run_log = RunLog(broken)
    run_log.start(TrackedRun(tmp_path, "job", {}, "experiment", None, (), "id"))
    run_log.log({"train/loss": 1.0}, 1)
    run_log.summary({})
    run_log.table("predictions", [], [])
    run_log.finish("done")
    assert broken.calls == ["start", "finish"]
    assert len(caplog.messages) == 1
    assert "Broken failed in start (OSError: no route to host in start)" in caplog.messages[0]
    assert len(read_metrics(tmp_path / METRICS)) == 1


@pytest.mark.parametrize("succeeded", [True, False])
def test_wandb_records_offline_and_finishes(tmp_path: Path, succeeded: bool, run_job: Job) -> None:
    run_job(tmp_path, "auto", succeeded, TEXTS="yes")
    text = stored_text(tmp_path)
    for expected in ("train/loss", "test/accuracy", "training", "sweep", "tiny"):
        assert expected in text
    assert list(tmp_path.glob("wandb/offline-run-*/files/media/table/*.json"))
    exits = [record.exit.exit_code for record in stored_records(tmp_path) if record.HasField("exit")]
    assert exits == [0 if succeeded else 1]
    (run,) = [record.run for record in stored_records(tmp_path) if record.HasField("run")][-1:]
    assert (run.run_group, run.job_type, list(run.tags)) == ("sweep", "experiment", ["multitask", "tiny"])


@pytest.fixture(scope="module")
def unreachable(tmp_path_factory: pytest.TempPathFactory, run_job: Job) -> tuple[Path, str, float]:
    """Folder, output and seconds of a job that has a key but no network."""
    folder = tmp_path_factory.mktemp("unreachable")
    started = time.monotonic()
    job = run_job(folder, "online", True, WANDB_API_KEY=CANARY)
    return folder, job, time.monotonic() - started


def test_a_key_without_network_goes_offline_within_seconds_with_one_warning(
    unreachable: tuple[Path, str, float],
) -> None:
    folder, output, seconds = unreachable
    assert seconds < 85  # wandb alone waits for 90
    assert output.count("recorded offline") == 1
    assert "train/loss" in stored_text(folder)
    assert not list(folder.glob("wandb/run-*"))


def test_no_file_and_no_output_holds_the_key(unreachable: tuple[Path, str, float]) -> None:
    folder, output, _ = unreachable
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 2
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in output


def test_online_without_a_key_never_prompts(tmp_path: Path, run_job: Job) -> None:
    job = run_job(tmp_path, "online", True)
    assert "wandb has no key" in job
    assert "train/loss" in stored_text(tmp_path)


@pytest.mark.parametrize(
    ("asked", "told", "expected"),
    [
        ("auto", {}, "offline"),
        ("auto", {"WANDB_API_KEY": CANARY}, "offline"),
        ("auto", {"WANDB_MODE": "online"}, "online"),
        ("auto", {"WANDB_MODE": "dryrun"}, "offline"),
        ("auto", {"WANDB_MODE": "shared"}, "offline"),
        ("auto", {"WANDB_MODE": "disabled"}, "disabled"),
        ("auto", {"WANDB_MODE": "online", "WANDB_DISABLED": "true"}, "disabled"),
        ("auto", {"WANDB_DISABLED": "false"}, "offline"),
        ("online", {}, "online"),
        ("online", {"WANDB_MODE": "online"}, "online"),
        ("online", {"WANDB_MODE": "offline"}, "offline"),
        ("online", {"WANDB_MODE": "disabled"}, "disabled"),
        ("online", {"WANDB_DISABLED": "1"}, "disabled"),
        ("offline", {"WANDB_MODE": "online"}, "offline"),
        ("offline", {"WANDB_MODE": "disabled"}, "disabled"),
    ],
)
def test_nothing_is_sent_unless_that_is_asked_for_and_nothing_forbids_it(
    asked: str, told: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert offline(asked)._mode() == expected


@contextmanager
def listening() -> Iterator[tuple[str, list[bytes]]]:
    """Yield the address of a server that answers nothing, and what was sent to it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(4096))

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heard


@pytest.mark.parametrize(
    "told", [{}, {"WANDB_MODE": "disabled"}, {"WANDB_DISABLED": "true"}, {"WANDB_MODE": "offline"}], ids=str
)
def test_a_key_alone_sends_nothing(told: dict[str, str], tmp_path: Path, run_job: Job) -> None:
    with listening() as (address, heard):
        run_job(tmp_path, "auto", True, WANDB_API_KEY=CANARY, WANDB_BASE_URL=address, **told)
        assert heard == []
    is_off = "disabled" in told.values() or "true" in told.values()
    assert bool(list(tmp_path.glob("wandb/offline-run-*"))) is not is_off


def test_the_server_that_hears_nothing_would_hear(tmp_path: Path, run_job: Job) -> None:
    with listening() as (address, heard):
        run_job(tmp_path, "auto", True, WANDB_API_KEY=CANARY, WANDB_BASE_URL=address, WANDB_MODE="online")
        waited_until = time.monotonic() + 120  # it is heard by a thread, after wandb's own process has started
        while not heard and time.monotonic() < waited_until:
            time.sleep(0.05)
        assert heard


def test_a_settings_file_in_the_current_folder_gets_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_job: Job
) -> None:
    (tmp_path / "strange" / "wandb").mkdir(parents=True)
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "strange")
    with listening() as (address, heard):
        settings = f"[default]\nbase_url = {address}\nentity = somebody\n"
        (tmp_path / "strange" / "wandb" / "settings").write_text(settings, encoding="utf-8")
        run_job(
            tmp_path / "run", "online", True, WANDB_API_KEY=CANARY, HTTPS_PROXY="http://127.0.0.1:9", WANDB_BASE_URL=""
        )
        assert heard == []
    assert "somebody" not in stored_text(tmp_path / "run")


def test_a_run_is_its_job_whatever_the_environment_says(tmp_path: Path, run_job: Job) -> None:
    strange = {"RUN_ID": "shared", "NAME": "shared", "RESUME": "must", "SWEEP_ID": "shared", "RUN_GROUP": "shared"}
    strange |= {"DIR": str(tmp_path / "elsewhere"), "JOB_TYPE": "shared", "TAGS": "shared", "NOTES": "shared"}
    told = {f"WANDB_{name}": value for name, value in strange.items()}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        run_job(tmp_path / name, "auto", True, **told)
        runs = [record.run for record in stored_records(tmp_path / name) if record.HasField("run")]
        assert {run.run_id for run in runs} == {name}
        assert "shared" not in stored_text(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


def test_texts_are_recorded_on_demand_only(tmp_path: Path, run_job: Job) -> None:
    run_job(tmp_path, "auto", True)
    text = stored_text(tmp_path)
    assert "train/loss" in text
    assert "student-1" in text
    assert "told-1" not in text
    assert not list(tmp_path.rglob("predictions*.json"))
    assert b"Where?" not in b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_wandb_fails_inside_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    run_log = RunLog(offline())
    run_log.start(TrackedRun(tmp_path, "job", {}, "experiment", None, (), "id"))
    run_log.log({"train/loss": 1.0}, 1)
    run_log.finish("failed")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert len(read_metrics(tmp_path / METRICS)) == 1


def test_wandb_is_imported_where_it_is_used() -> None:
    code = "import sys; from distillrun.tracking import wandb, jsonl; raise SystemExit('wandb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_mode_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"tracking\.mode=ofline .* \(did you mean 'offline'\?\)"):
        offline("ofline")


Whole = Callable[..., Running]
"""Start a small run, or a sweep of some, that wandb records offline."""


@pytest.fixture(scope="module")
def run_whole(command_lines: Launcher) -> Whole:
    def start(folder: Path, *words: str) -> Running:
        small = [word for word in SMALL if not word.startswith("tracking=")]
        home = {"HOME": str(folder), "WANDB_MODE": "offline"}
        words = (*small, f"paths.store={folder / 'store'}", *words)
        return command_lines.start(words, folder, {**home, **command_lines.forked_jobs})

    return start


def summary_of(records: Sequence[Any]) -> dict[str, Any]:
    """Return the last summary of a run, by key."""
    updates = [update for record in records if record.HasField("summary") for update in record.summary.update]
    return {update.key or "/".join(update.nested_key): json.loads(update.value_json) for update in updates}


def test_what_wandb_gets_is_what_the_run_folder_holds(tmp_path: Path, run_whole: Whole) -> None:
    run = run_whole(tmp_path, "paths.run=one", "tracking.log_student=true", "tracking.log_texts=true")
    ended = run.end(900)
    assert ended.code == 0, ended.said
    records = stored_records(tmp_path / "one")
    result = json.loads((tmp_path / "one" / "result.json").read_text(encoding="utf-8"))
    told, summary = result["scores"]["test/accuracy"], summary_of(records)
    for part in ("low", "high", "n"):
        assert summary[f"test/accuracy/{part}"] == told[part]
    assert summary["test/accuracy"] == told["value"]
    assert summary["status"] == "done"
    (run_record,) = [record.run for record in records if record.HasField("run")][-1:]
    config = {update.key: json.loads(update.value_json) for update in run_record.config.update}
    assert config["training"]["max_steps"] == 6
    assert {"everyday", "tiny_qwen", "multitask", "scripted"} <= set(run_record.tags)
    (table,) = (tmp_path / "one").glob("wandb/offline-run-*/files/media/table/predictions*.json")
    rows = json.loads(table.read_text(encoding="utf-8"))
    written = [json.loads(line) for line in (tmp_path / "one" / "predictions.jsonl").read_text().splitlines()]
    assert len(rows["data"]) == len(written) == 24
    place = rows["columns"].index("rationale")
    assert [row[place] for row in rows["data"]] == [row["rationale"] for row in written]
    found = [record.artifact for record in records if record.HasField("artifact")]
    found += [record.request.log_artifact.artifact for record in records if record.request.HasField("log_artifact")]
    artifacts = {artifact.type: artifact for artifact in found}
    assert {"teacher-data", "model"} <= set(artifacts)
    data, model = artifacts["teacher-data"].manifest.contents, artifacts["model"].manifest.contents
    assert "model.safetensors" in {entry.path for entry in model}
    assert "records.jsonl" in {entry.path for entry in data}
    for entry in (*data, *model):  # what is uploaded later waits in the run folder
        assert Path(entry.local_path).resolve().is_relative_to((tmp_path / "one").resolve())
        assert Path(entry.local_path).is_file()
    assert (tmp_path / "one" / "teacher_data" / "few_shot_rationale" / "records.jsonl").is_file()


def test_a_run_that_is_told_to_end_is_finished(tmp_path: Path, run_whole: Whole) -> None:
    run = run_whole(tmp_path, "paths.run=one", "training.max_steps=100000")
    metrics = tmp_path / "one" / METRICS
    until = time.monotonic() + 600
    while not (metrics.exists() and metrics.read_text()) and time.monotonic() < until:
        time.sleep(0.1)
    run.send(signal.SIGTERM)
    ended = run.end(900)
    assert ended.code == 130, ended.said
    records = stored_records(tmp_path / "one")
    assert [record.exit.exit_code for record in records if record.HasField("exit")] == [1]
    assert summary_of(records)["status"] == "interrupted"


def test_the_jobs_of_a_sweep_are_one_group_with_a_summary(tmp_path: Path, run_whole: Whole) -> None:
    sweep = run_whole(tmp_path, "-m", "objective=label_only,multitask", "hydra.sweep.dir=sweep")
    ended = sweep.end(900)
    assert ended.code == 0, ended.said
    jobs = [stored_records(folder) for folder in sorted((tmp_path / "sweep").glob("00*"))]
    last = [[record.run for record in records if record.HasField("run")][-1] for records in jobs]
    assert [(run.run_group, run.job_type) for run in last] == [("sweep", "experiment")] * 2
    records = stored_records(tmp_path / "sweep")
    (whole,) = [record.run for record in records if record.HasField("run")][-1:]
    assert (whole.run_group, whole.job_type, whole.display_name) == ("sweep", "sweep", "sweep")
    assert summary_of(records)["jobs/done"] == 2
    files = next((tmp_path / "sweep").glob("wandb/offline-run-*/files/media"))
    (table,) = files.glob("table/cells*.json")
    assert len(json.loads(table.read_text(encoding="utf-8"))["data"]) == 2
    assert list(files.rglob("*.png"))
    assert [record.exit.exit_code for record in records if record.HasField("exit")] == [0]


def test_mlflow_keeps_what_the_run_folder_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    client = importlib.import_module("mlflow").MlflowClient
    result = run_small(tmp_path / "sweep" / "one", "tracking=mlflow", "tracking.log_student=true")
    with pytest.raises(ConfigError):
        run_small(tmp_path / "two", "tracking=mlflow", "task.limit=24", "teacher=recorded", "generation=recorded")
    store = client(tracking_uri="sqlite:///mlflow.db")
    (found,) = store.search_runs([store.get_experiment_by_name("distillrun").experiment_id])
    told: Any = result["scores"]
    assert found.info.status == "FINISHED"
    assert found.data.params["training.max_steps"] == "6"
    assert found.data.metrics["test/accuracy"] == told["test/accuracy"]["value"]
    assert found.data.metrics["test/accuracy/n"] == 24
    assert found.data.tags["multitask"] == "yes"
    assert found.data.tags["job"] == "experiment"
    losses = store.get_metric_history(found.info.run_id, "train/loss")
    lines = [line for line in read_metrics(tmp_path / "sweep" / "one" / METRICS) if "train/loss" in line]
    assert [(one.step, one.value) for one in losses] == [(line["step"], line["train/loss"]) for line in lines]
    kept = {file.name for file in (tmp_path / "mlflow_artifacts").rglob("*")}
    assert {"predictions.csv", "model.safetensors", "records.jsonl"} <= kept


def test_mlflow_ends_a_run_as_it_ended(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'db.sqlite'}"
    client = importlib.import_module("mlflow").MlflowClient(tracking_uri=uri)
    ends: tuple[Status, ...] = ("done", "failed", "interrupted")
    for status in ends:
        tracker = Mlflow(uri, "here", str(tmp_path / "files"), ["own"], log_student=False, log_texts=False)
        tracker.start(TrackedRun(tmp_path, status, {"a": {"b": 1}}, "sweep", "group", ("tag",), "id"))
        tracker.files("student", "student-1", {"x": tmp_path / "missing"})  # not asked for, so not read
        tracker.table("answers", ["text", FORMULAS[1]], [[formula, -2.5] for formula in FORMULAS])
        tracker.finish(status)
    written = (tmp_path / "answers.csv").read_text(encoding="utf-8")
    assert written.count("'-2+3") >= 2
    assert all(map(is_inert, every_cell(written)))
    found = client.search_runs([client.get_experiment_by_name("here").experiment_id], order_by=["start_time"])
    assert {one.info.run_name: one.info.status for one in found} == {
        "done": "FINISHED",
        "failed": "FAILED",
        "interrupted": "KILLED",
    }
    assert found[0].data.params == {"a.b": "1"}
    assert {"own": "yes", "tag": "yes", "sweep": "group"}.items() <= found[0].data.tags.items()


def test_a_missing_mlflow_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install \"\.\[mlflow\]\""):
        Mlflow("sqlite:///x.db", "here", "files", [], log_student=False, log_texts=False)
