"""Exit codes, messages and sweeps of the command line. No run here trains: what would is replaced."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distillrun import __version__
from distillrun.cli import main
from distillrun.composition import config_of, quoted
from distillrun.config import Config
from distillrun.errors import ConfigError
from distillrun.folder import claim_folder

CHILD = """#!/bin/sh
# stands in for `python -m distillrun` in a sweep: does what training.seed says
for word in "$@"; do
  case "$word" in
    paths.run=*) folder="$(printf '%s' "$word" | sed "s/^paths.run='//; s/'$//; s/\\\\\\\\'/'/g")" ;;
    training.seed=*) seed="${word#training.seed=}" ;;
  esac
done
printf '%s\\n' "$@" > "$folder/arguments"
case "$seed" in
  9) kill -9 $$ ;;
  13) exit 1 ;;
esac
echo "{\\"scores\\": {\\"test/accuracy\\": {\\"value\\": 0.$seed}}}" > "$folder/result.json"
"""


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "it's here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Config, Path]]:
    """What the pipeline was asked to run; a run with training.seed=13 crashes."""
    from distillrun import pipeline

    asked: list[tuple[Config, Path]] = []

    def run(experiment: Any, folder: Path) -> dict[str, Any]:
        asked.append((experiment, folder))
        if experiment.training.seed == 13:
            raise RuntimeError("unlucky")
        if experiment.training.seed == 130:
            raise KeyboardInterrupt
        return {}

    def prepare(config: Config) -> Config:
        if config.training.seed == 2:
            raise ConfigError("task.folder=nowhere is not there\nstudent.checkpoint=nothing is not there")
        return config

    monkeypatch.setattr(pipeline, "prepare", prepare)
    monkeypatch.setattr(pipeline, "run", run)
    return asked


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "child"
    stub.write_text(CHILD)
    stub.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stub))


def complaint(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a wrong command line is answered with."""
    assert main(arguments) == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    assert told.err.startswith("distillrun: ")
    assert not Path("runs").exists()
    return told.err.removeprefix("distillrun: ").strip()


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("objective.predict_wieght=1", "there is no objective.predict_wieght (did you mean objective.predict_weight?)"),
        ("trainin.max_step=5", "there is no trainin.max_step (did you mean training.max_steps?)"),
        ("max_steps=5", "there is no max_steps (did you mean training.max_steps?)"),
        ("objektive=x", "there is no objektive (did you mean objective?)"),
        ("objective=multitsk", "there is no objective=multitsk (did you mean 'multitask'?); objective is one of: "),
        ("objective=", "there is no objective=; objective is one of: "),
        ("generation=null", "there is no generation=null; generation is one of: "),
        ("evaluation=[generated_anser]", "there is no evaluation=generated_anser (did you mean 'generated_answer'?)"),
        ("evaluation.generated_answer.tokens=1", "there is no evaluation.generated_answer.tokens"),
        (
            "training.max_steps=abc",
            "training.max_steps=abc: value 'abc' of type 'str' could not be converted to Integer",
        ),
        ("training.beta1=null", "training.beta1=null: field 'training.beta1' is not Optional"),
        (
            "until=trian",
            "until=trian: invalid value 'trian', expected one of [load, generate, train, evaluate, report]",
        ),
        ("+foo=1", "there is no foo; known: name, until"),
        ("++training.max_step=5", "there is no training.max_step (did you mean 'max_steps'?)"),
        ("~task", "not set: task"),
        ("nonsense", "nonsense: not understood; write KEY=VALUE"),
        (
            "objective=label_only,multitask",
            "objective=label_only,multitask: several values are a sweep, which needs -m",
        ),
        ("experiment=nowhere", "there is no experiment=nowhere"),
        ("hydra/launcher=joblub", "there is no hydra/launcher=joblub"),
        ("--config-path=x", "--config-path would replace the shipped options"),
        ("--config-dir=nowhere", "--config-dir nowhere: there is no such folder"),
        ("--config-name=other", "there is no primary config other.yaml"),
        ("training.learning_rate=-1", "training.learning_rate=-1.0 must be above 0"),
    ],
)
def test_a_wrong_word_is_answered_with_one_line_that_names_it(
    override: str, expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert complaint(capfd, override).startswith(expected)


def test_a_setting_that_another_option_has_is_answered_with_those_of_the_chosen_one(
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = complaint(capfd, "objective=label_only", "objective.predict_weight=1")
    assert told == "there is no objective.predict_weight; objective=label_only has: source, target"


def test_wrong_settings_are_reported_all_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    assert len(complaint(capfd, "training.max_steps=0", "training.beta1=1", "runtime.device=gpu").splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "training:\n  max_stps: 5\n",
            "experiment/mine.yaml: there is no training.max_stps (did you mean training.max_steps",
        ),
        ("training:\n  max_steps: abc\n", "experiment/mine.yaml: training.max_steps: value 'abc'"),
        (
            "defaults:\n  - override /objektive: x\n",
            "experiment/mine.yaml: there is no objektive (did you mean objective?)",
        ),
        (
            "defaults:\n  - override /objective: multitsk\n",
            "there is no objective=multitsk (did you mean 'multitask'?)",
        ),
        ("training:\n  max_steps: : 5\n", "mapping values are not allowed here in "),
        ("runtime:\n  allow_targets: [os]\n", "runtime.allow_targets lets a file run any code"),
    ],
)
def test_a_wrong_word_in_a_file_is_answered_with_the_file(
    text: str, expected: str, runs: object, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("experiment").mkdir()
    Path("experiment/mine.yaml").write_text(f"# @package _global_\n{text}")
    assert complaint(capfd, "--config-dir", ".", "experiment=mine").startswith(expected)


def test_an_experiment_without_its_package_line_is_told_so(capfd: pytest.CaptureFixture[str]) -> None:
    Path("experiment").mkdir()
    Path("experiment/mine.yaml").write_text("training:\n  max_steps: 5\n")
    assert "must open with '# @package _global_'" in complaint(capfd, "--config-dir", ".", "experiment=mine")


def test_a_users_own_options_join_the_shipped_ones(runs: list[tuple[Config, Path]]) -> None:
    Path("mine/training").mkdir(parents=True)
    shipped = Path(__file__).parents[1] / "conf" / "training" / "quick.yaml"
    Path("mine/training/short.yaml").write_text(shipped.read_text().replace("seed: 0", "seed: 5"))
    assert main(["--config-dir", "mine", "training=short"]) == 0
    config, _ = runs[0]
    assert (config.training.seed, config.selected["training"]) == (5, "short")


def test_a_run_gets_a_folder_of_its_own_and_knows_its_options(runs: list[tuple[Config, Path]]) -> None:
    line = ["name=mine", "evaluation=[choice_likelihood,generated_answer]", "objective=label_only"]
    assert [main(line), main(line)] == [0, 0]
    folders = [folder for _, folder in runs]
    assert folders[0] != folders[1]
    for folder in folders:
        assert folder.is_dir()
        assert "_mine_" in folder.name
    config = runs[0][0]
    assert config.selected["objective"] == "label_only"
    assert config.selected["evaluation"] == ["choice_likelihood", "generated_answer"]


def test_a_run_goes_where_it_is_told(runs: list[tuple[Config, Path]]) -> None:
    assert main([f"paths.run={quoted(Path('a b/c,d=e').resolve())}"]) == 0
    assert runs[0][1] == Path("a b/c,d=e").resolve()
    assert runs[0][1].is_dir()


def test_a_config_that_preflight_refuses_leaves_no_folder(runs: object, capfd: pytest.CaptureFixture[str]) -> None:
    assert "task.folder=nowhere is not there" in complaint(capfd, "training.seed=2")


def test_a_crash_shows_its_traceback_and_is_not_called_a_wrong_config(
    runs: object, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["training.seed=13"]) == 1
    told = capfd.readouterr().err
    assert "RuntimeError: unlucky" in told
    assert "Error executing job" not in told


def test_an_interrupted_run_says_so(runs: object) -> None:
    assert main(["training.seed=130"]) == 130


def test_a_target_outside_counts_only_if_the_command_line_permits_it(runs: list[tuple[Config, Path]]) -> None:
    assert main(["runtime.allow_targets=[mine]"]) == 0
    assert runs[0][0].runtime.allow_targets == ["mine"]


@pytest.mark.usefixtures("children")
def test_a_job_that_fails_or_is_killed_fails_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "name=grid", "objective=label_only,multitask", "training.seed=1,13,9"]) == 1
    (folder,) = Path("runs").iterdir()
    assert "_grid_sweep" in folder.name
    jobs = json.loads((folder / "sweep.json").read_text())["jobs"]
    assert [job["state"] for job in jobs] == ["done", "failed", "killed"] * 2
    assert [job["test/accuracy"] for job in jobs] == [0.1, None, None] * 2
    assert [job["exit_code"] for job in jobs] == [0, 1, -9] * 2
    assert jobs[0]["label"] == "objective=label_only training.seed=1"
    assert len({job["folder"] for job in jobs}) == 6
    told = capfd.readouterr().out
    assert f"[2] killed with exit code -9 after {jobs[2]['seconds']} s: {jobs[2]['folder']}" in told
    assert "job  state" in told


@pytest.mark.usefixtures("children")
def test_a_sweep_without_failures_ends_well_in_the_folder_that_it_was_given() -> None:
    assert main(["-m", "training.seed=1,2", "hydra.sweep.dir='a sweep'"]) == 0
    assert sorted(path.name[:3] for path in Path("a sweep").glob("0*")) == ["000", "001"]


@pytest.mark.usefixtures("children")
def test_a_job_is_started_with_what_finds_its_config() -> None:
    Path("experiment").mkdir()
    Path("experiment/mine.yaml").write_text("# @package _global_\nhydra:\n  mode: MULTIRUN\nname: mine\n")
    assert main(["--config-dir", ".", "experiment=mine", "training.seed=4", "paths.store='a, b'"]) == 0
    (arguments,) = Path("runs").glob("*_mine_sweep/000_*/arguments")
    lines = arguments.read_text().splitlines()
    assert lines[:2] == ["-m", "distillrun"]
    assert lines[lines.index("--config-dir") + 1] == str(Path.cwd())
    assert {"hydra.mode=RUN", "experiment=mine", "training.seed=4", "paths.store='a, b'"} <= set(lines)
    assert f"paths.run={quoted(arguments.parent.resolve())}" in lines


@pytest.mark.usefixtures("children")
def test_a_job_with_a_wrong_value_fails_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "training.seed=1", "training.learning_rate=1e-3,-1,1e-4"]) == 1
    (file,) = Path("runs").glob("*/sweep.json")
    assert [job["state"] for job in json.loads(file.read_text())["jobs"]] == ["done", "failed", "done"]
    assert "training.learning_rate=-1.0 must be above 0" in capfd.readouterr().out


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["objective=label_only,multitsk"], "there is no objective=multitsk"),
        (["training.sed=1,2"], "there is no training.sed (did you mean training.seed?)"),
        (["training.seed=1,2", "paths.run=x"], "paths.run is the folder of one run"),
    ],
)
def test_a_wrong_sweep_starts_no_job(line: list[str], expected: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", *line]) == 2
    told = capfd.readouterr()
    assert told.err.startswith(f"distillrun: {expected}")
    assert told.out == ""
    assert not list(Path("runs").glob("*"))


def test_two_folders_claimed_in_the_same_second_differ(tmp_path: Path) -> None:
    claimed = [claim_folder(tmp_path / "runs", "x") for _ in range(20)]
    assert len({folder.resolve() for folder in claimed}) == 20


def test_any_text_survives_as_an_override() -> None:
    for text in ("a b", "it's", "a\\'b", "a\\", "x=1,2", "[1]", "{a:b}", "#!", "null", "1", "\u00fc\u4e2d"):
        assert config_of([f"paths.store={quoted(text)}"]).paths.store == text


def test_the_config_is_shown_without_loading_a_library_that_computes() -> None:
    code = (
        "import sys; from distillrun.cli import main; code = main(['--cfg', 'job']);"
        "heavy = {'torch', 'transformers', 'datasets', 'wandb', 'accelerate', 'pandas', 'scipy', 'numpy', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "objective:\n  _target_: distillrun.objective.multitask.Multitask" in done.stdout
    assert "hydra:" not in done.stdout


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "distillrun", "objective=multitsk"],
        capture_output=True,
        text=True,
        env={**os.environ, "HYDRA_FULL_ERROR": "0"},
    )
    assert done.returncode == 2
    assert done.stderr.startswith("distillrun: there is no objective=multitsk")


def test_help_shows_the_groups_and_the_commands(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capfd.readouterr().out
    for word in ("objective: ", "multitask", "distillrun predict", "distillrun store", "-m,", "--cfg job"):
        assert word in told


def test_the_version_is_ours(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == f"distillrun {__version__}\n"


def test_an_unknown_flag_is_a_wrong_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--bogus"]) == 2
    assert capfd.readouterr().err.startswith("usage: distillrun")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["predict", "nowhere", "Why?", "--choices", "a", "b"], "nowhere is not the folder of a finished run"),
        (["predict", "nowhere", "Why?", "--choices", "a"], "--choices 'a': a question has two or more choices"),
        (["store", "list", "--store", "nowhere"], "--store nowhere: there is no such folder"),
        (["store", "prune", "--store", "."], "say what to delete: "),
    ],
)
def test_a_wrong_command_is_answered_with_one_line(
    line: list[str], expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert complaint(capfd, *line).startswith(expected)


def test_a_prediction_is_printed_as_answer_and_explanation(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from distillrun import predict
    from distillrun.records import Prediction

    asked: list[Any] = []

    def answer(folder: Path, question: str, choices: list[str]) -> Prediction:
        asked.append((folder, question, choices))
        return Prediction("question", "The answer is b", "b is right", 1)

    monkeypatch.setattr(predict, "predict", answer)
    Path("run/student").mkdir(parents=True)
    assert main(["predict", "run", "Why?", "--choices", "a", "b"]) == 0
    assert asked == [(Path("run"), "Why?", ["a", "b"])]
    assert capfd.readouterr().out == "answer: b\nexplanation: b is right\ntext: The answer is b\n"


def test_the_store_is_listed_and_pruned(capfd: pytest.CaptureFixture[str]) -> None:
    from distillrun.artifacts import ArtifactStore, Stage

    store = ArtifactStore(Path("artifacts"))
    for seed in (1, 2):
        store.get_or_make(Stage("train", 1, {"seed": seed}, {}), lambda folder: write(folder / "weights", 2000))
    assert main(["store", "list"]) == 0
    assert "stored in 2 artifacts" in capfd.readouterr().out
    assert main(["store", "prune", "--older-than", "1"]) == 0
    assert "freed in 0 artifacts" in capfd.readouterr().out
    assert main(["store", "prune", "--all", "--dry-run"]) == 0
    assert "would be freed in 2 artifacts" in capfd.readouterr().out
    assert main(["store", "prune", "--stage", "train"]) == 0
    assert "freed in 2 artifacts" in capfd.readouterr().out
    assert store.list() == ()


def write(file: Path, size: int) -> None:
    file.write_bytes(b"x" * size)
