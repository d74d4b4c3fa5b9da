"""Sweeps: every job in a process of its own, and a table of what became of them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl

from distillrun.cli import main
from distillrun.config.compose import compose_first, config_of, quoted
from distillrun.config.single_run import single_run
from distillrun.config.sweep_jobs import Composer, job_overrides, swept_together
from distillrun.errors import ConfigError
from distillrun.sweep.folder import working_in
from distillrun.sweep.job import Job, score_of
from distillrun.sweep.machine_share import available_cores
from distillrun.sweep.starting import sweep_jobs
from tests.command_line import FORKED, Launcher
from tests.damage import DAMAGES

CHILD = """#!/bin/sh
# stands in for `python -m distillrun` in a sweep: does what training.seed says
for word in "$@"; do
  case "$word" in
    paths.run=*) folder="$(printf '%s' "$word" \
      | sed "s/^paths.run='//; s/'$//; s/\\\\\\\\'/'/g; s/\\\\\\\\[$]{/\\${/g")" ;;
    training.seed=*) seed="${word#training.seed=}" ;;
  esac
done
printf '%s\\n' "$@" > "$folder/arguments"
echo x >> "$folder/started"
test -e "$folder/../fixed" && seed=1
case "$seed" in
  9) kill -9 $$ ;;
  13) exit 1 ;;
  17) kill -INT $PPID; exit 130 ;;
esac
echo "{\\"scores\\": {\\"test/accuracy\\": {\\"value\\": 0.$seed}}}" > "$folder/result.json"
"""


pytestmark = pytest.mark.usefixtures("in_a_new_folder")


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "child"
    stub.write_text(CHILD)
    stub.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stub))


@pytest.mark.usefixtures("children")
def test_a_job_that_fails_or_is_killed_fails_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "tracking=jsonl", "name=grid", "objective=label_only,multitask", "training.seed=1,13,9"]) == 1
    (folder,) = Path("runs").iterdir()
    assert "_grid_sweep_" in folder.name
    jobs = json.loads((folder / "sweep.json").read_text())["jobs"]
    assert [job["state"] for job in jobs] == ["done", "failed", "killed"] * 2
    assert [job["test/accuracy"] for job in jobs] == [0.1, None, None] * 2
    assert [job["exit_code"] for job in jobs] == [0, 1, -9] * 2
    assert jobs[0]["label"] == "objective=label_only training.seed=1"
    assert len({job["folder"] for job in jobs}) == 6
    told = capfd.readouterr().out
    assert f"[2] killed with exit code -9 after {jobs[2]['seconds']} s: signal SIGKILL: {jobs[2]['folder']}" in told
    assert "job  state" in told


@pytest.mark.usefixtures("children")
def test_a_sweep_without_failures_ends_well_in_the_folder_that_it_was_given() -> None:
    assert main(["-m", "tracking=jsonl", "training.seed=1,2", "hydra.sweep.dir='a sweep'"]) == 0
    assert sorted(path.name[:3] for path in Path("a sweep").glob("0*")) == ["000", "001"]


@pytest.mark.usefixtures("children")
def test_each_job_is_composed_once_when_it_is_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    compose, composed = ConfigLoaderImpl.load_configuration, list[list[str]]()

    def counted(self: ConfigLoaderImpl, *given: Any, **named: Any) -> Any:
        composed.append(named["overrides"])
        return compose(self, *given, **named)

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    assert main(["-m", "tracking=jsonl", "training.seed=1,2,3,4"]) == 0
    assert len(composed) == 3 + 4  # the sweep's own twice, what its jobs share, and each job


@pytest.mark.usefixtures("children")
def test_a_job_is_started_with_what_finds_its_config() -> None:
    Path("experiment").mkdir()
    Path("experiment/mine.yaml").write_text("# @package _global_\nhydra:\n  mode: MULTIRUN\nname: mine\n")
    assert main(["--config-dir", ".", "experiment=mine", "training.seed=4", "paths.store='a, b'"]) == 0
    (arguments,) = Path("runs").glob("*_mine_sweep_*/000_*/arguments")
    lines = arguments.read_text().splitlines()
    assert lines[:3] == ["-P", "-m", "distillrun"]
    assert lines[lines.index("--config-dir") + 1] == str(Path.cwd())
    assert {"hydra.mode=RUN", "experiment=mine", "training.seed=4", "paths.store='a, b'"} <= set(lines)
    assert f"paths.run={quoted(arguments.parent.resolve())}" in lines


@pytest.mark.usefixtures("children")
def test_a_job_with_a_wrong_value_fails_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "tracking=jsonl", "training.seed=1", "training.learning_rate=1e-3,-1,1e-4"]) == 1
    (file,) = Path("runs").glob("*/sweep.json")
    assert [job["state"] for job in json.loads(file.read_text())["jobs"]] == ["done", "refused", "done"]
    assert "training.learning_rate=-1.0 must be above 0" in capfd.readouterr().out


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["objective=label_only,multitsk"], "there is no objective=multitsk"),
        (["training.sed=1,2"], "there is no training.sed (did you mean training.seed?)"),
        (["training.seed=1,2", "paths.run=x"], "paths.run is the folder of one run"),
        (["training.learning_rate=1e-4,0.0001"], "this sweep would run training.learning_rate=0.0001 twice"),
        (["training.seed=1,1"], "this sweep would run training.seed=1 twice"),
        (["training.seed=1,2", "replicates=3"], "replicates=3 sweeps training.seed, which is swept already"),
        (["training.seed=1,2", "sweep.on_error=go"], "sweep.on_error=go must be continue or stop"),
        (
            ["training.seed=1,2", "hydra/launcher=ray"],
            "hydra/launcher=ray is not installed; in a checkout of distillrun: pip",
        ),
        (["training.seed=1,2", "hydra/launcher=absent"], "hydra_absent_launcher.Launcher is not allowed"),
        (["hydra/sweeper=optuna_tpe", "hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials=0 makes no job"),
        (["training.seed=1,2", "hydra.sweep.subdir=x"], "hydra.sweep.subdir=x is not used: a sweep names the folder"),
        (["experiment=placed", "training.seed=1,2"], "hydra.run.dir=there is not used: paths.run=FOLDER names"),
        (["experiment=launched", "training.seed=1,2"], "experiment/launched.yaml names hydra/launcher"),
        (["experiment=ignored", "training.seed=1,2"], "experiment/ignored.yaml names hydra.launcher"),
    ],
)
def test_a_wrong_sweep_starts_no_job(
    line: list[str], expected: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {
        "hydra/launcher/absent": "_target_: hydra_plugins.hydra_absent_launcher.Launcher\n",
        "experiment/ignored": "# @package _global_\nhydra:\n  launcher:\n    n_jobs: 3\n",
        "experiment/placed": "# @package _global_\nhydra:\n  run:\n    dir: there\n",
        "experiment/launched": "# @package _global_\ndefaults:\n  - override /hydra/launcher: joblib\n",
    }
    for name, text in options.items():
        file = tmp_path / "own" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert main(["-m", "--config-dir", str(tmp_path / "own"), *line]) == 2
    told = capfd.readouterr()
    assert told.err.startswith("distillrun: ")
    assert expected in told.err
    assert told.out == ""
    assert not list(Path("runs").glob("*"))


@pytest.mark.usefixtures("children")
def test_a_search_outlives_jobs_that_fail(capfd: pytest.CaptureFixture[str]) -> None:
    searching = ["hydra/sweeper=optuna_tpe", "hydra.sweeper.n_trials=4", "training.seed=choice(13,9)"]
    assert main(["-m", "tracking=jsonl", "name=search", *searching]) == 1
    (sweep,) = Path("runs").iterdir()
    assert {job["state"] for job in json.loads((sweep / "sweep.json").read_text())["jobs"]} <= {"failed", "killed"}
    told = capfd.readouterr()
    assert "report.html" in told.out + told.err
    assert "Traceback" not in told.err


@pytest.mark.usefixtures("children")
def test_flags_may_stand_anywhere_on_the_line() -> None:
    assert main(["training.seed=1,2", "-m", "name=grid"]) == 0
    assert len(list(Path("runs").glob("*_grid_sweep_*/0*/result.json"))) == 2


def started(pattern: str) -> list[int]:
    """How often each job of the sweeps was started, by folder."""
    return [len(file.read_text().splitlines()) for file in sorted(Path("runs").glob(f"{pattern}/started"))]


@pytest.mark.usefixtures("children")
def test_the_same_command_does_only_what_is_not_done(capfd: pytest.CaptureFixture[str]) -> None:
    line = ["-m", "tracking=jsonl", "name=grid", "training.seed=1,13,9"]
    assert main(line) == 1
    (sweep,) = Path("runs").iterdir()
    (sweep / "fixed").touch()
    capfd.readouterr()
    assert main(line) == 0
    assert list(Path("runs").iterdir()) == [sweep]
    assert started("*/*") == [1, 2, 2]
    told = capfd.readouterr().out
    assert f"resuming this sweep in {Path('runs') / sweep.name}" in told
    assert "[0] done before" in told
    # now that it is done, the same command is a new sweep
    assert main(line) == 1
    assert len(list(Path("runs").iterdir())) == 2


@pytest.mark.usefixtures("children")
def test_a_job_of_code_with_other_results_runs_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    line = ["-m", "tracking=jsonl", "name=grid", "training.seed=1,2", "hydra.sweep.dir=runs/grid"]
    assert main(line) == 0
    assert main(line) == 0
    assert started("*/*") == [1, 1]
    monkeypatch.setattr("distillrun.sweep.running.digest_of_the_code", lambda: "another")
    capfd.readouterr()
    assert main(line) == 0
    assert started("*/*") == [2, 2]
    assert "[0] done before by a version with other results" in capfd.readouterr().out
    assert main(line) == 0
    assert started("*/*") == [2, 2]


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize("named", [True, False])
def test_an_interrupted_sweep_tells_of_every_job_and_goes_on_in_its_folder(
    named: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    line = ["-m", "tracking=jsonl", "name=grid", "training.seed=1,17,2,-1", "task.limit=5"]
    assert main(line) == 130
    (sweep,) = Path("runs").iterdir()
    states = ["done", "interrupted", "not started", "not started"]
    assert [job["state"] for job in json.loads((sweep / "sweep.json").read_text())["jobs"]] == states
    told = capfd.readouterr().out
    assert [row.split()[:2] for row in told.splitlines() if row[:2] in ("2 ", "3 ")] == [["2", "not"], ["3", "not"]]
    assert "not every job is done; the same command runs the rest, in the same folder" in told
    (sweep / "fixed").touch()
    again = [*line, f"hydra.sweep.dir={quoted(sweep)}"]
    assert main(again if named else line) == 1  # training.seed=-1 is refused
    assert main(line) == 1
    assert list(Path("runs").iterdir()) == [sweep]
    states = [job["state"] for job in json.loads((sweep / "sweep.json").read_text())["jobs"]]
    assert states == ["done", "done", "done", "refused"]
    assert started("*/*") == [1, 2, 1]


@pytest.mark.usefixtures("children")
def test_a_job_whose_result_is_damaged_runs_again() -> None:
    line = ["-m", "tracking=jsonl", "training.seed=1,2,3", "hydra.sweep.dir=runs/own"]
    assert main(line) == 0
    one, other, _ = sorted(Path("runs/own").glob("0*"))
    (one / "result.json").write_text('{"scores": {', encoding="utf-8")
    (other / "result.json").unlink()
    assert main(line) == 0
    assert started("own/*") == [2, 2, 1]
    assert json.loads((one / "result.json").read_text(encoding="utf-8"))["scores"]


@pytest.mark.usefixtures("children")
def test_a_wider_sweep_in_the_same_folder_adds_only_what_is_new() -> None:
    assert main(["-m", "tracking=jsonl", "training.seed=2,3", "hydra.sweep.dir=runs/own"]) == 0
    assert main(["-m", "tracking=jsonl", "training.seed=1,2,3,4", "hydra.sweep.dir=runs/own"]) == 0
    assert started("own/*") == [1, 1, 1, 1]
    content = json.loads(Path("runs/own/sweep.json").read_text())
    assert [job["test/accuracy"] for job in content["jobs"]] == [0.1, 0.2, 0.3, 0.4]
    assert [job["number"] for job in content["jobs"]] == [0, 1, 2, 3]


@pytest.mark.usefixtures("children")
def test_a_failed_job_is_tried_again_as_often_as_wished() -> None:
    assert main(["-m", "tracking=jsonl", "training.seed=1,13", "sweep.retries=2", "hydra.sweep.dir=runs/own"]) == 1
    assert started("own/*") == [1, 3]
    assert [job["attempt"] for job in json.loads(Path("runs/own/sweep.json").read_text())["jobs"]] == [1, 3]


@pytest.mark.usefixtures("children")
def test_no_job_is_started_after_a_failure_where_that_is_wished() -> None:
    line = ["-m", "tracking=jsonl", "training.seed=1,13,2", "sweep.on_error=stop", "hydra.sweep.dir=runs/own"]
    assert main(line) == 1
    states = [job["state"] for job in json.loads(Path("runs/own/sweep.json").read_text())["jobs"]]
    assert states == ["done", "failed", "skipped"]
    Path("runs/own/fixed").touch()
    assert main(line) == 0
    assert started("own/*") == [1, 2, 1]


@pytest.mark.usefixtures("children")
def test_replicates_repeat_every_job_over_training_seeds() -> None:
    line = [
        "-m",
        "tracking=jsonl",
        "objective=label_only,multitask",
        "replicates=3",
        "training.seed=4",
        "hydra.sweep.dir=runs/own",
    ]
    assert main(line) == 0
    jobs = json.loads(Path("runs/own/sweep.json").read_text())["jobs"]
    assert [job["test/accuracy"] for job in jobs] == [0.4, 0.5, 0.6] * 2
    for number, file in enumerate(sorted(Path("runs/own").glob("0*/arguments"))):
        words = [word for word in file.read_text().splitlines() if "=" in word]
        assert single_run(words).training.seed == 4 + number % 3  # what each was started with is no sweep again


def test_replicates_without_a_sweep_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["replicates=3"]) == 2
    assert "needs -m" in capfd.readouterr().err


@pytest.mark.usefixtures("children")
def test_a_damaged_job_file_is_set_aside_and_its_job_runs_again(capfd: pytest.CaptureFixture[str]) -> None:
    line = ["-m", "tracking=jsonl", "training.seed=1,2", "hydra.sweep.dir=runs/own"]
    assert main(line) == 0
    (file,) = Path("runs/own").glob("000_*/job.json")
    for times, (name, damage) in enumerate(DAMAGES.items(), start=2):
        damage(file)
        capfd.readouterr()
        assert main(line) == 0
        assert started("own/*") == [times, 1], name
        assert ("set aside as job.json.damaged" in capfd.readouterr().out) is (name != "missing"), name
        Path(f"{file}.damaged").unlink(missing_ok=True)


@pytest.mark.usefixtures("children")
def test_a_job_whose_result_was_changed_runs_again() -> None:
    line = ["-m", "tracking=jsonl", "training.seed=1,2", "hydra.sweep.dir=runs/own"]
    assert main(line) == 0
    (file,) = Path("runs/own").glob("000_*/result.json")
    file.write_text(file.read_text(encoding="utf-8").replace("0.1", "0.9"), encoding="utf-8")
    assert main(line) == 0
    assert started("own/*") == [2, 1]
    assert json.loads(file.read_text(encoding="utf-8"))["scores"]["test/accuracy"]["value"] == 0.1


@pytest.mark.usefixtures("children")
def test_a_job_file_of_an_earlier_version_is_read() -> None:
    line = ["-m", "tracking=jsonl", "training.seed=1,2", "hydra.sweep.dir=runs/own"]
    assert main(line) == 0
    (file,) = Path("runs/own").glob("000_*/job.json")
    values = json.loads(file.read_text(encoding="utf-8"))
    del values["check"], values["left"]
    file.write_text(json.dumps(values), encoding="utf-8")
    assert main(line) == 0
    assert started("own/*") == [1, 1]


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize("name", ["a ${x} b", "${oc.env:HOME}", " lead", "trail ", "new\nline", "100% 50%s", "x" * 150])
def test_a_sweep_works_in_a_folder_of_any_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(name).mkdir()
    monkeypatch.chdir(name)
    assert main(["-m", "tracking=jsonl", "training.seed=1"]) == 0
    (arguments,) = Path("runs").glob("*/000_*/arguments")
    assert (
        json.loads((arguments.parent.parent / "sweep.json").read_text(encoding="utf-8"))["jobs"][0]["state"] == "done"
    )


def test_a_sweep_in_a_folder_whose_name_is_no_text_is_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path(os.fsdecode(b"bad\xff")).mkdir()
    monkeypatch.chdir(os.fsdecode(b"bad\xff"))
    assert main(["-m", "tracking=jsonl", "training.seed=1,2"]) == 2
    told = capfd.readouterr().err
    assert told.startswith("distillrun: paths.runs=")
    assert "bytes that are not UTF-8" in told
    assert not Path("runs").exists()


def test_a_sweep_keeps_others_out_of_its_folder(tmp_path: Path) -> None:
    with working_in(tmp_path, ["first"]):
        with pytest.raises(ConfigError, match="another sweep is running"), working_in(tmp_path, ["second"]):
            pass
        assert json.loads((tmp_path / "command.json").read_text()) == ["first"]


@pytest.mark.slow
def test_jobs_side_by_side_share_the_cores_and_a_killed_one_fails_alone(
    tmp_path: Path, command_lines: Launcher
) -> None:
    forks = (FORKED / "sitecustomize.py").read_text(encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text(
        f"import os, sys\nif 'training.seed=9' in sys.orig_argv:\n    os.kill(os.getpid(), 9)\n{forks}"
    )
    settings = ["training.seed=1,9,2", "training.max_steps=2", "task.limit=8", "tracking=jsonl", "hydra.sweep.dir=own"]
    line = [sys.executable, "-m", "distillrun", "-m", "hydra/launcher=joblib", *settings]
    environment = {**os.environ, **command_lines.forked_jobs}
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{environment['PYTHONPATH']}"
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 1, done.stderr
    jobs = json.loads(Path("own/sweep.json").read_text())["jobs"]
    assert [job["state"] for job in jobs] == ["done", "killed", "done"]
    threads = max(1, available_cores() // 2)
    for file in Path("own").glob("00[02]_*/config.yaml"):
        assert f"threads: {threads}" in file.read_text()


def test_what_is_enumerated_is_what_hydra_composes() -> None:
    overrides = [
        "objective=label_only,multitask",
        "training.learning_rate=1e-3,2e-3",
        "task.limit=5",
        "student=tiny_t5",
    ]
    jobs = job_overrides(overrides, compose_first(overrides))
    assert len(jobs) == 4
    composer = Composer([], "config", None)
    for job in jobs:
        assert composer.config(job) == config_of(job)


@pytest.mark.parametrize("word", ["until=train", "name=3", "replicates='2'"])
def test_a_value_that_stands_in_no_section_is_read_as_hydra_reads_it(word: str) -> None:
    """`repr`, since a text equals the member of an enumeration that it names."""
    assert repr(Composer([], "config", None).config([word])) == repr(config_of([word]))


@pytest.mark.parametrize("word", ["until=tomorrow", "replicates=some"])
def test_a_wrong_value_that_stands_in_no_section_is_refused(word: str) -> None:
    key, _, value = word.partition("=")
    with pytest.raises(ConfigError, match=f"{key}: .*'{value}'"):
        Composer([], "config", None).config([word])


SETTINGS = [
    [
        *("training.patience=null", "task.limit=null", "training.learning_rate=1e-4", "evaluation.baselines=true"),
        *("training.seed=1_0", 'paths.runs="it\'s"', "paths.store='${oc.env:HOME}/a, b=c: (d) {e} [f]'"),
        *("teacher=api", "teacher.base_url=http://a:80/v1", "teacher.model='null'", "teacher.api_key_env=null"),
        *("student=t5_base", "student.lora={rank: 8, alpha: 16, dropout: 0.0, target_modules: [q, v]}"),
    ],
    [
        *("~experiment", "tracking=jsonl", "++training.max_steps=7", "paths.runs=a\\,b\\ c\\=d", "paths.store=$HOME"),
        *("task=multiple_choice", "task.folder='1e-3'", "task.choices=['yes, sir',no]", "task.fields.choices=null"),
    ],
]


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings[0])
def test_what_is_set_beside_swept_options_reaches_each_job_as_hydra_reads_it(settings: list[str]) -> None:
    alone = [config_of([f"objective={name}", *settings]) for name in ("multitask", "label_only")]
    swept = ["objective=multitask,label_only", *settings]
    assert [config for _, config in sweep_jobs(swept, "config", None)] == alone
    assert main(["-m", *swept, "hydra.sweep.dir=own"]) == 0
    jobs = json.loads(Path("own/sweep.json").read_text())["jobs"]
    assert [config_of(job["overrides"]) for job in jobs] == alone


def test_settings_beside_swept_values_are_left_to_hydras_check() -> None:
    assert swept_together(["training.seed=0,1", "task.limit=3"], None) == ["training.seed=0,1", "task.limit=3"]


@pytest.mark.usefixtures("children")
def test_experiments_are_swept_with_settings_of_their_own() -> None:
    words = ["experiment=paper/mt,paper/cf", "task.folder=some folder", "teacher.folder={train: x}", "training.seed=1"]
    assert main(["-m", *words]) == 0
    (folder,) = Path("runs").iterdir()
    jobs = json.loads((folder / "sweep.json").read_text())["jobs"]
    assert [job["state"] for job in jobs] == ["done", "done"]
    assert "task.folder=some folder" in " ".join(jobs[0]["overrides"]).replace("\\", "")


def test_the_lists_of_an_experiment_are_part_of_what_is_enumerated() -> None:
    overrides = ["experiment=white_box", "objective=label_only,multitask", "training.seed=5"]
    assert job_overrides(overrides, compose_first(overrides)) == [
        ["training.seed=5", "objective=label_only", "experiment=white_box"],
        ["training.seed=5", "objective=multitask", "experiment=white_box"],
    ]


def test_a_job_tells_a_sweeper_how_well_it_did(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"scores": {"dev/accuracy": {"value": 0.25}}}), encoding="utf-8")
    job = Job(0, str(tmp_path), (), "done", 0, 1.0)
    assert score_of(job, "dev/accuracy") == 0.25
    assert score_of(job, "dev/other") is None
    assert score_of(replace(job, state="failed"), "dev/accuracy") is None


def test_a_sweep_folder_that_names_no_setting_is_refused_in_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "tracking=jsonl", "training.seed=1,2", "hydra.sweep.dir=runs/${x}"]) == 2
    (told,) = capfd.readouterr().err.splitlines()
    assert told.startswith("distillrun: hydra.sweep.dir: Interpolation key 'x' not found; write a name")
