"""A folder that somebody else made is written into, and read, without leaving it, whatever links lie in it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distillrun.artifacts import ArtifactStore, Stage
from distillrun.artifacts.guard import lock_of
from distillrun.cli import main
from distillrun.config.compose import config_of
from distillrun.errors import ConfigError
from distillrun.files.inside import append_to, link_to, read_text, refuse_links, write_whole
from distillrun.interfaces import TrackedRun
from distillrun.journal.client import TeacherClient
from distillrun.pipeline.run_folder import RunFolder
from distillrun.sweep.folder import working_in
from distillrun.sweep.job import Job, claim_job_folder, write_job
from distillrun.tracking.jsonl import Jsonl, RunLog
from tests.asking import Told

CONFIG = config_of(["tracking=jsonl"])
SECRET = "the-last-line-of-a-private-file"


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder outside with a private file; both are as they were when the test ends."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "private").write_text(f"{SECRET}\n", encoding="utf-8")
    yield folder
    assert [path.name for path in folder.iterdir()] == ["private"]
    assert (folder / "private").read_text(encoding="utf-8") == f"{SECRET}\n"


def sweep_of_two(folder: Path) -> Path:
    """A sweep's folder with two jobs, one of which failed."""
    for number, state in enumerate(("done", "failed")):
        job = folder / f"00{number}_x{number}"
        job.mkdir(parents=True)
        write_job(Job(number, str(job), ("until=load", f"training.seed={number}"), state, number, 1.0))
        score = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "unit": "share"}
        result = {"status": state, "scores": {"test/accuracy": score} if state == "done" else {}}
        (job / "result.json").write_text(json.dumps(result), encoding="utf-8")
        (job / "run.log").write_text("started\n", encoding="utf-8")
    return folder


def written_by_report(folder: Path) -> list[str]:
    """Return the files and folders that a report makes, by their paths inside."""
    before = set(folder.rglob("*"))
    assert main(["report", str(folder)]) == 0
    return sorted(str(path.relative_to(folder)) for path in set(folder.rglob("*")) - before)


def test_a_report_follows_no_link_wherever_it_lies(tmp_path: Path, victim: Path) -> None:
    made = written_by_report(sweep_of_two(tmp_path / "known"))
    assert {"report.html", "report.md", "results.csv", "cells.csv", "sweep.json", "tables"} <= set(made)
    for name in [*made, *(f"{one}.tmp" for one in made)]:
        strange = sweep_of_two(tmp_path / "strange")
        is_folder = (tmp_path / "known" / name).is_dir()
        (strange / name).parent.mkdir(exist_ok=True)
        (strange / name).symlink_to(victim if is_folder else victim / "private")
        assert main(["report", str(strange)]) == (2 if is_folder else 0), name
        shutil.rmtree(strange)


def test_a_table_report_follows_no_link(tmp_path: Path, victim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{name},{seed},{seed / 10}" for name in "ab" for seed in range(3)]
    (tmp_path / "t.csv").write_text("\n".join(["name,seed,score", *rows]), encoding="utf-8")
    (tmp_path / "out").mkdir()
    for name in ("report.json", "report.json.tmp", "report.html"):
        (tmp_path / "out" / name).symlink_to(victim / "private")
    words = ["report", "--table", str(tmp_path / "t.csv"), "--value", "score", "--factors", "name"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out" / "report.html").is_symlink()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "tables").symlink_to(victim)
    assert main([*words, "--out", str(tmp_path / "linked")]) == 2
    assert "tables/" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["result.json", "job.json", "run.log", "config.yaml", "predictions.jsonl", "metrics.jsonl"]
)
@pytest.mark.parametrize("content", [SECRET, json.dumps({"status": SECRET, "state": SECRET, "error": SECRET})])
def test_a_report_shows_nothing_from_outside(name: str, content: str, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.write_text(content, encoding="utf-8")
    strange = sweep_of_two(tmp_path / "strange")
    for job in strange.iterdir():
        (job / name).unlink(missing_ok=True)
        (job / name).symlink_to(private)
    main(["report", str(strange)])
    written = [path for path in strange.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    strange = sweep_of_two(tmp_path / "strange")
    (strange / "001_x1" / "run.log").unlink()
    os.mkfifo(strange / "001_x1" / "run.log")
    assert main(["report", str(strange)]) == 0


def test_a_command_of_another_program_is_not_offered(tmp_path: Path) -> None:
    strange = sweep_of_two(tmp_path / "strange")
    (strange / "sweep.json").write_text(json.dumps({"command": ["curl", SECRET], "jobs": []}), encoding="utf-8")
    assert main(["report", str(strange)]) == 0
    assert SECRET not in (strange / "report.md").read_text(encoding="utf-8")


def whole_run(folder: Path) -> None:
    """Write into a run folder all that a run writes there by itself."""
    with RunFolder(folder, CONFIG) as run:
        run.write_result({"data": {}, "status": "done"})
        run.write_predictions([{"id": "1"}])
        run.write_measured("cost", [{"id": "1"}])
        log = RunLog(Jsonl())
        log.start(TrackedRun(folder, "x", {}, "experiment", None, (), "id"))
        log.log({"train/loss": 1.0}, 1)
        stored = folder.parent / "stored"
        stored.mkdir(exist_ok=True)
        run.link("student", stored)
        run.link("teacher_data/few_shot", stored)


@pytest.mark.parametrize("name", ["run.log", "measures", "teacher_data", "wandb", "wandb/run-1", "mlflow.lock"])
def test_a_run_stops_where_a_link_leads_out(name: str, tmp_path: Path, victim: Path) -> None:
    (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "run" / name).symlink_to(victim / "private" if "." in name else victim)
    with pytest.raises(ConfigError, match="is reached by a link"):
        whole_run(tmp_path / "run")


@pytest.mark.parametrize(
    "name",
    ["config.yaml", "metrics.jsonl", "result.json", "predictions.jsonl", "measures/cost.jsonl", "student"],
)
def test_a_run_puts_its_file_in_the_place_of_a_link(name: str, tmp_path: Path, victim: Path) -> None:
    for planted in (name, f"{name}.tmp"):
        (tmp_path / "run" / planted).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / planted).symlink_to(victim / "private")
    whole_run(tmp_path / "run")
    assert (tmp_path / "run" / name).resolve().is_relative_to(tmp_path / "run") or name == "student"


def test_a_run_folder_that_is_a_link_itself_is_the_users_word(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    whole_run(tmp_path / "run")
    whole_run(tmp_path / "run")  # its own links are no hindrance
    assert (tmp_path / "elsewhere" / "measures" / "cost.jsonl").is_file()


@pytest.mark.parametrize("name", [".sweep.lock", "multirun.yaml", ".device_0.lock", ".submitit", "wandb"])
def test_a_sweep_stops_where_a_link_leads_out(name: str, tmp_path: Path, victim: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / name).symlink_to(victim if name in (".submitit", "wandb") else victim / "private")
    with pytest.raises(ConfigError, match="is reached by a link"), working_in(tmp_path / "sweep", ["a=1"]):
        pass


def test_a_sweep_replaces_links_that_it_writes_itself(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "sweep").mkdir()
    for name in ("command.json", "command.json.tmp", "stop"):
        (tmp_path / "sweep" / name).symlink_to(victim / "private")
    (tmp_path / "sweep" / "000_refused").symlink_to(victim)
    with working_in(tmp_path / "sweep", ["a=1"]):
        assert read_text(tmp_path / "sweep", "command.json") == '[\n "a=1"\n]\n'
        assert not (tmp_path / "sweep" / "stop").is_symlink()


def test_no_job_is_written_through_a_link(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "sweep").mkdir()
    name = claim_job_folder(tmp_path / "sweep", 0, CONFIG).name
    (tmp_path / "sweep" / name).rmdir()
    (tmp_path / "sweep" / name).symlink_to(victim)
    with pytest.raises(ConfigError, match="is a link"):
        claim_job_folder(tmp_path / "sweep", 0, CONFIG)
    with pytest.raises(ConfigError, match="is reached by a link"):
        write_job(Job(0, str(tmp_path / "sweep" / name), (), "done", 0, 0.0))


WRITERS: dict[str, Callable[[Path, str], object]] = {
    "whole": lambda root, name: write_whole(root, name, "x"),
    "to the end": lambda root, name: append_to(root, name).close(),
    "a link": lambda root, name: link_to(root, name, root),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_no_folder_on_the_way_may_be_a_link(writer: str, tmp_path: Path, victim: Path) -> None:
    (tmp_path / "own" / "a").mkdir(parents=True)
    (tmp_path / "own" / "a" / "b").symlink_to(victim)
    with pytest.raises(ConfigError, match="is reached by a link"):
        WRITERS[writer](tmp_path / "own", "a/b/private")
    WRITERS[writer](tmp_path / "own", "c/d/e")
    assert os.path.lexists(tmp_path / "own" / "c" / "d" / "e")


def test_what_is_not_written_whole_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, "name", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_links_that_stay_inside_are_let_be(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "own" / "wandb" / "run-1").mkdir(parents=True)
    (tmp_path / "own" / "wandb" / "latest-run").symlink_to("run-1")
    (tmp_path / "own" / "data").symlink_to(victim)
    refuse_links(tmp_path / "own", ["wandb"])
    with pytest.raises(ConfigError, match="data is reached by a link"):
        refuse_links(tmp_path / "own", ["*"])


def test_wandb_may_link_to_its_own_log(tmp_path: Path) -> None:
    logs = tmp_path / "run" / "wandb" / "offline-run-1" / "logs"
    logs.mkdir(parents=True)
    own = tmp_path / ".cache" / "wandb" / "logs" / "core-debug-20261130_191555.log"
    (logs / "debug-core.log").symlink_to(own)
    refuse_links(tmp_path / "run", ["wandb"])
    (logs / "debug.log").symlink_to(own)
    with pytest.raises(ConfigError, match=r"debug\.log is reached by a link"):
        refuse_links(tmp_path / "run", ["wandb"])
    (logs / "debug.log").unlink()
    (logs / "debug-core.log").unlink()
    (logs / "debug-core.log").symlink_to(tmp_path / "private")
    with pytest.raises(ConfigError, match=r"debug-core\.log is reached by a link"):
        refuse_links(tmp_path / "run", ["wandb"])


def make(store: Path) -> None:
    ArtifactStore(store)._make(store / "load" / "x", Stage("load", 1, {}, {}), lambda work: None)


ENTRANCES: dict[str, Callable[[Path], object]] = {
    "journal": lambda store: TeacherClient(store, "few_shot", Told("x"))._open(),
    "journal/1/few_shot.jsonl": lambda store: TeacherClient(store, "few_shot", Told("x"))._open(),
    ".locks": lambda store: lock_of(store / "load" / "x"),
    "load/x.partial": make,
    "load/x.partial/a": make,
}


@pytest.mark.parametrize("name", ENTRANCES)
def test_a_store_is_not_left_by_a_link(name: str, tmp_path: Path, victim: Path) -> None:
    (tmp_path / "store" / name).parent.mkdir(parents=True)
    (tmp_path / "store" / name).symlink_to(victim / "private" if name.endswith("jsonl") else victim)
    with pytest.raises(ConfigError, match="is reached by a link"):
        ENTRANCES[name](tmp_path / "store")


def test_a_lock_is_no_link(tmp_path: Path, victim: Path) -> None:
    (tmp_path / ".locks").mkdir()
    (tmp_path / ".locks" / "load-x.lock").symlink_to(victim / "private")
    with pytest.raises(ConfigError, match="is reached by a link"):
        lock_of(tmp_path / "load" / "x")
