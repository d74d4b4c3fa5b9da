"""What commit 385c898 left, which called parts by their Python paths: read by names, wherever the modules are now."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from distillrun.artifacts.listing import stored_stages
from distillrun.artifacts.manifest import MANIFEST, make_manifest, read_manifest, write_manifest
from distillrun.artifacts.stage import Stage, differences, explain_miss
from distillrun.config.compose import config_of
from distillrun.config.settings import digest, plain
from distillrun.names.parts import name_of, targets_in
from distillrun.pipeline.experiment import Experiment, prepare, student_settings
from distillrun.pipeline.predict import load_student
from distillrun.pipeline.stages.train import training_stage
from distillrun.report.sweep.job import SweepJob
from distillrun.sweep.job import claim_job_folder
from distillrun.sweep.starting import sweep_jobs
from tests.old_store import DATA, opened, runs_in, sweeps_of
from tests.structure.disk import CONF, PACKAGE

OLD = "385c898"
QUESTION = ("What do people borrow at a library?", ["an oven", "a novel"])


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return opened(OLD, tmp_path_factory.mktemp("old"))


def manifests(old: Path) -> list[Path]:
    found = [file for file in (old / "artifacts").glob(f"*/*/{MANIFEST}") if '"_target_"' in file.read_text()]
    assert len(found) > 20
    return found


def test_a_stored_manifest_calls_its_parts_by_names_and_keeps_its_fingerprint(old: Path) -> None:
    for file in manifests(old):
        written = json.loads(file.read_text())
        assert '"_target_": "distillrun.' in file.read_text()
        manifest = read_manifest(file.parent)
        assert manifest is not None
        assert manifest.stage.fingerprint == manifest.fingerprint == written["fingerprint"]
        assert "distillrun." not in json.dumps(manifest.stage.config)


def test_a_part_that_no_table_knows_keeps_its_path(tmp_path: Path) -> None:
    """A store may hold results of a part that somebody wrote into the package."""
    target = "distillrun.objective.mine.Mine"
    manifest = make_manifest(Stage("train", 1, {"objective": {"_target_": target}}, {}), tmp_path, 1.0)
    write_manifest(manifest, tmp_path)
    read = read_manifest(tmp_path)
    assert read is not None
    assert read.stage.config == {"objective": {"_target_": target}}


def stage_of(now: Experiment, upstream: Mapping[str, str]) -> Stage:
    return training_stage(student_settings(now), now.config.training, upstream)


def test_a_miss_is_not_explained_by_names(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(old)
    now = prepare(config_of([*runs_in(OLD)["multitask"], "training.learning_rate=0.123"]))
    stored = stored_stages(Path("artifacts/train"))
    upstream = next(one.upstream for one in stored if len(differences(one, stage_of(now, one.upstream))) == 1)
    told = explain_miss(stage_of(now, upstream), stored)
    assert told == "training.learning_rate differs from the nearest stored one (0.003 there, 0.123 here)"


def test_an_old_run_folder_answers(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert "distillrun.objective.multitask.Multitask" in (old / "run_folders/multitask/config.yaml").read_text()
    prediction = load_student(old / "run_folders/multitask").predict(*QUESTION, answer_tokens=4, explanation_tokens=4)
    assert prediction.example_id == "question"
    assert not caplog.records


def test_a_finished_sweep_finds_its_jobs(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(old)
    ((name, words),) = sweeps_of(DATA / f"store_{OLD}" / "runs.yaml").items()
    folder = Path("sweeps") / name
    jobs = sweep_jobs([*words, "paths.store=artifacts"], "config", None)
    assert len(jobs) == 2
    before = {path.name for path in folder.iterdir()}
    for number, (_, config) in enumerate(jobs):
        assert not isinstance(config, Exception)
        assert claim_job_folder(folder, 7 + number, config).name == f"{number:03d}_{digest(config)[:8]}"
        job = next(SweepJob(folder, path, {}, {}) for path in folder.glob(f"*_{digest(config)[:8]}"))
        now = dict(targets_in(plain(config)))
        assert now == {key: value for key, value in job.config.items() if key.endswith("_target_")}
    assert {path.name for path in folder.iterdir()} == before


def test_where_a_module_lies_changes_nothing(old: Path, tmp_path: Path) -> None:
    """In a copy of the package, a module of an objective has another name and another folder."""
    shutil.copytree(PACKAGE, tmp_path / "distillrun")
    shutil.copytree(CONF, tmp_path / "conf")
    objective = tmp_path / "distillrun" / "objective"
    (objective / "several").mkdir()
    (objective / "several" / "__init__.py").touch()
    (objective / "multitask.py").rename(objective / "several" / "two_readings.py")
    for file in objective.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        moved = text.replace("objective.multitask import", "objective.several.two_readings import")
        if moved != text:
            file.write_text(moved, encoding="utf-8")
    question, choices = QUESTION
    asked = ["predict", "run_folders/multitask", question, "--choices", *choices]
    planned = ["plan", "--json", *runs_in(OLD)["multitask"], "until=train", "paths.store=artifacts"]
    script = f"import sys\nfrom distillrun.cli import main\nsys.exit(main({planned!r}) or main({asked!r}))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=old, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    plan, answer = done.stdout[: done.stdout.index("answer: ")], done.stdout[done.stdout.index("answer: ") :]
    assert {stage["state"] for stage in json.loads(plan)["stages"]} == {"cached"}
    assert "explanation:" in answer


def test_a_file_of_the_user_s_own_goes_on_working_and_is_told_the_name_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "objective").mkdir()
    shipped = yaml.safe_load((CONF / "objective" / "label_only.yaml").read_text())
    mine = {**shipped, "_target_": "distillrun.objective.label_only.LabelOnly"}
    (tmp_path / "objective" / "mine.yaml").write_text(yaml.safe_dump(mine))
    words = ["objective=sum", "objective@objective.parts.multitask=mine"]
    configs = [config_of(words, config_dir=str(tmp_path)) for _ in range(2)]
    assert configs[0].objective["parts"]["multitask"]["_target_"] == "objective/LabelOnly"
    assert digest(configs[0]) == digest(config_of(["objective=sum", "objective@objective.parts.multitask=label_only"]))
    (told,) = [record.getMessage() for record in caplog.records]
    assert "objective.parts.multitask._target_=distillrun.objective.label_only.LabelOnly" in told
    assert told.endswith("write objective/LabelOnly")


def test_no_name_is_taken_for_a_path() -> None:
    for target in (
        "mine.Part",
        "distillrun.objective.multitask",
        "distillrun.errors.ConfigError",
        "objective/Sum",
    ):
        assert name_of(target) == target
