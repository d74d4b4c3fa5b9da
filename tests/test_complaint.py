"""Every wrong word on the command line or in a file is answered with one line that names the nearest right one."""

from pathlib import Path

import pytest

from distillrun.cli import main


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "it's here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


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
            "until=trian: invalid value 'trian', "
            "expected one of [load, generate, read_logits, train, evaluate, report]",
        ),
        ("+foo=1", "there is no foo; known: name, until"),
        ("++training.max_step=5", "there is no training.max_step (did you mean 'max_steps'?)"),
        ("~task", "not set: task"),
        (
            "nonsense",
            "there is no command nonsense; there are plan, predict, report, store, study, and settings are KEY=VALUE",
        ),
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
        ("hydra.run.dir=here", "hydra.run.dir=here is not used: paths.run=FOLDER names the folder of a run"),
        ("hydra.job.chdir=true", "hydra.job.chdir=True is not used: a run stays in the folder where it was started"),
        ("hydra.output_subdir=x", "hydra.output_subdir=x is not used: "),
        ("hydra.job.name=x", "hydra.job.name=x is not used: name=NAME"),
        ("hydra.verbose=true", "hydra.verbose=True is not used: "),
        ("hydra.sweep.dir=x", "hydra.sweep.dir=x counts for a sweep alone, which needs -m"),
        ("hydra/launcher=joblib", "hydra/launcher=joblib counts for a sweep alone, which needs -m"),
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
    ],
)
def test_a_wrong_word_in_a_file_is_answered_with_the_file(
    text: str, expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("experiment").mkdir()
    Path("experiment/mine.yaml").write_text(f"# @package _global_\n{text}")
    assert complaint(capfd, "--config-dir", ".", "experiment=mine").startswith(expected)


def test_an_experiment_without_its_package_line_is_told_so(capfd: pytest.CaptureFixture[str]) -> None:
    Path("experiment").mkdir()
    Path("experiment/mine.yaml").write_text("training:\n  max_steps: 5\n")
    assert "must open with '# @package _global_'" in complaint(capfd, "--config-dir", ".", "experiment=mine")
