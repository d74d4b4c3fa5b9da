"""Exit codes, messages and sweeps of the command line. No run here trains: what would is replaced."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from distillrun import __version__
from distillrun.cli import COMMANDS, main
from distillrun.config.compose import config_of, quoted
from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.files.folder import claim_folder
from distillrun.pipeline.outcome import Outcome
from tests.complaint import complaint
from tests.leaves import made

pytestmark = pytest.mark.usefixtures("in_a_new_folder")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Config, Path]]:
    """What the pipeline was asked to run; a run with training.seed=13 crashes."""
    from distillrun.pipeline import experiment
    from distillrun.pipeline import run as pipeline

    asked: list[tuple[Config, Path]] = []

    def run(experiment: Any, folder: Path, command: Sequence[str]) -> Outcome:
        asked.append((experiment, folder))
        if experiment.training.seed == 13:
            raise RuntimeError("unlucky")
        if experiment.training.seed == 130:
            raise KeyboardInterrupt
        return Outcome(experiment, {})

    def prepare(config: Config) -> Config:
        if config.training.seed == 2:
            raise ConfigError("task.folder=nowhere is not there\nstudent.checkpoint=nothing is not there")
        return config

    monkeypatch.setattr(experiment, "prepare", prepare)
    monkeypatch.setattr(pipeline, "run", run)
    return asked


def test_no_word_at_all_is_the_default_run(runs: list[tuple[Config, Path]]) -> None:
    assert main([]) == 0
    ((config, _),) = runs
    assert config.selected["objective"] == "multitask"


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


@pytest.mark.parametrize("key", ["paths.run", "paths.runs", "hydra.sweep.dir"])
def test_a_folder_that_cannot_be_written_is_named(
    key: str, runs: list[tuple[Config, Path]], capfd: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_text("")
    sweep = ["-m"] if key.startswith("hydra") else []
    assert f"{key}=" in complaint(capfd, *sweep, f"{key}=file/inner")
    assert f"{key}=" in complaint(capfd, *sweep, f"{key}=file")
    assert not runs


def test_a_complaint_cannot_act_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def complain(_: object) -> int:
        raise ConfigError("a column named \x1b[31mred\x1b[0m")

    monkeypatch.setitem(COMMANDS, "predict", complain)
    assert complaint(capfd, "predict") == "a column named red"


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


def test_a_file_cannot_permit_itself_to_run_any_code(runs: object, capfd: pytest.CaptureFixture[str]) -> None:
    Path("experiment").mkdir()
    Path("experiment/mine.yaml").write_text("# @package _global_\nruntime:\n  allow_targets: [os]\n")
    assert "runtime.allow_targets would let a file run" in complaint(capfd, "--config-dir", ".", "experiment=mine")


def test_two_folders_claimed_in_the_same_second_differ(tmp_path: Path) -> None:
    claimed = [claim_folder(tmp_path / "runs", "x") for _ in range(20)]
    assert len({folder.resolve() for folder in claimed}) == 20


ODD = (" lead", "trail ", "a\nb", "50%", "${x}", "\\${x}", "a\\\\${oc.env:HOME}", "$HOME", "a" * 300)


def test_any_text_survives_as_an_override() -> None:
    texts = ("a b", "it's", "a\\'b", "a\\", "x=1,2", "[1]", "{a:b}", "#!", "null", "1", "\u00fc\u4e2d", *ODD)
    words = [f"++teacher.extra_body.text{place}={quoted(text)}" for place, text in enumerate(texts)]
    config = config_of(["teacher=api", *words, f"paths.store={quoted(ODD[6])}"])
    assert [*config.teacher["extra_body"].values()] == [*texts]
    assert config.paths.store == ODD[6]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (["--cfg", "job"], "objective:\n  _target_: objective/Multitask"),
        (["--help"], "objective: what the student learns"),
        (["--help", "objective=taid"], "objective=taid; its settings are written objective.KEY=VALUE"),
        (["study", "analyse", "--help"], "usage: distillrun study analyse"),
        (["--shell-completion", "query=bash"], "objective=taid \n"),
    ],
)
def test_what_only_shows_loads_no_library_that_computes(line: list[str], shown: str) -> None:
    code = (
        f"import sys; from distillrun.cli import COMMANDS, main; code = main({line});"
        "heavy = {'torch', 'transformers', 'datasets', 'wandb', 'accelerate', 'pandas', 'scipy', 'numpy', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    environment = {**os.environ, "COMP_LINE": "distillrun objective=tai"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr.strip() == "[]"
    assert shown in done.stdout
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
    for word in ("objective: ", "multitask", "-m,", "--cfg job", "--version", "--config-dir"):
        assert word in told
    for command in COMMANDS:
        lines = re.findall(rf"^ +distillrun {command} .*$", told, re.MULTILINE)
        assert lines, command
        for line in lines:
            assert re.search(r"\S {2,}\w", line), line  # how it is used, and a word on what it does


def test_the_version_is_ours(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == f"distillrun {__version__}\n"


def test_an_unknown_flag_is_a_wrong_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--bogus"]) == 2
    assert capfd.readouterr().err.startswith("distillrun: there is no flag --bogus; settings are written KEY=VALUE")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["--run", "-m"], "--run and --multirun exclude each other"),
        (["--cfg", "job", "-m"], "--multirun and --cfg exclude each other"),
        (["--resolve"], "--resolve and --package say how a config is shown; add --cfg job"),
        (["--package", "training"], "--resolve and --package say how a config is shown; add --cfg job"),
        (["predict", "nowhere", "Why?", "--choices", "a", "b"], "nowhere holds no trained student"),
        (["predict", "nowhere", "Why?", "--choices", "a"], "choices 'a': a question has two or more choices"),
        (["store", "list", "--store", "nowhere"], "--store nowhere: there is no such folder"),
        (["store", "prune", "--store", "."], "say what to delete: "),
        (
            ["store", "prune", "--store", ".", "--older-than", "-3"],
            "--older-than -3: the number of days must be 0 or more",
        ),
        (["prdict", "nowhere", "--choices", "a", "b"], "there is no command prdict (did you mean 'predict'?)"),
    ],
)
def test_a_wrong_command_is_answered_with_one_line(
    line: list[str], expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert complaint(capfd, *line).startswith(expected)


def test_a_prediction_is_printed_as_answer_and_explanation(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from distillrun.pipeline import predict
    from distillrun.records import Prediction

    asked: list[Any] = []

    class Student:
        task = made("task", "everyday")

        def predict(self, question: str, choices: tuple[str, ...]) -> Prediction:
            asked.append((question, choices))
            return Prediction("question", "The answer is b", "b is right", 1)

    def load_student(folder: Path, allowed: list[str]) -> Student:
        asked.append((folder, allowed))
        return Student()

    monkeypatch.setattr(predict, "load_student", load_student)
    Path("run/student").mkdir(parents=True)
    assert main(["predict", "run", "Why?", "--choices", "a", "b", "--allow", "mine"]) == 0
    assert asked == [(Path("run"), ["mine"]), ("Why?", ("a", "b"))]
    assert capfd.readouterr().out == "answer: b\nexplanation: b is right\ntext: The answer is b\n"


def test_the_store_is_listed_and_pruned(capfd: pytest.CaptureFixture[str]) -> None:
    from distillrun.artifacts import ArtifactStore, Stage, stored_artifacts

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
    assert stored_artifacts(store.root) == ()


def write(file: Path, size: int) -> None:
    file.write_bytes(b"x" * size)


@pytest.mark.parametrize("line", [["--help"], ["--cfg", "job"], ["store", "list", "--store", "."]])
def test_a_reader_that_has_seen_enough_is_no_crash(line: list[str]) -> None:
    # Python buffers what it writes into a pipe, so a short text fails when it is flushed, a long one before
    with subprocess.Popen(
        [sys.executable, "-m", "distillrun", *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert told == ""
    assert process.returncode == 141  # 128 + SIGPIPE, as of `yes | head`
