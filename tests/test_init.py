"""`import distillrun`: checks, folders and results of the command line; nothing heavy before something is used."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import distillrun as dr
from distillrun.cli import main
from distillrun.config.compose import conf_folder
from distillrun.records import place
from tests.end_to_end.runs import SMALL, student_bytes

WORDS = (*SMALL, "student.layers=1", "runtime.threads=1", "name=mine")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The run folders of the same words, given to the command line and to `run`, each in a folder of its own."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("line", "call"):
            place = tmp_path_factory.mktemp(name)
            patch.chdir(place)
            if name == "line":
                assert main(WORDS) == 0
                (folder,) = Path("runs").iterdir()
            else:
                folder = dr.run(WORDS).folder
            found.append(place / folder)
    return found[0], found[1]


def test_a_call_leaves_what_the_command_line_leaves(folders: tuple[Path, Path]) -> None:
    line, call = folders
    assert (line.parent.name, line.name.split("_", 2)[2]) == (call.parent.name, call.name.split("_", 2)[2])
    assert sorted(path.name for path in line.iterdir()) == sorted(path.name for path in call.iterdir())
    for name in ("config.yaml", "predictions.jsonl"):
        assert (line / name).read_bytes() == (call / name).read_bytes()
    assert student_bytes(line) == student_bytes(call)
    results = [without_times(json.loads((folder / "result.json").read_text())) for folder in folders]
    assert results[0] == results[1]
    assert results[0]["command"] == ["distillrun", *WORDS]


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if not is_time(key)}
    return value


def is_time(key: str) -> bool:
    return "seconds" in key or key.endswith("_s")


def test_a_run_is_read_back(folders: tuple[Path, Path]) -> None:
    run = dr.load_run(str(folders[0]))
    written = json.loads((folders[0] / "result.json").read_text())
    assert run.status == "done"
    assert run.config == dr.compose(WORDS)
    score = run.scores["test/accuracy"]
    assert (score.value, score.n) == (written["scores"]["test/accuracy"]["value"], len(run.predictions))
    assert score.low <= score.value <= score.high
    assert run.predictions["right"].mean() == pytest.approx(score.value)
    assert (run.predictions["choice"].isna() | run.predictions["choice"].isin(range(5))).all()
    assert run.baselines == {}
    assert int(run.metrics["step"].max()) == run.config.training.max_steps == 6


def test_its_student_answers_as_predict_does(
    folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    question, choices = "Where would you put a kettle?", ["kitchen", "road", "river"]
    assert main(["predict", str(folders[0]), question, "--choices", *choices]) == 0
    told = dict(line.split(": ", 1) for line in capfd.readouterr().out.splitlines() if ": " in line)
    answer = dr.load_run(folders[1]).student.predict(question, choices)
    assert told["answer"] == ("unparsed" if answer.choice is None else choices[place(answer.choice)])


def test_a_run_without_a_student_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = dr.run(["until=load", "tracking=jsonl", "paths.run=here"])
    assert (run.folder, run.status, run.scores, len(run.predictions)) == (Path("here"), "done", {}, 0)
    assert {"evaluator", "choice", "right"} <= {*run.predictions.columns}
    with pytest.raises(dr.ConfigError, match="here holds no trained student"):
        _ = run.student


def test_a_plan_is_what_plan_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["until=generate", "task.limit=40"]
    assert main(["plan", "--json", *words]) == 0
    assert json.loads(json.dumps(dr.plan(words).as_json())) == json.loads(capfd.readouterr().out)
    assert list(tmp_path.iterdir()) == []


KEY = "sk-" + "a1B2c3D4" * 6


@pytest.mark.parametrize(
    "words",
    [
        ["objective=multitsk"],
        ["training.max_stepz=3"],
        ["training.max_steps=-1"],
        ["training.seed=1,2"],
        ["replicates=2"],
        ["task.dev_share=7"],
        ["teacher=recorded", "teacher.folder=nowhere"],
        ["hydra.callbacks={x: {_target_: os.system}}"],
        ["hydra.sweep.dir=x"],
        ["objective._target_=os.system"],
        [f"name={KEY}"],
        ["objective", "=", "taid"],
        ["lr=1"],
    ],
)
def test_what_the_command_line_refuses_a_call_refuses_with_the_same_words(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    told = capfd.readouterr().err
    for function in (dr.run, dr.plan):
        with pytest.raises(dr.ConfigError) as refused:
            function(words)
        assert told == f"distillrun: {refused.value}\n"
        assert KEY not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("objective=taid", "give a list of words"),
        (["-m", "training.seed=1"], "-m is a flag"),
        (["--help"], "is a flag"),
    ],
)
def test_what_only_a_call_can_get_wrong_is_named(settings: Any, told: str) -> None:
    with pytest.raises(dr.ConfigError, match=told):
        dr.compose(settings)


def test_options_of_the_users_own_count(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    quick = (conf_folder() / "training" / "quick.yaml").read_text(encoding="utf-8")
    (tmp_path / "training" / "short.yaml").write_text(quick.replace("seed: 0", "seed: 5"), encoding="utf-8")
    config = dr.compose(["training=short"], config_dir=tmp_path)
    assert (config.training.seed, config.selected["training"]) == (5, "short")
    with pytest.raises(dr.ConfigError, match="there is no such folder"):
        dr.compose(config_dir=tmp_path / "nowhere")


def test_a_file_cannot_give_itself_a_permission(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    text = "# @package _global_\nruntime:\n  allow_targets: [os]\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(dr.ConfigError, match=r"runtime\.allow_targets would let a file run any code"):
        dr.compose(["experiment=mine"], config_dir=tmp_path)


def test_a_program_of_hydras_own_keeps_its_hydra() -> None:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        own = GlobalHydra.instance().hydra
        assert own is not None
        dr.compose()
        assert GlobalHydra.instance().hydra is own


@pytest.mark.parametrize("content", [None, "", "{", "[]", "[1]", "\x00", "[" * 9999, "[" + "9" * 9999])
def test_what_is_no_run_is_named(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "result.json").write_text(content)
    with pytest.raises(dr.ConfigError, match=r"result\.json .*give the folder of a run"):
        dr.load_run(tmp_path)
    with pytest.raises(dr.ConfigError, match="there is no such folder"):
        dr.load_run(tmp_path / "nowhere")


def test_a_strangers_folder_may_hold_anything(tmp_path: Path) -> None:
    result = {
        "status": 3,
        "scores": {"x": 1, "y": {"value": "a", "n": {}, "low": None}},
        "baselines": [],
        "selected": 1,
    }
    (tmp_path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    lines = [
        '{"choice": "x", "question": [1]}',
        "[]",
        '{"choice": 1e999, "answer": -1}',
        '{"choice": 9%s}' % ("9" * 30),
    ]
    (tmp_path / "predictions.jsonl").write_text("\n".join([*lines, "[" * 9999, "9" * 9999, "{"]), encoding="utf-8")
    (tmp_path / "config.yaml").write_text("a: !!python/object/apply:os.system [touch made]\n", encoding="utf-8")
    run = dr.load_run(tmp_path)
    assert run.status == "3"
    assert [score.n for score in run.scores.values()] == [0, 0]
    assert run.predictions["choice"].isna().all()
    with pytest.raises(dr.ConfigError, match=r"config\.yaml cannot be read"):
        _ = run.config
    assert not Path("made").exists()


def test_importing_it_imports_nothing_else() -> None:
    code = (
        "import sys; before = {*sys.modules}; import distillrun as dr; new = {*sys.modules} - before;"
        "print(sorted({name for name in new if name.split('.')[0] not in sys.stdlib_module_names}));"
        "dr.ConfigError; print({'torch', 'hydra', 'pandas', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['distillrun']", "set()"]


def test_every_name_is_there_and_says_what_it_is() -> None:
    from distillrun import api

    for name in dr.__all__:
        assert name in dir(dr)
        assert inspect.getdoc(getattr(dr, name)), name
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        _ = dr.rum  # type: ignore[attr-defined]
    assert (dr.run, dr.plan) == (api.run, api.plan)
