"""Every wrong word on the command line or in a file is answered with one line that names the nearest right one."""

from pathlib import Path

import pytest

from distillrun.config import guess
from distillrun.config.compose import conf_folder, known_keys
from tests.complaint import complaint

pytestmark = pytest.mark.usefixtures("in_a_new_folder")


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
            "there is no command nonsense; "
            "there are init, plan, predict, report, runs, store, study, and settings are KEY=VALUE",
        ),
        (
            "objective=label_only,multitask",
            "objective=label_only,multitask: several values are a sweep, which needs -m",
        ),
        ("hydra.launcher.n_jobs=2", "there is no hydra.launcher.n_jobs; hydra/launcher=basic has no settings"),
        (
            "paths.runs='${foo}'",
            "paths.runs: Interpolation key 'foo' not found; write a value, or the full name of a setting",
        ),
        ("experiment=nowhere", "there is no experiment=nowhere"),
        ("hydra/launcher=joblub", "there is no hydra/launcher=joblub"),
        ("--config-path=x", "--config-path would replace the shipped options"),
        ("--config-dir=nowhere", "--config-dir nowhere: there is no such folder"),
        ("--config-name=other", "there is no primary config other.yaml"),
        ("training.learning_rate=-1", "training.learning_rate=-1.0 must be above 0"),
        ("hydra.run.dir=here", "hydra.run.dir=here is not used: paths.run=FOLDER names the folder of a run"),
        (
            "hydra.job.chdir=true",
            "hydra.job.chdir=True is not used: a run keeps the working directory it was started in",
        ),
        ("hydra.output_subdir=x", "hydra.output_subdir=x is not used: "),
        ("hydra.job.name=x", "hydra.job.name=x is not used: name=NAME"),
        ("hydra.verbose=true", "hydra.verbose=True is not used: "),
        ("hydra.sweep.dir=x", "hydra.sweep.dir=x applies only to a sweep; add -m"),
        ("hydra/launcher=joblib", "hydra/launcher=joblib applies only to a sweep; add -m"),
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
    assert told.startswith(
        "there is no objective.predict_weight; objective=label_only has the settings source, target; "
    )
    assert told.endswith("such as objective=multitask objective.predict_weight=...")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "model=t5-base",
            "there is no model; the model that learns is the student: student=t5_base, or student",
        ),
        ("lr=1e-4", "there is no lr (did you mean training.learning_rate?)"),
        ("training.lr=1e-4", "there is no training.lr (did you mean training.learning_rate?)"),
        ("learning_rate=1e-4", "there is no learning_rate (did you mean training.learning_rate?)"),
        ("batch_size=8", "there is no batch_size (did you mean training.examples_per_step?)"),
        ("epochs=3", "there is no epochs; training.max_steps counts optimizer steps, each of training.examples_per_st"),
        ("seed=3", "there is no seed (did you mean training.seed?)"),
        ("sed=3", "there is no sed (did you mean training.seed?)"),
        ("--model x", "there is no flag --model; the model that learns is the student: student=t5_base"),
        ("--objective x", "there is no flag --objective; settings are written KEY=VALUE: objective=x"),
        ("--lr 1e-4", "there is no flag --lr; settings are written KEY=VALUE: training.learning_rate=1e-4"),
        (
            "task.limit=4 --lr=1e-4",
            "there is no flag --lr; settings are written KEY=VALUE: training.learning_rate=1e-4",
        ),
        ("--bogus", "there is no flag --bogus; settings are written KEY=VALUE"),
        (
            "objective = multitask",
            "objective = multitask: blanks around = make several words; write objective=multitask",
        ),
        ("objective= multitask", "objective= multitask: blanks around = make several words; write objective=multitask"),
        ("objective =multitask", "objective =multitask: blanks around = make several words; write objective=multitask"),
        ("-m task.limit=4 student = tiny_t5", "student = tiny_t5: blanks around = make several words; write student="),
        ("objective multitask", "objective is a setting, not a command; write objective=multitask"),
        ("student", "student is a setting, not a command; write student=OPTION"),
        ("task=csqa", "there is no task=csqa (did you mean 'commonsenseqa'?); task is one of: "),
        (
            "student=google/flan-t5-small",
            "there is no student=google/flan-t5-small; a checkpoint is a setting of its own: "
            "student=t5_base student.checkpoint=google/flan-t5-small; student is one of: ",
        ),
        ("teacher=openai", "there is no teacher=openai (did you mean 'api'?)"),
        (
            "teacher.api_key=sk-1",
            "there is no teacher.api_key; keys are read from the environment: teacher=api teacher.api",
        ),
        ("--api-key sk-1", "there is no flag --api-key; keys are read from the environment"),
    ],
)
def test_a_word_of_another_tool_is_answered_with_ours(
    line: str, expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    told = complaint(capfd, *line.split())
    assert told.startswith(expected)
    assert "sk-1" not in told


def test_a_checkpoint_of_a_student_without_one_names_those_that_have_one(capfd: pytest.CaptureFixture[str]) -> None:
    told = complaint(capfd, "student.checkpoint=google/flan-t5-small")
    assert told.endswith("such as student=t5_base student.checkpoint=google/flan-t5-small")
    told = complaint(capfd, "student=t5_base", "student.checkpoint=nowhere/here", "student.lora=true")
    assert "write 'student.lora={rank: ..., alpha: ..., dropout: ..., target_modules: ...}'" in told


def test_every_word_that_is_guessed_means_something_that_is_there() -> None:
    tree = known_keys([])
    for right in guess.KEYS.values():
        node = tree
        for part in right.split("."):
            assert part in node, right
            node = node[part]
    shipped = {(file.parent.name, file.stem) for file in conf_folder().glob("*/*.yaml")}
    for word, meant in guess.OPTIONS.items():
        groups = {group for group, option in shipped if option == meant}
        assert groups, meant
        assert not {(group, word) for group in groups} & shipped


def test_wrong_settings_are_reported_all_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    assert len(complaint(capfd, "training.max_steps=-1", "training.beta1=1", "runtime.device=gpu").splitlines()) == 3


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
